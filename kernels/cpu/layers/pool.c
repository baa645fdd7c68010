/* Pooling: a window at a time, all channels of it side by side. */
#include <string.h>

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
    const struct elementwise *before;
    const void *out; /* of the activation before */
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

#define SMALL(array) element_at(t->q, array, i *out_size(t->s))
#define LARGE(array) element_at(t->q, array, i *in_size(t->s))

IMAGES(max_forward, max_pool_s(s, LARGE(t->from), SMALL(t->to), t->where + i * out_size(s)),
       max_pool_d(s, LARGE(t->from), SMALL(t->to), t->where + i * out_size(s)))

/* Some outputs at a time, so that the derivative is applied while they are at hand. */
static void max_backward(long begin, long end, int thread, const void *argument) {
    (void)thread;
    const struct pool_task *t = argument;
    enum { SOME = 256 };
    double room[SOME]; /* for either type */
    for (long i = begin; i < end; i++) {
        void *dx = LARGE(t->to);
        memset(dx, 0, (size_t)in_size(t->s) * scalar_bytes(t->q->type));
        for (long from = i * out_size(t->s), to = from + out_size(t->s); from < to; from += SOME) {
            long count = to - from < SOME ? to - from : SOME;
            memcpy(room, element_at(t->q, t->from, from), (size_t)count * scalar_bytes(t->q->type));
            cpu_differentiate(t->q, t->before, count, element_at(t->q, t->out, from), room);
            if (t->q->type == SCALAR_S)
                scatter_s(count, (const float *)(void *)room, t->known + from, dx);
            else
                scatter_d(count, room, t->known + from, dx);
        }
    }
}

IMAGES(average_forward, average_pool_s(s, LARGE(t->from), SMALL(t->to)),
       average_pool_d(s, LARGE(t->from), SMALL(t->to)))
IMAGES(average_spread, spread_s(s, SMALL(t->from), LARGE(t->to)),
       spread_d(s, SMALL(t->from), LARGE(t->to)))

static void average_backward(long begin, long end, int thread, const void *argument) {
    const struct pool_task *t = argument;
    long from = begin * in_size(t->s);
    average_spread(begin, end, thread, argument);
    cpu_differentiate(t->q, t->before, (end - begin) * in_size(t->s), element_at(t->q, t->out, from),
                      element_at(t->q, t->to, from));
}

void cpu_max_pool_forward(struct queue *q, const struct pool_shape *s, const void *x, void *y,
                          void *where) {
    struct pool_task task = {.q = q, .s = s, .from = x, .to = y, .where = where};
    cpu_queue_for(q, s->images, grain(s), max_forward, &task);
}

void cpu_max_pool_backward(struct queue *q, const struct pool_shape *s, const void *dy,
                           const void *where, const struct elementwise *before, const void *y,
                           void *dx) {
    struct pool_task task = {
        .q = q, .s = s, .from = dy, .to = dx, .known = where, .before = before, .out = y};
    cpu_queue_for(q, s->images, grain(s), max_backward, &task);
}

void cpu_average_pool_forward(struct queue *q, const struct pool_shape *s, const void *x, void *y) {
    struct pool_task task = {.q = q, .s = s, .from = x, .to = y};
    cpu_queue_for(q, s->images, grain(s), average_forward, &task);
}

void cpu_average_pool_backward(struct queue *q, const struct pool_shape *s, const void *dy,
                               const struct elementwise *before, const void *x, void *dx) {
    struct pool_task task = {.q = q, .s = s, .from = dy, .to = dx, .before = before, .out = x};
    cpu_queue_for(q, s->images, grain(s), average_backward, &task);
}
