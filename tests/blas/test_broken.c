/* Libraries that are broken on purpose (tests/broken): each fault is found, by the check or at the
 * door. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>

#include "bench/harness/check.h"
#include "kernels/cpu/blas_library.h"
#include "tests/blas/call.h"
#include "tests/blas/cases.h"

static void path_of(const char *name, char *path, size_t size) {
    const char *folder = getenv("FLOPSTEP_BROKEN");
    if (!folder) {
        print_message(
            "skipped: FLOPSTEP_BROKEN does not name the folder of the broken libraries\n");
        skip();
    }
    snprintf(path, size, "%s/lib%s.so", folder, name);
}

static struct blas_library *open_broken(const char *name) {
    char path[4096], error[512] = "";
    path_of(name, path, sizeof path);
    struct blas_library *library = blas_library_open(path, error, sizeof error);
    if (!library) fail_msg("%s", error);
    assert_string_equal(library->name, name);
    assert_null(library->control); /* none of those that open has thread control */
    assert_string_equal(library->thread_control, "none");
    assert_string_equal(library->version, "");
    return library;
}

static struct check_result check_gemm(const struct blas_library *library, enum scalar type, long m,
                                      long n, long k, double beta, long pad) {
    const struct kernel *gemm = kernel_find("gemm");
    blas_routine routine = blas_library_routine(library, gemm, type);
    assert_non_null(routine);
    struct blas_call call;
    struct check check;
    call_make(&call, gemm, type, "nn", 'l', m, n, k, 1, beta, 1, pad);
    check_prepare(&check, &call, 1, -1, 1);
    check_arm(&check, &call);
    gemm->run[type](&call, routine, 1);
    struct check_result result = check_verify(&check, &call);
    check_free(&check);
    call_free(&call);
    return result;
}

static const double betas[] = {1, 0, -0.5};

/* Full comparison at 64, the probe at 160. */
static void wrong_elements_are_caught(void **state) {
    (void)state;
    struct blas_library *library = open_broken("wrong_result");
    static const long sizes[] = {1, 2, 7, 64, 160, 256};
    for (enum scalar type = 0; type < SCALAR_CPU_COUNT; type++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (size_t b = 0; b < 3; b++) {
                if (type == SCALAR_S && sizes[s] > 160) continue; /* below the bound of the norm */
                struct check_result r =
                    check_gemm(library, type, sizes[s], sizes[s], sizes[s], betas[b], 0);
                assert_false(r.passed);
                assert_true(r.error > r.bound);
                assert_non_null(strstr(r.reason, "wrong result"));
            }
    blas_library_close(library);
}

static void writes_outside_are_caught(void **state) {
    (void)state;
    struct blas_library *library = open_broken("writes_outside");
    for (enum scalar type = 0; type < SCALAR_CPU_COUNT; type++)
        for (long pad = 0; pad < 3; pad++) /* behind C, and in the gap between columns */
            for (long n = 1; n < 200; n += 90) {
                struct check_result r = check_gemm(library, type, n, n, n, 1, pad);
                assert_false(r.passed);
                assert_non_null(strstr(r.reason, "outside"));
            }
    blas_library_close(library);
}

static void changed_inputs_are_caught(void **state) {
    (void)state;
    struct blas_library *library = open_broken("changes_input");
    for (enum scalar type = 0; type < SCALAR_CPU_COUNT; type++) {
        struct check_result r = check_gemm(library, type, 20, 30, 10, 1, 0);
        assert_false(r.passed);
        assert_non_null(strstr(r.reason, "outside its output: into an input"));
    }
    blas_library_close(library);
}

static void unwritten_elements_are_caught(void **state) {
    (void)state;
    struct blas_library *library = open_broken("leaves_unwritten");
    for (enum scalar type = 0; type < SCALAR_CPU_COUNT; type++)
        for (long n = 2; n < 200; n += 90) {
            struct check_result r = check_gemm(library, type, n, n, n, 0, 0);
            assert_false(r.passed);
            assert_non_null(strstr(r.reason, "NaN"));
            r = check_gemm(library, type, n, n, n, 1, 0); /* the old values are wrong then */
            assert_false(r.passed);
            assert_non_null(strstr(r.reason, "wrong result"));
        }
    blas_library_close(library);
}

static void missing_routines_are_seen(void **state) {
    (void)state;
    struct blas_library *library = open_broken("lacks_symbols");
    for (const struct kernel *const *row = kernel_table(); *row; row++)
        for (enum scalar type = 0; type < SCALAR_CPU_COUNT; type++) {
            bool there = type == SCALAR_D && strcmp((*row)->name, "axpy") == 0;
            blas_routine routine = blas_library_routine(library, *row, type);
            assert_true((routine != NULL) == there);
        }
    /* What it has is right. */
    struct blas_call call;
    struct check check;
    call_make(&call, kernel_find("axpy"), SCALAR_D, "", 'l', -1, 100, -1, 2, 1, -3, 0);
    check_prepare(&check, &call, 1, -1, 1);
    check_arm(&check, &call);
    call.kernel->run[SCALAR_D](&call, blas_library_routine(library, call.kernel, SCALAR_D), 1);
    assert_true(check_verify(&check, &call).passed);
    check_free(&check);
    call_free(&call);
    assert_true(blas_library_set_threads(library, 1));
    assert_false(blas_library_set_threads(library, 2));
    blas_library_close(library);
}

static void wide_integers_are_refused(void **state) {
    (void)state;
    char path[4096], error[512] = "";
    path_of("wide_integers", path, sizeof path);
    assert_null(blas_library_open(path, error, sizeof error));
    assert_non_null(strstr(error, "libwide_integers.so"));
    assert_non_null(strstr(error, "64-bit integers"));
    assert_null(strchr(error, '\n'));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_elements_are_caught),
        cmocka_unit_test(writes_outside_are_caught),
        cmocka_unit_test(changed_inputs_are_caught),
        cmocka_unit_test(unwritten_elements_are_caught),
        cmocka_unit_test(missing_routines_are_seen),
        cmocka_unit_test(wide_integers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
