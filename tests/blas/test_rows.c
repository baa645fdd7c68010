/* The rows of the kernel table: FLOP and byte formulas against numbers worked out by hand, and what
 * a row says of a call (shapes, right result, error scale) against the reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <float.h>

#include "kernels/cpu/blas_library.h"
#include "tests/blas/cases.h"
#include "tests/blas/reference.h"

struct count {
    const char *kernel, *trans;
    long m, n, k;
    double beta;
    double flops, elements; /* elements moved: loaded once, stored once */
};

static const struct count counts[] = {
    {"copy", "", -1, 100, -1, 1, 0, 200},
    {"scal", "", -1, 100, -1, 1, 100, 200},
    {"axpy", "", -1, 100, -1, 1, 200, 300},
    {"axpy", "", -1, 10000000, -1, 1, 2e7, 3e7},
    {"dot", "", -1, 100, -1, 1, 200, 200},
    {"nrm2", "", -1, 100, -1, 1, 200, 100},
    {"asum", "", -1, 100, -1, 1, 100, 100},
    /* 2mn; mn + n + 2m, and one m less where y is only written */
    {"gemv", "n", 30, 20, -1, 1, 1200, 600 + 20 + 60},
    {"gemv", "n", 30, 20, -1, 0, 1200, 600 + 20 + 30},
    {"gemv", "t", 30, 20, -1, 1, 1200, 600 + 30 + 40},
    {"gemv", "t", 30, 20, -1, 0, 1200, 600 + 30 + 20},
    /* 2mn; A in and out, x and y in */
    {"ger", "", 30, 20, -1, 1, 1200, 1200 + 50},
    {"ger", "", 1, 7, -1, 1, 14, 14 + 8},
    /* 2n^2; a triangle of A, x, y */
    {"symv", "", -1, 10, -1, 1, 200, 55 + 10 + 20},
    {"symv", "", -1, 10, -1, 0, 200, 55 + 10 + 10},
    /* n^2; a triangle of A, x in and out */
    {"trsv", "n", -1, 10, -1, 1, 100, 55 + 20},
    {"trsv", "t", -1, 7, -1, 1, 49, 28 + 14},
    /* 2mnk; A, B, and C in and out */
    {"gemm", "nn", 2, 3, 4, 1, 48, 8 + 12 + 12},
    {"gemm", "nn", 2, 3, 4, 0, 48, 8 + 12 + 6},
    {"gemm", "tt", 128, 1024, 784, 1, 205520896, 100352 + 802816 + 262144},
    {"gemm", "nt", 5000, 5000, 5000, 1, 2.5e11, 1e8},
    /* three of them */
    {"gemm_strided_batched", "nn", 2, 3, 4, 1, 144, 24 + 36 + 36},
    {"gemm_strided_batched", "tn", 2, 3, 4, 0, 144, 24 + 36 + 18},
    /* 2m^2 n; a triangle of A, B, and C in and out */
    {"symm", "", 10, 3, -1, 1, 600, 55 + 30 + 60},
    {"symm", "", 10, 3, -1, 0, 600, 55 + 30 + 30},
    /* n(n + 1)k; A, and a triangle of C in and out */
    {"syrk", "n", -1, 10, 4, 1, 440, 40 + 110},
    {"syrk", "t", -1, 10, 4, 0, 440, 40 + 55},
    /* m^2 n; a triangle of A, B in and out */
    {"trmm", "n", 10, 3, -1, 1, 300, 55 + 60},
    {"trsm", "t", 10, 3, -1, 1, 300, 55 + 60},
    {"trsm", "n", 1, 1, -1, 1, 1, 1 + 2},
};

static void counts_are_those_worked_out_by_hand(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        const struct count *c = &counts[i];
        struct blas_call call = {.kernel = kernel_find(c->kernel),
                                 .transa = c->trans[0] ? c->trans[0] : 'n',
                                 .transb = c->trans[0] && c->trans[1] ? c->trans[1] : 'n',
                                 .uplo = 'l',
                                 .m = c->m,
                                 .n = c->n,
                                 .k = c->k,
                                 .batch = 3,
                                 .alpha = 1,
                                 .beta = c->beta};
        assert_non_null(call.kernel);
        assert_true(kernel_takes_trans(call.kernel, c->trans));
        for (call.type = 0; call.type < SCALAR_CPU_COUNT; call.type++) {
            call.kernel->shape(&call);
            double bytes = c->elements * (call.type == SCALAR_S ? 4 : 8);
            if (call.kernel->flops(&call) != c->flops || kernel_bytes(&call) != bytes)
                fail_msg("%s %s %ldx%ldx%ld beta %g: %.0f FLOP and %.0f bytes, not %.0f and %.0f",
                         c->kernel, c->trans, c->m, c->n, c->k, c->beta, call.kernel->flops(&call),
                         kernel_bytes(&call), c->flops, bytes);
        }
    }
}

