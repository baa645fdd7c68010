/* Median and interval with known answers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench/harness/statistics.h"

#define COUNT(a)                (sizeof(a) / sizeof *(a))
#define assert_near(a, b, near) assert_true(fabs((a) - (b)) <= (near))
#define assert_equal(a, b)      assert_near(a, b, 1e-12)

/* 1 ... n, shuffled (Fisher and Yates). */
static void shuffled(double *x, size_t n) {
    uint64_t state = 12345;
    for (size_t i = 0; i < n; i++) x[i] = (double)(i + 1);
    for (size_t i = n - 1; i > 0; i--) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        size_t j = (size_t)(state >> 33) % (i + 1);
        double kept = x[i];
        x[i] = x[j];
        x[j] = kept;
    }
}

static void median_of_few(void **unused) {
    (void)unused;
    assert_true(isnan(statistics_median(NULL, 0)));
    assert_equal(statistics_median((double[]){3}, 1), 3);
    assert_equal(statistics_median((double[]){3, 1}, 2), 2);
    assert_equal(statistics_median((double[]){3, 1, 100}, 3), 3);
    assert_equal(statistics_median((double[]){4, 1, 100, 2}, 4), 3);
    assert_equal(statistics_median((double[]){2, 2, 1, 2, 9}, 5), 2);
}

static void median_keeps_and_ignores_the_order(void **unused) {
    (void)unused;
    double x[] = {5, 1, 4, 2, 3}, y[] = {3, 2, 5, 1, 4};
    assert_equal(statistics_median(x, 5), statistics_median(y, 5));
    assert_equal(x[0], 5);
    assert_equal(x[4], 3);
}

static void values_not_finite(void **unused) {
    (void)unused;
    const double bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < COUNT(bad); i++) {
        double x[] = {1, 2, 3, 4, 5, 6, 7, 8};
        x[i] = bad[i];
        assert_true(isnan(statistics_median(x, COUNT(x))));
        struct summary s = statistics_summary(x, COUNT(x));
        assert_int_equal(s.samples, COUNT(x));
        assert_true(isnan(s.median) && isnan(s.low) && isnan(s.high));
        assert_true(isnan(s.min) && isnan(s.max));
    }
}

static void too_few_for_an_interval(void **unused) {
    (void)unused;
    const double x[] = {2, 1, 4, 3};
    struct summary s = statistics_summary(x, 0);
    assert_int_equal(s.samples, 0);
    assert_true(isnan(s.median) && isnan(s.low) && isnan(s.high));
    for (size_t n = 1; n <= COUNT(x); n++) {
        s = statistics_summary(x, n);
        assert_int_equal(s.samples, n);
        assert_equal(s.median, statistics_median(x, n));
        assert_equal(s.min, n == 1 ? 2 : 1);
        assert_equal(s.max, n < 3 ? 2 : 4);
        assert_true(isnan(s.low) && isnan(s.high));
    }
}

/* Five independent values: their range holds the median with probability 1 - 2 / 2^5 = 93.75 %. */
static void five_give_their_range(void **unused) {
    (void)unused;
    struct summary s = statistics_summary((double[]){2, 5, 1, 4, 3}, 5);
    assert_equal(s.low, 1);
    assert_equal(s.median, 3);
    assert_equal(s.high, 5);
}

/* Order statistics (n + 1) / 2 -+ 1.96 sqrt(n) / 2; of 101 values the binomial distribution says
 * that the 41st and the 61st hold the median with 95.4 %. */
static void interval_of_independent_values(void **unused) {
    (void)unused;
    double x[101];
    shuffled(x, COUNT(x));
    struct summary s = statistics_summary(x, COUNT(x));
    assert_equal(s.median, 51);
    assert_equal(s.min, 1);
    assert_equal(s.max, 101);
    assert_true(s.effective > 0.6 * 101 && s.effective <= 101 + 1e-9);
    assert_true(s.low <= 51 - 9.8 && s.low > 51 - 14);
    assert_near(s.low + s.high, 2 * 51, 1e-9);
}

static void interval_follows_scale_and_shift(void **unused) {
    (void)unused;
    double x[200], y[200];
    shuffled(x, COUNT(x));
    for (size_t i = 0; i < COUNT(x); i++) y[i] = 7 + 0.25 * x[i];
    struct summary s = statistics_summary(x, COUNT(x)), t = statistics_summary(y, COUNT(y));
    assert_near(t.low, 7 + 0.25 * s.low, 1e-9);
    assert_near(t.high, 7 + 0.25 * s.high, 1e-9);
}

