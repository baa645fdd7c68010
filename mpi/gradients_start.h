/* Nonblocking reductions of buckets. */
#ifndef FLOPSTEP_MPI_GRADIENTS_START_H
#define FLOPSTEP_MPI_GRADIENTS_START_H

#include "mpi/gradients_state.h"

/* Out of place: in place, Open MPI falls back to an algorithm that moves more. */
void gradients_start(struct gradients *gradients, size_t bucket);
void gradients_start_vote(struct gradients *gradients);
void gradients_wait(struct gradients *gradients);

#endif
