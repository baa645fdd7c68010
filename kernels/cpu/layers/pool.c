/* Pooling: a window at a time, all channels of it side by side. */
#include "kernels/cpu/layers/cpu_layers.h"

#define TYPED_FILE "kernels/cpu/layers/pool_typed.h"
#include "kernels/cpu/layers/both_types.h"

struct pool_task {
    const struct queue *q;
    const struct pool_shape *s;
    const void *from;
    void *to;
    int32_t *where;
    const int32_t *known;
};

static long in_size(const struct pool_shape *s) { return s->height * s->width * s->channels; }
static long out_size(const struct pool_shape *s) {
    return s->out_height * s->out_width * s->channels;
}
static long grain(const struct pool_shape *s) { return 1 + ELEMENT_GRAIN / in_size(s); }

#define IMAGES(name, call_s, call_d)                                                               \
    static void name(long begin, long end, int thread, const void *argument) {                     \
        (void)thread;                                                                              \
        const struct pool_task *t = argument;                                                      \
        const struct pool_shape *s = t->s;                                                         \
        for (long i = begin; i < end; i++)                                                         \
            if (t->q->type == SCALAR_S)                                                            \
                call_s;                                                                            \
            else                                                                                   \
                call_d;                                                                            \
    }

#define SMALL(array) element_at(t->q, array, i *out_size(s))
#define LARGE(array) element_at(t->q, array, i *in_size(s))

IMAGES(max_forward, max_pool_s(s, LARGE(t->from), SMALL(t->to), t->where + i * out_size(s)),
       max_pool_d(s, LARGE(t->from), SMALL(t->to), t->where + i * out_size(s)))
IMAGES(max_backward, unpool_s(s, SMALL(t->from), t->known + i * out_size(s), LARGE(t->to)),
       unpool_d(s, SMALL(t->from), t->known + i * out_size(s), LARGE(t->to)))
IMAGES(average_forward, average_pool_s(s, LARGE(t->from), SMALL(t->to)),
       average_pool_d(s, LARGE(t->from), SMALL(t->to)))
IMAGES(average_backward, spread_s(s, SMALL(t->from), LARGE(t->to)),
       spread_d(s, SMALL(t->from), LARGE(t->to)))

void cpu_max_pool_forward(struct queue *q, const struct pool_shape *s, const void *x, void *y,
                          int32_t *where) {
    struct pool_task task = {.q = q, .s = s, .from = x, .to = y, .where = where};
    cpu_queue_for(q, s->images, grain(s), max_forward, &task);
}

void cpu_max_pool_backward(struct queue *q, const struct pool_shape *s, const void *dy,
                           const int32_t *where, void *dx) {
    struct pool_task task = {.q = q, .s = s, .from = dy, .to = dx, .known = where};
    cpu_queue_for(q, s->images, grain(s), max_backward, &task);
}

void cpu_average_pool_forward(struct queue *q, const struct pool_shape *s, const void *x, void *y) {
    struct pool_task task = {.q = q, .s = s, .from = x, .to = y};
    cpu_queue_for(q, s->images, grain(s), average_forward, &task);
}

void cpu_average_pool_backward(struct queue *q, const struct pool_shape *s, const void *dy,
                               void *dx) {
    struct pool_task task = {.q = q, .s = s, .from = dy, .to = dx};
    cpu_queue_for(q, s->images, grain(s), average_backward, &task);
}
