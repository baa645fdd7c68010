/* Dense layers: products of the BLAS on parts of rows, one thread each. */
#include "kernels/cpu/layers/cpu_layers.h"

#define TYPED_FILE "kernels/cpu/layers/bias_typed.h"
#include "kernels/cpu/layers/both_types.h"

void cpu_add_bias(const struct queue *q, long rows, long columns, long ld, const void *b, void *y) {
    if (q->type == SCALAR_S)
        add_bias_s(rows, columns, ld, b, y);
    else
        add_bias_d(rows, columns, ld, b, y);
}

static void sum_rows(const struct queue *q, long rows, long columns, long from, long to,
                     const void *dy, void *db) {
    if (q->type == SCALAR_S)
        sum_rows_s(rows, columns, from, to, dy, db);
    else
        sum_rows_d(rows, columns, from, to, dy, db);
}

struct dense_task {
    const struct queue *q;
    const struct dense_shape *s;
    const void *x, *w, *b, *dy;
    void *y, *dx, *dw, *db;
    const struct elementwise *then, *before;
};

static bool is_own(const struct queue *q) { return q->dense != DENSE_CBLAS; }

const char *cpu_dense_path(const struct queue *q, const struct dense_shape *s, const char *pass) {
    (void)s, (void)pass;
    return is_own(q) ? "own" : "cblas";
}

void cpu_product(const struct queue *q, int thread, const struct product *product) {
    if (is_own(q))
        cpu_own_product(q, thread, product);
    else
        cpu_cblas_product(q, thread, product);
}

/* Multiply-adds below which a product stays on one thread. */
enum { PRODUCT_GRAIN = 1 << 16 };

static long grain_of(long a, long b) { return 1 + PRODUCT_GRAIN / (a * b); }

/* Columns that make it worth while that each thread takes some of them: it packs its own part of
 * the weights then, and not all of them. */
static bool by_columns(const struct queue *q, long rows, long columns) {
    return rows < q->threads || (is_own(q) && columns >= 64L * q->threads);
}

/* Rows [r, r_end) and columns [c, c_end) of y. */
static void forward_part(const struct dense_task *t, int thread, long r, long r_end, long c,
                         long c_end) {
    const struct dense_shape *s = t->s;
    cpu_product(t->q, thread,
                &(struct product){.m = r_end - r,
                                  .n = c_end - c,
                                  .k = s->in,
                                  .a = element_at(t->q, t->x, r * s->in),
                                  .lda = s->in,
                                  .b = element_at(t->q, t->w, c),
                                  .ldb = s->out,
                                  .c = element_at(t->q, t->y, r * s->out + c),
                                  .ldc = s->out,
                                  .bias = element_at(t->q, t->b, c),
                                  .relu = is_relu(t->then)});
    if (is_relu(t->then)) return;
    bool whole = c_end - c == s->out; /* rows: one stretch */
    long stretch = whole ? (r_end - r) * s->out : c_end - c;
    for (long i = r; i < (whole ? r + 1 : r_end); i++)
        cpu_activate(t->q, t->then, stretch, element_at(t->q, t->y, i * s->out + c));
}

static void forward_rows(long begin, long end, int thread, const void *argument) {
    const struct dense_task *t = argument;
    forward_part(t, thread, begin, end, 0, t->s->out);
}

static void forward_columns(long begin, long end, int thread, const void *argument) {
    const struct dense_task *t = argument;
    forward_part(t, thread, 0, t->s->images, begin, end);
}

void cpu_dense_forward(struct queue *q, const struct dense_shape *s, const void *x, const void *w,
                       const void *b, const struct elementwise *then, void *y) {
    struct dense_task task = {.q = q, .s = s, .x = x, .w = w, .b = b, .then = then, .y = y};
    if (by_columns(q, s->images, s->out))
        cpu_queue_for(q, s->out, grain_of(s->in, s->images), forward_columns, &task);
    else
        cpu_queue_for(q, s->images, grain_of(s->in, s->out), forward_rows, &task);
}

/* Rows of dw need no sums between threads; each takes its part of db as well. */
static void weight_gradient_rows(long begin, long end, int thread, const void *argument) {
    const struct dense_task *t = argument;
    const struct dense_shape *s = t->s;
    cpu_product(t->q, thread,
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
    sum_rows(t->q, s->images, s->out, s->out * begin / s->in, s->out * end / s->in, t->dy, t->db);
}

void cpu_dense_weight_gradient(struct queue *q, const struct dense_shape *s, const void *x,
                               const void *dy, void *dw, void *db) {
    struct dense_task task = {.q = q, .s = s, .x = x, .dy = dy, .dw = dw, .db = db};
    cpu_queue_for(q, s->in, grain_of(s->images, s->out), weight_gradient_rows, &task);
}

/* Rows [r, r_end) and columns [c, c_end) of dx. */
static void input_gradient_part(const struct dense_task *t, int thread, long r, long r_end, long c,
                                long c_end) {
    const struct dense_shape *s = t->s;
    cpu_product(t->q, thread,
                &(struct product){.trans_b = true,
                                  .m = r_end - r,
                                  .n = c_end - c,
                                  .k = s->out,
                                  .a = element_at(t->q, t->dy, r * s->out),
                                  .lda = s->out,
                                  .b = element_at(t->q, t->w, c * s->out),
                                  .ldb = s->out,
                                  .c = element_at(t->q, t->dx, r * s->in + c),
                                  .ldc = s->in});
    bool whole = c_end - c == s->in;
    long stretch = whole ? (r_end - r) * s->in : c_end - c;
    for (long i = r; i < (whole ? r + 1 : r_end); i++)
        cpu_differentiate(t->q, t->before, stretch, element_at(t->q, t->x, i * s->in + c),
                          element_at(t->q, t->dx, i * s->in + c));
}

static void input_gradient_rows(long begin, long end, int thread, const void *argument) {
    const struct dense_task *t = argument;
    input_gradient_part(t, thread, begin, end, 0, t->s->in);
}

static void input_gradient_columns(long begin, long end, int thread, const void *argument) {
    const struct dense_task *t = argument;
    input_gradient_part(t, thread, 0, t->s->images, begin, end);
}

void cpu_dense_input_gradient(struct queue *q, const struct dense_shape *s, const void *dy,
                              const void *w, const struct elementwise *before, const void *x,
                              void *dx) {
    struct dense_task task = {.q = q, .s = s, .dy = dy, .w = w, .before = before, .x = x, .dx = dx};
    if (by_columns(q, s->images, s->in))
        cpu_queue_for(q, s->in, grain_of(s->out, s->images), input_gradient_columns, &task);
    else
        cpu_queue_for(q, s->images, grain_of(s->in, s->out), input_gradient_rows, &task);
}
