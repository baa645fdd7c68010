/* Sums whose bits depend on the numbers and on the number of ranks, and on nothing else: rank r
 * gets everybody's chunk r, adds them in the order of the ranks, and gives the sum to all. Each
 * rank sends and receives 2(p-1)/p of the array, as a ring does, in two steps. */
#include <stdlib.h>
#include <string.h>

#include "mpi/add.h"
#include "mpi/allreduce_rows.h"
#include "mpi/chunks.h"
#include "mpi/lane.h"
#include "mpi/ranks_mpi.h"

size_t allreduce_reproducible_bytes(size_t count, enum scalar type, int ranks) {
    size_t chunk = count / (size_t)ranks + 2;
    return (chunk * scalar_bytes(type) * (size_t)ranks + 63) / 64 * 64 +
           4 * (size_t)ranks * sizeof(int);
}

void allreduce_reproducible(const struct allreduce_call *c) {
    const int ranks = c->lane->count, rank = c->lane->rank;
    const MPI_Datatype type = ranks_type(c->type);
    const size_t bytes = scalar_bytes(c->type);
    size_t own = chunk_begin(c->count, rank, ranks);
    size_t size = chunk_begin(c->count, rank + 1, ranks) - own;
    size_t chunks = (size_t)(c->count / (size_t)ranks + 2) * bytes * (size_t)ranks;
    int *numbers = (int *)((char *)c->work + (chunks + 63) / 64 * 64);
    int *send_counts = numbers, *send_at = numbers + ranks, *counts = numbers + 2 * ranks,
        *at = numbers + 3 * ranks;
    for (int r = 0; r < ranks; r++) {
        send_at[r] = (int)chunk_begin(c->count, r, ranks);
        send_counts[r] = (int)(chunk_begin(c->count, r + 1, ranks) - (size_t)send_at[r]);
        counts[r] = (int)size;
        at[r] = (int)size * r;
    }
    MPI_Alltoallv(c->from, send_counts, send_at, type, c->work, counts, at, type,
                  c->lane->communicator);
    void *sum = (char *)c->to + own * bytes;
    memcpy(sum, c->work, size * bytes);
    for (int r = 1; r < ranks; r++)
        add_into(c->type, sum, (const char *)c->work + (size_t)r * size * bytes, size);
    MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, c->to, send_counts, send_at, type,
                   c->lane->communicator);
}
