/* Loading CBLAS libraries at run time: names, errors, threads, and several side by side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "kernels/cpu/blas_library.h"

static struct blas_library *open_or_skip(const char *name) {
    char error[512] = "";
    struct blas_library *library = blas_library_open(name, error, sizeof error);
    if (!library) {
        print_message("skipped: %s\n", error);
        skip();
    }
    return library;
}

static struct blas_library *open_builtin(const char *name) {
    char error[512] = "";
    struct blas_library *library = blas_library_open(name, error, sizeof error);
    assert_non_null(library);
    return library;
}

static void aliases_are_listed(void **state) {
    (void)state;
    static const char *const names[] = {
        "openblas", "openblas-openmp", "openblas-pthread", "openblas-serial", "blis", "netlib",
        "mkl"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool found = false;
        for (const struct blas_alias *alias = blas_library_aliases(); alias->name; alias++) {
            assert_true(alias->what && alias->what[0] && alias->candidates && alias->candidates[0]);
            found = found || strcmp(alias->name, names[i]) == 0;
        }
        if (!found) fail_msg("no alias %s", names[i]);
    }
}

static void assert_refused(const char *name, const char *word) {
    char error[512] = "";
    struct blas_library *library = blas_library_open(name, error, sizeof error);
    assert_null(library);
    if (!strstr(error, word) || strchr(error, '\n') || !error[0])
        fail_msg("'%s' is refused with \"%s\"", name, error);
}

static void what_does_not_load_gets_one_line(void **state) {
    (void)state;
    assert_refused("opneblas", "no BLAS library is called 'opneblas'");
    assert_refused("", "no BLAS library is called ''");
    assert_refused("/nowhere/libmkl_rt.so", "/nowhere/libmkl_rt.so");
    assert_refused("libnothing_like_it.so.9", "libnothing_like_it.so.9");
    assert_refused("/", "does not load");
    char file[] = "/tmp/flopstep-not-a-library-XXXXXX.so"; /* a file, but no library */
    int handle = mkstemps(file, 3);
    assert_true(handle >= 0);
    FILE *text = fdopen(handle, "w");
    fputs("not ELF\n", text);
    fclose(text);
    assert_refused(file, "does not load");
    remove(file);
    char tiny[8] = ""; /* a short buffer is filled, not overrun */
    assert_null(blas_library_open("nothing", tiny, sizeof tiny));
    assert_int_equal(strlen(tiny), sizeof tiny - 1);
}

static void aliases_that_are_not_installed_say_so(void **state) {
    (void)state;
    size_t missing = 0;
    for (const struct blas_alias *alias = blas_library_aliases(); alias->name; alias++) {
        char error[512] = "";
        struct blas_library *library = blas_library_open(alias->name, error, sizeof error);
        if (library) {
            assert_non_null(library->handle);
            assert_true(library->path[0]);
            assert_int_equal(strncmp(library->name, alias->name, strlen(alias->name)), 0);
            assert_non_null(blas_library_routine(library, kernel_find("gemm"), SCALAR_D));
        } else {
            assert_non_null(strstr(error, "is not installed"));
            assert_non_null(strstr(error, alias->name));
            assert_null(strchr(error, '\n'));
            missing++;
        }
        blas_library_close(library);
    }
    print_message("%zu aliases name no library here\n", missing);
}

static void builtin_libraries_have_no_thread_control(void **state) {
    (void)state;
    static const char *const names[] = {"naive", "blocked"};
    for (int i = 0; i < 2; i++) {
        struct blas_library *library = open_builtin(names[i]);
        assert_string_equal(library->name, names[i]);
        assert_string_equal(library->path, "built in");
        assert_string_equal(library->thread_control, "none");
        assert_true(library->configuration[0]);
        assert_null(library->handle);
        assert_true(blas_library_set_threads(library, 1));
        assert_false(blas_library_set_threads(library, 2));
        for (const struct kernel *const *row = kernel_table(); *row; row++)
            for (enum scalar type = 0; type < SCALAR_CPU_COUNT; type++)
                assert_non_null(blas_library_routine(library, *row, type));
        blas_library_close(library);
    }
}

static void blocked_falls_back_to_naive(void **state) {
    (void)state;
    struct blas_library *naive = open_builtin("naive"), *blocked = open_builtin("blocked");
    for (const struct kernel *const *row = kernel_table(); *row; row++)
        for (enum scalar type = 0; type < SCALAR_CPU_COUNT; type++) {
            bool same = blas_library_routine(naive, *row, type) ==
                        blas_library_routine(blocked, *row, type);
            assert_true(same == ((*row)->level < 3)); /* only level 3 has anything to block */
        }
    blas_library_close(naive);
    blas_library_close(blocked);
}

static void openblas_describes_itself(void **state) {
    (void)state;
    struct blas_library *library = open_or_skip("openblas");
    assert_true(library->version[0] && library->configuration[0]);
    assert_null(strchr(library->version, '\n'));
    assert_non_null(strstr(library->version, "OpenBLAS"));
    assert_non_null(strstr(library->configuration, library->version));
    assert_true(strcmp(library->name, "openblas") == 0 || strstr(library->name, "openblas-"));
    blas_library_close(library);
}

