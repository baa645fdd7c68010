#include "bench/harness/statistics.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The constants of the method; docs/statistics.md says where they come from. */
#define QUANTILE      1.96 /* of the normal distribution, 95 %, two-sided */
#define WIDENING      12.0 /* for the uncertainty of the estimated correlation */
#define LEAST         5.0  /* effective samples; below them even the range covers too little */
#define ORDER         30   /* largest order of the autoregression */
#define BATCHES       20
#define SHORTEST      5 /* samples a batch */
#define BIAS_ROUNDS   4
#define CORRELATION_1 0.995 /* an autoregression closer to a random walk is taken as this */

struct ranked {
    double value;
    size_t index;
};

static int by_value(const void *a, const void *b) {
    double x = ((const struct ranked *)a)->value, y = ((const struct ranked *)b)->value;
    return (x > y) - (x < y);
}

/* Sorted copy for the caller to free; NULL where a value isn't finite, n = 0, or no memory. */
static struct ranked *sorted_copy(const double *x, size_t n) {
    struct ranked *sorted = n > 0 ? malloc(n * sizeof *sorted) : NULL;
    if (!sorted) return NULL;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) {
            free(sorted);
            return NULL;
        }
        sorted[i] = (struct ranked){x[i], i};
    }
    qsort(sorted, n, sizeof *sorted, by_value);
    return sorted;
}

static double middle(const struct ranked *sorted, size_t n) {
    double low = sorted[(n - 1) / 2].value, high = sorted[n / 2].value;
    return low + (high - low) / 2;
}

/* Order statistic at a fractional position 1 ... n, clamped. */
static double order_statistic(const struct ranked *sorted, size_t n, double position) {
    if (position <= 1) return sorted[0].value;
    if (position >= (double)n) return sorted[n - 1].value;
    size_t k = (size_t)position;
    double below = sorted[k - 1].value, above = sorted[k].value;
    return below + (position - (double)k) * (above - below);
}

/* Ranks in the order of time, centred on zero; ties share their mean rank. */
static void centred_ranks(const struct ranked *sorted, size_t n, double *rank) {
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i + 1; j < n && sorted[j].value == sorted[i].value; j++) {
        }
        double shared = ((double)(i + j - 1) - (double)(n - 1)) / 2;
        for (size_t k = i; k < j; k++) rank[sorted[k].index] = shared;
    }
}

/* Yule-Walker fit by the Levinson-Durbin recursion, order chosen by Akaike's criterion; r[0] = 1.
 * Returns the order. */
static size_t fit_autoregression(const double *r, size_t orders, size_t n, double *phi) {
    double a[ORDER + 1] = {0}, previous[ORDER + 1];
    double error = 1, best = 0;
    size_t order = 0;
    for (size_t p = 1; p <= orders; p++) {
        double reflection = r[p];
        for (size_t j = 1; j < p; j++) reflection -= a[j] * r[p - j];
        reflection /= error;
        if (!(fabs(reflection) < 1)) break;
        memcpy(previous, a, sizeof a);
        for (size_t j = 1; j < p; j++) a[j] = previous[j] - reflection * previous[p - j];
        a[p] = reflection;
        error *= 1 - reflection * reflection;
        double criterion = (double)n * log(error) + 2 * (double)p;
        if (criterion < best) {
            best = criterion;
            order = p;
            memcpy(phi, a, sizeof a);
        }
    }
    return order;
}

/* Variance of the mean of n signs (above or below the median) over that of independent ones, when
 * the samples are a monotone function of a Gaussian autoregression with correlations r. */
