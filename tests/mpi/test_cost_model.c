/* Fits of cost models to times that are known: the parameters come back, their intervals hold them,
 * and what is held out is predicted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "mpi/cost_model.h"

static const double alpha = 3e-6, beta = 2e-10, gamma_ = 5e-11;

static uint64_t state;

/* Roughly normal, of variance 1. */
static double noise(void) {
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        sum += (double)(state >> 11) * 0x1p-53;
    }
    return sum;
}

/* 4 B to 64 MiB on 2, 4, …, `most` ranks. */
static size_t synthetic(const struct cost_model *m, struct cost_point *points, int most,
                        double relative) {
    struct cost_fit truth = {.alpha = alpha, .beta = beta, .gamma = gamma_};
    size_t count = 0;
    for (int p = 2; p <= most; p *= 2)
        for (long bytes = 4; bytes <= 64L << 20; bytes *= 4) {
            points[count] = (struct cost_point){(double)bytes, 0, p, false, false};
            points[count++].seconds =
                cost_seconds(m, &truth, (double)bytes, p) * (1 + relative * noise());
        }
    return count;
}

static void assert_near(double value, double expected, double relative) {
    if (!(fabs(value - expected) <= relative * fabs(expected)))
        fail_msg("%.9g is not %.9g", value, expected);
}

static void test_formulas(void **unused) {
    (void)unused;
    static const struct {
        const char *name;
        int ranks;
        double rounds, moved, added;
    } rows[] = {{"p2p", 2, 1, 1, 0},
                {"recursive-doubling", 8, 3, 3, 3},
                {"recursive-doubling", 2, 1, 1, 1},
                {"rabenseifner", 8, 6, 1.75, 0.875},
                {"rabenseifner", 2, 2, 1, 0.5},
                {"ring", 4, 6, 1.5, 0.75},
                {"ring", 7, 12, 12.0 / 7, 6.0 / 7}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct cost_model *m = cost_model_find(rows[i].name);
        struct cost_fit a = {.alpha = 1}, b = {.beta = 1}, c = {.gamma = 1};
        assert_non_null(m);
        assert_near(cost_seconds(m, &a, 1000, rows[i].ranks), rows[i].rounds, 1e-12);
        assert_near(cost_seconds(m, &b, 1000, rows[i].ranks), 1000 * rows[i].moved, 1e-12);
        assert_near(cost_seconds(m, &c, 1000, rows[i].ranks), 1000 * rows[i].added, 1e-12);
    }
    assert_null(cost_model_find("no such model"));
}

static void test_exact_times_give_the_parameters(void **unused) {
    (void)unused;
    for (const struct cost_model *m = cost_models; m->name; m++)
        for (int most = 2; most <= 16; most *= 8) {
            struct cost_point points[80];
            struct cost_fit fit;
            size_t count = synthetic(m, points, most, 0);
            cost_hold_out(points, count);
            assert_true(cost_fit(m, gamma_, points, count, &fit));
            assert_near(fit.alpha, alpha, 1e-6);
            assert_near(fit.beta, beta, 1e-6);
            assert_true(fit.prediction_error < 1e-6);
            assert_true(fit.fit_error < 1e-6);
        }
}

/* With noise of 5 % the parameters come back within it, and 95 % intervals hold them that often. */
static void test_intervals_cover(void **unused) {
    (void)unused;
    const struct cost_model *m = cost_model_find("ring");
    int alphas = 0, betas = 0;
    enum { TRIES = 1000 };
    state = 1;
    for (int i = 0; i < TRIES; i++) {
        struct cost_point points[80];
        struct cost_fit fit;
        size_t count = synthetic(m, points, 2, 0.05);
        cost_hold_out(points, count);
        assert_true(cost_fit(m, gamma_, points, count, &fit));
        assert_near(fit.alpha, alpha, 0.2);
        assert_near(fit.beta, beta, 0.4);
        assert_true(fit.alpha_low < fit.alpha && fit.alpha < fit.alpha_high);
        alphas += fit.alpha_low <= alpha && alpha <= fit.alpha_high;
        betas += fit.beta_low <= beta && beta <= fit.beta_high;
    }
    print_message("intervals hold alpha %d and beta %d of %d times\n", alphas, betas, TRIES);
    /* 95 % of 1000 is 950 +- 7; noise is relative to the true time, the fit to the measured one */
    assert_in_range(alphas, 900, 985);
    assert_in_range(betas, 900, 985);
}

