/* What the paths of a convolution share. Every thread has an equal piece of the queue's scratch. */
#ifndef FLOPSTEP_KERNELS_CPU_LAYERS_CONV_PATHS_H
#define FLOPSTEP_KERNELS_CPU_LAYERS_CONV_PATHS_H

#include "kernels/cpu/layers/cpu_layers.h"

struct conv_task {
    const struct queue *q;
    const struct conv_shape *s;
    const void *x, *w, *b, *dy;
    void *y, *dx, *dw, *db;
    bool add; /* to dw, db */
    const struct elementwise *then, *before;
    size_t piece; /* bytes of scratch of one thread */
};

/* Bytes that one thread wants for the passes of a path, and the passes. forward and input_gradient
 * take rows of images [begin, end) of all, weight_gradient images, whose sums go to the end of the
 * thread's piece. */
struct conv_path_row {
    const char *name;
    size_t (*scratch)(const struct queue *q, const struct conv_shape *s);
    range_body forward, input_gradient, weight_gradient;
};
extern const struct conv_path_row conv_im2col, conv_tiled, conv_direct;

/* conv_direct's input gradient where it spreads dy; takes rows of images. */
size_t conv_spread_scratch(const struct queue *q, const struct conv_shape *s);
void conv_spread_input_gradient(long begin, long end, int thread, const void *argument);

enum { CONV_ALIGNMENT = 64 };
static inline size_t conv_aligned(size_t bytes) {
    return (bytes + CONV_ALIGNMENT - 1) / CONV_ALIGNMENT * CONV_ALIGNMENT;
}

static inline long conv_taps(const struct conv_shape *s) {
    return s->kernel * s->kernel * s->channels;
}
static inline long conv_input_size(const struct conv_shape *s) {
    return s->height * s->width * s->channels;
}
static inline long conv_row_size(const struct conv_shape *s) { return s->out_width * s->filters; }

/* Of dw and db, side by side. */
static inline size_t conv_gradient_bytes(const struct queue *q, const struct conv_shape *s) {
    return conv_aligned((size_t)((conv_taps(s) + 1) * s->filters) * scalar_bytes(q->type));
}
static inline void *conv_piece(const struct conv_task *t, int thread) {
    return (char *)t->q->scratch + (size_t)thread * t->piece;
}
static inline void *conv_gradient(const struct conv_task *t, int thread) {
    return (char *)conv_piece(t, thread + 1) - conv_gradient_bytes(t->q, t->s);
}

/* db += sum of dy over rows [begin, end) of `columns` numbers. */
void conv_add_rows(const struct queue *q, long rows, long columns, const void *dy, void *db);

#endif