/* What an operand takes of a cache: once, though it is read and written; half of a symmetric
 * matrix; whole lines where an increment skips elements. */
static double working_set(const char *kernel, long m, long n, long k, long incx) {
    struct blas_call call = {.kernel = kernel_find(kernel),
                             .type = SCALAR_D,
                             .transa = 'n',
                             .transb = 'n',
                             .uplo = 'l',
                             .m = m,
                             .n = n,
                             .k = k,
                             .beta = 1};
    call.kernel->shape(&call);
    for (int i = 0; i < MAX_OPERANDS; i++) call.operand[i].stride = i == 0 ? incx : 1;
    return kernel_working_set(&call);
}

static void working_sets_are_those_worked_out_by_hand(void **state) {
    (void)state;
    assert_true(working_set("gemm", 3, 4, 5, 3) == 8 * (15 + 20 + 12));
    assert_true(working_set("axpy", -1, 10, -1, 1) == 8 * (10 + 10));
    assert_true(working_set("axpy", -1, 10, -1, -2) == 8 * (20 + 10));
    assert_true(working_set("axpy", -1, 10, -1, 100) == 10 * 64 + 8 * 10);
    assert_true(working_set("scal", -1, 10, -1, 1) == 8 * 10);
    assert_true(working_set("symv", -1, 10, -1, 10) == 8 * (50 + 10 + 10));
}

static void every_kernel_is_counted(void **state) {
    (void)state;
    for (const struct kernel *const *row = kernel_table(); *row; row++) {
        size_t found = 0;
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            found += strcmp(counts[i].kernel, (*row)->name) == 0;
        if (!found) fail_msg("%s: no count in this test", (*row)->name);
    }
}