/* The largest sizes, twice as slow as the model has it. */
static void test_what_is_held_out(void **unused) {
    (void)unused;
    const struct cost_model *m = cost_model_find("p2p");
    struct cost_point points[80];
    struct cost_fit fit;
    size_t count = synthetic(m, points, 2, 0);
    points[count - 1].seconds *= 2;
    cost_hold_out(points, count);
    for (size_t i = 0; i < count; i++) assert_int_equal(points[i].held_out, i + 2 >= count);
    assert_true(cost_fit(m, gamma_, points, count, &fit));
    assert_int_equal(fit.fitted, count - 2 - 4); /* 4 to 256 KiB are in the middle */
    assert_near(fit.beta, beta, 1e-6);           /* the fit did not see it */
    assert_near(fit.prediction_error, 1, 1e-6);  /* twice too fast */
    assert_true(fit.fit_error < 1e-6);

    count = synthetic(m, points, 8, 0); /* 2, 4 and 8 ranks: 8 are held out too */
    cost_hold_out(points, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(points[i].held_out, points[i].ranks == 8 || points[i].bytes > 1048576 * 4);
    count = synthetic(m, points, 4, 0);
    cost_hold_out(points, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(points[i].held_out, points[i].bytes > 1048576 * 4);
}

/* A link of 125 MB/s that lets 64 KiB pass at 20 times that: the rate comes back all the same. */
static void test_a_burst_does_not_hide_the_rate(void **unused) {
    (void)unused;
    struct cost_point points[16];
    struct cost_fit fit;
    size_t count = 0;
    state = 3;
    for (long bytes = 4; bytes <= 64L << 20; bytes *= 4) {
        double seconds =
            9e-6 + 4e-10 * fmin((double)bytes, 65536) + 8e-9 * fmax((double)bytes - 65536, 0);
        points[count++] =
            (struct cost_point){(double)bytes, seconds * (1 + 0.03 * noise()), 2, false, false};
    }
    cost_hold_out(points, count);
    assert_true(cost_fit(cost_model_find("p2p"), 0, points, count, &fit));
    assert_near(fit.beta, 8e-9, 0.12);
    assert_near(fit.alpha, 9e-6, 0.2);
    assert_true(fit.prediction_error < 0.2);
    assert_true(fit.middle_error > 1);
}

static void test_few_sizes(void **unused) {
    (void)unused;
    const struct cost_model *m = cost_model_find("p2p");
    struct cost_fit fit;
    struct cost_point one[] = {{1000, 1e-6, 2, false, false}, {1000, 2e-6, 2, false, false}};
    assert_false(cost_fit(m, 0, one, 1, &fit));
    assert_false(cost_fit(m, 0, one, 2, &fit)); /* a size cannot tell alpha from beta */
    assert_false(cost_fit(m, 0, NULL, 0, &fit));
    struct cost_point two[] = {{4, 1e-6, 2, false, false}, {1e6, 1e-3, 2, false, false}};
    cost_hold_out(two, 2);
    assert_true(cost_fit(m, 0, two, 2, &fit));
    assert_near(fit.alpha, 1e-6, 0.01);
    assert_near(fit.beta, 1e-9, 0.01);
    assert_true(isnan(fit.alpha_low) && isnan(fit.beta_high)); /* nothing left to tell */
    assert_true(isnan(fit.prediction_error));
    struct cost_point four[] = {{4, 1e-6, 2, false, false},
                                {1e3, 2e-6, 2, false, false},
                                {1e4, 1e-5, 2, false, false},
                                {1e6, 1e-3, 2, false, false}};
    cost_hold_out(four, 4);
    assert_true(four[3].held_out && !four[2].held_out);
}

/* Times that fall with the size, or that less than adding explains: no parameter is below 0. */
static void test_no_negative_parameters(void **unused) {
    (void)unused;
    const struct cost_model *m = cost_model_find("p2p");
    struct cost_fit fit;
    struct cost_point falling[] = {
        {4, 4e-6, 2, false, false}, {1000, 3e-6, 2, false, false}, {4000, 2e-6, 2, false, false}};
    assert_true(cost_fit(m, 0, falling, 3, &fit));
    assert_true(fit.beta == 0 && fit.alpha > 1e-6 && fit.alpha < 5e-6);
    assert_true(fit.beta_low == 0 && fit.beta_high >= 0);
    struct cost_point bent[] = {/* the line through them begins below 0 */
                                {1000, 1e-7, 2, false, false},
                                {2000, 1e-6, 2, false, false},
                                {4000, 4e-6, 2, false, false}};
    assert_true(cost_fit(m, 0, bent, 3, &fit));
    assert_true(fit.alpha == 0 && fit.beta > 0);
    assert_true(fit.alpha_low == 0 && fit.alpha_high >= 0);
    const struct cost_model *ring = cost_model_find("ring");
    struct cost_point points[80];
    size_t count = synthetic(ring, points, 2, 0);
    assert_true(cost_fit(ring, 1e-6, points, count, &fit)); /* gamma far too large */
    assert_true(fit.alpha >= 0 && fit.beta == 0);
}

static void test_ends_of_intervals(void **unused) {
    (void)unused;
    const struct cost_model *m = cost_model_find("rabenseifner");
    struct cost_point points[80];
    struct cost_fit fit;
    state = 7;
    size_t count = synthetic(m, points, 4, 0.1);
    cost_hold_out(points, count);
    assert_true(cost_fit(m, gamma_, points, count, &fit));
    for (long bytes = 4; bytes < 1000000000; bytes *= 100) {
        double middle = cost_seconds(m, &fit, (double)bytes, 1024);
        assert_true(cost_seconds_low(m, &fit, (double)bytes, 1024) < middle);
        assert_true(cost_seconds_high(m, &fit, (double)bytes, 1024) > middle);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formulas),
        cmocka_unit_test(test_exact_times_give_the_parameters),
        cmocka_unit_test(test_intervals_cover),
        cmocka_unit_test(test_what_is_held_out),
        cmocka_unit_test(test_a_burst_does_not_hide_the_rate),
        cmocka_unit_test(test_few_sizes),
        cmocka_unit_test(test_no_negative_parameters),
        cmocka_unit_test(test_ends_of_intervals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
