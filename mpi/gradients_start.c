#include "mpi/gradients_start.h"

#include "mpi/lane.h"
#include "mpi/ranks_mpi.h"

void gradients_start(struct gradients *g, size_t bucket) {
    const struct bucket *b = &g->buckets[bucket];
    MPI_Iallreduce(gradients_at(g, g->from, b->first), gradients_at(g, g->to, b->first),
                   (int)b->count, ranks_type(g->plan.type), MPI_SUM, g->lane->communicator,
                   &g->requests[bucket]);
}

void gradients_start_vote(struct gradients *g) {
    MPI_Iallreduce(&g->vote, &g->votes, 1, MPI_INT, MPI_BOR, g->lane->communicator,
                   &g->requests[g->bucket_count]);
}

void gradients_wait(struct gradients *g) {
    MPI_Waitall((int)g->bucket_count + 1, g->requests, MPI_STATUSES_IGNORE);
}
