#include "mpi/lane.h"

#include <stdlib.h>

#include "mpi/allreduce_rows.h"
#include "mpi/ranks_mpi.h"

static struct lane *lane_of(MPI_Comm communicator) {
    struct lane *l = calloc(1, sizeof *l);
    if (!l) {
        MPI_Comm_free(&communicator);
        return NULL;
    }
    l->communicator = communicator;
    MPI_Comm_rank(l->communicator, &l->rank);
    MPI_Comm_size(l->communicator, &l->count);
    return l;
}

struct lane *lane_open(void) {
    MPI_Comm communicator;
    MPI_Comm_dup(ranks_communicator(), &communicator);
    return lane_of(communicator);
}

struct lane *lane_open_part(bool member) {
    MPI_Comm communicator;
    MPI_Comm_split(ranks_communicator(), member ? 0 : MPI_UNDEFINED, 0, &communicator);
    return member ? lane_of(communicator) : NULL;
}

void lane_close(struct lane *l) {
    if (!l) return;
    allreduce_shared_close(l);
    MPI_Comm_free(&l->communicator);
    free(l);
}
