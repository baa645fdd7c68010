/* Repeated calls whose output is their input: however often they run, values neither grow nor
 * decay, since zeros, infinities and denormals run at another speed. */
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

/* The largest magnitude of the output; no element may be anything but an ordinary number. */
static double largest(struct blas_call *call) {
    const struct operand *out = kernel_output(call);
    double most = 0;
    for (long j = 0; j < out->columns; j++)
        for (long i = 0; i < out->rows; i++) {
            double value = operand_at(out, i, j);
            int class = call->type == SCALAR_S ? fpclassify((float)value) : fpclassify(value);
            if (class != FP_NORMAL && class != FP_ZERO)
                fail_msg("%s%s: element %ld %ld is %g", scalar_letter(call->type),
                         call->kernel->name, i, j, value);
            most = fmax(most, fabs(value));
        }
    return most;
}

struct repeat {
    const struct blas_library *library;
    double work; /* FLOP that one series may take */
};

static void assert_steady(struct blas_call *call, const char *library, const char *when, long calls,
                          double before, double now) {
    if (now >= before / 8 && now <= before * 8) return;
    fail_msg("%s %s%s %c%c %c n %ld alpha %g beta %g: largest value %s went from %g to %g in %ld "
             "calls",
             library, scalar_letter(call->type), call->kernel->name, call->transa, call->transb,
             call->uplo, call->n, call->alpha, call->beta, when, before, now, calls);
}

static void repeat(const struct kernel *kernel, enum scalar type, const char *trans, char uplo,
                   long n, double alpha, double beta, const struct repeat *how) {
    struct blas_call call;
    call_make(&call, kernel, type, trans, uplo, n, n, n, alpha, beta, 1, 0);
    check_fill_for_timing(&call, 1, -1, 1);
    blas_routine routine = blas_library_routine(how->library, kernel, type);
    if (!routine && kernel->is_batched && !how->library->builtin) { /* no standard yet */
        call_free(&call);
        return;
    }
    assert_non_null(routine);
    double work = how->work * (kernel->is_batched ? 3 : 1);
    double affordable = work / fmax(kernel->flops(&call), 20);
    long calls = (long)fmin(10000, affordable) & ~1L;
    assert_true(calls >= 40);
    /* An even number of calls leads back to the start, an odd one to what the first call made. */
    double start = largest(&call);
    kernel->run[type](&call, routine, 1);
    double first = largest(&call);
    kernel->run[type](&call, routine, calls - 1);
    bool overwrites = has_beta(kernel) && beta == 0;
    assert_steady(&call, how->library->name, "after even calls", calls, overwrites ? first : start,
                  largest(&call));
    kernel->run[type](&call, routine, 1);
    assert_steady(&call, how->library->name, "after odd calls", calls + 1, first, largest(&call));
    call_free(&call);
}

static void repeat_case(const struct kernel *kernel, enum scalar type, const char *trans, char uplo,
                        void *context) {
    static const double betas[] = {1, 0.5, -2, 0}, alphas[] = {1, -0.5, 2};
    static const long orders[] = {5, 24, 64};
    if (!updates(kernel)) return;
    for (size_t s = 0; s < sizeof orders / sizeof *orders; s++)
        for (size_t b = 0; b < (has_beta(kernel) ? 4 : 1); b++) {
            if (has_beta(kernel) || !has_alpha(kernel)) {
                repeat(kernel, type, trans, uplo, orders[s], alphas[b % 3], betas[b], context);
                continue;
            }
            for (size_t a = 0; a < 3; a++)
                repeat(kernel, type, trans, uplo, orders[s], alphas[a], 1, context);
        }
}

static void repeat_on(const char *name, double work) {
    char error[512];
    struct blas_library *library = blas_library_open(name, error, sizeof error);
    if (!library) {
        print_message("skipped: %s\n", error);
        skip();
    }
    blas_library_set_threads(library, 1);
    struct repeat how = {library, work};
    each_case(repeat_case, &how);
    blas_library_close(library);
}

static void values_stay_with_naive(void **state) {
    (void)state;
    repeat_on("naive", 2.5e7);
}

static void values_stay_with_openblas(void **state) {
    (void)state;
    repeat_on(BLAS_LIBRARY_DEFAULT, 8e7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_stay_with_naive),
        cmocka_unit_test(values_stay_with_openblas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
