/* BLAS level 3: matrices. O(n^3) FLOP on O(n^2) data. */
#include <math.h>
#include <stdlib.h>

#include "kernels/cblas.h"
#include "kernels/levels.h"

/* operand[0] is A; operand[1] is B where there is one; the output is the last. */

static double m_of(const struct blas_call *c) { return (double)c->m; }
static double n_of(const struct blas_call *c) { return (double)c->n; }
static double k_of(const struct blas_call *c) { return (double)c->k; }
static double triangle(double n) { return n * (n + 1) / 2; }

/* An output C = beta C + ... is read only where beta is not 0. */
static double passes(const struct blas_call *c) { return c->beta == 0 ? 1 : 2; }

static double *scratch(long n) {
    double *v = calloc((size_t)(n > 0 ? n : 1), sizeof *v);
    if (!v) abort(); /* a vector, after matrices were allocated */
    return v;
}

/* out = alpha out + beta C t */
static void add_old(const struct blas_call *c, const struct operand *old, const double *t,
                    double *out) {
    for (long i = 0; i < old->rows; i++) out[i] *= c->alpha;
    if (c->beta == 0) return;
    double *product = scratch(old->rows);
    operand_times(old, 'n', t, product);
    for (long i = 0; i < old->rows; i++) out[i] += c->beta * product[i];
    free(product);
}

/* Matrix units cut off what sums do not hold, which does not cancel: so not the root there. */
static double scale_sum(const struct blas_call *c, double inner, double inputs, double old) {
    double kept = c->beta == 0 ? 0 : 2 * fmax(fabs(c->beta), 1) * old;
    double growth = scalar_is_mixed(c->type) ? inner + 2 : sqrt(inner + 2);
    return growth * fmax(fabs(c->alpha), 1) * inputs + kept;
}

static void actual_last(const struct blas_call *c, const double *t, double *out) {
    operand_times(&c->operand[2], 'n', t, out);
}

static void actual_second(const struct blas_call *c, const double *t, double *out) {
    operand_times(&c->operand[1], 'n', t, out);
}

/* gemm: C = alpha op(A) op(B) + beta C, C is m x n, the inner dimension k */
static void shape_gemm(struct blas_call *c) {
    bool ta = c->transa == 't', tb = c->transb == 't';
    operand_set(&c->operand[0], OPERAND_GENERAL, ta ? c->k : c->m, ta ? c->m : c->k, true, false);
    operand_set(&c->operand[1], OPERAND_GENERAL, tb ? c->n : c->k, tb ? c->k : c->n, true, false);
    operand_set(&c->operand[2], OPERAND_GENERAL, c->m, c->n, c->beta != 0, true);
}

static double flops_gemm(const struct blas_call *c) { return 2 * m_of(c) * n_of(c) * k_of(c); }

static double elements_gemm(const struct blas_call *c) {
    return m_of(c) * k_of(c) + k_of(c) * n_of(c) + passes(c) * m_of(c) * n_of(c);
}

#define RUN(P, REAL, STORED)                                                                       \
    static void run_gemm_##P(struct blas_call *c, blas_routine routine, long repetitions) {        \
        typedef void function(int, int, int, int, int, int, REAL, const STORED *, int,             \
                              const STORED *, int, REAL, STORED *, int);                           \
        function *gemm = (function *)routine;                                                      \
        int transa = cblas_trans(c->transa), transb = cblas_trans(c->transb);                      \
        int m = (int)c->m, n = (int)c->n, k = (int)c->k;                                           \
        int lda = (int)c->operand[0].stride, ldb = (int)c->operand[1].stride;                      \
        int ldc = (int)c->operand[2].stride;                                                       \
        struct coefficients s = kernel_update_coefficients(c);                                     \
        REAL alpha[2] = {(REAL)s.alpha[0], (REAL)s.alpha[1]};                                      \
        REAL beta[2] = {(REAL)s.beta[0], (REAL)s.beta[1]};                                         \
        const STORED *a = operand_data(&c->operand[0]), *b = operand_data(&c->operand[1]);         \
        STORED *out = operand_data(&c->operand[2]);                                                \
        for (long r = 0, step = c->step; r < repetitions; r++, step++)                             \
            gemm(CBLAS_COL_MAJOR, transa, transb, m, n, k, alpha[step & 1], a, lda, b, ldb,        \
                 beta[step & 1], out, ldc);                                                        \
        c->step += repetitions;                                                                    \
    }