static int ask(const struct blas_library *library, const char *function) {
    union {
        void *object;
        int (*function)(void);
    } symbol = {dlsym(library->handle, function)};
    assert_non_null(symbol.object);
    return symbol.function();
}

static void openblas_takes_threads(void **state) {
    (void)state;
    struct blas_library *library = open_or_skip("openblas");
    if (!library->control) {
        print_message("skipped: the OpenBLAS here has one thread\n");
        blas_library_close(library);
        skip();
    }
    assert_string_equal(library->thread_control, "openblas_set_num_threads");
    static const int threads[] = {2, 1, 2};
    for (int i = 0; i < 3; i++) {
        assert_true(blas_library_set_threads(library, threads[i]));
        assert_int_equal(ask(library, "openblas_get_num_threads"), threads[i]);
        if (library->set_omp_threads) /* an OpenMP build goes by this one */
            assert_int_equal(ask(library, "omp_get_max_threads"), threads[i]);
    }
    blas_library_set_threads(library, 1);
    blas_library_close(library);
}

static void serial_openblas_has_no_thread_control(void **state) {
    (void)state;
    struct blas_library *library = open_or_skip("openblas-serial");
    assert_string_equal(library->name, "openblas-serial");
    assert_string_equal(library->thread_control, "none");
    assert_true(library->version[0]);
    assert_true(blas_library_set_threads(library, 1));
    assert_false(blas_library_set_threads(library, 2));
    blas_library_close(library);
}

/* A library by its path is the same library, and is called after its file or Debian's folder. */
static void paths_open_what_aliases_open(void **state) {
    (void)state;
    struct blas_library *by_alias = open_or_skip("openblas");
    if (!strchr(by_alias->path, '/')) { /* found by the loader, whose path we do not know */
        blas_library_close(by_alias);
        skip();
    }
    struct blas_library *by_path = open_or_skip(by_alias->path);
    assert_string_equal(by_path->path, by_alias->path);
    assert_string_equal(by_path->name, by_alias->name);
    const struct kernel *gemm = kernel_find("gemm");
    assert_true(blas_library_routine(by_path, gemm, SCALAR_D) ==
                blas_library_routine(by_alias, gemm, SCALAR_D));
    blas_library_close(by_path);
    blas_library_close(by_alias);
}

static void libraries_stand_side_by_side(void **state) {
    (void)state;
    enum { MOST = 16 };
    struct blas_library *open[MOST];
    size_t count = 0;
    open[count++] = open_builtin("naive");
    for (const struct blas_alias *alias = blas_library_aliases(); alias->name; alias++) {
        char error[512];
        struct blas_library *library = blas_library_open(alias->name, error, sizeof error);
        bool again = false;
        for (size_t i = 0; library && i < count; i++)
            again = again || strcmp(open[i]->name, library->name) == 0;
        if (again)
            blas_library_close(library);
        else if (library)
            open[count++] = library;
    }
    const struct kernel *gemm = kernel_find("gemm");
    double a = 3, b = 5;
    for (size_t i = 0; i < count; i++) {
        blas_routine one = blas_library_routine(open[i], gemm, SCALAR_D);
        assert_non_null(one);
        for (size_t j = 0; j < i; j++)
            if (one == blas_library_routine(open[j], gemm, SCALAR_D))
                fail_msg("%s and %s share dgemm", open[i]->name, open[j]->name);
        double c = 7;
        typedef void dgemm(int, int, int, int, int, int, double, const double *, int,
                           const double *, int, double, double *, int);
        ((dgemm *)one)(102, 111, 111, 1, 1, 1, 1, &a, 1, &b, 1, 1, &c, 1);
        assert_true(c == 22);
    }
    print_message("%zu libraries side by side\n", count);
    for (size_t i = 0; i < count; i++) blas_library_close(open[i]);
    blas_library_close(NULL);
}

/* Threads that a library starts between the two calls are its own. */
static void threads_of_a_library_are_noted(void **state) {
    (void)state;
    struct blas_library *library = open_builtin("naive");
    blas_library_note_threads(library);
    assert_true(library->known_count >= 1);
    int before = library->worker_count;
    blas_library_adopt_threads(library);
    assert_int_equal(library->worker_count, before); /* none was started */
    assert_int_equal(blas_library_pin_workers(library), 0);
    blas_library_close(library);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aliases_are_listed),
        cmocka_unit_test(what_does_not_load_gets_one_line),
        cmocka_unit_test(aliases_that_are_not_installed_say_so),
        cmocka_unit_test(builtin_libraries_have_no_thread_control),
        cmocka_unit_test(blocked_falls_back_to_naive),
        cmocka_unit_test(openblas_describes_itself),
        cmocka_unit_test(openblas_takes_threads),
        cmocka_unit_test(serial_openblas_has_no_thread_control),
        cmocka_unit_test(paths_open_what_aliases_open),
        cmocka_unit_test(libraries_stand_side_by_side),
        cmocka_unit_test(threads_of_a_library_are_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
