/* MPI_Iallreduce of each bucket as soon as it is complete. Libraries make progress only while they
 * are called, so they are called between layers and between slices. */
#include "mpi/gradients_start.h"
#include "mpi/gradients_state.h"

static void progress(struct gradients *g) {
    int done;
    if (g->launched) MPI_Testall((int)g->launched, g->requests, &done, MPI_STATUSES_IGNORE);
}

static void complete(struct gradients *g) {
    gradients_start_vote(g);
    gradients_wait(g);
}

const struct reduce_mode reduce_overlap = {
    .name = "overlap",
    .launch = gradients_start,
    .progress = progress,
    .complete = complete,
};
