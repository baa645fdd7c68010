/* All buckets behind the backward pass, one MPI_Allreduce after the other. */
#include "mpi/gradients_state.h"
#include "mpi/lane.h"
#include "mpi/ranks_mpi.h"

static void complete(struct gradients *g) {
    for (size_t i = 0; i < g->bucket_count; i++) {
        const struct bucket *b = &g->buckets[i];
        gradients_await(g, i);
        MPI_Allreduce(gradients_at(g, g->from, b->first), gradients_at(g, g->to, b->first),
                      (int)b->count, ranks_type(g->plan.type), MPI_SUM, g->lane->communicator);
        gradients_in(g, i);
    }
    MPI_Allreduce(&g->vote, &g->votes, 1, MPI_INT, MPI_BOR, g->lane->communicator);
}

const struct reduce_mode reduce_blocking = {
    .name = "blocking",
    .complete = complete,
};
