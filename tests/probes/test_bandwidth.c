/* Bandwidth probes: each touches exactly its n elements with the right formula, in every
 * instruction set of this machine, and however often it is repeated values stay where they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "kernels/cpu/isa.h"
#include "kernels/probes/bandwidth.h"

enum { N = 5 * BANDWIDTH_PROBE_BLOCK, GUARD = BANDWIDTH_PROBE_BLOCK };

struct arrays {
    double *a, *b, *c; /* N elements with a guard before and after */
};

static double input(int array, int i) { return sin(1 + i + 1000.0 * array); }

static void setup(struct arrays *arrays) {
    double **all[] = {&arrays->a, &arrays->b, &arrays->c};
    for (int k = 0; k < 3; k++) {
        double *block = aligned_alloc(64, (N + 2 * GUARD) * sizeof(double));
        assert_non_null(block);
        *all[k] = block + GUARD;
        for (int i = 0; i < N + 2 * GUARD; i++) block[i] = input(k, i - GUARD);
    }
}

static void teardown(struct arrays *arrays) {
    free(arrays->a - GUARD);
    free(arrays->b - GUARD);
    free(arrays->c - GUARD);
}

/* What element i of `a` must be after `repetitions`. */
static double expected(const char *name, int i, int repetitions) {
    const double a = input(0, i), b = input(1, i), c = input(2, i);
    if (strncmp(name, "copy", 4) == 0) return b;
    if (strncmp(name, "scale", 5) == 0) return 0.5 * b;
    if (strncmp(name, "add", 3) == 0) return b + c;
    if (strncmp(name, "triad", 5) == 0) return b + 0.5 * c;
    if (strcmp(name, "load") == 0) return a;
    if (strcmp(name, "update") == 0) return repetitions % 2 ? -a : a;
    if (strcmp(name, "axpy") == 0) return repetitions % 2 ? 0.5 * b - a : a;
    fail_msg("no formula for %s", name);
    return 0;
}

/* For each probe of each supported instruction set: body(probe). */
static void each_probe(void (*body)(const struct bandwidth_probe *probe)) {
    size_t sets, tested = 0;
    const struct isa *isa = isa_table(&sets);
    for (size_t i = 0; i < sets; i++) {
        size_t count;
        const struct bandwidth_probe *table = bandwidth_probe_table_for(isa[i].name, &count);
        if (!table) assert_int_equal(count, 0);
        for (size_t j = 0; j < count; j++) body(&table[j]);
        tested += count;
    }
    assert_true(tested > 0);
}

static void computes_its_formula(const struct bandwidth_probe *probe) {
    for (int repetitions = 0; repetitions <= 3; repetitions++) {
        struct arrays x;
        setup(&x);
        probe->run(x.a, probe->arrays > 1 ? x.b : NULL, probe->arrays > 2 ? x.c : NULL, N,
                   repetitions);
        for (int i = -GUARD; i < N + GUARD; i++) {
            const bool touched = repetitions > 0 && i >= 0 && i < N;
            const double want = touched ? expected(probe->name, i, repetitions) : input(0, i);
            assert_true(fabs(x.a[i] - want) <= 1e-15);
            assert_true(x.b[i] == input(1, i) && x.c[i] == input(2, i));
        }
        teardown(&x);
    }
}

/* Odd numbers of repetitions call after call must not drift either. */
static void repeats_without_drift(const struct bandwidth_probe *probe) {
    struct arrays x;
    setup(&x);
    for (int call = 0; call < 1001; call++) probe->run(x.a, x.b, x.c, N, call % 2 ? 1 : 7);
    probe->run(x.a, x.b, x.c, N, 100000);
    for (int i = 0; i < N; i++)
        assert_true(fabs(x.a[i] - expected(probe->name, i, 501 * 7 + 500 + 100000)) <= 1e-15);
    teardown(&x);
}

static void counts_its_arrays(const struct bandwidth_probe *probe) {
    /* Every array is read or written once; one updated in place is both. */
    assert_int_equal(probe->loads + probe->stores, probe->arrays + (probe->in_place ? 1 : 0));
    assert_true(bandwidth_probe_bytes(probe, N) == 8.0 * N * (probe->loads + probe->stores));
    const size_t length = strlen(probe->name);
    assert_int_equal(probe->non_temporal,
                     length > 3 && strcmp(probe->name + length - 3, "-nt") == 0);
}

static void test_computes_its_formula(void **state) {
    (void)state;
    each_probe(computes_its_formula);
}
static void test_repeats_without_drift(void **state) {
    (void)state;
    each_probe(repeats_without_drift);
}
static void test_counts_its_arrays(void **state) {
    (void)state;
    each_probe(counts_its_arrays);
}

static void every_name_is_found(void **state) {
    (void)state;
    static const char *const names[] = {
        "copy",
        "scale",
        "add",
        "triad",
#if defined(__x86_64__) || defined(__aarch64__)
        "copy-nt",
        "scale-nt",
        "add-nt",
        "triad-nt",
#endif
        "load",
        "update",
        "axpy"
    };
    size_t count;
    const char *isa;
    const struct bandwidth_probe *table = bandwidth_probe_table(&count, &isa);
    assert_int_equal(count, sizeof names / sizeof names[0]);
    for (size_t i = 0; i < count; i++) {
        const struct bandwidth_probe *probe = bandwidth_probe_find(names[i]);
        assert_non_null(probe);
        assert_string_equal(probe->name, names[i]);
        assert_true(probe >= table && probe < table + count);
    }
    assert_null(bandwidth_probe_find("quadrad"));
    assert_string_equal(isa, isa_best()->name);
    assert_ptr_equal(bandwidth_probe_table_for(isa, &count), table);
    assert_null(bandwidth_probe_table_for("mmx", &count));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_computes_its_formula),
        cmocka_unit_test(test_repeats_without_drift),
        cmocka_unit_test(test_counts_its_arrays),
        cmocka_unit_test(every_name_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