static void rows_are_complete(void **state) {
    (void)state;
    static const char *const names[] = {"copy", "scal", "axpy", "dot",  "nrm2",
                                        "asum", "gemv", "ger",  "symv", "trsv",
                                        "gemm", "symm", "syrk", "trmm", "trsm"};
    int level = 1;
    size_t count = 0;
    for (const struct kernel *const *row = kernel_table(); *row; row++, count++) {
        const struct kernel *k = *row;
        assert_ptr_equal(kernel_find(k->name), k);
        assert_true(k->level >= level && k->level <= 3); /* in their order */
        level = k->level;
        assert_non_null(k->formula);
        assert_true(k->dimensions[0] && strspn(k->dimensions, "mnk") == strlen(k->dimensions));
        assert_true(strlen(k->trans) <= 2);
        assert_true(k->is_product == (k->level == 3));
        assert_true(k->is_product || k->stream); /* what its rate is held against */
        for (enum scalar type = 0; type < SCALAR_CPU_COUNT; type++) assert_non_null(k->run[type]);
        bool gemm = strncmp(k->name, "gemm", 4) == 0 && k->level == 3;
        for (enum scalar type = SCALAR_CPU_COUNT; type < SCALAR_COUNT; type++)
            assert_true((k->run[type] != NULL) == gemm); /* of the matrix units: products alone */
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_non_null(kernel_find(names[i]));
    assert_true(count >= sizeof names / sizeof *names);
    assert_null(kernel_find("gemmm"));
    assert_null(kernel_find(""));
    assert_null(kernel_find("dgemm"));
}

static void transposes_are_told_apart(void **state) {
    (void)state;
    const struct kernel *gemm = kernel_find("gemm"), *gemv = kernel_find("gemv");
    const struct kernel *axpy = kernel_find("axpy");
    assert_true(kernel_takes_trans(gemm, "nt") && kernel_takes_trans(gemm, "tt"));
    assert_false(kernel_takes_trans(gemm, "n") || kernel_takes_trans(gemm, "nc"));
    assert_true(kernel_takes_trans(gemv, "n") && kernel_takes_trans(gemv, "t"));
    assert_false(kernel_takes_trans(gemv, "nn") || kernel_takes_trans(gemv, ""));
    assert_true(kernel_takes_trans(axpy, ""));
    assert_false(kernel_takes_trans(axpy, "n"));
}

static void update_coefficients_undo_each_other(void **state) {
    (void)state;
    static const double betas[] = {1, 0.5, -2, 3}, alphas[] = {1, 0, -0.5, 2};
    for (size_t b = 0; b < 4; b++)
        for (size_t a = 0; a < 4; a++) {
            struct blas_call call = {.alpha = alphas[a], .beta = betas[b]};
            struct coefficients c = kernel_update_coefficients(&call);
            double product = 0.7, old = -0.3;
            double once = c.alpha[0] * product + c.beta[0] * old;
            assert_true(once == alphas[a] * product + betas[b] * old);
            double twice = c.alpha[1] * product + c.beta[1] * once;
            assert_true(fabs(twice - old) < 1e-15);
        }
    struct blas_call overwrite = {.alpha = 2, .beta = 0};
    struct coefficients c = kernel_update_coefficients(&overwrite);
    assert_true(c.alpha[0] == 2 && c.alpha[1] == 2 && c.beta[0] == 0 && c.beta[1] == 0);
    struct blas_call scaling = {.alpha = -4};
    c = kernel_scaling_coefficients(&scaling);
    assert_true(c.alpha[0] == -4 && c.alpha[1] == -0.25);
    scaling.alpha = 0;
    c = kernel_scaling_coefficients(&scaling);
    assert_true(c.alpha[0] == 0 && c.alpha[1] == 0); /* not infinite */
}

static const long shapes[][3] = {{1, 1, 1},  {2, 3, 4},    {7, 5, 3},
                                 {4, 9, 17}, {17, 17, 17}, {33, 6, 40}};
static const struct spacing spacings[] = {{1, 1, 0}, {2, -3, 7}, {-1, 2, 1}};
enum { SHAPES = sizeof shapes / sizeof *shapes, SPACINGS = sizeof spacings / sizeof *spacings };

static void shape_is_right(const struct problem *p) {
    for (int i = 0; i < MAX_OPERANDS; i++) {
        const struct operand *o = &p->call.operand[i];
        const struct dense *d = &p->operand[i];
        assert_int_equal(o->kind, d->kind);
        if (i >= p->operands) continue;
        assert_true(o->rows == d->rows && o->columns == d->columns);
        assert_true(o->read == d->read && o->written == d->written);
        for (long c = 0; d->read && c < d->columns; c++) /* as elements are seen */
            for (long r = 0; r < d->rows; r++)
                assert_true(operand_at(o, r, c) == *dense_at(d, r, c));
        if (d->read) assert_true(fabs(operand_norm(o) - norm_of(p, i)) <= 1e-14 * norm_of(p, i));
    }
    struct blas_call call = p->call;
    const struct dense *out = problem_output(p);
    const struct operand *found = kernel_output(&call);
    assert_true(out ? found == &call.operand[out - p->operand] : found == NULL);
}

/* expected() and actual() times a vector of signs, a unit vector where column >= 0. */
static void vector_of(const struct problem *p, long column, double *t) {
    for (long j = 0; j < p->columns; j++)
        t[j] = column >= 0 ? j == column : (j * 7 + 3) % 5 < 2 ? -1 : 1;
}

/* What the reference makes of t, and the size of its terms. */
static void reference_times(const struct problem *p, const double *t, double *y, double *size) {
    for (long i = 0; i < p->rows; i++) {
        long double sum = 0, terms = 0;
        for (long j = 0; j < p->columns; j++) {
            sum += p->expected[i + j * p->rows] * (long double)t[j];
            terms += p->magnitude[i + j * p->rows] + fabsl(p->expected[i + j * p->rows]);
        }
        y[i] = (double)sum, size[i] = (double)terms;
    }
}

static void assert_close(const struct problem *p, const char *what, const double *actual,
                         const double *want, const double *size) {
    double unit = DBL_EPSILON * (double)(p->inner + p->columns + 8);
    for (long i = 0; i < p->rows; i++)
        if (!(fabs(actual[i] - want[i]) <= unit * size[i]))
            fail_msg("%s of %s%s: element %ld is %.17g, not %.17g", what,
                     scalar_letter(p->call.type), p->call.kernel->name, i, actual[i], want[i]);
}

/* A row either works element by element or has both functions of the check. */
static void expect_of_row(const struct problem *p, const double *t, double *y) {
    const struct kernel *kernel = p->call.kernel;
    assert_true(kernel->element ? !kernel->expected && !kernel->actual
                                : kernel->expected && kernel->actual);
    if (kernel->expected) kernel->expected(&p->call, t, y);
    for (long i = 0; kernel->element && i < p->rows; i++)
        y[i] = kernel->element(&p->call, i) * t[0];
}

static void actual_of_row(const struct problem *p, const double *t, double *y) {
    const struct kernel *kernel = p->call.kernel;
    struct blas_call call = p->call;
    if (kernel->actual) kernel->actual(&p->call, t, y);
    for (long i = 0; kernel->element && i < p->rows; i++)
        y[i] = operand_at(kernel_output(&call), i, 0) * t[0];
}

static void check_functions_are_right(struct problem *p, const struct blas_library *library) {
    const struct kernel *kernel = p->call.kernel;
    size_t rows = (size_t)p->rows;
    double *t = must(calloc((size_t)p->columns, sizeof *t));
    double *want = must(calloc(rows, sizeof *want)), *size = must(calloc(rows, sizeof *size));
    double *actual = must(calloc(rows, sizeof *actual));
    for (long v = -1; v < p->columns; v++) { /* before the call */
        vector_of(p, v, t);
        reference_times(p, t, want, size);
        expect_of_row(p, t, actual);
        assert_close(p, "expected()", actual, want, size);
    }
    double norm[MAX_OPERANDS] = {0};
    for (int i = 0; i < p->operands; i++) norm[i] = norm_of(p, i);
    double scale = kernel->scale(&p->call, norm), own = reference_scale(p);
    if (!(fabs(scale - own) <= 1e-12 * own))
        fail_msg("scale of %s: %.17g, not %.17g", kernel->name, scale, own);

    kernel->run[p->call.type](&p->call, blas_library_routine(library, kernel, p->call.type), 1);
    double *values = output_values(p);
    for (long v = -1; v < p->columns; v++) {
        vector_of(p, v, t);
        actual_of_row(p, t, actual);
        for (long i = 0; i < p->rows; i++) {
            long double sum = 0, terms = 0;
            for (long j = 0; j < p->columns; j++) {
                long double value = values[i + j * p->rows];
                if (solves(p)) { /* op(A) X */
                    value = 0;
                    for (long q = 0; q < p->rows; q++)
                        value += (long double)op_at(&p->operand[0], p->call.transa, i, q) *
                                 values[q + j * p->rows];
                }
                sum += value * (long double)t[j], terms += fabsl(value) + 4;
            }
            want[i] = (double)sum, size[i] = (double)terms;
        }
        assert_close(p, "actual()", actual, want, size);
    }
    free(values), free(t), free(want), free(size), free(actual);
}

static void row_agrees(const struct kernel *kernel, enum scalar type, const char *trans, char uplo,
                       void *context) {
    static const double betas[] = {1, 0, -0.5}, alphas[] = {1, 2, 0};
    for (size_t i = 0; i < SHAPES * SPACINGS; i++) {
        struct problem p;
        problem_make(&p, kernel, type, trans, uplo, shapes[i % SHAPES], alphas[(i + i / 3) % 3],
                     betas[i % 3], spacings[i / SHAPES], i + 1);
        shape_is_right(&p);
        check_functions_are_right(&p, context);
        problem_free(&p);
    }
}

static void rows_agree_with_the_reference(void **state) {
    (void)state;
    struct blas_library *naive = blas_library_open("naive", NULL, 0);
    each_case(row_agrees, naive);
    blas_library_close(naive);
}

/* run() makes the number of calls it is asked for, alternating from wherever it was. */
static long calls_seen;
static double alpha_seen[8];
static void count_axpy(int n, double alpha, const double *x, int incx, double *y, int incy) {
    (void)n, (void)x, (void)incx, (void)y, (void)incy;
    if (calls_seen < 8) alpha_seen[calls_seen] = alpha;
    calls_seen++;
}

static void run_repeats_and_alternates(void **state) {
    (void)state;
    struct problem p;
    const long shape[3] = {-1, 4, -1};
    problem_make(&p, kernel_find("axpy"), SCALAR_D, "", 'l', shape, 3, 1, spacings[0], 1);
    calls_seen = 0;
    p.call.kernel->run[SCALAR_D](&p.call, (blas_routine)count_axpy, 3);
    p.call.kernel->run[SCALAR_D](&p.call, (blas_routine)count_axpy, 2);
    assert_int_equal(calls_seen, 5);
    for (int i = 0; i < 5; i++) assert_true(alpha_seen[i] == (i % 2 ? -3 : 3));
    problem_free(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_those_worked_out_by_hand),
        cmocka_unit_test(working_sets_are_those_worked_out_by_hand),
        cmocka_unit_test(every_kernel_is_counted),
        cmocka_unit_test(rows_are_complete),
        cmocka_unit_test(transposes_are_told_apart),
        cmocka_unit_test(update_coefficients_undo_each_other),
        cmocka_unit_test(rows_agree_with_the_reference),
        cmocka_unit_test(run_repeats_and_alternates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
