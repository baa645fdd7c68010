/* Convolutions: which path, and what is the same for all of them. */
#include "kernels/cpu/layers/conv_onednn.h"
#include "kernels/cpu/layers/conv_paths.h"

#define TYPED_FILE "kernels/cpu/layers/conv_sums_typed.h"
#include "kernels/cpu/layers/both_types.h"

/* Direct loops run along rows of pixels and need some in a row. */
static bool direct_pays(const struct conv_shape *s) { return s->out_width >= 4; }

/* Of the own paths; one of them takes what the library does not. */
static const struct conv_path_row *path_of(const struct queue *q, const struct conv_shape *s) {
    if (q->conv == CONV_IM2COL) return &conv_im2col;
    if (q->conv == CONV_TILED) return &conv_tiled;
    return q->conv == CONV_DIRECT || direct_pays(s) ? &conv_direct : &conv_tiled;
}

const char *cpu_conv_path(const struct queue *q, const struct conv_shape *s, const char *pass) {
    if (q->conv == CONV_ONEDNN && conv_onednn_takes(q, s, pass)) return "onednn";
    return path_of(q, s)->name;
}

/* Of one thread. */
static size_t piece(const struct queue *q, const struct conv_shape *s) {
    return conv_aligned(path_of(q, s)->scratch(q, s)) + conv_gradient_bytes(q, s);
}

size_t cpu_conv_scratch(const struct queue *q, const struct conv_shape *s) {
    return (size_t)q->threads * piece(q, s);
}

void conv_add_rows(const struct queue *q, long rows, long columns, const void *dy, void *db) {
    if (q->type == SCALAR_S)
        add_rows_s(rows, columns, dy, db);
    else
        add_rows_d(rows, columns, dy, db);
}

static void sum_gradients(long begin, long end, int thread, const void *argument) {
    (void)thread;
    const struct conv_task *t = argument;
    long count = conv_taps(t->s) * t->s->filters, parts = t->q->threads;
    if (parts > t->s->images) parts = t->s->images;
    for (long part = 0; part < parts; part++) { /* in the threads' order */
        const void *own = conv_gradient(t, (int)part);
        bool first = part == 0 && !t->add;
        if (t->q->type == SCALAR_S)
            add_part_s(begin, end, count, first, own, t->dw, t->db);
        else
            add_part_d(begin, end, count, first, own, t->dw, t->db);
    }
}

void cpu_conv_forward(struct queue *q, const struct conv_shape *s, const void *x, const void *w,
                      const void *b, const struct elementwise *then, void *y) {
    if (q->conv == CONV_ONEDNN && conv_onednn_forward(q, s, x, w, b, then, y)) return;
    struct conv_task task = {
        .q = q, .s = s, .x = x, .w = w, .b = b, .then = then, .y = y, .piece = piece(q, s)};
    cpu_queue_for(q, s->images * s->out_height, 1, path_of(q, s)->forward, &task);
}

void cpu_conv_weight_gradient(struct queue *q, const struct conv_shape *s, const void *x,
                              const void *dy, bool add, void *dw, void *db) {
    if (q->conv == CONV_ONEDNN && conv_onednn_weight_gradient(q, s, x, dy, add, dw, db)) return;
    struct conv_task task = {
        .q = q, .s = s, .x = x, .dy = dy, .add = add, .dw = dw, .db = db, .piece = piece(q, s)};
    cpu_queue_for(q, s->images, 1, path_of(q, s)->weight_gradient, &task);
    cpu_queue_for(q, (conv_taps(s) + 1) * s->filters, ELEMENT_GRAIN, sum_gradients, &task);
}

void cpu_conv_input_gradient(struct queue *q, const struct conv_shape *s, const void *dy,
                             const void *w, const struct elementwise *before, const void *x,
                             void *dx) {
    if (q->conv == CONV_ONEDNN && conv_onednn_input_gradient(q, s, dy, w, before, x, dx)) return;
    struct conv_task task = {
        .q = q, .s = s, .x = x, .dy = dy, .w = w, .before = before, .dx = dx, .piece = piece(q, s)};
    const struct conv_path_row *path = path_of(q, s);
    /* The direct loops gather each row of dx; the others scatter, which must not cross threads. */
    if (path == &conv_direct)
        cpu_queue_for(q, s->images * s->height, 1, path->input_gradient, &task);
    else
        cpu_queue_for(q, s->images, 1, path->input_gradient, &task);
}
