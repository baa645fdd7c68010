#include "kernels/reference/reference.h"

#include <stdbool.h>
#include <string.h>

/* One term of the sum that defines a convolution. */
struct term {
    long x, w, y; /* indices; x -1 where the padding is */
};

static struct term term_at(const struct conv_shape *s, long i, long oy, long ox, long f, long ky,
                           long kx, long c) {
    long row = oy * s->stride + ky - s->padding, column = ox * s->stride + kx - s->padding;
    bool inside = row >= 0 && row < s->height && column >= 0 && column < s->width;
    return (struct term){.x = inside ? ((i * s->height + row) * s->width + column) * s->channels + c
                                     : -1,
                         .w = ((ky * s->kernel + kx) * s->channels + c) * s->filters + f,
                         .y = ((i * s->out_height + oy) * s->out_width + ox) * s->filters + f};
}

#define EACH_OUTPUT                                                                                \
    for (long i = 0; i < s->images; i++)                                                           \
        for (long oy = 0; oy < s->out_height; oy++)                                                \
            for (long ox = 0; ox < s->out_width; ox++)                                             \
                for (long f = 0; f < s->filters; f++)

#define EACH_TAP                                                                                   \
    for (long ky = 0; ky < s->kernel; ky++)                                                        \
        for (long kx = 0; kx < s->kernel; kx++)                                                    \
            for (long c = 0; c < s->channels; c++)

void reference_conv(const struct conv_shape *s, const double *x, const double *w, const double *b,
                    double *y) {
    EACH_OUTPUT {
        double sum = b[f];
        EACH_TAP {
            struct term t = term_at(s, i, oy, ox, f, ky, kx, c);
            if (t.x >= 0) sum += x[t.x] * w[t.w];
        }
        y[term_at(s, i, oy, ox, f, 0, 0, 0).y] = sum;
    }
}

void reference_conv_weight_gradient(const struct conv_shape *s, const double *x, const double *dy,
                                    double *dw, double *db) {
    memset(dw, 0, (size_t)(s->kernel * s->kernel * s->channels * s->filters) * sizeof *dw);
    memset(db, 0, (size_t)s->filters * sizeof *db);
    EACH_OUTPUT {
        db[f] += dy[term_at(s, i, oy, ox, f, 0, 0, 0).y];
        EACH_TAP {
            struct term t = term_at(s, i, oy, ox, f, ky, kx, c);
            if (t.x >= 0) dw[t.w] += x[t.x] * dy[t.y];
        }
    }
}

void reference_conv_input_gradient(const struct conv_shape *s, const double *dy, const double *w,
                                   double *dx) {
    memset(dx, 0, (size_t)(s->images * s->height * s->width * s->channels) * sizeof *dx);
    EACH_OUTPUT EACH_TAP {
        struct term t = term_at(s, i, oy, ox, f, ky, kx, c);
        if (t.x >= 0) dx[t.x] += w[t.w] * dy[t.y];
    }
}
