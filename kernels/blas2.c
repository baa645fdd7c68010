/* BLAS level 2: a matrix and vectors. O(n^2) FLOP on O(n^2) data. */
#include <math.h>
#include <stdlib.h>

#include "kernels/cblas.h"
#include "kernels/levels.h"

/* operand[0] is A; operand[1] is x; operand[2] is y where there is one. */
static double x(const struct blas_call *c, long i) { return operand_at(&c->operand[1], i, 0); }
static double y(const struct blas_call *c, long i) { return operand_at(&c->operand[2], i, 0); }

static double m_of(const struct blas_call *c) { return (double)c->m; }
static double n_of(const struct blas_call *c) { return (double)c->n; }
static double triangle(double n) { return n * (n + 1) / 2; }

/* An output y = beta y + ... is read only where beta is not 0. */
static double passes(const struct blas_call *c) { return c->beta == 0 ? 1 : 2; }

static void actual_y(const struct blas_call *c, const double *t, double *out) {
    (void)t;
    for (long i = 0; i < c->operand[2].rows; i++) out[i] = y(c, i);
}

static double old_y(const struct blas_call *c, long i) {
    return c->beta == 0 ? 0 : c->beta * y(c, i);
}

static double scale_product(const struct blas_call *c, const double *norm) {
    double products = sqrt((double)c->operand[1].rows + 2) * fmax(fabs(c->alpha), 1);
    double old = c->beta == 0 ? 0 : 2 * fmax(fabs(c->beta), 1) * norm[2];
    return products * norm[0] * norm[1] + old;
}

/* gemv: y = alpha op(A) x + beta y, A is m x n */
static void shape_gemv(struct blas_call *c) {
    bool t = c->transa == 't';
    operand_set(&c->operand[0], OPERAND_GENERAL, c->m, c->n, true, false);
    operand_set(&c->operand[1], OPERAND_VECTOR, t ? c->m : c->n, 1, true, false);
    operand_set(&c->operand[2], OPERAND_VECTOR, t ? c->n : c->m, 1, c->beta != 0, true);
}

static double flops_2mn(const struct blas_call *c) { return 2 * m_of(c) * n_of(c); }

static double elements_gemv(const struct blas_call *c) {
    return m_of(c) * n_of(c) + (double)c->operand[1].rows + passes(c) * (double)c->operand[2].rows;
}

#define RUN(P, REAL)                                                                               \
    static void run_gemv_##P(struct blas_call *c, blas_routine routine, long repetitions) {        \
        typedef void function(int, int, int, int, REAL, const REAL *, int, const REAL *, int,      \
                              REAL, REAL *, int);                                                  \
        function *gemv = (function *)routine;                                                      \
        int trans = cblas_trans(c->transa), m = (int)c->m, n = (int)c->n;                          \
        int lda = (int)c->operand[0].stride;                                                       \
        int incx = (int)c->operand[1].stride, incy = (int)c->operand[2].stride;                    \
        struct coefficients s = kernel_update_coefficients(c);                                     \
        REAL alpha[2] = {(REAL)s.alpha[0], (REAL)s.alpha[1]};                                      \
        REAL beta[2] = {(REAL)s.beta[0], (REAL)s.beta[1]};                                         \
        const REAL *a = operand_data(&c->operand[0]), *x = operand_data(&c->operand[1]);           \
        REAL *y = operand_data(&c->operand[2]);                                                    \
        for (long r = 0, step = c->step; r < repetitions; r++, step++)                             \
            gemv(CBLAS_COL_MAJOR, trans, m, n, alpha[step & 1], a, lda, x, incx, beta[step & 1],   \
                 y, incy);                                                                         \
        c->step += repetitions;                                                                    \
    }
RUN(s, float)
RUN(d, double)
#undef RUN

/* y = alpha op(A) x + beta y with a symmetric or general A */
static void expected_product(const struct blas_call *c, const double *t, double *out) {
    (void)t;
    double *values = operand_values_of(&c->operand[1]);
    operand_times(&c->operand[0], c->transa, values, out);
    for (long i = 0; i < c->operand[2].rows; i++) out[i] = c->alpha * out[i] + old_y(c, i);
    free(values);
}

