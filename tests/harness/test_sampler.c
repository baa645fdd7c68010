/* When the sampler stops, and what it then says. Time is what the test says it is. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench/harness/sampler.h"

/* 1 second a call with uniform noise of +- `noise`, from a generator of its own. */
static double call(uint64_t *state, double noise) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return 1 + noise * (2 * ((double)(*state >> 11) * 0x1p-53) - 1);
}

struct outcome {
    struct summary result;
    double spent;
    bool noisy;
};

static struct outcome measure(double precision, double budget, size_t max_samples, double wall,
                              double noise) {
    struct sampler s;
    struct outcome o;
    uint64_t state = 1;
    sampler_init(&s, &(struct sampler_limits){precision, budget, max_samples});
    while (sampler_wants_more(&s)) sampler_add(&s, call(&state, noise), wall);
    o.result = sampler_result(&s, &o.noisy);
    o.spent = s.spent;
    assert_int_equal(s.count, o.result.samples);
    sampler_free(&s);
    return o;
}

static double half_width(const struct summary *r) { return (r->high - r->low) / 2 / r->median; }

static void stops_on_precision(void **unused) {
    (void)unused;
    struct outcome o = measure(0.01, 100, 0, 1e-3, 0.2);
    assert_true(o.spent < 5);
    assert_false(o.noisy);
    assert_true(half_width(&o.result) <= 0.01);
    assert_true(o.result.low < 1 && 1 < o.result.high);
    struct outcome finer = measure(0.005, 100, 0, 1e-3, 0.2);
    assert_true(finer.result.samples > 2 * o.result.samples);
    assert_true(half_width(&finer.result) <= 0.005);
}

static void never_stops_early_below_the_least(void **unused) {
    (void)unused;
    struct outcome o = measure(0.5, 100, 0, 1e-3, 0.01);
    assert_true(o.result.samples >= 100 && o.result.samples <= 250);
    o = measure(0.5, 100, 0, 10e-6, 0.01); /* least time: 50 ms */
    assert_true(o.spent >= 0.05 - 1e-9 && o.spent < 0.1);
}

static void stops_on_budget(void **unused) {
    (void)unused;
    struct outcome o = measure(1e-6, 0.5, 0, 1e-3, 0.2);
    assert_true(o.spent >= 0.5 && o.spent < 0.502);
    assert_true(o.noisy);
    assert_true(o.result.low < o.result.high);
}

static void not_noisy_where_the_budget_ends_a_precise_case(void **unused) {
    (void)unused;
    struct outcome o = measure(0.05, 0.5, 0, 20e-3, 0.01); /* 25 samples: no look yet */
    assert_in_range(o.result.samples, 25, 26);
    assert_false(o.noisy);
}

static void precision_zero_uses_the_budget_up(void **unused) {
    (void)unused;
    struct outcome o = measure(0, 2, 0, 1e-3, 1e-6);
    assert_true(o.spent >= 2 && o.spent < 2.002);
    assert_false(o.noisy);
    o = measure(0, 1, 0, 5, 0.2); /* no interval, but none was asked for */
    assert_false(o.noisy);
}

static void stops_on_max_samples(void **unused) {
    (void)unused;
    for (size_t n = 1; n <= 20; n++) {
        struct outcome o = measure(0, 100, n, 1e-3, 0.2);
        assert_int_equal(o.result.samples, n);
        assert_int_equal(isnan(o.result.low) != 0, n < 5);
        o = measure(1e-3, 0, n, 1e-3, 0.2); /* and no budget: three at most */
        assert_int_equal(o.result.samples, n < 3 ? n : 3);
        assert_true(o.noisy);
    }
}

static void huge_samples(void **unused) {
    (void)unused;
    const struct {
        double wall, budget;
        size_t samples;
    } cases[] = {
        {5, 1, 3},    /* over the budget, still three */
        {0.4, 1, 4},  /* 1.2 s after three, 1.6 s after four */
        {0.3, 1, 5},  /* 1.2 s after four: the fifth gives an interval */
        {0.15, 1, 7}, /* the budget decides */
        {1, NAN, 3},  {NAN, 1, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct outcome o = measure(0.02, cases[i].budget, 0, cases[i].wall, 0.2);
        assert_int_equal(o.result.samples, cases[i].samples);
        assert_true(o.noisy);
        assert_int_equal(isnan(o.result.low) != 0, cases[i].samples < 5);
        assert_false(isnan(o.result.median));
    }
}

static void identical_samples(void **unused) {
    (void)unused;
    struct outcome o = measure(0.01, 100, 0, 1e-3, 0);
    assert_int_equal(o.result.samples, 100);
    assert_false(o.noisy);
    assert_true(o.result.low == 1 && o.result.high == 1);
}

static void correlated_samples_take_longer(void **unused) {
    (void)unused;
    struct sampler s;
    bool noisy;
    uint64_t state = 1;
    double x = 0;
    sampler_init(&s, &(struct sampler_limits){0.02, 100, 0});
    while (sampler_wants_more(&s)) {
        x = 0.95 * x + call(&state, 0.02) - 1;
        sampler_add(&s, 1 + x, 1e-3);
    }
    struct summary r = sampler_result(&s, &noisy);
    assert_true(r.samples > 500);
    assert_true(r.effective >= 60 && r.effective < 0.3 * (double)r.samples);
    assert_false(noisy);
    sampler_free(&s);
}

static void sample_not_finite_ends_noisy(void **unused) {
    (void)unused;
    struct sampler s;
    bool noisy;
    uint64_t state = 1;
    sampler_init(&s, &(struct sampler_limits){0.1, 1, 0});
    sampler_add(&s, NAN, 1e-3);
    while (sampler_wants_more(&s)) sampler_add(&s, call(&state, 0.01), 1e-3);
    struct summary r = sampler_result(&s, &noisy);
    assert_true(s.spent >= 1);
    assert_true(noisy && isnan(r.median) && isnan(r.low));
    sampler_free(&s);
}

static void nothing_added(void **unused) {
    (void)unused;
    struct sampler s;
    bool noisy;
    sampler_init(&s, &(struct sampler_limits){0.1, 1, 0});
    assert_true(sampler_wants_more(&s));
    struct summary r = sampler_result(&s, &noisy);
    assert_int_equal(r.samples, 0);
    assert_true(noisy && isnan(r.median));
    sampler_free(&s);
    assert_null(s.samples);
}

static void keeps_the_samples_in_order(void **unused) {
    (void)unused;
    struct sampler s;
    sampler_init(&s, &(struct sampler_limits){0, 1e9, 1000});
    for (int i = 0; sampler_wants_more(&s); i++) sampler_add(&s, 1000 - i, 0.5);
    assert_int_equal(s.count, 1000);
    for (int i = 0; i < 1000; i++) assert_true(s.samples[i] == 1000 - i);
    assert_true(s.spent == 500);
    sampler_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_on_precision),
        cmocka_unit_test(never_stops_early_below_the_least),
        cmocka_unit_test(stops_on_budget),
        cmocka_unit_test(not_noisy_where_the_budget_ends_a_precise_case),
        cmocka_unit_test(precision_zero_uses_the_budget_up),
        cmocka_unit_test(stops_on_max_samples),
        cmocka_unit_test(huge_samples),
        cmocka_unit_test(identical_samples),
        cmocka_unit_test(correlated_samples_take_longer),
        cmocka_unit_test(sample_not_finite_ends_noisy),
        cmocka_unit_test(nothing_added),
        cmocka_unit_test(keeps_the_samples_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
