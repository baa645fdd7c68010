/* Behind the backward pass, summed in the order of the ranks: the bits do not depend on the MPI. */
#include <stdlib.h>

#include "mpi/gradients_state.h"
#include "mpi/lane.h"

static bool open_mode(struct gradients *g) {
    const struct allreduce_algorithm *sum = allreduce_find("reproducible");
    g->state = malloc(sum->work_bytes(g->plan.count, g->plan.type, g->lane->count));
    return g->state != NULL;
}

static void close_mode(struct gradients *g) { free(g->state); }

static void complete(struct gradients *g) {
    struct allreduce_call call = {.lane = g->lane, .work = g->state, .type = g->plan.type};
    for (size_t i = 0; i < g->bucket_count; i++) {
        gradients_await(g, i);
        call.from = gradients_at(g, g->from, g->buckets[i].first);
        call.to = gradients_at(g, g->to, g->buckets[i].first);
        call.count = g->buckets[i].count;
        allreduce_find("reproducible")->run(&call);
        gradients_in(g, i);
    }
    gradients_sum_votes(g);
}

const struct reduce_mode reduce_reproducible = {
    .name = "reproducible",
    .open = open_mode,
    .close = close_mode,
    .complete = complete,
};