/* ger: A = alpha x y' + A, A is m x n */
static void shape_ger(struct blas_call *c) {
    operand_set(&c->operand[0], OPERAND_GENERAL, c->m, c->n, true, true);
    operand_set(&c->operand[1], OPERAND_VECTOR, c->m, 1, true, false);
    operand_set(&c->operand[2], OPERAND_VECTOR, c->n, 1, true, false);
}

static double elements_ger(const struct blas_call *c) {
    return 2 * m_of(c) * n_of(c) + m_of(c) + n_of(c);
}

#define RUN(P, REAL)                                                                               \
    static void run_ger_##P(struct blas_call *c, blas_routine routine, long repetitions) {         \
        typedef void function(int, int, int, REAL, const REAL *, int, const REAL *, int, REAL *,   \
                              int);                                                                \
        function *ger = (function *)routine;                                                       \
        int m = (int)c->m, n = (int)c->n, lda = (int)c->operand[0].stride;                         \
        int incx = (int)c->operand[1].stride, incy = (int)c->operand[2].stride;                    \
        REAL alpha[2] = {(REAL)c->alpha, (REAL)-c->alpha};                                         \
        const REAL *x = operand_data(&c->operand[1]), *y = operand_data(&c->operand[2]);           \
        REAL *a = operand_data(&c->operand[0]);                                                    \
        for (long r = 0, step = c->step; r < repetitions; r++, step++)                             \
            ger(CBLAS_COL_MAJOR, m, n, alpha[step & 1], x, incx, y, incy, a, lda);                 \
        c->step += repetitions;                                                                    \
    }
RUN(s, float)
RUN(d, double)
#undef RUN

static void actual_ger(const struct blas_call *c, const double *t, double *out) {
    operand_times(&c->operand[0], 'n', t, out);
}

static void expected_ger(const struct blas_call *c, const double *t, double *out) {
    double sum;
    operand_times(&c->operand[2], 't', t, &sum);
    operand_times(&c->operand[0], 'n', t, out);
    for (long i = 0; i < c->m; i++) out[i] += c->alpha * x(c, i) * sum;
}

static double scale_ger(const struct blas_call *c, const double *norm) {
    return sqrt(3) * fmax(fabs(c->alpha), 1) * norm[1] * norm[2] + 2 * norm[0];
}

/* symv: y = alpha A x + beta y, A is n x n and symmetric */
static void shape_symv(struct blas_call *c) {
    operand_set(&c->operand[0], OPERAND_SYMMETRIC, c->n, c->n, true, false);
    operand_set(&c->operand[1], OPERAND_VECTOR, c->n, 1, true, false);
    operand_set(&c->operand[2], OPERAND_VECTOR, c->n, 1, c->beta != 0, true);
}

static double flops_symv(const struct blas_call *c) { return 2 * n_of(c) * n_of(c); }

static double elements_symv(const struct blas_call *c) {
    return triangle(n_of(c)) + n_of(c) + passes(c) * n_of(c);
}

#define RUN(P, REAL)                                                                               \
    static void run_symv_##P(struct blas_call *c, blas_routine routine, long repetitions) {        \
        typedef void function(int, int, int, REAL, const REAL *, int, const REAL *, int, REAL,     \
                              REAL *, int);                                                        \
        function *symv = (function *)routine;                                                      \
        int uplo = cblas_uplo(c->uplo), n = (int)c->n, lda = (int)c->operand[0].stride;            \
        int incx = (int)c->operand[1].stride, incy = (int)c->operand[2].stride;                    \
        struct coefficients s = kernel_update_coefficients(c);                                     \
        REAL alpha[2] = {(REAL)s.alpha[0], (REAL)s.alpha[1]};                                      \
        REAL beta[2] = {(REAL)s.beta[0], (REAL)s.beta[1]};                                         \
        const REAL *a = operand_data(&c->operand[0]), *x = operand_data(&c->operand[1]);           \
        REAL *y = operand_data(&c->operand[2]);                                                    \
        for (long r = 0, step = c->step; r < repetitions; r++, step++)                             \
            symv(CBLAS_COL_MAJOR, uplo, n, alpha[step & 1], a, lda, x, incx, beta[step & 1], y,    \
                 incy);                                                                            \
        c->step += repetitions;                                                                    \
    }
