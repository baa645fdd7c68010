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

/* --- A vector of channels at a time: windows that lie side by side -------------------------------
 *
 * Of fewer channels than a vector has lanes the surplus ones compute the next pixels' numbers
 * wrongly; they are overwritten when these follow, and the last ones of an image go one by one. */

enum { NAME(LANES) = 64 / sizeof(REAL) };

/* Without the pragma the compiler unrolls these short loops before it thinks of vectors. */
#define EACH_LANE _Pragma("omp simd") for (long l = 0; l < NAME(LANES); l++)
/* Vectors of c channels: the last one lies over the one before. */
#define EACH_VECTOR(j) for (long j = 0; j < c; j = j + lanes < last || j == last ? j + lanes : last)
#define LARGER(value, place)                                                                       \
    larger = (value) > best || (value) != (value); /* NaN stays */                                 \
    best = larger ? (value) : best;                                                                \
    at = larger ? (place) : at

static inline __attribute__((always_inline)) void NAME(max_of_four)(long c, long row,
                                                                    const REAL *restrict x,
                                                                    REAL *restrict y,
                                                                    uint8_t *restrict where) {
    NAME(place) places[NAME(LANES)];
    EACH_LANE {
        REAL best = x[l], right = x[c + l], below = x[row + l], across = x[row + c + l];
        NAME(place) at = 0;
        bool larger;
        LARGER(right, 1);
        LARGER(below, 2);
        LARGER(across, 3);
        y[l] = best;
        places[l] = at;
    }
    EACH_LANE where[l] = (uint8_t)places[l];
}

static inline __attribute__((always_inline)) void
NAME(max_of_window)(long n, long window, long c, long row, const REAL *restrict x, REAL *restrict y,
                    uint8_t *restrict where) {
    for (long j = 0; j < n; j++) y[j] = x[j], where[j] = 0;
    for (long k = 1; k < window * window; k++) {
        const REAL *cell = x + k / window * row + k % window * c;
        for (long j = 0; j < n; j++) {
            bool larger = cell[j] > y[j] || cell[j] != cell[j];
            y[j] = larger ? cell[j] : y[j];
            where[j] = larger ? (uint8_t)k : where[j];
        }
    }
}

/* `where` is the place within the window. */
CLONES static void NAME(max_pool_bytes)(const struct pool_shape *s, const REAL *x, REAL *y,
                                        uint8_t *where) {
    const long c = s->channels, row = s->width * c, window = s->window, lanes = NAME(LANES);
    const long last = c > lanes ? c - lanes : 0;
    const REAL *y_end = y + s->out_height * s->out_width * c, *x_end = x + s->height * row;
    for (long oy = 0; oy < s->out_height; oy++)
        for (long ox = 0; ox < s->out_width; ox++, y += c, where += c) {
            const REAL *corner = x + oy * window * row + ox * window * c;
            bool fits = y_end - y >= lanes && x_end - corner >= row + c + lanes;
            if (window != 2 || (c < lanes && !fits)) {
                NAME(max_of_window)(c, window, c, row, corner, y, where);
                continue;
            }
            EACH_VECTOR(j) { NAME(max_of_four)(c, row, corner + j, y + j, where + j); }
        }
}

CLONES static void NAME(widen)(long n, const uint8_t *restrict where,
                               NAME(place) *restrict places) {
    for (long i = 0; i < n; i++) places[i] = where[i];
}

static inline __attribute__((always_inline)) void
NAME(unpool_vector)(long window, long c, NAME(place) first, const REAL *restrict dy,
                    const NAME(place) *restrict places, REAL *restrict dx) {
    for (long kx = 0; kx < window; kx++, dx += c) {
        const NAME(place) place = (NAME(place))(first + kx);
        EACH_LANE {
            REAL value = dy[l];
            dx[l] = places[l] == place ? value : 0;
        }
    }
}

/* Row `ky` of a row of windows: dy where the largest was, else 0. dy and places have LANES more. */
CLONES static void NAME(unpool_row)(const struct pool_shape *s, long ky, const REAL *dy,
                                    const NAME(place) * places, REAL *dx, const REAL *dx_end) {
    const long c = s->channels, window = s->window, lanes = NAME(LANES);
    const long last = c > lanes ? c - lanes : 0;
    const NAME(place) first = (NAME(place))(ky * window);
    REAL *end = dx + s->width * c;
    for (long ox = 0; ox < s->out_width; ox++, dy += c, places += c, dx += window * c) {
        if (c < lanes && dx_end - dx < (window - 1) * c + lanes) {
            for (long i = 0; i < window * c; i++)
                dx[i] = places[i % c] == first + i / c ? dy[i % c] : 0;
            continue;
        }
        EACH_VECTOR(j) { NAME(unpool_vector)(window, c, first, dy + j, places + j, dx + j); }
    }
    for (; dx < end; dx++) *dx = 0;
}

CLONES static void NAME(average_of_four)(const struct pool_shape *s, const REAL *x, REAL *y) {
    const long c = s->channels, row = s->width * c, lanes = NAME(LANES);
    const long last = c > lanes ? c - lanes : 0;
    const REAL *y_end = y + s->out_height * s->out_width * c, *x_end = x + s->height * row;
    for (long oy = 0; oy < s->out_height; oy++)
        for (long ox = 0; ox < s->out_width; ox++, y += c) {
            const REAL *corner = x + 2 * (oy * row + ox * c);
            if (c < lanes && (y_end - y < lanes || x_end - corner < row + c + lanes)) {
                for (long j = 0; j < c; j++)
                    y[j] = (REAL)0.25 *
                           ((corner[j] + corner[c + j]) + (corner[row + j] + corner[row + c + j]));
                continue;
            }
            EACH_VECTOR(j) {
                const REAL *restrict a = corner + j, *restrict b = a + row;
                REAL *restrict to = y + j;
                EACH_LANE to[l] = (REAL)0.25 * ((a[l] + a[c + l]) + (b[l] + b[c + l]));
            }
        }
}

/* The first row of a row of windows: shares of dy. */
CLONES static void NAME(spread_row)(const struct pool_shape *s, const REAL *dy, const REAL *dy_end,
                                    REAL *dx, const REAL *dx_end) {
    const long c = s->channels, window = s->window, lanes = NAME(LANES);
    const long last = c > lanes ? c - lanes : 0;
    const REAL share = (REAL)1 / (REAL)(window * window);
    REAL *end = dx + s->width * c;
    for (long ox = 0; ox < s->out_width; ox++, dy += c)
        for (long kx = 0; kx < window; kx++, dx += c) {
            if (c < lanes && (dy_end - dy < lanes || dx_end - dx < lanes)) {
                for (long j = 0; j < c; j++) dx[j] = share * dy[j];
                continue;
            }
            EACH_VECTOR(j) {
                const REAL *restrict from = dy + j;
                REAL *restrict to = dx + j;
                EACH_LANE to[l] = share * from[l];
            }
        }
    for (; dx < end; dx++) *dx = 0;
}
#undef EACH_LANE
#undef EACH_VECTOR
#undef LARGER
