#include <string.h>

#include "kernels/cpu/layers/clones.h"
#include "kernels/cpu/layers/elementary.h"
#include "kernels/cpu/layers/elementary_typed.h"

#define EACH(expression)                                                                           \
    for (long i = 0; i < n; i++) {                                                                 \
        REAL z = y[i];                                                                             \
        y[i] = (expression);                                                                       \
    }                                                                                              \
    break

/* y = f(y).  */
CLONES static void NAME(activate)(enum activation activation, REAL slope, long n, REAL *y) {
    const REAL one = 1;
    switch (activation) {
    case ACTIVATION_STEP: EACH((REAL)(z >= 0));
    case ACTIVATION_SIGMOID: EACH(one / (one + FUNCTION(exp)(-z)));
    case ACTIVATION_TANH: EACH(FUNCTION(tanh)(z));
    case ACTIVATION_RELU: EACH(z > 0 || z != z ? z : 0); /* NaN stays: divergence must show */
    case ACTIVATION_LEAKY_RELU: EACH(z > 0 ? z : slope * z);
    case ACTIVATION_ELU: EACH(z > 0 ? z : slope * FUNCTION(expm1)(z));
    case ACTIVATION_COUNT: break;
    }
}

/* Those of exponentials, n a multiple of WHOLE. */
CLONES static void NAME(activate_vectors)(enum activation activation, REAL slope, long n, REAL *y) {
    const REAL one = 1;
    switch (activation) {
    case ACTIVATION_SIGMOID: EACH(one / (one + NAME(vector_exp)(-z)));
    case ACTIVATION_TANH: EACH(NAME(vector_tanh)(z));
    case ACTIVATION_ELU: EACH((z > 0 ? z : 0) + slope * NAME(vector_expm1)(z > 0 ? 0 : z));
    default: break;
    }
}

/* Any n: what is left over becomes a whole vector. */
static void NAME(activate_whole)(enum activation activation, REAL slope, long n, REAL *y) {
    long rest = n % WHOLE, whole = n - rest;
    REAL room[WHOLE] = {0};
    if (whole) NAME(activate_vectors)(activation, slope, whole, y);
    if (!rest) return;
    memcpy(room, y + whole, (size_t)rest * sizeof *y);
    NAME(activate_vectors)(activation, slope, WHOLE, room);
    memcpy(y + whole, room, (size_t)rest * sizeof *y);
}
#undef EACH

/* dy = dy f'(z), with f' from the output y. */
#define EACH(derivative)                                                                           \
    for (long i = 0; i < n; i++) dy[i] *= (derivative);                                            \
    break

CLONES static void NAME(differentiate)(enum activation activation, REAL slope, long n,
                                       const REAL *y, REAL *dy) {
    const REAL one = 1, zero = 0;
    switch (activation) {
    case ACTIVATION_STEP: EACH(zero);
    case ACTIVATION_SIGMOID: EACH(y[i] * (one - y[i]));
    case ACTIVATION_TANH: EACH(one - y[i] * y[i]);
    case ACTIVATION_RELU: EACH(y[i] > 0 ? one : zero);
    case ACTIVATION_LEAKY_RELU: EACH(y[i] > 0 ? one : slope);
    case ACTIVATION_ELU: EACH(y[i] > 0 ? one : y[i] + slope);
    case ACTIVATION_COUNT: break;
    }
}
#undef EACH

/* One unit a row: its pieces lie side by side. */
static void NAME(maxout)(long units, long pieces, const REAL *x, REAL *y, int32_t *where) {
    for (long i = 0; i < units; i++, x += pieces) {
        int32_t best = 0;
        for (int32_t p = 1; p < pieces; p++)
            if (x[p] > x[best]) best = p;
        y[i] = x[best];
        where[i] = best;
    }
}

static void NAME(maxout_back)(long units, long pieces, const REAL *dy, const int32_t *where,
                              REAL *dx) {
    for (long i = 0; i < units; i++, dx += pieces)
        for (int32_t p = 0; p < pieces; p++) dx[p] = p == where[i] ? dy[i] : 0;
}

/* The largest is taken off first, so that no exponential overflows. */
static void NAME(softmax_row)(long n, REAL *y) {
    REAL largest = y[0], sum = 0;
    for (long j = 1; j < n; j++)
        if (y[j] > largest) largest = y[j];
    for (long j = 0; j < n; j++) {
        y[j] = FUNCTION(exp)(y[j] - largest);
        sum += y[j];
    }
    for (long j = 0; j < n; j++) y[j] /= sum;
}

/* Rows side by side: their exponentials in one go. */
CLONES static void NAME(softmax_rows)(long rows, long n, REAL *y) {
    for (long i = 0; i < rows; i++) NAME(shift_row)(n, y + i * n);
    NAME(exp_all)(rows * n, y);
    for (long i = 0; i < rows; i++, y += n) {
        REAL sum = 0;
        for (long j = 0; j < n; j++) sum += y[j];
        REAL share = 1 / sum;
        for (long j = 0; j < n; j++) y[j] *= share;
    }
}

static void NAME(softmax_row_back)(long n, const REAL *y, REAL *dy) {
    REAL sum = 0;
    for (long j = 0; j < n; j++) sum += dy[j] * y[j];
    for (long j = 0; j < n; j++) dy[j] = y[j] * (dy[j] - sum);
}
