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

/* columns[image, oy, ox][ky][kx][c] = x[image][oy stride + ky - padding][ox stride + kx -
 * padding][c]
 */
CLONES static void NAME(lower)(const struct conv_shape *s, long images, const REAL *x,
                               REAL *columns) {
    long c = s->channels, row = s->kernel * c;
    for (long i = 0; i < images; i++, x += s->height * s->width * c)
        for (long oy = 0; oy < s->out_height; oy++)
            for (long ox = 0; ox < s->out_width; ox++) {
                long left = ox * s->stride - s->padding, first, last;
                tap_run(left, s->width, s->kernel, &first, &last);
                for (long ky = 0; ky < s->kernel; ky++, columns += row) {
                    long y = oy * s->stride + ky - s->padding;
                    if (y < 0 || y >= s->height) {
                        for (long t = 0; t < row; t++) columns[t] = 0;
                        continue;
                    }
                    const REAL *from = x + (y * s->width + left) * c;
                    for (long t = 0; t < first * c; t++) columns[t] = 0;
                    for (long t = first * c; t < last * c; t++) columns[t] = from[t];
                    for (long t = last * c; t < row; t++) columns[t] = 0;
                }
            }
}

/* The other way: dx = sum of the columns' elements that came from it. */
CLONES static void NAME(raise)(const struct conv_shape *s, long images, const REAL *columns,
                               REAL *dx) {
    long c = s->channels, row = s->kernel * c, size = s->height * s->width * c;
    for (long i = 0; i < images; i++, dx += size) {
        memset(dx, 0, (size_t)size * sizeof *dx);
        for (long oy = 0; oy < s->out_height; oy++)
            for (long ox = 0; ox < s->out_width; ox++) {
                long left = ox * s->stride - s->padding, first, last;
                tap_run(left, s->width, s->kernel, &first, &last);
                for (long ky = 0; ky < s->kernel; ky++, columns += row) {
                    long y = oy * s->stride + ky - s->padding;
                    if (y < 0 || y >= s->height) continue;
                    REAL *to = dx + (y * s->width + left) * c;
                    for (long t = first * c; t < last * c; t++) to[t] += columns[t];
                }
            }
    }
}

/* db += sum over rows of dy. */
CLONES static void NAME(add_rows)(long rows, long columns, const REAL *dy, REAL *db) {
    for (long i = 0; i < rows; i++)
        for (long j = 0; j < columns; j++) db[j] += dy[i * columns + j];
}

/* Adds elements [begin, end) of one thread's [dw, db] to the whole; the first one is copied.
 * `count` is the size of dw. */
CLONES static void NAME(add_part)(long begin, long end, long count, bool first, const REAL *own,
                                  REAL *dw, REAL *db) {
    for (long i = begin; i < end; i++) {
        REAL *to = i < count ? &dw[i] : &db[i - count];
        *to = first ? own[i] : *to + own[i];
    }
}
