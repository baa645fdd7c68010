/* The table of algorithms. */
#include "mpi/allreduce.h"

#include <string.h>

#include "mpi/allreduce_rows.h"

const struct allreduce_algorithm allreduce_table[] = {
    {"library", "MPI_Allreduce as the library chooses", NULL, allreduce_library, NULL},
    {"ring", "reduce-scatter and allgather around a ring, adding while the next piece is sent",
     allreduce_ring_bytes, allreduce_ring, NULL},
    {"reproducible", "chunks exchanged, summed in the order of the ranks, gathered",
     allreduce_reproducible_bytes, allreduce_reproducible, NULL},
    {"shared", "one node: each rank sums its chunk in memory that all share, in the ranks' order",
     NULL, allreduce_shared, allreduce_shared_open},
    {NULL, NULL, NULL, NULL, NULL},
};

const struct allreduce_algorithm *allreduce_find(const char *name) {
    for (const struct allreduce_algorithm *row = allreduce_table; row->name; row++)
        if (strcmp(row->name, name) == 0) return row;
    return NULL;
}