static double sign_inflation(const double *r, size_t order, const double *phi, size_t n) {
    double recent[ORDER + 1]; /* recent[j]: correlation at lag k - j */
    double sum = 0, largest = 1;
    for (size_t j = 0; j <= order; j++) recent[j] = r[order - j];
    for (size_t k = 1; k < n; k++) {
        double now = 0;
        if (k <= order) {
            now = r[k];
        } else {
            memmove(recent + 1, recent, order * sizeof *recent);
            for (size_t j = 1; j <= order; j++) now += phi[j] * recent[j];
            recent[0] = now = fmax(-1, fmin(1, now));
            largest = fmax(fabs(now), 0.7 * largest);
            if (largest < 1e-3) break;
        }
        sum += (1 - (double)k / (double)n) * asin(now);
    }
    return 1 + 2 * M_2_PI * sum;
}

/* The same ratio from the autocorrelation of the ranks. Subtracting the mean of n correlated values
 * makes every autocovariance too small by about the variance of that mean: added back, in rounds.
 */
static double inflation_by_autoregression(const double *rank, size_t n) {
    size_t orders = n / 8, limit = (size_t)(10 * log10((double)n));
    if (orders > limit) orders = limit;
    if (orders > ORDER) orders = ORDER;
    double covariance[ORDER + 1];
    for (size_t k = 0; k <= orders; k++) {
        covariance[k] = 0;
        for (size_t i = k; i < n; i++) covariance[k] += rank[i] * rank[i - k];
    }
    double inflation = 1;
    if (!(covariance[0] > 0)) return inflation;
    for (int round = 0; round < BIAS_ROUNDS; round++) {
        double r[ORDER + 1] = {1}, phi[ORDER + 1] = {0};
        double bias = fmin(inflation / (double)n, 0.5);
        for (size_t k = 1; k <= orders; k++) {
            double spearman = (covariance[k] / covariance[0] + bias) / (1 + bias);
            spearman = fmax(-CORRELATION_1, fmin(CORRELATION_1, spearman));
            r[k] = 2 * sin(M_PI / 6 * spearman); /* to Pearson's */
        }
        size_t order = fit_autoregression(r, orders, n, phi);
        if (order == 0) return 1;
        inflation = fmax(1, fmin((double)n, sign_inflation(r, order, phi, n)));
    }
    return inflation;
}

/* The same ratio from the variance of batch means: sees slow changes and bursts that an
 * autoregression of low order doesn't. */
static double inflation_by_batches(const double *rank, size_t n) {
    size_t length = n / BATCHES;
    if (length < SHORTEST) return 1;
    double sum = 0, squares = 0;
    const double *x = rank + n % BATCHES;
    for (size_t b = 0; b < BATCHES; b++, x += length) {
        double signs = 0;
        for (size_t i = 0; i < length; i++) signs += (x[i] > 0) - (x[i] < 0);
        sum += signs;
        squares += signs * signs;
    }
    return (squares - sum * sum / BATCHES) / (BATCHES - 1) / (double)length;
}

double statistics_median(const double *x, size_t n) {
    struct ranked *sorted = sorted_copy(x, n);
    double median = sorted ? middle(sorted, n) : NAN;
    free(sorted);
    return median;
}

struct summary statistics_summary(const double *x, size_t n) {
    struct summary s = {n, NAN, NAN, NAN, NAN, NAN, NAN};
    struct ranked *sorted = sorted_copy(x, n);
    double *rank = sorted ? calloc(n, sizeof *rank) : NULL;
    if (rank) {
        centred_ranks(sorted, n, rank);
        double size = (double)n;
        double inflation =
            fmax(inflation_by_autoregression(rank, n), inflation_by_batches(rank, n));
        s.median = middle(sorted, n);
        s.min = sorted[0].value;
        s.max = sorted[n - 1].value;
        s.effective = size / inflation;
        if (s.effective >= LEAST) {
            double z = QUANTILE * (1 + WIDENING * log(inflation) / size);
            double reach = z / 2 * sqrt(size * inflation); /* in ranks */
            s.low = order_statistic(sorted, n, (size + 1) / 2 - reach);
            s.high = order_statistic(sorted, n, (size + 1) / 2 + reach);
        }
    }
    free(rank);
    free(sorted);
    return s;
}
