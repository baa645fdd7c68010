#include "mpi/gradients_state.h"
#include "mpi/lane.h"
#include "mpi/ranks_mpi.h"

void gradients_sum(struct gradients *g, size_t bucket) {
    const struct bucket *b = &g->buckets[bucket];
    gradients_await(g, bucket);
    MPI_Allreduce(gradients_at(g, g->from, b->first), gradients_at(g, g->to, b->first),
                  (int)b->count, ranks_type(g->plan.type), MPI_SUM, g->lane->communicator);
}

void gradients_sum_votes(struct gradients *g) {
    MPI_Allreduce(&g->vote, &g->votes, 1, MPI_INT, MPI_BOR, g->lane->communicator);
}
