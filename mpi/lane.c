#include "mpi/lane.h"

#include <stdlib.h>

#include "mpi/ranks_mpi.h"

struct lane *lane_open(void) {
    struct lane *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    MPI_Comm_dup(ranks_communicator(), &l->communicator);
    MPI_Comm_rank(l->communicator, &l->rank);
    MPI_Comm_size(l->communicator, &l->count);
    return l;
}

void lane_close(struct lane *l) {
    if (!l) return;
    MPI_Comm_free(&l->communicator);
    free(l);
}
