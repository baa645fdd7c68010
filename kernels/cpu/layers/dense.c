/* Dense layers: products of the BLAS on parts of rows, one thread each. */
#include "kernels/cpu/layers/cpu_layers.h"

#define TYPED_FILE "kernels/cpu/layers/bias_typed.h"
#include "kernels/cpu/layers/both_types.h"

void cpu_add_bias(const struct queue *q, long rows, long columns, long from, long to, const void *b,
                  void *y) {
    if (q->type == SCALAR_S)
        add_bias_s(rows, columns, from, to, b, y);
    else
        add_bias_d(rows, columns, from, to, b, y);
}

struct sum_task {
    const struct queue *q;
    long rows, columns;
    const void *dy;
    void *db;
};

static void sum_body(long begin, long end, int thread, const void *argument) {
    (void)thread;
    const struct sum_task *t = argument;
    if (t->q->type == SCALAR_S)
        sum_rows_s(t->rows, t->columns, begin, end, t->dy, t->db);
    else
        sum_rows_d(t->rows, t->columns, begin, end, t->dy, t->db);
}

void cpu_sum_rows(const struct queue *q, long rows, long columns, const void *dy, void *db) {
    struct sum_task task = {q, rows, columns, dy, db};
    cpu_queue_for(q, columns, 1 + ELEMENT_GRAIN / rows, sum_body, &task);
}

struct dense_task {
    const struct queue *q;
    const struct dense_shape *s;
    const void *x, *w, *b, *dy;
    void *y, *dx, *dw;
};

/* Multiply-adds below which a product stays on one thread. */
enum { PRODUCT_GRAIN = 1 << 16 };

static long grain_of(long a, long b) { return 1 + PRODUCT_GRAIN / (a * b); }

static void forward_rows(long begin, long end, int thread, const void *argument) {
    const struct dense_task *t = argument;
    const struct dense_shape *s = t->s;
    void *y = element_at(t->q, t->y, begin * s->out);
    cpu_queue_gemm(t->q, thread,
                   &(struct product){.m = end - begin,
                                     .n = s->out,
                                     .k = s->in,
                                     .a = element_at(t->q, t->x, begin * s->in),
                                     .lda = s->in,
                                     .b = t->w,
                                     .ldb = s->out,
                                     .c = y,
                                     .ldc = s->out});
    cpu_add_bias(t->q, end - begin, s->out, 0, s->out, t->b, y);
}

static void forward_columns(long begin, long end, int thread, const void *argument) {
    const struct dense_task *t = argument;
    const struct dense_shape *s = t->s;
    cpu_queue_gemm(t->q, thread,
                   &(struct product){.m = s->images,
                                     .n = end - begin,
                                     .k = s->in,
                                     .a = t->x,
                                     .lda = s->in,
                                     .b = element_at(t->q, t->w, begin),
                                     .ldb = s->out,
                                     .c = element_at(t->q, t->y, begin),
                                     .ldc = s->out});
    cpu_add_bias(t->q, s->images, s->out, begin, end, t->b, t->y);
}

void cpu_dense_forward(struct queue *q, const struct dense_shape *s, const void *x, const void *w,
                       const void *b, void *y) {
    struct dense_task task = {.q = q, .s = s, .x = x, .w = w, .b = b, .y = y};
    if (s->images >= q->threads)
        cpu_queue_for(q, s->images, grain_of(s->in, s->out), forward_rows, &task);
    else
        cpu_queue_for(q, s->out, grain_of(s->in, s->images), forward_columns, &task);
}

/* Rows of dw need no sums between threads. */
static void weight_gradient_rows(long begin, long end, int thread, const void *argument) {
    const struct dense_task *t = argument;
    const struct dense_shape *s = t->s;
    cpu_queue_gemm(t->q, thread,
                   &(struct product){.trans_a = true,
                                     .m = end - begin,
                                     .n = s->out,
                                     .k = s->images,
                                     .a = element_at(t->q, t->x, begin),
                                     .lda = s->in,
                                     .b = t->dy,
                                     .ldb = s->out,
                                     .c = element_at(t->q, t->dw, begin * s->out),
                                     .ldc = s->out});
}

void cpu_dense_weight_gradient(struct queue *q, const struct dense_shape *s, const void *x,
                               const void *dy, void *dw, void *db) {
    struct dense_task task = {.q = q, .s = s, .x = x, .dy = dy, .dw = dw};
    cpu_queue_for(q, s->in, grain_of(s->images, s->out), weight_gradient_rows, &task);
    cpu_sum_rows(q, s->images, s->out, dy, db);
}

static void input_gradient_rows(long begin, long end, int thread, const void *argument) {
    const struct dense_task *t = argument;
    const struct dense_shape *s = t->s;
    cpu_queue_gemm(t->q, thread,
                   &(struct product){.trans_b = true,
                                     .m = end - begin,
                                     .n = s->in,
                                     .k = s->out,
                                     .a = element_at(t->q, t->dy, begin * s->out),
                                     .lda = s->out,
                                     .b = t->w,
                                     .ldb = s->out,
                                     .c = element_at(t->q, t->dx, begin * s->in),
                                     .ldc = s->in});
}

static void input_gradient_columns(long begin, long end, int thread, const void *argument) {
    const struct dense_task *t = argument;
    const struct dense_shape *s = t->s;
    cpu_queue_gemm(t->q, thread,
                   &(struct product){.trans_b = true,
                                     .m = s->images,
                                     .n = end - begin,
                                     .k = s->out,
                                     .a = t->dy,
                                     .lda = s->out,
                                     .b = element_at(t->q, t->w, begin * s->out),
                                     .ldb = s->out,
                                     .c = element_at(t->q, t->dx, begin),
                                     .ldc = s->in});
}

void cpu_dense_input_gradient(struct queue *q, const struct dense_shape *s, const void *dy,
                              const void *w, void *dx) {
    struct dense_task task = {.q = q, .s = s, .dy = dy, .w = w, .dx = dx};
    if (s->images >= q->threads)
        cpu_queue_for(q, s->images, grain_of(s->in, s->out), input_gradient_rows, &task);
    else
        cpu_queue_for(q, s->in, grain_of(s->out, s->images), input_gradient_columns, &task);
}
