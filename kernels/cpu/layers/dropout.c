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
static void draw_each(const struct dropout_place *place, uint64_t at, long n, uint32_t least,
                      uint8_t *mask) {
    for (long i = 0; i < n;) {
        uint64_t here = at + (uint64_t)i;
        struct random_bits bits = random_at(place->seed, place->layer, place->step, here / 4);
        for (uint64_t lane = here % 4; lane < 4 && i < n; lane++, i++)
            mask[i] = bits.v[lane] >= least;
    }
}

enum { GROUPS = 64, NUMBERS = 4 * GROUPS };

/* The same numbers as random_at's, of GROUPS places from `group` on: a loop over places that the
 * compiler turns into vectors (Random123 has no such form). Philox 4x32-10, Salmon et al., SC 2011.
 */
CLONES static void draw_groups(const struct dropout_place *place, uint64_t group,
                               uint32_t numbers[NUMBERS]) {
    for (uint64_t g = 0; g < GROUPS; g++) {
        uint32_t v0 = (uint32_t)(group + g), v1 = (uint32_t)((group + g) >> 32);
        uint32_t v2 = place->layer, v3 = (uint32_t)place->step;
        uint32_t key0 = (uint32_t)place->seed, key1 = (uint32_t)(place->seed >> 32);
#pragma GCC unroll 10
        for (int round = 0; round < 10; round++) {
            uint64_t a = (uint64_t)v0 * 0xD2511F53U, b = (uint64_t)v2 * 0xCD9E8D57U;
            v0 = (uint32_t)(b >> 32) ^ v1 ^ key0;
            v1 = (uint32_t)b;
            v2 = (uint32_t)(a >> 32) ^ v3 ^ key1;
            v3 = (uint32_t)a;
            key0 += 0x9E3779B9U;
            key1 += 0xBB67AE85U;
        }
        numbers[4 * g] = v0;
        numbers[4 * g + 1] = v1;
        numbers[4 * g + 2] = v2;
        numbers[4 * g + 3] = v3;
    }
}

CLONES static void compare(const uint32_t *numbers, long n, uint32_t least, uint8_t *mask) {
    for (long i = 0; i < n; i++) mask[i] = numbers[i] >= least;
}

static void draw_vectors(const struct dropout_place *place, uint64_t at, long n, uint32_t least,
                         uint8_t *mask) {
    uint32_t numbers[NUMBERS];
    for (long i = 0, some; i < n; i += some) {
        uint64_t here = at + (uint64_t)i, skip = here % 4;
        some = NUMBERS - (long)skip < n - i ? NUMBERS - (long)skip : n - i;
        draw_groups(place, here / 4, numbers);
        compare(numbers + skip, some, least, mask + i);
    }
}

static void draw_body(long begin, long end, int thread, const void *argument) {
    (void)thread;
    const struct dropout_task *t = argument;
    uint32_t least = (uint32_t)(t->rate * 4294967296.0);
    uint64_t at = (uint64_t)t->place.first_image * (uint64_t)t->n + (uint64_t)begin;
    bool vectors = queue_uses(t->q, MEASURE_VECTOR_MASKS);
    (vectors ? draw_vectors : draw_each)(&t->place, at, end - begin, least, t->mask + begin);
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
