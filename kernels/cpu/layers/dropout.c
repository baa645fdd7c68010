/* Dropout (Srivastava et al., JMLR 2014), inverted: what stays is scaled up, so that nothing is
 * left to do when the network is used. */
#include "kernels/cpu/layers/cpu_layers.h"
#include "kernels/cpu/layers/philox.h"
#include "kernels/random.h"

#define TYPED_FILE "kernels/cpu/layers/dropout_typed.h"
#include "kernels/cpu/layers/both_types.h"

struct dropout_task {
    const struct queue *q;
    double rate;
    struct dropout_place place;
    long n;
    void *y;
    uint8_t *mask;
    const uint8_t *known;
};

/* Four numbers of 32 bits at a time. Images begin at a multiple of n, so a group of four may hold
 * elements of two images: the place is what counts, not who asks. */
static void draw_some(const struct dropout_task *t, uint32_t least, uint64_t at, long count,
                      uint8_t *mask) {
    for (long i = 0; i < count;) {
        uint64_t place = at + (uint64_t)i;
        struct random_bits bits =
            random_at(t->place.seed, t->place.layer, t->place.step, place / 4);
        for (uint64_t lane = place % 4; lane < 4 && i < count; lane++, i++)
            mask[i] = bits.v[lane] >= least;
    }
}

/* The same for many groups at once; the parts of groups before and after them one by one. */
static void draw_many(const struct dropout_task *t, uint32_t least, uint64_t at, long count,
                      uint8_t *mask) {
    long before = (long)(-at % 4);
    if (before > count) before = count;
    long groups = (count - before) / 4, done = before + 4 * groups;
    draw_some(t, least, at, before, mask);
    philox_masks(t->q->isa, t->place.seed, t->place.layer, t->place.step,
                 (at + (uint64_t)before) / 4, groups, least, mask + before);
    draw_some(t, least, at + (uint64_t)done, count - done, mask + done);
}

static void apply(const struct dropout_task *t, long from, long count, const uint8_t *mask) {
    void *y = element_at(t->q, t->y, from);
    if (t->q->type == SCALAR_S)
        mask_s(count, (float)(1 / (1 - t->rate)), mask, y);
    else
        mask_d(count, 1 / (1 - t->rate), mask, y);
}

/* Some at a time, so that the mask is in the cache when it is applied. */
static void draw_body(long begin, long end, int thread, const void *argument) {
    (void)thread;
    enum { SOME = 4096 };
    const struct dropout_task *t = argument;
    uint32_t least = (uint32_t)(t->rate * 4294967296.0);
    uint64_t offset = (uint64_t)t->place.first_image * (uint64_t)t->n;
    bool many = queue_uses(t->q, MEASURE_VECTOR_MASKS);
    for (long i = begin; i < end; i += SOME) {
        long count = end - i < SOME ? end - i : SOME;
        (many ? draw_many : draw_some)(t, least, offset + (uint64_t)i, count, t->mask + i);
        apply(t, i, count, t->mask + i);
    }
}

static void mask_body(long begin, long end, int thread, const void *argument) {
    (void)thread;
    const struct dropout_task *t = argument;
    apply(t, begin, end - begin, t->known + begin);
}

void cpu_dropout_forward(struct queue *q, double rate, struct dropout_place place, long images,
                         long n, void *y, uint8_t *mask) {
    struct dropout_task task = {.q = q, .rate = rate, .place = place, .n = n, .y = y, .mask = mask};
    cpu_queue_for(q, images * n, ELEMENT_GRAIN / 4, draw_body, &task);
}

void cpu_dropout_backward(struct queue *q, double rate, long images, long n, const uint8_t *mask,
                          void *dy) {
    struct dropout_task task = {.q = q, .rate = rate, .n = n, .y = dy, .known = mask};
    cpu_queue_for(q, images * n, ELEMENT_GRAIN, mask_body, &task);
}
