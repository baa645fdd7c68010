/* Convolution on top of GEMM: each thread lowers some images at once to a matrix of columns,
 * [images x pixels of the output][kernel x kernel x channels], and multiplies it. */
#include <string.h>

#include "kernels/cpu/layers/cpu_layers.h"

#define TYPED_FILE "kernels/cpu/layers/conv_typed.h"
#include "kernels/cpu/layers/both_types.h"

enum {
    LEAST_ROWS = 512,            /* of the matrix, where one image has fewer pixels */
    MOST_COLUMN_BYTES = 1 << 20, /* of it, where an image leaves the choice */
    ALIGNMENT = 64
};

static long pixels(const struct conv_shape *s) { return s->out_height * s->out_width; }
static long taps(const struct conv_shape *s) { return s->kernel * s->kernel * s->channels; }

/* Images that are lowered together. */
static long chunk(const struct queue *q, const struct conv_shape *s) {
    long most = MOST_COLUMN_BYTES / (pixels(s) * taps(s) * (long)scalar_bytes(q->type));
    long wanted = (LEAST_ROWS + pixels(s) - 1) / pixels(s);
    long images = wanted < most ? wanted : most;
    return images < 1 ? 1 : images;
}

static size_t aligned(size_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

static size_t column_bytes(const struct queue *q, const struct conv_shape *s) {
    return aligned((size_t)(chunk(q, s) * pixels(s) * taps(s)) * scalar_bytes(q->type));
}

static size_t gradient_bytes(const struct queue *q, const struct conv_shape *s) {
    return aligned((size_t)((taps(s) + 1) * s->filters) * scalar_bytes(q->type));
}

/* Each thread has its columns and its own weight and bias gradient. */
size_t cpu_conv_scratch(const struct queue *q, const struct conv_shape *s) {
    return (size_t)q->threads * (column_bytes(q, s) + gradient_bytes(q, s));
}

struct conv_task {
    const struct queue *q;
    const struct conv_shape *s;
    const void *x, *w, *b, *dy;
    void *y, *dx, *dw, *db;
};

static void *columns_of_thread(const struct conv_task *t, int thread) {
    return (char *)t->q->scratch +
           (size_t)thread * (column_bytes(t->q, t->s) + gradient_bytes(t->q, t->s));
}

static void *gradient_of_thread(const struct conv_task *t, int thread) {
    return (char *)columns_of_thread(t, thread) + column_bytes(t->q, t->s);
}

static long input_size(const struct conv_shape *s) { return s->height * s->width * s->channels; }

static void lower(const struct conv_task *t, long image, long images, void *columns) {
    const void *x = element_at(t->q, t->x, image * input_size(t->s));
    if (t->q->type == SCALAR_S)
        lower_s(t->s, images, x, columns);
    else
        lower_d(t->s, images, x, columns);
}

static void forward_images(long begin, long end, int thread, const void *argument) {
    const struct conv_task *t = argument;
    const struct conv_shape *s = t->s;
    void *columns = columns_of_thread(t, thread);
    long at_once = chunk(t->q, s);
    for (long image = begin; image < end; image += at_once) {
        long images = image + at_once < end ? at_once : end - image;
        long rows = images * pixels(s);
        void *y = element_at(t->q, t->y, image * pixels(s) * s->filters);
        lower(t, image, images, columns);
        cpu_queue_gemm(t->q, thread,
                       &(struct product){.m = rows,
                                         .n = s->filters,
                                         .k = taps(s),
                                         .a = columns,
                                         .lda = taps(s),
                                         .b = t->w,
                                         .ldb = s->filters,
                                         .c = y,
                                         .ldc = s->filters});
        cpu_add_bias(t->q, rows, s->filters, 0, s->filters, t->b, y);
    }
}

void cpu_conv_forward(struct queue *q, const struct conv_shape *s, const void *x, const void *w,
                      const void *b, void *y) {
    struct conv_task task = {.q = q, .s = s, .x = x, .w = w, .b = b, .y = y};
    cpu_queue_for(q, s->images, 1, forward_images, &task);
}

static void weight_gradient_images(long begin, long end, int thread, const void *argument) {
    const struct conv_task *t = argument;
    const struct conv_shape *s = t->s;
    void *columns = columns_of_thread(t, thread);
    void *dw = gradient_of_thread(t, thread), *db = element_at(t->q, dw, taps(s) * s->filters);
    long at_once = chunk(t->q, s);
    memset(dw, 0, gradient_bytes(t->q, s));
    for (long image = begin; image < end; image += at_once) {
        long images = image + at_once < end ? at_once : end - image;
        long rows = images * pixels(s);
        const void *dy = element_at(t->q, t->dy, image * pixels(s) * s->filters);
        lower(t, image, images, columns);
        cpu_queue_gemm(t->q, thread,
                       &(struct product){.trans_a = true,
                                         .m = taps(s),
                                         .n = s->filters,
                                         .k = rows,
                                         .a = columns,
                                         .lda = taps(s),
                                         .b = dy,
                                         .ldb = s->filters,
                                         .beta = 1,
                                         .c = dw,
                                         .ldc = s->filters});
        if (t->q->type == SCALAR_S)
            add_rows_s(rows, s->filters, dy, db);
        else
            add_rows_d(rows, s->filters, dy, db);
    }
}

static void sum_gradients(long begin, long end, int thread, const void *argument) {
    (void)thread;
    const struct conv_task *t = argument;
    long count = taps(t->s) * t->s->filters, parts = t->q->threads;
    if (parts > t->s->images) parts = t->s->images;
    for (long part = 0; part < parts; part++) { /* in the threads' order */
        const void *own = gradient_of_thread(t, (int)part);
        if (t->q->type == SCALAR_S)
            add_part_s(begin, end, count, part == 0, own, t->dw, t->db);
        else
            add_part_d(begin, end, count, part == 0, own, t->dw, t->db);
    }
}

void cpu_conv_weight_gradient(struct queue *q, const struct conv_shape *s, const void *x,
                              const void *dy, void *dw, void *db) {
    struct conv_task task = {.q = q, .s = s, .x = x, .dy = dy, .dw = dw, .db = db};
    cpu_queue_for(q, s->images, 1, weight_gradient_images, &task);
    cpu_queue_for(q, (taps(s) + 1) * s->filters, ELEMENT_GRAIN, sum_gradients, &task);
}

static void input_gradient_images(long begin, long end, int thread, const void *argument) {
    const struct conv_task *t = argument;
    const struct conv_shape *s = t->s;
    void *columns = columns_of_thread(t, thread);
    long at_once = chunk(t->q, s);
    for (long image = begin; image < end; image += at_once) {
        long images = image + at_once < end ? at_once : end - image;
        cpu_queue_gemm(
            t->q, thread,
            &(struct product){.trans_b = true,
                              .m = images * pixels(s),
                              .n = taps(s),
                              .k = s->filters,
                              .a = element_at(t->q, t->dy, image * pixels(s) * s->filters),
                              .lda = s->filters,
                              .b = t->w,
                              .ldb = s->filters,
                              .c = columns,
                              .ldc = taps(s)});
        void *dx = element_at(t->q, t->dx, image * input_size(s));
        if (t->q->type == SCALAR_S)
            raise_s(s, images, columns, dx);
        else
            raise_d(s, images, columns, dx);
    }
}

void cpu_conv_input_gradient(struct queue *q, const struct conv_shape *s, const void *dy,
                             const void *w, void *dx) {
    struct conv_task task = {.q = q, .s = s, .dy = dy, .w = w, .dx = dx};
    cpu_queue_for(q, s->images, 1, input_gradient_images, &task);
}