RUN(s, float)
RUN(d, double)
#undef RUN

/* trsv: x = op(A)^-1 x, A is n x n and triangular. Checked by its residual: op(A) x against the
 * old x. */
static void shape_trsv(struct blas_call *c) {
    operand_set(&c->operand[0], OPERAND_TRIANGULAR, c->n, c->n, true, false);
    operand_set(&c->operand[1], OPERAND_VECTOR, c->n, 1, true, true);
}

static double flops_trsv(const struct blas_call *c) { return n_of(c) * n_of(c); }

static double elements_trsv(const struct blas_call *c) { return triangle(n_of(c)) + 2 * n_of(c); }

#define RUN(P, REAL)                                                                               \
    static void run_trsv_##P(struct blas_call *c, blas_routine routine, long repetitions) {        \
        typedef void function(int, int, int, int, int, const REAL *, int, REAL *, int);            \
        function *trsv = (function *)routine;                                                      \
        int uplo = cblas_uplo(c->uplo), trans = cblas_trans(c->transa), n = (int)c->n;             \
        int lda = (int)c->operand[0].stride, incx = (int)c->operand[1].stride;                     \
        const REAL *a = operand_data(&c->operand[0]);                                              \
        REAL *x = operand_data(&c->operand[1]);                                                    \
        for (long r = 0; r < repetitions; r++)                                                     \
            trsv(CBLAS_COL_MAJOR, uplo, trans, CBLAS_NON_UNIT, n, a, lda, x, incx);                \
    }
RUN(s, float)
RUN(d, double)
#undef RUN

static void expected_trsv(const struct blas_call *c, const double *t, double *out) {
    (void)t;
    for (long i = 0; i < c->n; i++) out[i] = x(c, i);
}

static void actual_trsv(const struct blas_call *c, const double *t, double *out) {
    (void)t;
    double *values = operand_values_of(&c->operand[1]);
    operand_times(&c->operand[0], c->transa, values, out);
    free(values);
}

static double scale_trsv(const struct blas_call *c, const double *norm) {
    return sqrt(n_of(c) + 2) * norm[0] * norm[1];
}

const struct kernel blas2_kernels[] = {
    {.name = "gemv",
     .level = 2,
     .formula = "y = alpha op(A) x + beta y",
     .dimensions = "mn",
     .trans = "n",
     .stream = "load",
     .flops = flops_2mn,
     .elements = elements_gemv,
     .shape = shape_gemv,
     .run = {run_gemv_s, run_gemv_d},
     .expected = expected_product,
     .actual = actual_y,
     .scale = scale_product},
    {.name = "ger",
     .level = 2,
     .formula = "A = alpha x y' + A",
     .dimensions = "mn",
     .trans = "",
     .stream = "update",
     .flops = flops_2mn,
     .elements = elements_ger,
     .shape = shape_ger,
     .run = {run_ger_s, run_ger_d},
     .expected = expected_ger,
     .actual = actual_ger,
     .scale = scale_ger},
    {.name = "symv",
     .level = 2,
     .formula = "y = alpha A x + beta y, A = A'",
     .dimensions = "n",
     .trans = "",
     .has_uplo = true,
     .stream = "load",
     .flops = flops_symv,
     .elements = elements_symv,
     .shape = shape_symv,
     .run = {run_symv_s, run_symv_d},
     .expected = expected_product,
     .actual = actual_y,
     .scale = scale_product},
    {.name = "trsv",
     .level = 2,
     .formula = "x = op(A)^-1 x, A triangular",
     .dimensions = "n",
     .trans = "n",
     .has_uplo = true,
     .stream = "load",
     .flops = flops_trsv,
     .elements = elements_trsv,
     .shape = shape_trsv,
     .run = {run_trsv_s, run_trsv_d},
     .expected = expected_trsv,
     .actual = actual_trsv,
     .scale = scale_trsv},
    {.name = NULL},
};
