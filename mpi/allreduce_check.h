/* Arrays whose sums over the ranks are exact in whatever order they are added: whole numbers, so
 * small that no sum is rounded. Each depends on its place and on its rank, so that chunks that are
 * shifted, swapped, left out or added twice are found. */
#ifndef FLOPSTEP_MPI_ALLREDUCE_CHECK_H
#define FLOPSTEP_MPI_ALLREDUCE_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/scalar.h"

/* Ranks up to which the sums of single precision are exact. */
enum { CHECK_MOST_RANKS = 1 << 19 };

/* Rank `rank` of `ranks` fills its `count` numbers. */
void allreduce_fill(enum scalar type, void *array, size_t count, uint64_t seed, int rank,
                    int ranks);

/* The largest difference of `sums` from what the `number` ranks of `members`, out of `ranks`, sum
 * up to; NaN where one is not a number. 0: right in every element. */
double allreduce_error(enum scalar type, const void *sums, size_t count, uint64_t seed,
                       const int *members, int number, int ranks);

/* What cannot be a sum, into every element. */
void allreduce_spoil(enum scalar type, void *array, size_t count);

#endif
