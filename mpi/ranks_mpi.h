/* What the sources of this folder that call MPI have in common. */
#ifndef FLOPSTEP_MPI_RANKS_MPI_H
#define FLOPSTEP_MPI_RANKS_MPI_H

#include <mpi.h>

#include "kernels/scalar.h"

/* All ranks, for use by ranks.h and for duplicates. */
MPI_Comm ranks_communicator(void);

/* Of s and d. */
MPI_Datatype ranks_type(enum scalar type);

#endif
