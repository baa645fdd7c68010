/* All buckets behind the backward pass, one MPI_Allreduce after the other. */
#include "mpi/gradients_state.h"

static void complete(struct gradients *g) {
    for (size_t i = 0; i < g->bucket_count; i++) {
        gradients_sum(g, i);
        gradients_in(g, i);
    }
    gradients_sum_votes(g);
}

const struct reduce_mode reduce_blocking = {
    .name = "blocking",
    .complete = complete,
};
