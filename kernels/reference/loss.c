#include <math.h>

#include "kernels/reference/reference.h"

/* log(1 + e^v) */
static double softplus(double v) { return fmax(v, 0) + log1p(exp(-fabs(v))); }

static double squared(long count, double factor, const double *y, const double *t, double *dy) {
    double sum = 0;
    for (long i = 0; i < count; i++) {
        sum += factor * (y[i] - t[i]) * (y[i] - t[i]);
        dy[i] = factor * 2 * (y[i] - t[i]);
    }
    return sum;
}

static double binary(long images, long count, const double *z, const double *t, double *dz) {
    double sum = 0;
    for (long i = 0; i < count; i++) {
        sum += t[i] * softplus(-z[i]) + (1 - t[i]) * softplus(z[i]);
        dz[i] = (1 / (1 + exp(-z[i])) - t[i]) / (double)images;
    }
    return sum / (double)images;
}

static double categorical(long images, long n, const double *z, const double *t, double *dz) {
    double sum = 0;
    for (long i = 0; i < images; i++) {
        double largest = -INFINITY, total = 0;
        for (long j = 0; j < n; j++) largest = fmax(largest, z[i * n + j]);
        for (long j = 0; j < n; j++) total += exp(z[i * n + j] - largest);
        for (long j = 0; j < n; j++) {
            double log_y = z[i * n + j] - largest - log(total);
            sum -= t[i * n + j] * log_y;
            dz[i * n + j] = (exp(log_y) - t[i * n + j]) / (double)images;
        }
    }
    return sum / (double)images;
}

double reference_loss(enum loss loss, long images, long n, const double *y, const double *t,
                      double *dy) {
    double m = (double)images;
    switch (loss) {
    case LOSS_HALF_SUM: return squared(images * n, 0.5, y, t, dy);
    case LOSS_HALF_MEAN: return squared(images * n, 0.5 / m, y, t, dy);
    case LOSS_MEAN: return squared(images * n, 1 / (m * (double)n), y, t, dy);
    case LOSS_BINARY: return binary(images, images * n, y, t, dy);
    case LOSS_CATEGORICAL: return categorical(images, n, y, t, dy);
    case LOSS_COUNT: break;
    }
    return NAN;
}