RUN(s, float, float)
RUN(d, double, double)
RUN(mixed, float, void) /* coefficients as summed: in single precision */
#undef RUN

static void expected_gemm(const struct blas_call *c, const double *t, double *out) {
    double *inner = scratch(c->k);
    operand_times(&c->operand[1], c->transb, t, inner);
    operand_times(&c->operand[0], c->transa, inner, out);
    add_old(c, &c->operand[2], t, out);
    free(inner);
}

static double scale_gemm(const struct blas_call *c, const double *norm) {
    return scale_sum(c, k_of(c), norm[0] * norm[1], norm[2]);
}

/* gemm_strided_batched: C_i = alpha op(A_i) op(B_i) + beta C_i for i < batch. Each operand holds
 * its matrices side by side, so matrix i begins lda x (its columns) x i behind the first. */
static void shape_batched(struct blas_call *c) {
    shape_gemm(c);
    for (int i = 0; i < MAX_OPERANDS; i++) c->operand[i].columns *= c->batch;
}

static double flops_batched(const struct blas_call *c) { return (double)c->batch * flops_gemm(c); }

static double elements_batched(const struct blas_call *c) {
    return (double)c->batch * elements_gemm(c);
}

/* Elements from one matrix to the next. */
static long distance(const struct blas_call *c, int operand) {
    const struct operand *o = &c->operand[operand];
    return o->columns / c->batch * o->stride;
}

#define RUN(P, REAL, STORED)                                                                       \
    static void run_batched_##P(struct blas_call *c, blas_routine routine, long repetitions) {     \
        typedef void function(int, int, int, int, int, int, REAL, const STORED *, int, int,        \
                              const STORED *, int, int, REAL, STORED *, int, int, int);            \
        function *gemm = (function *)routine;                                                      \
        int transa = cblas_trans(c->transa), transb = cblas_trans(c->transb);                      \
        int m = (int)c->m, n = (int)c->n, k = (int)c->k, batch = (int)c->batch;                    \
        int lda = (int)c->operand[0].stride, ldb = (int)c->operand[1].stride;                      \
        int ldc = (int)c->operand[2].stride;                                                       \
        int next_a = (int)distance(c, 0), next_b = (int)distance(c, 1);                            \
        int next_c = (int)distance(c, 2);                                                          \
        struct coefficients s = kernel_update_coefficients(c);                                     \
        REAL alpha[2] = {(REAL)s.alpha[0], (REAL)s.alpha[1]};                                      \
        REAL beta[2] = {(REAL)s.beta[0], (REAL)s.beta[1]};                                         \
        const STORED *a = operand_data(&c->operand[0]), *b = operand_data(&c->operand[1]);         \
        STORED *out = operand_data(&c->operand[2]);                                                \
        for (long r = 0, step = c->step; r < repetitions; r++, step++)                             \
            gemm(CBLAS_COL_MAJOR, transa, transb, m, n, k, alpha[step & 1], a, lda, next_a, b,     \
                 ldb, next_b, beta[step & 1], out, ldc, next_c, batch);                            \
        c->step += repetitions;                                                                    \
    }
RUN(s, float, float)
RUN(d, double, double)
RUN(mixed, float, void)
#undef RUN

/* Product number i as a call of its own. */
static struct blas_call one_of(const struct blas_call *c, long i) {
    struct blas_call one = *c;
    for (int p = 0; p < MAX_OPERANDS; p++) {
        long columns = c->operand[p].columns / c->batch;
        one.operand[p] = operand_columns(&c->operand[p], i * columns, columns);
    }
    return one;
}

