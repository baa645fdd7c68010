/* The check of results: passes what is right for every kernel, seed and library, and fails one
 * wrong element, one unwritten element and one write outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>

#include "bench/harness/check.h"
#include "kernels/cpu/blas_library.h"
#include "tests/blas/call.h"
#include "tests/blas/cases.h"

/* Makes a call, prepares its check and runs it once on a right library. */
struct checked {
    struct blas_call call;
    struct check check;
};

static struct blas_library *right; /* the library of this test */

static void run_checked(struct checked *c) {
    const struct kernel *kernel = c->call.kernel;
    check_arm(&c->check, &c->call);
    kernel->run[c->call.type](&c->call, blas_library_routine(right, kernel, c->call.type), 1);
}

static void make(struct checked *c, const struct kernel *kernel, enum scalar type,
                 const char *trans, char uplo, long m, long n, long k, double beta, long spacing,
                 uint64_t seed) {
    call_make(&c->call, kernel, type, trans, uplo, m, n, k,
              kernel->default_alpha != 0 ? kernel->default_alpha : 1, beta, spacing, spacing - 1);
    check_prepare(&c->check, &c->call, seed, -1, 1);
    run_checked(c);
}

static void done(struct checked *c) {
    check_free(&c->check);
    call_free(&c->call);
}

static void assert_passes(struct checked *c, uint64_t seed) {
    struct check_result r = check_verify(&c->check, &c->call);
    if (!r.passed)
        fail_msg("%s %s%s %c%c %c m %ld n %ld k %ld beta %g seed %lu: error %g, bound %g, %s",
                 right->name, scalar_letter(c->call.type), c->call.kernel->name, c->call.transa,
                 c->call.transb, c->call.uplo, c->call.m, c->call.n, c->call.k, c->call.beta,
                 (unsigned long)seed, r.error, r.bound, r.reason);
    assert_true(r.reason[0] == '\0');
    assert_true(r.error >= 0 && r.error <= r.bound);
    assert_true(r.bound == scalar_epsilon(c->call.type) / 2 || r.bound == 0);
}

static void assert_fails(struct checked *c, const char *what, const char *reason) {
    struct check_result r = check_verify(&c->check, &c->call);
    if (r.passed || !strstr(r.reason, reason))
        fail_msg("%s%s %c%c %c m %ld n %ld k %ld, %s: error %g, bound %g, \"%s\"",
                 scalar_letter(c->call.type), c->call.kernel->name, c->call.transa, c->call.transb,
                 c->call.uplo, c->call.m, c->call.n, c->call.k, what, r.error, r.bound, r.reason);
}

static void store(struct operand *o, long at, double value) {
    if (o->type == SCALAR_S)
        ((float *)operand_data(o))[at] = (float)value;
    else
        ((double *)operand_data(o))[at] = value;
}

/* The element of largest magnitude that the output holds. */
static long largest_at(const struct operand *o) {
    long best = operand_offset(o, 0, 0);
    for (long j = 0; j < o->columns; j++)
        for (long i = 0; i < o->rows; i++) {
            long at = operand_offset(o, i, j);
            if (operand_holds(o, i, j) && fabs(operand_load(o, at)) > fabs(operand_load(o, best)))
                best = at;
        }
    return best;
}

static const double betas[] = {1, 0, -0.5};

/* Batched products are no standard yet. */
static bool is_there(const struct kernel *kernel, enum scalar type) {
    return !kernel->is_batched || blas_library_routine(right, kernel, type);
}

/* Small enough to be compared element by element, and just too large for that. */
static const long shapes[][3] = {{1, 1, 1},    {2, 3, 4},      {9, 7, 5},      {33, 17, 40},
                                 {64, 64, 64}, {150, 170, 90}, {165, 165, 165}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void right_case(const struct kernel *kernel, enum scalar type, const char *trans, char uplo,
                       void *context) {
    (void)context;
    if (!is_there(kernel, type)) return;
    for (int s = 0; s < SHAPES; s++)
        for (int b = 0; b < (has_beta(kernel) && s < 5 ? 3 : 1); b++) {
            struct checked c;
            make(&c, kernel, type, trans, uplo, shapes[s][0], shapes[s][1], shapes[s][2], betas[b],
                 s % 3 + 1, 7);
            const struct operand *out = kernel_output(&c.call);
            bool small = s < (kernel->is_batched ? 4 : 5); /* there are three of each */
            assert_int_equal(c.check.vectors, small && out ? out->columns : 1);
            assert_passes(&c, 7);
            run_checked(&c); /* a second time, as for the next library */
            assert_passes(&c, 7);
            done(&c);
        }
}

static void right_results_pass(void **state) {
    (void)state;
    static const char *const names[] = {"naive", "blocked", "openblas", "blis", "netlib"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char error[512];
        right = blas_library_open(names[i], error, sizeof error);
        if (!right) {
            print_message("not here: %s\n", error);
            continue;
        }
        blas_library_set_threads(right, 1);
        each_case(right_case, NULL);
        blas_library_close(right);
    }
}

static void seeds_case(const struct kernel *kernel, enum scalar type, const char *trans, char uplo,
                       void *context) {
    (void)context;
    if (!is_there(kernel, type)) return;
    static const long sizes[] = {1, 2, 5, 12};
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct checked c;
        long n = sizes[seed % 4];
        make(&c, kernel, type, trans, uplo, n, n, n, betas[seed / 4 % 3], 1, seed);
        assert_passes(&c, seed);
        done(&c);
    }
}

