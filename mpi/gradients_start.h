/* Sums of buckets that go on beside the backward pass: in memory of the host. */
#ifndef FLOPSTEP_MPI_GRADIENTS_START_H
#define FLOPSTEP_MPI_GRADIENTS_START_H

#include "mpi/gradients_state.h"

/* A mode's open and close, or part of them: g->exchanges, one a bucket. */
bool gradients_start_open(struct gradients *gradients);
void gradients_start_close(struct gradients *gradients);

void gradients_start(struct gradients *gradients, size_t bucket);
/* Gets on with those started that have not ended; whether there are none. */
bool gradients_test(struct gradients *gradients);
void gradients_start_vote(struct gradients *gradients);
/* For all buckets and the vote. */
void gradients_wait(struct gradients *gradients);

#endif