/* (C_0 C_1 ...) t is the sum of C_i t_i. */
static void expected_batched(const struct blas_call *c, const double *t, double *out) {
    double *part = scratch(c->m);
    for (long i = 0; i < c->m; i++) out[i] = 0;
    for (long b = 0; b < c->batch; b++) {
        bool zero = true; /* a unit vector meets one product only */
        for (long j = 0; j < c->n; j++) zero &= t[b * c->n + j] == 0;
        if (zero) continue;
        struct blas_call one = one_of(c, b);
        expected_gemm(&one, t + b * c->n, part);
        for (long i = 0; i < c->m; i++) out[i] += part[i];
    }
    free(part);
}

/* The norm of all products' errors: that of the norms of A_i times those of B_i. */
static double scale_batched(const struct blas_call *c, const double *norm) {
    double sum = 0;
    for (long b = 0; b < c->batch; b++) {
        struct blas_call one = one_of(c, b);
        double a = operand_norm(&one.operand[0]), x = operand_norm(&one.operand[1]);
        sum += a * a * x * x;
    }
    return scale_sum(c, k_of(c), sqrt(sum), norm[2]);
}

/* symm: C = alpha A B + beta C, A is m x m and symmetric, B and C are m x n */
static void shape_symm(struct blas_call *c) {
    operand_set(&c->operand[0], OPERAND_SYMMETRIC, c->m, c->m, true, false);
    operand_set(&c->operand[1], OPERAND_GENERAL, c->m, c->n, true, false);
    operand_set(&c->operand[2], OPERAND_GENERAL, c->m, c->n, c->beta != 0, true);
}

static double flops_symm(const struct blas_call *c) { return 2 * m_of(c) * m_of(c) * n_of(c); }

static double elements_symm(const struct blas_call *c) {
    return triangle(m_of(c)) + (1 + passes(c)) * m_of(c) * n_of(c);
}

#define RUN(P, REAL)                                                                               \
    static void run_symm_##P(struct blas_call *c, blas_routine routine, long repetitions) {        \
        typedef void function(int, int, int, int, int, REAL, const REAL *, int, const REAL *, int, \
                              REAL, REAL *, int);                                                  \
        function *symm = (function *)routine;                                                      \
        int uplo = cblas_uplo(c->uplo), m = (int)c->m, n = (int)c->n;                              \
        int lda = (int)c->operand[0].stride, ldb = (int)c->operand[1].stride;                      \
        int ldc = (int)c->operand[2].stride;                                                       \
        struct coefficients s = kernel_update_coefficients(c);                                     \
        REAL alpha[2] = {(REAL)s.alpha[0], (REAL)s.alpha[1]};                                      \
        REAL beta[2] = {(REAL)s.beta[0], (REAL)s.beta[1]};                                         \
        const REAL *a = operand_data(&c->operand[0]), *b = operand_data(&c->operand[1]);           \
        REAL *out = operand_data(&c->operand[2]);                                                  \
        for (long r = 0, step = c->step; r < repetitions; r++, step++)                             \
            symm(CBLAS_COL_MAJOR, CBLAS_LEFT, uplo, m, n, alpha[step & 1], a, lda, b, ldb,         \
                 beta[step & 1], out, ldc);                                                        \
        c->step += repetitions;                                                                    \
    }
RUN(s, float)
RUN(d, double)
#undef RUN

static void expected_symm(const struct blas_call *c, const double *t, double *out) {
    double *inner = scratch(c->m);
    operand_times(&c->operand[1], 'n', t, inner);
    operand_times(&c->operand[0], 'n', inner, out);
    add_old(c, &c->operand[2], t, out);
    free(inner);
}

static double scale_symm(const struct blas_call *c, const double *norm) {
    return scale_sum(c, m_of(c), norm[0] * norm[1], norm[2]);
}

/* syrk: C = alpha op(A) op(A)' + beta C, C is n x n and symmetric, op(A) is n x k */
static void shape_syrk(struct blas_call *c) {
    bool t = c->transa == 't';
    operand_set(&c->operand[0], OPERAND_GENERAL, t ? c->k : c->n, t ? c->n : c->k, true, false);
    operand_set(&c->operand[1], OPERAND_SYMMETRIC, c->n, c->n, c->beta != 0, true);
}

static double flops_syrk(const struct blas_call *c) { return n_of(c) * (n_of(c) + 1) * k_of(c); }

