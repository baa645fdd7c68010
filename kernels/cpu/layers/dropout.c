/* Dropout (Srivastava et al., JMLR 2014), inverted: what stays is scaled up, so that nothing is
 * left to do when the network is used. */
#include "kernels/cpu/layers/cpu_layers.h"
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
static void draw_body(long begin, long end, int thread, const void *argument) {
    (void)thread;
    const struct dropout_task *t = argument;
    uint32_t least = (uint32_t)(t->rate * 4294967296.0);
    uint64_t offset = (uint64_t)t->place.first_image * (uint64_t)t->n;
    for (long i = begin; i < end;) {
        uint64_t at = offset + (uint64_t)i;
        struct random_bits bits = random_at(t->place.seed, t->place.layer, t->place.step, at / 4);
        for (uint64_t lane = at % 4; lane < 4 && i < end; lane++, i++)
            t->mask[i] = bits.v[lane] >= least;
    }
    void *y = element_at(t->q, t->y, begin);
    if (t->q->type == SCALAR_S)
        mask_s(end - begin, (float)(1 / (1 - t->rate)), t->mask + begin, y);
    else
        mask_d(end - begin, 1 / (1 - t->rate), t->mask + begin, y);
}

static void mask_body(long begin, long end, int thread, const void *argument) {
    (void)thread;
    const struct dropout_task *t = argument;
    void *y = element_at(t->q, t->y, begin);
    if (t->q->type == SCALAR_S)
        mask_s(end - begin, (float)(1 / (1 - t->rate)), t->known + begin, y);
    else
        mask_d(end - begin, 1 / (1 - t->rate), t->known + begin, y);
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
