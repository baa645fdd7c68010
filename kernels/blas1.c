/* BLAS level 1: vectors. O(n) FLOP on O(n) data. */
#include <math.h>

#include "kernels/levels.h"

/* operand[0] is x, operand[1] is y, each of n elements. */
static void shape_x(struct blas_call *c) {
    operand_set(&c->operand[0], OPERAND_VECTOR, c->n, 1, true, false);
}

static void shape_x_to_x(struct blas_call *c) {
    operand_set(&c->operand[0], OPERAND_VECTOR, c->n, 1, true, true);
}

static void shape_x_and_y(struct blas_call *c) {
    shape_x(c);
    operand_set(&c->operand[1], OPERAND_VECTOR, c->n, 1, true, false);
}

static void shape_x_to_y(struct blas_call *c) {
    shape_x(c);
    operand_set(&c->operand[1], OPERAND_VECTOR, c->n, 1, false, true);
}

static void shape_update_y(struct blas_call *c) {
    shape_x(c);
    operand_set(&c->operand[1], OPERAND_VECTOR, c->n, 1, true, true);
}

static double flops_n(const struct blas_call *c) { return (double)c->n; }
static double flops_2n(const struct blas_call *c) { return 2.0 * (double)c->n; }
static double flops_none(const struct blas_call *c) {
    (void)c;
    return 0;
}

static double elements_n(const struct blas_call *c) { return (double)c->n; }
static double elements_2n(const struct blas_call *c) { return 2.0 * (double)c->n; }
static double elements_3n(const struct blas_call *c) { return 3.0 * (double)c->n; }

static double x(const struct blas_call *c, long i) { return operand_at(&c->operand[0], i, 0); }
static double y(const struct blas_call *c, long i) { return operand_at(&c->operand[1], i, 0); }

/* What a reduction returned. */
static void actual_result(const struct blas_call *c, const double *t, double *out) {
    (void)t;
    out[0] = c->result;
}

/* A rounding error of sqrt(n + 2) * eps/2 relative to this is allowed: sums of n products. */
static double scale_exact(const struct blas_call *c, const double *norm) {
    (void)c, (void)norm;
    return 0;
}

/* copy: y = x */
#define RUN(P, REAL)                                                                               \
    static void run_copy_##P(struct blas_call *c, blas_routine routine, long repetitions) {        \
        typedef void function(int, const REAL *, int, REAL *, int);                                \
        function *copy = (function *)routine;                                                      \
        int n = (int)c->n, incx = (int)c->operand[0].stride, incy = (int)c->operand[1].stride;     \
        const REAL *x = operand_data(&c->operand[0]);                                              \
        REAL *y = operand_data(&c->operand[1]);                                                    \
        for (long r = 0; r < repetitions; r++) copy(n, x, incx, y, incy);                          \
    }
RUN(s, float)
RUN(d, double)
#undef RUN

static double element_copy(const struct blas_call *c, long i) { return x(c, i); }

/* scal: x = alpha x */
#define RUN(P, REAL)                                                                               \
    static void run_scal_##P(struct blas_call *c, blas_routine routine, long repetitions) {        \
        typedef void function(int, REAL, REAL *, int);                                             \
        function *scal = (function *)routine;                                                      \
        int n = (int)c->n, incx = (int)c->operand[0].stride;                                       \
        struct coefficients s = kernel_scaling_coefficients(c);                                    \
        REAL alpha[2] = {(REAL)s.alpha[0], (REAL)s.alpha[1]};                                      \
        REAL *x = operand_data(&c->operand[0]);                                                    \
        for (long r = 0, step = c->step; r < repetitions; r++, step++)                             \
            scal(n, alpha[step & 1], x, incx);                                                     \
        c->step += repetitions;                                                                    \
    }
RUN(s, float)
RUN(d, double)
#undef RUN

static double element_scal(const struct blas_call *c, long i) { return c->alpha * x(c, i); }

static double scale_scal(const struct blas_call *c, const double *norm) {
    return fabs(c->alpha) * norm[0];
}

/* axpy: y = alpha x + y */
#define RUN(P, REAL)                                                                               \
    static void run_axpy_##P(struct blas_call *c, blas_routine routine, long repetitions) {        \
        typedef void function(int, REAL, const REAL *, int, REAL *, int);                          \
        function *axpy = (function *)routine;                                                      \
        int n = (int)c->n, incx = (int)c->operand[0].stride, incy = (int)c->operand[1].stride;     \
        REAL alpha[2] = {(REAL)c->alpha, (REAL)-c->alpha};                                         \
        const REAL *x = operand_data(&c->operand[0]);                                              \
        REAL *y = operand_data(&c->operand[1]);                                                    \
        for (long r = 0, step = c->step; r < repetitions; r++, step++)                             \
            axpy(n, alpha[step & 1], x, incx, y, incy);                                            \
        c->step += repetitions;                                                                    \
    }
RUN(s, float)
RUN(d, double)
#undef RUN

static double element_axpy(const struct blas_call *c, long i) {
    return c->alpha * x(c, i) + y(c, i);
}

static double scale_axpy(const struct blas_call *c, const double *norm) {
    return sqrt(3) * fmax(fabs(c->alpha), 1) * norm[0] + 2 * norm[1];
}