static void no_seed_fails(void **state) {
    (void)state;
    static const char *const names[] = {"naive", "openblas"};
    for (int i = 0; i < 2; i++) {
        char error[512];
        right = blas_library_open(names[i], error, sizeof error);
        if (!right) continue;
        blas_library_set_threads(right, 1);
        each_case(seeds_case, NULL);
        blas_library_close(right);
    }
}

/* One element off by a relative 1e-3 (single) or 1e-10 (double): the largest one, since the error
 * is measured against the norm of the whole. */
static void wrong_case(const struct kernel *kernel, enum scalar type, const char *trans, char uplo,
                       void *context) {
    (void)context;
    static const long sizes[] = {1, 3, 24, 60, 165}; /* the last one by the probe */
    double relative = type == SCALAR_S ? 1e-3 : 1e-10;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        long n = type == SCALAR_S && kernel->level == 3 && sizes[s] == 165 ? 130 : sizes[s];
        struct checked c;
        make(&c, kernel, type, trans, uplo, n, n, n, 1, 1, 3);
        struct operand *out = kernel_output(&c.call);
        if (out) {
            long at = largest_at(out);
            store(out, at, operand_load(out, at) * (1 + relative));
        } else {
            c.call.result *= 1 + relative * (double)n; /* of sums that grow with n */
        }
        assert_fails(&c, "one wrong element", "wrong result");
        run_checked(&c);
        assert_passes(&c, 3); /* and nothing of it stays */
        done(&c);
    }
}

/* Whatever element is off by little more than the bound allows: each one of a small output. */
static void each_element_case(const struct kernel *kernel, enum scalar type, const char *trans,
                              char uplo, void *context) {
    (void)context;
    struct checked c;
    make(&c, kernel, type, trans, uplo, 4, 5, 3, 1, 2, 3);
    struct operand *out = kernel_output(&c.call);
    for (long j = 0; out && j < out->columns; j++)
        for (long i = 0; i < out->rows; i++) {
            if (!operand_holds(out, i, j)) continue;
            run_checked(&c);
            double value = operand_at(out, i, j);
            double least = 3 * scalar_epsilon(type) / 2 * c.check.scale;
            double change = fmax(least, 2 * scalar_epsilon(type) * fabs(value));
            store(out, operand_offset(out, i, j), value + change);
            assert_fails(&c, "an element beyond the bound", "wrong result");
        }
    done(&c);
}

static void nan_case(const struct kernel *kernel, enum scalar type, const char *trans, char uplo,
                     void *context) {
    (void)context;
    for (long n = 5; n < 200; n += 160) {
        struct checked c;
        make(&c, kernel, type, trans, uplo, n, n, n, 1, 1, 3);
        struct operand *out = kernel_output(&c.call);
        if (out)
            store(out, operand_offset(out, n / 2, out->columns > 1 ? n / 2 : 0), NAN);
        else
            c.call.result = NAN;
        assert_fails(&c, "NaN in the output", "NaN");
        done(&c);
    }
}

/* An output that is only written holds NaN before the call, so what a call leaves out is seen. */
static void unwritten_case(const struct kernel *kernel, enum scalar type, const char *trans,
                           char uplo, void *context) {
    (void)context;
    bool only_written = has_beta(kernel) || !updates(kernel);
    for (long n = 5; only_written && n < 200; n += 160) {
        struct checked c;
        make(&c, kernel, type, trans, uplo, n, n, n, 0, 1, 3);
        assert_passes(&c, 3);
        check_arm(&c.check, &c.call); /* and no call */
        assert_fails(&c, "no call", "NaN");
        done(&c);
    }
}

static void outside_case(const struct kernel *kernel, enum scalar type, const char *trans,
                         char uplo, void *context) {
    (void)context;
    struct checked c;
    make(&c, kernel, type, trans, uplo, 5, 6, 7, 1, 2, 3);
    for (int i = 0; i < MAX_OPERANDS && c.call.operand[i].kind != OPERAND_NONE; i++) {
        struct operand *o = &c.call.operand[i];
        bool vector = o->kind == OPERAND_VECTOR;
        long behind = vector ? o->rows * o->stride : o->columns * o->stride;
        const long places[] = {
            -1,        -OPERAND_GUARD, behind, behind + OPERAND_GUARD - 1, vector ? 1 : o->rows,
            behind - 1};
        for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
            run_checked(&c);
            store(o, places[p], 1);
            assert_fails(&c, "a write outside", "outside");
            run_checked(&c);
            store(o, places[p], operand_load(o, places[p]) + 1);
            assert_fails(&c, "a sum into a place outside", "outside");
        }
        if (o->kind != OPERAND_SYMMETRIC && o->kind != OPERAND_TRIANGULAR) continue;
        run_checked(&c);
        store(o, o->uplo == 'l' ? 2 * o->stride + 1 : o->stride + 2, 1);
        assert_fails(&c, "a write to the other triangle", "outside");
    }
    run_checked(&c);
    assert_passes(&c, 3);
    done(&c);
}