static double elements_syrk(const struct blas_call *c) {
    return n_of(c) * k_of(c) + passes(c) * triangle(n_of(c));
}

#define RUN(P, REAL)                                                                               \
    static void run_syrk_##P(struct blas_call *c, blas_routine routine, long repetitions) {        \
        typedef void function(int, int, int, int, int, REAL, const REAL *, int, REAL, REAL *,      \
                              int);                                                                \
        function *syrk = (function *)routine;                                                      \
        int uplo = cblas_uplo(c->uplo), trans = cblas_trans(c->transa);                            \
        int n = (int)c->n, k = (int)c->k;                                                          \
        int lda = (int)c->operand[0].stride, ldc = (int)c->operand[1].stride;                      \
        struct coefficients s = kernel_update_coefficients(c);                                     \
        REAL alpha[2] = {(REAL)s.alpha[0], (REAL)s.alpha[1]};                                      \
        REAL beta[2] = {(REAL)s.beta[0], (REAL)s.beta[1]};                                         \
        const REAL *a = operand_data(&c->operand[0]);                                              \
        REAL *out = operand_data(&c->operand[1]);                                                  \
        for (long r = 0, step = c->step; r < repetitions; r++, step++)                             \
            syrk(CBLAS_COL_MAJOR, uplo, trans, n, k, alpha[step & 1], a, lda, beta[step & 1], out, \
                 ldc);                                                                             \
        c->step += repetitions;                                                                    \
    }
RUN(s, float)
RUN(d, double)
#undef RUN

static void expected_syrk(const struct blas_call *c, const double *t, double *out) {
    double *inner = scratch(c->k);
    operand_times(&c->operand[0], c->transa == 't' ? 'n' : 't', t, inner);
    operand_times(&c->operand[0], c->transa, inner, out);
    add_old(c, &c->operand[1], t, out);
    free(inner);
}

static double scale_syrk(const struct blas_call *c, const double *norm) {
    return scale_sum(c, k_of(c), norm[0] * norm[0], norm[1]);
}

/* trmm: B = alpha op(A) B, and trsm: B = alpha op(A)^-1 B; A is m x m and triangular, B is m x n */
static void shape_triangular(struct blas_call *c) {
    operand_set(&c->operand[0], OPERAND_TRIANGULAR, c->m, c->m, true, false);
    operand_set(&c->operand[1], OPERAND_GENERAL, c->m, c->n, true, true);
}

static double flops_triangular(const struct blas_call *c) { return m_of(c) * m_of(c) * n_of(c); }

static double elements_triangular(const struct blas_call *c) {
    return triangle(m_of(c)) + 2 * m_of(c) * n_of(c);
}

#define RUN(NAME, P, REAL)                                                                         \
    static void run_##NAME##_##P(struct blas_call *c, blas_routine routine, long repetitions) {    \
        typedef void function(int, int, int, int, int, int, int, REAL, const REAL *, int, REAL *,  \
                              int);                                                                \
        function *apply = (function *)routine;                                                     \
        int uplo = cblas_uplo(c->uplo), trans = cblas_trans(c->transa);                            \
        int m = (int)c->m, n = (int)c->n;                                                          \
        int lda = (int)c->operand[0].stride, ldb = (int)c->operand[1].stride;                      \
        struct coefficients s = kernel_scaling_coefficients(c);                                    \
        REAL alpha[2] = {(REAL)s.alpha[0], (REAL)s.alpha[1]};                                      \
        const REAL *a = operand_data(&c->operand[0]);                                              \
        REAL *b = operand_data(&c->operand[1]);                                                    \
        for (long r = 0, step = c->step; r < repetitions; r++, step++)                             \
            apply(CBLAS_COL_MAJOR, CBLAS_LEFT, uplo, trans, CBLAS_NON_UNIT, m, n, alpha[step & 1], \
                  a, lda, b, ldb);                                                                 \
        c->step += repetitions;                                                                    \
    }
RUN(trmm, s, float)
RUN(trmm, d, double)
RUN(trsm, s, float)
RUN(trsm, d, double)
#undef RUN

