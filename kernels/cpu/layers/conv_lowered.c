/* Convolution on top of GEMM: rows of pixels are lowered to a matrix of columns,
 * [rows x pixels of the output][kernel x kernel x channels], and multiplied. `im2col` lowers an
 * image at a time, as it is taught; `tiled` as much as fits the second cache, several images or a
 * part of one. */
#include <string.h>

#include "kernels/cpu/layers/conv_paths.h"

#define TYPED_FILE "kernels/cpu/layers/conv_lowered_typed.h"
#include "kernels/cpu/layers/both_types.h"

enum { TILE_BYTES = 256 << 10 };

static size_t row_bytes(const struct queue *q, const struct conv_shape *s) {
    return (size_t)(s->out_width * conv_taps(s)) * scalar_bytes(q->type);
}

/* Rows of the output that are lowered together. */
static long image_rows(const struct queue *q, const struct conv_shape *s) {
    (void)q;
    return s->out_height;
}

static long cached_rows(const struct queue *q, const struct conv_shape *s) {
    long rows = (long)(TILE_BYTES / row_bytes(q, s)), all = s->images * s->out_height;
    return rows < 1 ? 1 : rows < all ? rows : all;
}

typedef long rows_function(const struct queue *q, const struct conv_shape *s);

static void lower(const struct conv_task *t, long row, long end, void *columns) {
    if (t->q->type == SCALAR_S)
        lower_s(t->s, row, end, t->x, columns);
    else
        lower_d(t->s, row, end, t->x, columns);
}

static void raise(const struct conv_task *t, long row, long end, const void *columns) {
    if (t->q->type == SCALAR_S)
        raise_s(t->s, row, end, columns, t->dx);
    else
        raise_d(t->s, row, end, columns, t->dx);
}

static void forward(const struct conv_task *t, long begin, long end, int thread,
                    rows_function *at_once) {
    const struct conv_shape *s = t->s;
    void *columns = conv_piece(t, thread);
    for (long row = begin, next; row < end; row = next) {
        next = row + at_once(t->q, s) < end ? row + at_once(t->q, s) : end;
        long pixels = (next - row) * s->out_width;
        void *y = element_at(t->q, t->y, row * conv_row_size(s));
        lower(t, row, next, columns);
        cpu_product(t->q, thread,
                    &(struct product){.m = pixels,
                                      .n = s->filters,
                                      .k = conv_taps(s),
                                      .a = columns,
                                      .lda = conv_taps(s),
                                      .b = t->w,
                                      .ldb = s->filters,
                                      .c = y,
                                      .ldc = s->filters,
                                      .bias = t->b,
                                      .relu = is_relu(t->then)});
        if (!is_relu(t->then)) cpu_activate(t->q, t->then, pixels * s->filters, y);
    }
}

static void weight_gradient(const struct conv_task *t, long begin, long end, int thread,
                            rows_function *at_once) {
    const struct conv_shape *s = t->s;
    void *columns = conv_piece(t, thread), *dw = conv_gradient(t, thread);
    void *db = element_at(t->q, dw, conv_taps(s) * s->filters);
    memset(dw, 0, conv_gradient_bytes(t->q, s));
    for (long row = begin * s->out_height, last = end * s->out_height, next; row < last;
         row = next) {
        next = row + at_once(t->q, s) < last ? row + at_once(t->q, s) : last;
        long pixels = (next - row) * s->out_width;
        const void *dy = element_at(t->q, t->dy, row * conv_row_size(s));
        lower(t, row, next, columns);
        cpu_product(t->q, thread,
                    &(struct product){.trans_a = true,
                                      .m = conv_taps(s),
                                      .n = s->filters,
                                      .k = pixels,
                                      .a = columns,
                                      .lda = conv_taps(s),
                                      .b = dy,
                                      .ldb = s->filters,
                                      .beta = 1,
                                      .c = dw,
                                      .ldc = s->filters});
        conv_add_rows(t->q, pixels, s->filters, dy, db);
    }
}

static void input_gradient(const struct conv_task *t, long begin, long end, int thread,
                           rows_function *at_once) {
    const struct conv_shape *s = t->s;
    void *columns = conv_piece(t, thread);
    for (long row = begin * s->out_height, last = end * s->out_height, next; row < last;
         row = next) {
        next = row + at_once(t->q, s) < last ? row + at_once(t->q, s) : last;
        cpu_product(t->q, thread,
                    &(struct product){.trans_b = true,
                                      .m = (next - row) * s->out_width,
                                      .n = conv_taps(s),
                                      .k = s->filters,
                                      .a = element_at(t->q, t->dy, row * conv_row_size(s)),
                                      .lda = s->filters,
                                      .b = t->w,
                                      .ldb = s->filters,
                                      .c = columns,
                                      .ldc = conv_taps(s)});
        raise(t, row, next, columns);
    }
    long from = begin * conv_input_size(s);
    cpu_differentiate(t->q, t->before, (end - begin) * conv_input_size(s),
                      element_at(t->q, t->x, from), element_at(t->q, t->dx, from));
}

#define PATH(path, rows)                                                                           \
    static size_t path##_scratch(const struct queue *q, const struct conv_shape *s) {              \
        return (size_t)rows(q, s) * row_bytes(q, s);                                               \
    }                                                                                              \
    static void path##_forward(long begin, long end, int thread, const void *task) {               \
        forward(task, begin, end, thread, rows);                                                   \
    }                                                                                              \
    static void path##_weight_gradient(long begin, long end, int thread, const void *task) {       \
        weight_gradient(task, begin, end, thread, rows);                                           \
    }                                                                                              \
    static void path##_input_gradient(long begin, long end, int thread, const void *task) {        \
        input_gradient(task, begin, end, thread, rows);                                            \
    }                                                                                              \
    const struct conv_path_row conv_##path = {#path, path##_scratch, path##_forward,               \
                                              path##_input_gradient, path##_weight_gradient};
PATH(im2col, image_rows)
PATH(tiled, cached_rows)