/* The same values in runs of ten: a tenth of the information, a wider interval. */
static void correlation_widens(void **unused) {
    (void)unused;
    enum { RUNS = 100, LENGTH = 10, N = RUNS * LENGTH };
    double level[RUNS], run[N], mixed[N];
    shuffled(level, RUNS);
    for (size_t i = 0; i < N; i++) {
        run[i] = level[i / LENGTH];
        mixed[i] = level[(i * 7 + i / RUNS * 13) % RUNS];
    }
    struct summary r = statistics_summary(run, N), m = statistics_summary(mixed, N);
    assert_equal(r.median, m.median);
    assert_true(r.effective > 0.4 * RUNS && r.effective < 2.5 * RUNS);
    assert_true(m.effective > 0.5 * N);
    assert_true(r.high - r.low > 2 * (m.high - m.low));
}

/* A steady rise has no median to speak of: no interval, or at least a very wide one. */
static void trend_gives_no_narrow_interval(void **unused) {
    (void)unused;
    double x[300];
    for (size_t i = 0; i < COUNT(x); i++) x[i] = (double)i;
    struct summary s = statistics_summary(x, COUNT(x));
    assert_true(s.effective < 10);
    assert_true(isnan(s.low) || s.high - s.low > 150);
}

/* One slow stretch of 15 % in the middle: batch means see what the fit of neighbours doesn't. */
static void burst_lowers_the_effective_number(void **unused) {
    (void)unused;
    double x[400], y[400];
    shuffled(x, COUNT(x));
    for (size_t i = 0; i < COUNT(x); i++) y[i] = x[i] + (i >= 150 && i < 250 ? 1000 : 0);
    assert_true(statistics_summary(y, COUNT(y)).effective <
                0.3 * statistics_summary(x, COUNT(x)).effective);
}

static void ties(void **unused) {
    (void)unused;
    double same[50], two[100];
    for (size_t i = 0; i < COUNT(same); i++) same[i] = 0.125;
    struct summary s = statistics_summary(same, COUNT(same));
    assert_equal(s.low, 0.125);
    assert_equal(s.high, 0.125);
    assert_equal(s.effective, 50);
    shuffled(two, COUNT(two)); /* 80 ones and 20 twos: the interval is the atom */
    for (size_t i = 0; i < COUNT(two); i++) two[i] = two[i] <= 80 ? 1 : 2;
    s = statistics_summary(two, COUNT(two));
    assert_equal(s.median, 1);
    assert_equal(s.low, 1);
    assert_equal(s.high, 1);
    assert_equal(s.max, 2);
}

/* Every length, every shape: low <= median <= high, inside the range. */
static void always_ordered(void **unused) {
    (void)unused;
    double x[150];
    for (size_t n = 1; n <= COUNT(x); n++) {
        for (int shape = 0; shape < 4; shape++) {
            shuffled(x, n);
            for (size_t i = 0; i < n; i++) {
                if (shape == 1) x[i] = exp(x[i] / 10);
                if (shape == 2) x[i] = floor(x[i] / 7);
                if (shape == 3) x[i] = (double)(i % 2); /* alternating: negative correlation */
            }
            struct summary s = statistics_summary(x, n);
            assert_true(s.min <= s.median && s.median <= s.max);
            assert_true(s.effective > 0 && s.effective <= (double)n * (1 + 1e-12));
            if (isnan(s.low)) continue;
            assert_true(s.min <= s.low && s.low <= s.median);
            assert_true(s.median <= s.high && s.high <= s.max);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(median_of_few),
        cmocka_unit_test(median_keeps_and_ignores_the_order),
        cmocka_unit_test(values_not_finite),
        cmocka_unit_test(too_few_for_an_interval),
        cmocka_unit_test(five_give_their_range),
        cmocka_unit_test(interval_of_independent_values),
        cmocka_unit_test(interval_follows_scale_and_shift),
        cmocka_unit_test(correlation_widens),
        cmocka_unit_test(trend_gives_no_narrow_interval),
        cmocka_unit_test(burst_lowers_the_effective_number),
        cmocka_unit_test(ties),
        cmocka_unit_test(always_ordered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
