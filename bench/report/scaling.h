/* Which steps of one rank those of several are measured against. */
#ifndef FLOPSTEP_BENCH_REPORT_SCALING_H
#define FLOPSTEP_BENCH_REPORT_SCALING_H

#include <stdbool.h>

#include "bench/report/results.h"

/* Timed steps of several ranks whose gradients are summed. */
bool is_reducing(const struct row *row);

/* Whether `base` is a step of one rank, built without any reduction, that does with `batch` images
 * what `row` does on each of its ranks: same network, processor, device, library, type, threads,
 * data set, optimizer and kind of products. */
bool is_base(const struct row *base, const struct row *row, double batch);

/* The base of a row: of its own folder if there is one, and of several the fastest, so that no
 * efficiency is flattered. NULL: none. */
const struct row *find_base(const struct results *results, const struct row *row, double batch);

/* Images of a step on all ranks. */
double global_batch(const struct row *row);

/* "1 thread", or the GPU that each rank has. */
void rank_processor(const struct row *row, char *text, size_t size);

/* Where a mode stands in the list of --reduce, unknown ones behind all others. */
int reduce_order(const char *mode);

#endif
