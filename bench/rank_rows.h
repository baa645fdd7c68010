/* What each rank measured, in the rows of the results. */
#ifndef FLOPSTEP_BENCH_RANK_ROWS_H
#define FLOPSTEP_BENCH_RANK_ROWS_H

#include <jansson.h>
#include <stddef.h>

/* Adds to a row of several ranks, whose samples_s are those of the slowest one: rank_samples_s (raw,
 * of all ranks), rank_median_s, slowest_rank, rank_spread (its median over the median of all ranks),
 * slow_ranks and nodes. `own`: this rank's. Collective; with one
 * rank, or without samples of one's own, nothing is added. */
void rank_rows_set(json_t *row, const double *own, size_t count);

/* A rank is slow where its median lies that much above the median of all ranks. */
#define RANK_SLOW 1.05

#endif
