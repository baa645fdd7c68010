#include "kernels/reference/reference.h"

#include <string.h>

static long place_in(const struct pool_shape *s, long i, long oy, long ox, long ky, long kx,
                     long c) {
    long row = oy * s->stride + ky, column = ox * s->stride + kx;
    return ((i * s->height + row) * s->width + column) * s->channels + c;
}

static long place_out(const struct pool_shape *s, long i, long oy, long ox, long c) {
    return ((i * s->out_height + oy) * s->out_width + ox) * s->channels + c;
}

#define EACH_OUTPUT                                                                                \
    for (long i = 0; i < s->images; i++)                                                           \
        for (long oy = 0; oy < s->out_height; oy++)                                                \
            for (long ox = 0; ox < s->out_width; ox++)                                             \
                for (long c = 0; c < s->channels; c++)

#define EACH_PLACE                                                                                 \
    for (long ky = 0; ky < s->window; ky++)                                                        \
        for (long kx = 0; kx < s->window; kx++)

/* The place in x of the first of the largest in a window. */
static long largest(const struct pool_shape *s, const double *x, long i, long oy, long ox, long c) {
    long best = place_in(s, i, oy, ox, 0, 0, c);
    EACH_PLACE {
        long at = place_in(s, i, oy, ox, ky, kx, c);
        if (x[at] > x[best]) best = at;
    }
    return best;
}

static void clear(const struct pool_shape *s, double *dx) {
    memset(dx, 0, (size_t)(s->images * s->height * s->width * s->channels) * sizeof *dx);
}

void reference_max_pool(const struct pool_shape *s, const double *x, double *y) {
    EACH_OUTPUT y[place_out(s, i, oy, ox, c)] = x[largest(s, x, i, oy, ox, c)];
}

void reference_max_pool_gradient(const struct pool_shape *s, const double *x, const double *dy,
                                 double *dx) {
    clear(s, dx);
    EACH_OUTPUT dx[largest(s, x, i, oy, ox, c)] += dy[place_out(s, i, oy, ox, c)];
}

void reference_average_pool(const struct pool_shape *s, const double *x, double *y) {
    EACH_OUTPUT {
        double sum = 0;
        EACH_PLACE sum += x[place_in(s, i, oy, ox, ky, kx, c)];
        y[place_out(s, i, oy, ox, c)] = sum / (double)(s->window * s->window);
    }
}

void reference_average_pool_gradient(const struct pool_shape *s, const double *dy, double *dx) {
    clear(s, dx);
    EACH_OUTPUT EACH_PLACE dx[place_in(s, i, oy, ox, ky, kx, c)] +=
        dy[place_out(s, i, oy, ox, c)] / (double)(s->window * s->window);
}
