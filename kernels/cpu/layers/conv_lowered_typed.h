#include <string.h>

#include "kernels/cpu/layers/clones.h"

/* The taps of one row of a window lie side by side in NHWC: those that fall inside the image are
 * one run. First and last (exclusive) tap of it. */
#ifndef CONV_RUN
#define CONV_RUN
static inline void tap_run(long left, long width, long kernel, long *first, long *last) {
    *first = left < 0 ? -left : 0;
    *last = left + kernel > width ? width - left : kernel;
    if (*last < *first) *first = *last = 0;
}
#endif

/* columns[row, ox][ky][kx][c] = x[image][oy stride + ky - padding][ox stride + kx - padding][c] for
 * rows [begin, end) of the outputs of all images. */
CLONES static void NAME(lower)(const struct conv_shape *s, long begin, long end, const REAL *images,
                               REAL *columns) {
    long c = s->channels, run = s->kernel * c;
    for (long row = begin; row < end; row++) {
        const REAL *x = images + row / s->out_height * (s->height * s->width * c);
        for (long ox = 0; ox < s->out_width; ox++) {
            long left = ox * s->stride - s->padding, first, last;
            tap_run(left, s->width, s->kernel, &first, &last);
            for (long ky = 0; ky < s->kernel; ky++, columns += run) {
                long y = row % s->out_height * s->stride + ky - s->padding;
                if (y < 0 || y >= s->height) {
                    for (long t = 0; t < run; t++) columns[t] = 0;
                    continue;
                }
                const REAL *from = x + (y * s->width + left) * c;
                for (long t = 0; t < first * c; t++) columns[t] = 0;
                for (long t = first * c; t < last * c; t++) columns[t] = from[t];
                for (long t = last * c; t < run; t++) columns[t] = 0;
            }
        }
    }
}

/* The other way: dx = sum of the columns' elements that came from it. */
CLONES static void NAME(raise)(const struct conv_shape *s, long begin, long end,
                               const REAL *columns, REAL *images) {
    long c = s->channels, run = s->kernel * c, size = s->height * s->width * c;
    for (long row = begin; row < end; row++) {
        REAL *dx = images + row / s->out_height * size;
        if (row % s->out_height == 0) memset(dx, 0, (size_t)size * sizeof *dx);
        for (long ox = 0; ox < s->out_width; ox++) {
            long left = ox * s->stride - s->padding, first, last;
            tap_run(left, s->width, s->kernel, &first, &last);
            for (long ky = 0; ky < s->kernel; ky++, columns += run) {
                long y = row % s->out_height * s->stride + ky - s->padding;
                if (y < 0 || y >= s->height) continue;
                REAL *to = dx + (y * s->width + left) * c;
                for (long t = first * c; t < last * c; t++) to[t] += columns[t];
            }
        }
    }
}
