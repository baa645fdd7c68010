/* Which of several processes that measured the same thing is slower than noise explains. Reads no
 * clock and knows nothing of MPI. Method: docs/acceptance.md. */
#ifndef FLOPSTEP_BENCH_RANK_OUTLIERS_H
#define FLOPSTEP_BENCH_RANK_OUTLIERS_H

#include <stdbool.h>

/* Of one rank in one case, seconds: its median and the 95 % interval of it; where there are too few
 * samples for one, the range. */
struct rank_times {
    double median, low, high;
};

/* A rank is slow in a case where its whole interval lies that much above the others': above this
 * times the median, over the other ranks, of the upper ends of their intervals. */
#define RANK_SLOW 1.05

/* Seconds that a case lasts at least to count: what lasts less tells of caches and interrupts. */
#define RANK_SLOW_LEAST 10e-6

/* One case alone makes an outlier only beyond this ratio; else it takes two. */
#define RANK_SLOW_ALONE 1.2

/* What disturbs a machine for a while makes some rank slow in some case. An outlier is slow in this
 * share of the cases at least, and in more than twice as many as the median of the other ranks. */
#define RANK_SLOW_SHARE 0.1

/* ratio[r]: the median of rank r over the median of the medians of the others; NaN where a rank's
 * times are not finite, or with one rank. slow[r]: whether it is slow in this case. False where
 * memory ran out. */
bool rank_outliers_of_case(const struct rank_times *ranks, int count, double *ratio, bool *slow);

/* What is known of a rank over all cases. */
struct rank_count {
    long slow_cases;
    double worst; /* the largest ratio of those */
};

/* outlier[r]: whether rank r is one, over so many cases. False where memory ran out. */
bool rank_outliers_of_run(const struct rank_count *counts, int count, long cases, bool *outlier);

#endif
