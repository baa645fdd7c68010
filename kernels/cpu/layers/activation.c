/* Activations: element by element, or row by row for softmax and maxout. */
#include <math.h>

#include "kernels/cpu/layers/cpu_layers.h"

#define TYPED_FILE "kernels/cpu/layers/activation_typed.h"
#include "kernels/cpu/layers/both_types.h"

struct activation_task {
    const struct queue *q;
    const struct elementwise *f;
    long n, pieces;
    const void *from;
    void *to;
    int32_t *where;
    const int32_t *known;
};

/* Exponentials cost tens of times what a comparison does. */
static bool is_dear(enum activation activation) {
    return activation == ACTIVATION_SIGMOID || activation == ACTIVATION_TANH ||
           activation == ACTIVATION_ELU;
}

void cpu_activate(const struct queue *q, const struct elementwise *then, long count, void *y) {
    if (!then) return;
    bool vectors = is_dear(then->activation) && queue_uses(q, MEASURE_VECTOR_MATH);
    if (vectors && q->type == SCALAR_S)
        activate_whole_s(then->activation, (float)then->slope, count, y);
    else if (vectors)
        activate_whole_d(then->activation, then->slope, count, y);
    else if (q->type == SCALAR_S)
        activate_s(then->activation, (float)then->slope, count, y);
    else
        activate_d(then->activation, then->slope, count, y);
}

void cpu_differentiate(const struct queue *q, const struct elementwise *before, long count,
                       const void *y, void *dy) {
    if (!before) return;
    if (q->type == SCALAR_S)
        differentiate_s(before->activation, (float)before->slope, count, y, dy);
    else
        differentiate_d(before->activation, before->slope, count, y, dy);
}

static void forward_body(long begin, long end, int thread, const void *argument) {
    (void)thread;
    const struct activation_task *t = argument;
    cpu_activate(t->q, t->f, end - begin, element_at(t->q, t->to, begin));
}

static void backward_body(long begin, long end, int thread, const void *argument) {
    (void)thread;
    const struct activation_task *t = argument;
    cpu_differentiate(t->q, t->f, end - begin, element_at(t->q, t->from, begin),
                      element_at(t->q, t->to, begin));
}

void cpu_activation_forward(struct queue *q, const struct elementwise *f, long count, void *y) {
    struct activation_task task = {.q = q, .f = f, .to = y};
    bool slow = is_dear(f->activation) && !queue_uses(q, MEASURE_VECTOR_MATH);
    cpu_queue_for(q, count, slow ? ELEMENT_GRAIN / 8 : ELEMENT_GRAIN, forward_body, &task);
}

void cpu_activation_backward(struct queue *q, const struct elementwise *f, long count,
                             const void *y, void *dy) {
    struct activation_task task = {.q = q, .f = f, .from = y, .to = dy};
    cpu_queue_for(q, count, ELEMENT_GRAIN, backward_body, &task);
}

static void maxout_body(long begin, long end, int thread, const void *argument) {
    (void)thread;
    const struct activation_task *t = argument;
    const void *x = element_at(t->q, t->from, begin * t->pieces);
    void *y = element_at(t->q, t->to, begin);
    if (t->q->type == SCALAR_S)
        maxout_s(end - begin, t->pieces, x, y, t->where + begin);
    else
        maxout_d(end - begin, t->pieces, x, y, t->where + begin);
}

static void maxout_back_body(long begin, long end, int thread, const void *argument) {
    (void)thread;
    const struct activation_task *t = argument;
    const void *dy = element_at(t->q, t->from, begin);
    void *dx = element_at(t->q, t->to, begin * t->pieces);
    if (t->q->type == SCALAR_S)
        maxout_back_s(end - begin, t->pieces, dy, t->known + begin, dx);
    else
        maxout_back_d(end - begin, t->pieces, dy, t->known + begin, dx);
}

void cpu_maxout_forward(struct queue *q, long rows, long out, long pieces, const void *x, void *y,
                        int32_t *where) {
    struct activation_task task = {.q = q, .pieces = pieces, .from = x, .to = y, .where = where};
    cpu_queue_for(q, rows * out, ELEMENT_GRAIN, maxout_body, &task);
}

void cpu_maxout_backward(struct queue *q, long rows, long out, long pieces, const void *dy,
                         const int32_t *where, void *dx) {
    struct activation_task task = {.q = q, .pieces = pieces, .from = dy, .to = dx, .known = where};
    cpu_queue_for(q, rows * out, ELEMENT_GRAIN, maxout_back_body, &task);
}

static void softmax_body(long begin, long end, int thread, const void *argument) {
    (void)thread;
    const struct activation_task *t = argument;
    enum { SOME = 2048 }; /* elements at a time: they stay in the first cache */
    long some = t->n < SOME ? SOME / t->n : 1;
    for (long i = begin, rows; queue_uses(t->q, MEASURE_VECTOR_MATH) && i < end; i += rows) {
        rows = end - i < some ? end - i : some;
        if (t->q->type == SCALAR_S)
            softmax_rows_s(rows, t->n, element_at(t->q, t->to, i * t->n));
        else
            softmax_rows_d(rows, t->n, element_at(t->q, t->to, i * t->n));
    }
    if (queue_uses(t->q, MEASURE_VECTOR_MATH)) return;
    for (long i = begin; i < end; i++)
        if (t->q->type == SCALAR_S)
            softmax_row_s(t->n, element_at(t->q, t->to, i * t->n));
        else
            softmax_row_d(t->n, element_at(t->q, t->to, i * t->n));
}

static void softmax_back_body(long begin, long end, int thread, const void *argument) {
    (void)thread;
    const struct activation_task *t = argument;
    for (long i = begin; i < end; i++) {
        const void *y = element_at(t->q, t->from, i * t->n);
        void *dy = element_at(t->q, t->to, i * t->n);
        if (t->q->type == SCALAR_S)
            softmax_row_back_s(t->n, y, dy);
        else
            softmax_row_back_d(t->n, y, dy);
    }
}

void cpu_softmax_forward(struct queue *q, long rows, long n, void *y) {
    struct activation_task task = {.q = q, .n = n, .to = y};
    cpu_queue_for(q, rows, 1 + ELEMENT_GRAIN / 8 / n, softmax_body, &task);
}

void cpu_softmax_backward(struct queue *q, long rows, long n, const void *y, void *dy) {
    struct activation_task task = {.q = q, .n = n, .from = y, .to = dy};
    cpu_queue_for(q, rows, 1 + ELEMENT_GRAIN / n, softmax_back_body, &task);
}