/* dot: result = x'y */
#define RUN(P, REAL)                                                                               \
    static void run_dot_##P(struct blas_call *c, blas_routine routine, long repetitions) {         \
        typedef REAL function(int, const REAL *, int, const REAL *, int);                          \
        function *dot = (function *)routine;                                                       \
        int n = (int)c->n, incx = (int)c->operand[0].stride, incy = (int)c->operand[1].stride;     \
        const REAL *x = operand_data(&c->operand[0]), *y = operand_data(&c->operand[1]);           \
        for (long r = 0; r < repetitions; r++) c->result = (double)dot(n, x, incx, y, incy);       \
    }
RUN(s, float)
RUN(d, double)
#undef RUN

static void expected_dot(const struct blas_call *c, const double *t, double *out) {
    (void)t;
    double sum = 0;
    for (long i = 0; i < c->n; i++) sum += x(c, i) * y(c, i);
    out[0] = sum;
}

static double scale_dot(const struct blas_call *c, const double *norm) {
    return sqrt((double)c->n + 2) * norm[0] * norm[1];
}

/* nrm2: result = sqrt(x'x), and asum: result = sum |x| */
#define RUN(NAME, P, REAL)                                                                         \
    static void run_##NAME##_##P(struct blas_call *c, blas_routine routine, long repetitions) {    \
        typedef REAL function(int, const REAL *, int);                                             \
        function *reduce = (function *)routine;                                                    \
        int n = (int)c->n, incx = (int)c->operand[0].stride;                                       \
        const REAL *x = operand_data(&c->operand[0]);                                              \
        for (long r = 0; r < repetitions; r++) c->result = (double)reduce(n, x, incx);             \
    }
RUN(nrm2, s, float)
RUN(nrm2, d, double)
RUN(asum, s, float)
RUN(asum, d, double)
#undef RUN

static void expected_nrm2(const struct blas_call *c, const double *t, double *out) {
    (void)t;
    double sum = 0;
    for (long i = 0; i < c->n; i++) sum += x(c, i) * x(c, i);
    out[0] = sqrt(sum);
}

/* Errors of a sum of squares need not cancel: what is too small for the sum so far is always lost.
 * So the bound is that of n additions, not its root; half of it for the square root. Plain sums in
 * single precision (netlib, BLIS) go beyond the root from some 10^5 elements on. */
static double scale_nrm2(const struct blas_call *c, const double *norm) {
    return (0.5 * (double)c->n + 2) * norm[0];
}

static void expected_asum(const struct blas_call *c, const double *t, double *out) {
    (void)t;
    double sum = 0;
    for (long i = 0; i < c->n; i++) sum += fabs(x(c, i));
    out[0] = sum;
}

/* The sum itself is at most sqrt(n) times the Euclidean norm. */
static double scale_asum(const struct blas_call *c, const double *norm) {
    return sqrt((double)c->n + 2) * sqrt((double)c->n) * norm[0];
}

const struct kernel blas1_kernels[] = {
    {.name = "copy",
     .level = 1,
     .formula = "y = x",
     .dimensions = "n",
     .trans = "",
     .stream = "copy",
     .flops = flops_none,
     .elements = elements_2n,
     .shape = shape_x_to_y,
     .run = {run_copy_s, run_copy_d},
     .element = element_copy,
     .scale = scale_exact},
    {.name = "scal",
     .level = 1,
     .formula = "x = alpha x",
     .default_alpha = 2, /* libraries return at once for 1 */
     .dimensions = "n",
     .trans = "",
     .stream = "update",
     .flops = flops_n,
     .elements = elements_2n,
     .shape = shape_x_to_x,
     .run = {run_scal_s, run_scal_d},
     .element = element_scal,
     .scale = scale_scal},
    {.name = "axpy",
     .level = 1,
     .formula = "y = alpha x + y",
     .dimensions = "n",
     .trans = "",
     .stream = "axpy",
     .flops = flops_2n,
     .elements = elements_3n,
     .shape = shape_update_y,
     .run = {run_axpy_s, run_axpy_d},
     .element = element_axpy,
     .scale = scale_axpy},
    {.name = "dot",
     .level = 1,
     .formula = "x'y",
     .dimensions = "n",
     .trans = "",
     .stream = "load",
     .flops = flops_2n,
     .elements = elements_2n,
     .shape = shape_x_and_y,
     .run = {run_dot_s, run_dot_d},
     .expected = expected_dot,
     .actual = actual_result,
     .scale = scale_dot},
    {.name = "nrm2",
     .level = 1,
     .formula = "sqrt(x'x)",
     .dimensions = "n",
     .trans = "",
     .stream = "load",
     .flops = flops_2n,
     .elements = elements_n,
     .shape = shape_x,
     .run = {run_nrm2_s, run_nrm2_d},
     .expected = expected_nrm2,
     .actual = actual_result,
     .scale = scale_nrm2},
    {.name = "asum",
     .level = 1,
     .formula = "sum |x|",
     .dimensions = "n",
     .trans = "",
     .stream = "load",
     .flops = flops_n,
     .elements = elements_n,
     .shape = shape_x,
     .run = {run_asum_s, run_asum_d},
     .expected = expected_asum,
     .actual = actual_result,
     .scale = scale_asum},
    {.name = NULL},
};
