/* What each rank measured, in the rows of the results. */
#ifndef FLOPSTEP_BENCH_RANK_ROWS_H
#define FLOPSTEP_BENCH_RANK_ROWS_H

#include <jansson.h>
#include <stddef.h>

/* Adds to a row of several ranks, whose samples_s are those of the slowest one: rank_samples_s
 * (raw, of all ranks), rank_median_s, rank_low_s and rank_high_s (the interval of each median; the
 * range of its samples where there are too few), slowest_rank, rank_spread (its median over the
 * median of all ranks), slow_ranks (bench/rank_outliers.h) and nodes. `own`: this rank's.
 * Collective; with one rank, or without samples of one's own, nothing is added. */
void rank_rows_set(json_t *row, const double *own, size_t count);

/* Adds what all ranks delivered together, each at its own median: all_gflops and all_gbytes_per_s,
 * null where unknown. `flops` and `bytes` are of one rank. After rank_rows_set(). */
void rank_rows_set_rates(json_t *row, double flops, double bytes);

#endif