#define EACH_CASE(test, body)                                                                      \
    static void test(void **state) {                                                               \
        (void)state;                                                                               \
        right = blas_library_open("blocked", NULL, 0);                                             \
        each_case(body, NULL);                                                                     \
        blas_library_close(right);                                                                 \
    }
EACH_CASE(one_wrong_element_fails, wrong_case)
EACH_CASE(any_element_beyond_the_bound_fails, each_element_case)
EACH_CASE(nan_in_the_output_fails, nan_case)
EACH_CASE(what_is_not_written_fails, unwritten_case)
EACH_CASE(writes_outside_fail, outside_case)

/* Vectors beyond a million elements are folded before they are compared. */
static void long_vectors_are_checked_in_full(void **state) {
    (void)state;
    static const char *const names[] = {"copy", "scal", "axpy", "dot", "nrm2", "asum"};
    long n = (1 << 20) + 12345;
    right = blas_library_open("naive", NULL, 0);
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        for (enum scalar type = 0; type < SCALAR_CPU_COUNT; type++) {
            struct checked c;
            make(&c, kernel_find(names[k]), type, "", 'l', -1, n, -1, 1, 1, 5);
            assert_passes(&c, 5);
            struct operand *out = kernel_output(&c.call);
            for (long i = 0; out && i < n; i = i == n - 1       ? n
                                               : i + 400000 < n ? i + 400000
                                                                : n - 1) {
                run_checked(&c);
                double value = operand_at(out, i, 0);
                store(out, i, value + copysign(type == SCALAR_S ? 1e-3 : 1e-10, value));
                assert_fails(&c, "an element of a long vector", "wrong result");
                run_checked(&c);
                store(out, i, NAN);
                assert_fails(&c, "NaN in a long vector", "NaN");
            }
            done(&c);
        }
    blas_library_close(right);
}

/* Nothing of the check is left for the timing: no NaN, no write that would look like one. */
static void timing_operands_case(const struct kernel *kernel, enum scalar type, const char *trans,
                                 char uplo, void *context) {
    (void)context;
    struct checked c;
    make(&c, kernel, type, trans, uplo, 9, 8, 7, 0, 3, 1);
    check_verify(&c.check, &c.call);
    check_fill_for_timing(&c.call, 1, -1, 1);
    assert_int_equal(c.call.step, 0);
    for (int i = 0; i < MAX_OPERANDS && c.call.operand[i].kind != OPERAND_NONE; i++) {
        const struct operand *o = &c.call.operand[i];
        size_t bytes;
        assert_true(operand_bytes(o, &bytes));
        long places = (long)(bytes / scalar_bytes(type));
        for (long at = 0; at < places; at++) {
            double value = operand_load(o, at - OPERAND_GUARD);
            assert_true(fpclassify(value) == FP_NORMAL && fabs(value) <= 1.5);
        }
    }
    done(&c);
}
EACH_CASE(operands_for_timing_are_ordinary, timing_operands_case)

/* A single wrong element of a large single-precision product is small beside the norm of all: the
 * bound of the largest difference must see it. */
static void one_element_of_a_large_output_fails(void **state) {
    (void)state;
    char error[256];
    right = blas_library_open("blocked", error, sizeof error);
    assert_non_null(right);
    struct checked c;
    make(&c, kernel_find("gemm"), SCALAR_S, "nn", 'l', 512, 512, 512, 1, 1, 3);
    assert_passes(&c, 3);
    struct operand *out = kernel_output(&c.call);
    long at = largest_at(out);
    store(out, at, operand_load(out, at) * 1.01);
    struct check_result r = check_verify(&c.check, &c.call);
    assert_false(r.passed);
    done(&c);
    blas_library_close(right);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_results_pass),
        cmocka_unit_test(no_seed_fails),
        cmocka_unit_test(one_wrong_element_fails),
        cmocka_unit_test(any_element_beyond_the_bound_fails),
        cmocka_unit_test(nan_in_the_output_fails),
        cmocka_unit_test(what_is_not_written_fails),
        cmocka_unit_test(writes_outside_fail),
        cmocka_unit_test(one_element_of_a_large_output_fails),
        cmocka_unit_test(long_vectors_are_checked_in_full),
        cmocka_unit_test(operands_for_timing_are_ordinary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