static void expected_trmm(const struct blas_call *c, const double *t, double *out) {
    double *inner = scratch(c->m);
    operand_times(&c->operand[1], 'n', t, inner);
    operand_times(&c->operand[0], c->transa, inner, out);
    for (long i = 0; i < c->m; i++) out[i] *= c->alpha;
    free(inner);
}

/* The residual form for trsm: op(A) X against alpha B. */
static void expected_trsm(const struct blas_call *c, const double *t, double *out) {
    operand_times(&c->operand[1], 'n', t, out);
    for (long i = 0; i < c->m; i++) out[i] *= c->alpha;
}

static void actual_trsm(const struct blas_call *c, const double *t, double *out) {
    double *inner = scratch(c->m);
    operand_times(&c->operand[1], 'n', t, inner);
    operand_times(&c->operand[0], c->transa, inner, out);
    free(inner);
}

static double scale_triangular(const struct blas_call *c, const double *norm) {
    return sqrt(m_of(c) + 2) * fmax(fabs(c->alpha), 1) * norm[0] * norm[1];
}

const struct kernel blas3_kernels[] = {
    {.name = "gemm",
     .level = 3,
     .formula = "C = alpha op(A) op(B) + beta C",
     .dimensions = "mnk",
     .trans = "nn",
     .is_product = true,
     .flops = flops_gemm,
     .elements = elements_gemm,
     .shape = shape_gemm,
     .run = {run_gemm_s, run_gemm_d, run_gemm_mixed, run_gemm_mixed, run_gemm_mixed},
     .expected = expected_gemm,
     .actual = actual_last,
     .scale = scale_gemm},
    {.name = "gemm_strided_batched",
     .routine = "gemm_batch_strided",
     .level = 3,
     .is_batched = true,
     .sizes = "16:512:x2",
     .formula = "C_i = alpha op(A_i) op(B_i) + beta C_i",
     .dimensions = "mnk",
     .trans = "nn",
     .is_product = true,
     .flops = flops_batched,
     .elements = elements_batched,
     .shape = shape_batched,
     .run = {run_batched_s, run_batched_d, run_batched_mixed, run_batched_mixed, run_batched_mixed},
     .expected = expected_batched,
     .actual = actual_last,
     .scale = scale_batched},
    {.name = "symm",
     .level = 3,
     .formula = "C = alpha A B + beta C, A = A'",
     .dimensions = "mn",
     .trans = "",
     .has_uplo = true,
     .is_product = true,
     .flops = flops_symm,
     .elements = elements_symm,
     .shape = shape_symm,
     .run = {run_symm_s, run_symm_d},
     .expected = expected_symm,
     .actual = actual_last,
     .scale = scale_symm},
    {.name = "syrk",
     .level = 3,
     .formula = "C = alpha op(A) op(A)' + beta C, C = C'",
     .dimensions = "nk",
     .trans = "n",
     .has_uplo = true,
     .is_product = true,
     .flops = flops_syrk,
     .elements = elements_syrk,
     .shape = shape_syrk,
     .run = {run_syrk_s, run_syrk_d},
     .expected = expected_syrk,
     .actual = actual_second,
     .scale = scale_syrk},
    {.name = "trmm",
     .level = 3,
     .formula = "B = alpha op(A) B, A triangular",
     .dimensions = "mn",
     .trans = "n",
     .has_uplo = true,
     .is_product = true,
     .flops = flops_triangular,
     .elements = elements_triangular,
     .shape = shape_triangular,
     .run = {run_trmm_s, run_trmm_d},
     .expected = expected_trmm,
     .actual = actual_second,
     .scale = scale_triangular},
    {.name = "trsm",
     .level = 3,
     .formula = "B = alpha op(A)^-1 B, A triangular",
     .dimensions = "mn",
     .trans = "n",
     .has_uplo = true,
     .is_product = true,
     .flops = flops_triangular,
     .elements = elements_triangular,
     .shape = shape_triangular,
     .run = {run_trsm_s, run_trsm_d},
     .expected = expected_trsm,
     .actual = actual_trsm,
     .scale = scale_triangular},
    {.name = NULL},
};
