/* All buckets behind the backward pass at once: started, then waited for. */
#include "mpi/gradients_start.h"
#include "mpi/gradients_state.h"

static void complete(struct gradients *g) {
    for (size_t i = 0; i < g->bucket_count; i++) {
        gradients_await(g, i);
        gradients_start(g, i);
    }
    gradients_start_vote(g);
    gradients_wait(g);
}

const struct reduce_mode reduce_nonblocking = {
    .name = "nonblocking",
    .open = gradients_start_open,
    .close = gradients_start_close,
    .complete = complete,
};
