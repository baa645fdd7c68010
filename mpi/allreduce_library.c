#include "mpi/allreduce_rows.h"
#include "mpi/lane.h"
#include "mpi/ranks_mpi.h"

void allreduce_library(const struct allreduce_call *c) {
    MPI_Allreduce(c->from, c->to, (int)c->count, ranks_type(c->type), MPI_SUM,
                  c->lane->communicator);
}
