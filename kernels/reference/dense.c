#include "kernels/reference/reference.h"

void reference_dense(const struct dense_shape *s, const double *x, const double *w, const double *b,
                     double *y) {
    for (long i = 0; i < s->images; i++)
        for (long o = 0; o < s->out; o++) {
            double sum = b[o];
            for (long k = 0; k < s->in; k++) sum += x[i * s->in + k] * w[k * s->out + o];
            y[i * s->out + o] = sum;
        }
}

void reference_dense_weight_gradient(const struct dense_shape *s, const double *x, const double *dy,
                                     double *dw, double *db) {
    for (long o = 0; o < s->out; o++) {
        db[o] = 0;
        for (long i = 0; i < s->images; i++) db[o] += dy[i * s->out + o];
        for (long k = 0; k < s->in; k++) {
            double sum = 0;
            for (long i = 0; i < s->images; i++) sum += x[i * s->in + k] * dy[i * s->out + o];
            dw[k * s->out + o] = sum;
        }
    }
}

void reference_dense_input_gradient(const struct dense_shape *s, const double *dy, const double *w,
                                    double *dx) {
    for (long i = 0; i < s->images; i++)
        for (long k = 0; k < s->in; k++) {
            double sum = 0;
            for (long o = 0; o < s->out; o++) sum += dy[i * s->out + o] * w[k * s->out + o];
            dx[i * s->in + k] = sum;
        }
}
