/* Statistics of samples. Reads no clock and decides nothing. */
#ifndef FLOPSTEP_BENCH_HARNESS_STATISTICS_H
#define FLOPSTEP_BENCH_HARNESS_STATISTICS_H

#include <stddef.h>

struct summary {
    size_t samples;
    double median;
    double low, high; /* 95 % confidence interval of the median; NaN where too few samples */
    double min, max;
    double effective; /* number of independent samples that would say as much about the median */
};

/* Median of n > 0 values; the order of x is kept. NaN for n = 0 and where a value isn't finite. */
double statistics_median(const double *x, size_t n);

/* Summary of n samples in the order they were taken. The interval allows for correlation between
 * neighbours; it is NaN below five effective samples. All NaN for n = 0, where a value isn't finite
 * or where memory ran out. Method and source: docs/statistics.md. */
struct summary statistics_summary(const double *x, size_t n);

#endif
