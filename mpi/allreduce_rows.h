/* The functions behind the rows of the table of algorithms. */
#ifndef FLOPSTEP_MPI_ALLREDUCE_ROWS_H
#define FLOPSTEP_MPI_ALLREDUCE_ROWS_H

#include "mpi/allreduce.h"

void allreduce_library(const struct allreduce_call *call);
void allreduce_reproducible(const struct allreduce_call *call);
size_t allreduce_reproducible_bytes(size_t count, enum scalar type, int ranks);

void allreduce_ring(const struct allreduce_call *call);
size_t allreduce_ring_bytes(size_t count, enum scalar type, int ranks);
void allreduce_shared(const struct allreduce_call *call);
bool allreduce_shared_open(struct lane *lane, char *reason, size_t size);
void allreduce_shared_close(struct lane *lane);

#endif
