/* The input gradient where images have few channels or windows are apart: each pixel of dy is
 * spread over its window. The products of a row of dx, over the window rows that meet it, come
 * first; then their overlapping runs of kernel x channels numbers are added up. */
#include <math.h>
#include <string.h>

#include "kernels/cpu/layers/conv_paths.h"
#include "kernels/cpu/layers/tile.h"

#define TYPED_FILE "kernels/cpu/layers/conv_spread_typed.h"
#include "kernels/cpu/layers/both_types.h"

static long run_of(const struct conv_shape *s) { return s->kernel * s->channels; }

/* [ky][filter][a panel of the run] for each panel, in whole vectors. */
static size_t filter_bytes(const struct tile_set *set, const struct conv_shape *s) {
    long columns = (run_of(s) + set->lanes - 1) / set->lanes * set->lanes;
    return conv_aligned((size_t)(s->kernel * s->filters * columns) * set->element);
}

size_t conv_spread_scratch(const struct queue *q, const struct conv_shape *s) {
    const struct tile_set *set = tile_set_find(q->isa, q->type);
    return filter_bytes(set, s) + conv_aligned((size_t)(s->out_width * run_of(s)) * set->element);
}

static void pack(const struct conv_task *t, const struct tile_set *set, char *filters) {
    const struct conv_shape *s = t->s;
    long run = run_of(s);
    for (long column = 0; column < run;) {
        int vectors = tile_vectors(set, run, column);
        long panel = vectors * set->lanes;
        for (long ky = 0; ky < s->kernel; ky++)
            set->pack_transposed(
                element_at(t->q, t->w, (ky * run + column) * s->filters), s->filters, s->filters,
                run - column, vectors,
                element_at(t->q, filters,
                           s->kernel * s->filters * column + ky * s->filters * panel));
        column += panel;
    }
}

/* runs[ox][kernel x channels]: what the pixels of dy give to row y of dx. */
static void multiply(const struct conv_task *t, const struct tile_set *set, const char *filters,
                     const void *dy, long y, void *runs) {
    const struct conv_shape *s = t->s;
    long run = run_of(s), top = y + s->padding, first = top % s->stride;
    while (first < top - s->stride * (s->out_height - 1)) first += s->stride;
    long last = top < s->kernel - 1 ? top : s->kernel - 1;
    for (long column = 0; column < run;) {
        long panel = tile_vectors(set, run, column) * set->lanes;
        struct tile tile = {
            .columns = run - column < panel ? run - column : panel,
            .segments = first <= last ? (last - first) / s->stride + 1 : 0,
            .length = s->filters,
            .a = element_at(t->q, dy, (top - first) / s->stride * conv_row_size(s)),
            .a_row = s->filters,
            .a_segment = -conv_row_size(s),
            .a_step = 1,
            .b = element_at(t->q, filters, (s->kernel * column + first * panel) * s->filters),
            .b_segment = s->stride * s->filters * panel,
            .b_step = panel,
            .c = element_at(t->q, runs, column),
            .c_row = run,
            .floor = -INFINITY,
        };
        tile_rows(set, &tile, s->out_width);
        column += panel;
    }
}

void conv_spread_input_gradient(long begin, long end, int thread, const void *argument) {
    const struct conv_task *t = argument;
    const struct conv_shape *s = t->s;
    const struct tile_set *set = tile_set_find(t->q->isa, t->q->type);
    char *filters = conv_piece(t, thread), *runs = filters + filter_bytes(set, s);
    long row_size = s->width * s->channels;
    pack(t, set, filters);
    for (long row = begin; row < end; row++) {
        void *dx = element_at(t->q, t->dx, row * row_size);
        long image = row / s->height;
        multiply(t, set, filters, element_at(t->q, t->dy, image * s->out_height * conv_row_size(s)),
                 row % s->height, runs);
        if (t->q->type == SCALAR_S)
            add_runs_s(s, (const float *)(const void *)runs, dx);
        else
            add_runs_d(s, (const double *)(const void *)runs, dx);
    }
    cpu_differentiate(t->q, t->before, (end - begin) * row_size,
                      element_at(t->q, t->x, begin * row_size),
                      element_at(t->q, t->dx, begin * row_size));
}
