/* FMA probes: every one computes exactly the operations it counts, on data that stay bounded,
 * normal and in motion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "kernels/cpu/isa.h"
#include "kernels/probes/fma.h"

enum { MOST_VALUES = 384 };

union state {
    float s[MOST_VALUES];
    double d[MOST_VALUES];
};

/* For each supported probe: body(probe). */
static void each_probe(void (*body)(const struct fma_probe *probe)) {
    size_t count;
    const struct fma_probe *table = fma_probe_table(&count);
    for (size_t i = 0; i < count; i++)
        if (table[i].supported()) body(&table[i]);
}

static double value(const struct fma_probe *probe, const union state *state, int i) {
    return probe->type == SCALAR_S ? (double)state->s[i] : state->d[i];
}

static long passes_per_iteration(const struct fma_probe *probe) {
    return lround(probe->flops_per_iteration / (2.0 * probe->values));
}

/* Step `pass` of the probe's map, in plain C with the same roundings. `volatile` keeps the compiler
 * from fusing what SSE2 rounds twice. */
static double map_d(const char *isa, double x, long pass) {
    if (strcmp(isa, "neon") == 0)
        return pass % 2 == 0 ? fma(-x, x, x) : fma(x, FMA_PROBE_LOGISTIC, x);
    if (strcmp(isa, "sse2") == 0) {
        volatile double square = x * x;
        return square + FMA_PROBE_QUADRATIC;
    }
    return fma(x, x, FMA_PROBE_QUADRATIC);
}

static float map_s(const char *isa, float x, long pass) {
    if (strcmp(isa, "neon") == 0)
        return pass % 2 == 0 ? fmaf(-x, x, x) : fmaf(x, (float)FMA_PROBE_LOGISTIC, x);
    if (strcmp(isa, "sse2") == 0) {
        volatile float square = x * x;
        return square + (float)FMA_PROBE_QUADRATIC;
    }
    return fmaf(x, x, (float)FMA_PROBE_QUADRATIC);
}

/* The map is chaotic, so one step more or less, or one lane left out, changes every digit. */
static void computes_what_it_counts(const struct fma_probe *probe) {
    const long iterations = 37, passes = iterations * passes_per_iteration(probe);
    union state state;
    fma_probe_start(probe->type, &state, probe->values);
    union state expected = state;
    for (int i = 0; i < probe->values; i++)
        for (long pass = 0; pass < passes; pass++)
            if (probe->type == SCALAR_S)
                expected.s[i] = map_s(probe->isa, expected.s[i], pass);
            else
                expected.d[i] = map_d(probe->isa, expected.d[i], pass);
    probe->advance(iterations, &state);
    for (int i = 0; i < probe->values; i++)
        assert_true(value(probe, &state, i) == value(probe, &expected, i));
}

static void stays_bounded_and_normal(const struct fma_probe *probe) {
    union state state;
    fma_probe_start(probe->type, &state, probe->values);
    double sum = 0;
    for (int round = 0; round < 200; round++) {
        probe->advance(53, &state);
        for (int i = 0; i < probe->values; i++) {
            const double x = value(probe, &state, i);
            assert_true(isfinite(x) && fabs(x) <= 2);
            assert_true(fabs(x) >= 0x1p-53 || x == 0);
            sum += x;
        }
    }
    sum /= 200.0 * probe->values;
    assert_true(isfinite(sum) && fabs(sum) <= 2);
}

/* Also long after the start no value repeats within 20 iterations: nothing settled in a short
 * cycle, which single precision does for badly chosen constants. */
static void never_settles(const struct fma_probe *probe) {
    union state old, state;
    fma_probe_start(probe->type, &state, probe->values);
    probe->advance(20000, &state);
    old = state;
    for (int iteration = 1; iteration <= 20; iteration++) {
        probe->advance(1, &state);
        for (int i = 0; i < probe->values; i++)
            assert_true(value(probe, &state, i) != value(probe, &old, i));
    }
}

static void start_values_differ(const struct fma_probe *probe) {
    union state state;
    assert_true(probe->values <= MOST_VALUES);
    fma_probe_start(probe->type, &state, probe->values);
    for (int i = 0; i < probe->values; i++) {
        assert_true(value(probe, &state, i) > 0.1 && value(probe, &state, i) < 0.95);
        for (int j = 0; j < i; j++) assert_true(value(probe, &state, i) != value(probe, &state, j));
    }
}

static void no_iterations_change_nothing(const struct fma_probe *probe) {
    union state state, old;
    fma_probe_start(probe->type, &state, probe->values);
    fma_probe_start(probe->type, &old, probe->values);
    probe->advance(0, &state);
    probe->advance(-1, &state);
    assert_memory_equal(&state, &old, (size_t)probe->values * scalar_bytes(probe->type));
    probe->run(0);
    probe->run(1);
}

static void test_computes_what_it_counts(void **state) {
    (void)state;
    each_probe(computes_what_it_counts);
}
static void test_stays_bounded_and_normal(void **state) {
    (void)state;
    each_probe(stays_bounded_and_normal);
}
static void test_never_settles(void **state) {
    (void)state;
    each_probe(never_settles);
}
static void test_start_values_differ(void **state) {
    (void)state;
    each_probe(start_values_differ);
}
static void test_no_iterations_change_nothing(void **state) {
    (void)state;
    each_probe(no_iterations_change_nothing);
}

static void best_is_the_widest(void **state) {
    (void)state;
    for (int type = 0; type < SCALAR_CPU_COUNT; type++) {
        const struct fma_probe *best = fma_probe_best((enum scalar)type);
#if defined(__x86_64__) || defined(__aarch64__)
        assert_non_null(best);
        assert_int_equal(best->type, type);
        assert_string_equal(best->isa, isa_best()->name);
#else
        assert_null(best);
#endif
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_computes_what_it_counts),
        cmocka_unit_test(test_stays_bounded_and_normal),
        cmocka_unit_test(test_never_settles),
        cmocka_unit_test(test_start_values_differ),
        cmocka_unit_test(test_no_iterations_change_nothing),
        cmocka_unit_test(best_is_the_widest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
