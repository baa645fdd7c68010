/* Rows of the data become the batch. */
#include "kernels/cpu/layers/cpu_layers.h"

#define TYPED_FILE "kernels/cpu/layers/gather_typed.h"
#include "kernels/cpu/layers/both_types.h"

struct gather_task {
    const struct queue *q;
    long n;
    const uint8_t *pixels;
    const double *numbers;
    const int64_t *order;
    long first;
    void *x;
};

static void gather_body(long begin, long end, int thread, const void *argument) {
    (void)thread;
    const struct gather_task *t = argument;
    for (long i = begin; i < end; i++) {
        long row = t->order ? (long)t->order[t->first + i] : t->first + i;
        const uint8_t *pixels = t->pixels ? t->pixels + row * t->n : NULL;
        const double *numbers = t->numbers ? t->numbers + row * t->n : NULL;
        if (t->q->type == SCALAR_S)
            convert_s(t->n, pixels, numbers, element_at(t->q, t->x, i * t->n));
        else
            convert_d(t->n, pixels, numbers, element_at(t->q, t->x, i * t->n));
    }
}

void cpu_gather(struct queue *q, long count, long n, const uint8_t *pixels, const double *numbers,
                const int64_t *order, long first, void *x) {
    struct gather_task task = {q, n, pixels, numbers, order, first, x};
    cpu_queue_for(q, count, 1 + ELEMENT_GRAIN / n, gather_body, &task);
}

void cpu_gather_labels(struct queue *q, long count, const int32_t *labels, const int64_t *order,
                       long first, int32_t *to) {
    (void)q;
    for (long i = 0; i < count; i++) to[i] = labels[order ? order[first + i] : first + i];
}
