/* A lane to those who call MPI. */
#ifndef FLOPSTEP_MPI_LANE_H
#define FLOPSTEP_MPI_LANE_H

#include <mpi.h>

#include "mpi/allreduce.h"

struct lane {
    MPI_Comm communicator;
    int rank, count;
    struct shared_memory *shared; /* of allreduce_shared.c; NULL before it was opened */
};

#endif
