/* Every kernel of every library that loads here against a slow reference in long double: both
 * types, all transposes and triangles, odd sizes, increments and leading dimensions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernels/cpu/blas_library.h"
#include "tests/blas/cases.h"
#include "tests/blas/reference.h"

enum { MOST_LIBRARIES = 16 };

struct libraries {
    struct blas_library *library[MOST_LIBRARIES];
    size_t count;
    bool only_large; /* sizes at which libraries use their threads */
    unsigned long calls;
};

static const double coefficients[] = {1, 0, -0.5, 2, 1.0 / 3};
enum { COEFFICIENTS = sizeof coefficients / sizeof *coefficients };

static const struct spacing spacings[] = {{1, 1, 0},  {1, 1, 1},   {1, 1, 7},   {2, 1, 0},
                                          {1, -3, 1}, {-1, 2, 7},  {-3, -1, 0}, {2, 2, 1},
                                          {1, 2, 7},  {-1, -1, 1}, {-3, 1, 7},  {2, -3, 0}};
enum { SPACINGS = sizeof spacings / sizeof *spacings };

/* m, n, k; and how many of the coefficients and spacings are tried at that size. */
static const struct {
    long shape[3];
    int variants;
} sizes[] = {
    {{1, 1, 1}, 60},      {{2, 2, 2}, 60},      {{3, 3, 3}, 60},   {{7, 7, 7}, 60},
    {{17, 17, 17}, 8},    {{33, 33, 33}, 5},    {{64, 64, 64}, 4}, {{65, 65, 65}, 4},
    {{100, 100, 100}, 1}, {{129, 129, 129}, 2}, {{1, 7, 3}, 12},   {{7, 1, 2}, 12},
    {{2, 33, 1}, 6},      {{33, 2, 1}, 6},      {{65, 3, 17}, 4},  {{3, 65, 129}, 4},
    {{17, 64, 33}, 3},    {{129, 2, 65}, 3},    {{5, 300, 9}, 2},  {{300, 5, 9}, 2},
    {{9, 5, 300}, 3},     {{131, 9, 258}, 2},   {{3, 2050, 2}, 1}, /* over the blocks of blocked */
};

/* A square of n x n at n = 2050 takes long and tells nothing more. */
static bool is_worth_it(const struct kernel *kernel, const long shape[3], bool only_large) {
    bool square_in_n = kernel->has_uplo && !strchr(kernel->dimensions, 'm');
    if (square_in_n && shape[1] > 1000) return false;
    return !only_large || shape[0] * shape[1] >= 100 * 100;
}

/* BLAS leaves it open what one vector with a negative increment means: libraries return 0, or walk
 * it. */
static bool is_defined(const struct kernel *kernel, struct spacing spacing) {
    bool lone = strcmp(kernel->name, "scal") == 0 || strcmp(kernel->name, "nrm2") == 0 ||
                strcmp(kernel->name, "asum") == 0;
    return !lone || spacing.incx > 0;
}

static void describe(const struct problem *p, const char *library, char *text, size_t size) {
    const struct blas_call *c = &p->call;
    snprintf(text, size, "%s %s%s %c%c %c m %ld n %ld k %ld alpha %g beta %g strides %ld %ld %ld",
             library, scalar_letter(c->type), c->kernel->name, c->transa, c->transb, c->uplo, c->m,
             c->n, c->k, c->alpha, c->beta, p->operand[0].stride, p->operand[1].stride,
             p->operand[2].stride);
}

static void one_library(struct problem *p, const struct blas_library *library) {
    char what[300];
    describe(p, library->name, what, sizeof what);
    blas_routine routine = blas_library_routine(library, p->call.kernel, p->call.type);
    if (!routine && p->call.kernel->is_batched && !library->builtin) return; /* no standard yet */
    if (!routine) fail_msg("%s: no routine", what);
    problem_rewind(p);
    p->call.kernel->run[p->call.type](&p->call, routine, 1);
    if (!only_output_changed(p)) fail_msg("%s: wrote elsewhere", what);
    double *values = output_values(p), norm, worst;
    reference_error(p, values, &norm, &worst);
    free(values);
    double allowed = scalar_epsilon(p->call.type) / 2 * reference_scale(p);
    if (!(norm <= allowed)) fail_msg("%s: error %g, allowed %g", what, norm, allowed);
    if (!(worst <= 1)) fail_msg("%s: an element is off by %g times its bound", what, worst);
}

static void every_library(const struct kernel *kernel, enum scalar type, const char *trans,
                          char uplo, void *context) {
    struct libraries *libraries = context;
    uint64_t turn = (uint64_t)kernel->name[0] + (uint64_t)kernel->name[2]; /* start elsewhere */
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        if (!is_worth_it(kernel, sizes[s].shape, libraries->only_large)) continue;
        for (int v = 0; v < sizes[s].variants; v++, turn++) {
            struct problem p;
            const struct spacing spacing = spacings[turn % SPACINGS];
            problem_make(&p, kernel, type, trans, uplo, sizes[s].shape,
                         coefficients[turn % COEFFICIENTS],
                         coefficients[turn / COEFFICIENTS % COEFFICIENTS], spacing, turn);
            for (size_t i = 0; i < libraries->count; i++) {
                if (!libraries->library[i]->builtin && !is_defined(kernel, spacing)) continue;
                one_library(&p, libraries->library[i]);
                libraries->calls++;
            }
            problem_free(&p);
        }
    }
}

static void open_library(struct libraries *libraries, const char *name) {
    char error[512];
    struct blas_library *library = blas_library_open(name, error, sizeof error);
    if (!library) {
        print_message("not here: %s\n", error);
        return;
    }
    for (size_t i = 0; i < libraries->count; i++)
        if (strcmp(libraries->library[i]->name, library->name) == 0) { /* by another alias */
            blas_library_close(library);
            return;
        }
    assert_true(libraries->count < MOST_LIBRARIES);
    libraries->library[libraries->count++] = library;
}

static void run_libraries(struct libraries *libraries, int threads) {
    for (size_t i = 0; i < libraries->count; i++) {
        bool set = blas_library_set_threads(libraries->library[i], threads);
        print_message("%s, %d thread%s%s\n", libraries->library[i]->name, threads,
                      threads == 1 ? "" : "s", set ? "" : " (it has one)");
    }
    each_case(every_library, libraries);
    assert_true(libraries->calls > 0);
    for (size_t i = 0; i < libraries->count; i++) blas_library_close(libraries->library[i]);
}

static void builtin_libraries_are_right(void **state) {
    (void)state;
    struct libraries libraries = {0};
    open_library(&libraries, "naive");
    open_library(&libraries, "blocked");
    assert_int_equal(libraries.count, 2);
    run_libraries(&libraries, 1);
}

static void run_loaded_libraries(int threads, bool only_large) {
    struct libraries libraries = {.only_large = only_large};
    for (const struct blas_alias *alias = blas_library_aliases(); alias->name; alias++)
        open_library(&libraries, alias->name);
    if (!libraries.count) {
        print_message("skipped: no BLAS library is installed\n");
        skip();
    }
    run_libraries(&libraries, threads);
}

static void loaded_libraries_are_right(void **state) {
    (void)state;
    run_loaded_libraries(1, false);
}

static void loaded_libraries_are_right_on_two_threads(void **state) {
    (void)state;
    run_loaded_libraries(2, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builtin_libraries_are_right),
        cmocka_unit_test(loaded_libraries_are_right),
        cmocka_unit_test(loaded_libraries_are_right_on_two_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
