/* Pooling: a window at a time, all channels of it side by side. */
#include <string.h>

#include "kernels/cpu/layers/cpu_layers.h"

/* As wide as the type. */
typedef int32_t place_s;
typedef int64_t place_d;

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

/* Places within windows in bytes, and all of dx in one pass: where windows lie side by side and a
 * row of them fits the room for it. Bytes of an image begin where its 4-byte numbers would. */
enum { ROW_ROOM = 4096 };
static bool side_by_side(const struct pool_task *t) {
    const struct pool_shape *s = t->s;
    return queue_uses(t->q, MEASURE_BYTE_POOLS) && s->stride == s->window && s->window <= 16 &&
           s->out_width * s->channels <= ROW_ROOM;
}

IMAGES(max_forward_bytes,
       max_pool_bytes_s(s, LARGE(t->from), SMALL(t->to), (uint8_t *)(t->where + i * out_size(s))),
       max_pool_bytes_d(s, LARGE(t->from), SMALL(t->to), (uint8_t *)(t->where + i * out_size(s))))

/* The rows of dx below the last window. */
static void clear_rest(const struct pool_task *t, void *dx) {
    const struct pool_shape *s = t->s;
    long row = s->width * s->channels, done = s->out_height * s->window * row;
    memset(element_at(t->q, dx, done), 0,
           (size_t)(s->height * row - done) * scalar_bytes(t->q->type));
}

static void max_backward_bytes(long begin, long end, int thread, const void *argument) {
    (void)thread;
    const struct pool_task *t = argument;
    const struct pool_shape *s = t->s;
    const long out_row = s->out_width * s->channels, row = s->width * s->channels;
    double room[ROW_ROOM + 16]; /* for either type */
    int64_t places[ROW_ROOM + 16];
    size_t used = (size_t)(out_row + 16) * sizeof *room;
    memset(room, 0, used); /* what follows a row is read, and not used */
    memset(places, 0, used);
    for (long i = begin; i < end; i++) {
        char *dx = LARGE(t->to);
        const void *dx_end = element_at(t->q, dx, in_size(s));
        const uint8_t *where = (const uint8_t *)(t->known + i * out_size(s));
        for (long oy = 0; oy < s->out_height; oy++, where += out_row) {
            long at = i * out_size(s) + oy * out_row;
            memcpy(room, element_at(t->q, t->from, at), (size_t)out_row * scalar_bytes(t->q->type));
            cpu_differentiate(t->q, t->before, out_row, element_at(t->q, t->out, at), room);
            if (t->q->type == SCALAR_S)
                widen_s(out_row, where, (void *)places);
            else
                widen_d(out_row, where, places);
            for (long ky = 0; ky < s->window; ky++) {
                void *to = element_at(t->q, dx, (oy * s->window + ky) * row);
                if (t->q->type == SCALAR_S)
                    unpool_row_s(s, ky, (void *)room, (void *)places, to, dx_end);
                else
                    unpool_row_d(s, ky, room, places, to, dx_end);
            }
        }
        clear_rest(t, dx);
    }
}

IMAGES(average_forward_four, average_of_four_s(s, LARGE(t->from), SMALL(t->to)),
       average_of_four_d(s, LARGE(t->from), SMALL(t->to)))

/* Rows of one row of windows are the same until the derivative comes in, which it does while they
 * are in the cache. */
static void average_backward_rows(long begin, long end, int thread, const void *argument) {
    (void)thread;
    const struct pool_task *t = argument;
    const struct pool_shape *s = t->s;
    const long out_row = s->out_width * s->channels, row = s->width * s->channels;
    for (long i = begin; i < end; i++) {
        char *dx = LARGE(t->to);
        for (long oy = 0; oy < s->out_height; oy++) {
            long at = oy * s->window * row;
            const void *dy = element_at(t->q, t->from, i * out_size(s) + oy * out_row);
            const void *dy_end = element_at(t->q, t->from, (i + 1) * out_size(s));
            const void *dx_end = element_at(t->q, dx, in_size(s));
            void *to = element_at(t->q, dx, at);
            if (t->q->type == SCALAR_S)
                spread_row_s(s, dy, dy_end, to, dx_end);
            else
                spread_row_d(s, dy, dy_end, to, dx_end);
            for (long ky = 1; ky < s->window; ky++)
                memcpy(element_at(t->q, to, ky * row), to, (size_t)row * scalar_bytes(t->q->type));
            cpu_differentiate(t->q, t->before, s->window * row,
                              element_at(t->q, t->out, i * in_size(s) + at), to);
        }
        clear_rest(t, dx);
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
    cpu_differentiate(t->q, t->before, (end - begin) * in_size(t->s),
                      element_at(t->q, t->out, from), element_at(t->q, t->to, from));
}

void cpu_max_pool_forward(struct queue *q, const struct pool_shape *s, const void *x, void *y,
                          void *where) {
    struct pool_task task = {.q = q, .s = s, .from = x, .to = y, .where = where};
    cpu_queue_for(q, s->images, grain(s), side_by_side(&task) ? max_forward_bytes : max_forward,
                  &task);
}

void cpu_max_pool_backward(struct queue *q, const struct pool_shape *s, const void *dy,
                           const void *where, const struct elementwise *before, const void *y,
                           void *dx) {
    struct pool_task task = {
        .q = q, .s = s, .from = dy, .to = dx, .known = where, .before = before, .out = y};
    cpu_queue_for(q, s->images, grain(s), side_by_side(&task) ? max_backward_bytes : max_backward,
                  &task);
}

void cpu_average_pool_forward(struct queue *q, const struct pool_shape *s, const void *x, void *y) {
    struct pool_task task = {.q = q, .s = s, .from = x, .to = y};
    bool four = side_by_side(&task) && s->window == 2;
    cpu_queue_for(q, s->images, grain(s), four ? average_forward_four : average_forward, &task);
}

void cpu_average_pool_backward(struct queue *q, const struct pool_shape *s, const void *dy,
                               const struct elementwise *before, const void *x, void *dx) {
    struct pool_task task = {.q = q, .s = s, .from = dy, .to = dx, .before = before, .out = x};
    cpu_queue_for(q, s->images, grain(s),
                  side_by_side(&task) ? average_backward_rows : average_backward, &task);
}
