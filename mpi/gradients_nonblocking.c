/* All buckets behind the backward pass at once, as the library does it. */
#include "mpi/gradients_state.h"
#include "mpi/lane.h"
#include "mpi/ranks_mpi.h"

/* Out of place: in place, Open MPI falls back to an algorithm that moves more. */
static void complete(struct gradients *g) {
    MPI_Comm c = g->lane->communicator;
    for (size_t i = 0; i < g->bucket_count; i++) {
        const struct bucket *b = &g->buckets[i];
        gradients_await(g, i);
        MPI_Iallreduce(gradients_at(g, g->from, b->first), gradients_at(g, g->to, b->first),
                       (int)b->count, ranks_type(g->plan.type), MPI_SUM, c, &g->requests[i]);
    }
    MPI_Iallreduce(&g->vote, &g->votes, 1, MPI_INT, MPI_BOR, c, &g->requests[g->bucket_count]);
    for (size_t i = 0; i < g->bucket_count; i++) {
        MPI_Wait(&g->requests[i], MPI_STATUS_IGNORE);
        gradients_in(g, i);
    }
    MPI_Wait(&g->requests[g->bucket_count], MPI_STATUS_IGNORE);
}

const struct reduce_mode reduce_nonblocking = {
    .name = "nonblocking",
    .complete = complete,
};
