#include <string.h>

#include "kernels/cpu/layers/clones.h"

/* One image. `where` is the place in x of the largest element; the first of equals wins. */
CLONES static void NAME(max_pool)(const struct pool_shape *s, const REAL *x, REAL *y,
                                  int32_t *where) {
    long c = s->channels;
    for (long oy = 0; oy < s->out_height; oy++)
        for (long ox = 0; ox < s->out_width; ox++, y += c, where += c) {
            int32_t corner = (int32_t)((oy * s->stride * s->width + ox * s->stride) * c);
            for (long j = 0; j < c; j++) {
                y[j] = x[corner + j];
                where[j] = corner + (int32_t)j;
            }
            for (long ky = 0; ky < s->window; ky++)
                for (long kx = 0; kx < s->window; kx++) {
                    int32_t at = corner + (int32_t)((ky * s->width + kx) * c);
                    for (long j = 0; j < c; j++) {
                        bool larger = x[at + j] > y[j] || x[at + j] != x[at + j]; /* NaN stays */
                        y[j] = larger ? x[at + j] : y[j];
                        where[j] = larger ? at + (int32_t)j : where[j];
                    }
                }
        }
}

static void NAME(scatter)(long n, const REAL *dy, const int32_t *where, REAL *dx) {
    for (long i = 0; i < n; i++) dx[where[i]] += dy[i];
}

CLONES static void NAME(average_pool)(const struct pool_shape *s, const REAL *x, REAL *y) {
    long c = s->channels;
    REAL share = (REAL)1 / (REAL)(s->window * s->window);
    for (long oy = 0; oy < s->out_height; oy++)
        for (long ox = 0; ox < s->out_width; ox++, y += c) {
            for (long j = 0; j < c; j++) y[j] = 0;
            for (long ky = 0; ky < s->window; ky++)
                for (long kx = 0; kx < s->window; kx++) {
                    const REAL *at =
                        x + ((oy * s->stride + ky) * s->width + ox * s->stride + kx) * c;
                    for (long j = 0; j < c; j++) y[j] += at[j];
                }
            for (long j = 0; j < c; j++) y[j] *= share;
        }
}

CLONES static void NAME(spread)(const struct pool_shape *s, const REAL *dy, REAL *dx) {
    long c = s->channels;
    REAL share = (REAL)1 / (REAL)(s->window * s->window);
    memset(dx, 0, (size_t)(s->height * s->width * c) * sizeof *dx);
    for (long oy = 0; oy < s->out_height; oy++)
        for (long ox = 0; ox < s->out_width; ox++, dy += c)
            for (long ky = 0; ky < s->window; ky++)
                for (long kx = 0; kx < s->window; kx++) {
                    REAL *to = dx + ((oy * s->stride + ky) * s->width + ox * s->stride + kx) * c;
                    for (long j = 0; j < c; j++) to[j] += share * dy[j];
                }
}
