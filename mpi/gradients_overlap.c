/* The sum of each bucket starts as soon as it is complete and where MPI reads it. Libraries make
 * progress only while they are called, so they are called between layers and between slices. */
#include "mpi/gradients_start.h"
#include "mpi/gradients_state.h"

static void progress(struct gradients *g) {
    while (g->started < g->launched && gradients_arrived(g, g->started))
        gradients_start(g, g->started);
    gradients_test(g);
}

static void complete(struct gradients *g) {
    while (g->started < g->bucket_count) progress(g);
    gradients_start_vote(g);
    gradients_wait(g);
}

const struct reduce_mode reduce_overlap = {
    .name = "overlap",
    .open = gradients_start_open,
    .close = gradients_start_close,
    .progress = progress,
    .complete = complete,
};
