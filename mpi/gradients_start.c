#include "mpi/gradients_start.h"

#include <stdlib.h>

#include "mpi/exchange.h"
#include "mpi/lane.h"
#include "mpi/ranks_mpi.h"

bool gradients_start_open(struct gradients *g) {
    g->exchanges = calloc(g->bucket_count, sizeof *g->exchanges);
    bool made = g->exchanges;
    for (size_t i = 0; made && i < g->bucket_count; i++) {
        const struct bucket *b = &g->buckets[i];
        struct exchange_plan plan = {.lane = g->lane,
                                     .from = gradients_at(g, g->from, b->first),
                                     .to = gradients_at(g, g->to, b->first),
                                     .count = b->count,
                                     .type = g->plan.type,
                                     .number = (int)i};
        made = (g->exchanges[i] = exchange_open(&plan));
    }
    return made;
}

void gradients_start_close(struct gradients *g) {
    for (size_t i = 0; g->exchanges && i < g->bucket_count; i++) exchange_close(g->exchanges[i]);
    free(g->exchanges);
}

void gradients_start(struct gradients *g, size_t bucket) {
    exchange_start(g->exchanges[bucket]);
    g->started = bucket + 1;
}

/* Sums end in any order, and are handed on in theirs. */
bool gradients_test(struct gradients *g) {
    bool before = true;
    for (size_t i = g->ended; i < g->started; i++) {
        before = exchange_test(g->exchanges[i]) && before;
        if (before) g->ended = i + 1;
    }
    return g->ended == g->started;
}

void gradients_start_vote(struct gradients *g) {
    MPI_Iallreduce(&g->vote, &g->votes, 1, MPI_INT, MPI_BOR, g->lane->communicator,
                   &g->requests[g->bucket_count]);
}

void gradients_wait(struct gradients *g) {
    for (size_t handed = 0; handed < g->bucket_count;) {
        gradients_test(g);
        for (; handed < g->ended; handed++) gradients_in(g, handed);
    }
    MPI_Wait(&g->requests[g->bucket_count], MPI_STATUS_IGNORE);
    g->ended = 0;
}
