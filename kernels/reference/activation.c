#include <math.h>

#include "kernels/reference/reference.h"

double reference_activation(enum activation activation, double slope, double z) {
    switch (activation) {
    case ACTIVATION_STEP: return z >= 0 ? 1 : 0;
    case ACTIVATION_SIGMOID: return 1 / (1 + exp(-z));
    case ACTIVATION_TANH: return tanh(z);
    case ACTIVATION_RELU: return z > 0 ? z : 0;
    case ACTIVATION_LEAKY_RELU: return z > 0 ? z : slope * z;
    case ACTIVATION_ELU: return z > 0 ? z : slope * expm1(z);
    case ACTIVATION_COUNT: break;
    }
    return NAN;
}

double reference_derivative(enum activation activation, double slope, double z) {
    switch (activation) {
    case ACTIVATION_STEP: return 0;
    case ACTIVATION_SIGMOID: return 1 / (2 + exp(z) + exp(-z));
    case ACTIVATION_TANH: return 1 / (cosh(z) * cosh(z));
    case ACTIVATION_RELU: return z > 0 ? 1 : 0;
    case ACTIVATION_LEAKY_RELU: return z > 0 ? 1 : slope;
    case ACTIVATION_ELU: return z > 0 ? 1 : slope * exp(z);
    case ACTIVATION_COUNT: break;
    }
    return NAN;
}

void reference_softmax(long rows, long n, const double *z, double *y) {
    for (long i = 0; i < rows; i++) {
        double largest = -INFINITY, sum = 0;
        for (long j = 0; j < n; j++) largest = fmax(largest, z[i * n + j]);
        for (long j = 0; j < n; j++) sum += exp(z[i * n + j] - largest);
        for (long j = 0; j < n; j++) y[i * n + j] = exp(z[i * n + j] - largest) / sum;
    }
}

/* dz_j = sum over k of dy_k dy_k/dz_j, with dy_k/dz_j = y_k ((k == j) - y_j) */
void reference_softmax_gradient(long rows, long n, const double *y, const double *dy, double *dz) {
    for (long i = 0; i < rows; i++)
        for (long j = 0; j < n; j++) {
            double sum = 0;
            for (long k = 0; k < n; k++)
                sum += dy[i * n + k] * y[i * n + k] * ((k == j) - y[i * n + j]);
            dz[i * n + j] = sum;
        }
}

void reference_maxout(long rows, long out, long pieces, const double *x, double *y) {
    for (long i = 0; i < rows * out; i++) {
        y[i] = x[i * pieces];
        for (long p = 1; p < pieces; p++) y[i] = fmax(y[i], x[i * pieces + p]);
    }
}
