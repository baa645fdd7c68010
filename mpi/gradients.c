#include "mpi/gradients.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mpi/gradients_state.h"
#include "mpi/watchdog.h"

const struct reduce_mode *const reduce_modes[] = {&reduce_blocking,     &reduce_nonblocking,
                                                  &reduce_overlap,      &reduce_thread,
                                                  &reduce_reproducible, NULL};

const struct reduce_mode *reduce_mode_find(const char *name) {
    for (const struct reduce_mode *const *row = reduce_modes; *row; row++)
        if (strcmp((*row)->name, name) == 0) return *row;
    return NULL;
}

/* MPI promises 32767 tags, and a sum takes two. */
enum { MOST_BUCKETS = 8192 };

/* Cuts [first, end) into equal buckets of at most `most` numbers, from its end; returns how many.
 */
static size_t cut(struct bucket *buckets, size_t first, size_t end, size_t most) {
    const size_t span = end - first, pieces = (span + most - 1) / most;
    for (size_t i = 0; i < pieces; i++) {
        size_t low = first + span * (pieces - 1 - i) / pieces;
        if (buckets) buckets[i] = (struct bucket){low, end - low};
        end = low;
    }
    return pieces;
}

/* From the end of the arena. Layers that are smaller than a bucket share one. */
static size_t cut_all(const struct gradients_plan *plan, struct bucket *buckets, size_t most) {
    size_t end = plan->count, count = 0;
    for (size_t b = plan->border_count; b-- > 0;) {
        size_t border = plan->borders[b];
        if (border == 0 || border >= end || end - border < most) continue;
        count += cut(buckets ? buckets + count : NULL, border, end, most);
        end = border;
    }
    return count + cut(buckets ? buckets + count : NULL, 0, end, most);
}

static bool plan_buckets(struct gradients *g) {
    size_t most = g->plan.bucket_bytes / scalar_bytes(g->plan.type);
    size_t least = (g->plan.count + MOST_BUCKETS - 1) / MOST_BUCKETS;
    if (most < least) most = least;
    if (most < 1) most = 1;
    if (most > INT_MAX) most = INT_MAX; /* counts of MPI are ints */
    g->bucket_count = cut_all(&g->plan, NULL, most);
    g->buckets = calloc(g->bucket_count + 1, sizeof *g->buckets);
    g->requests = calloc(g->bucket_count + 1, sizeof *g->requests);
    if (!g->buckets || !g->requests) return false;
    cut_all(&g->plan, g->buckets, most);
    for (size_t i = 0; i <= g->bucket_count; i++) g->requests[i] = MPI_REQUEST_NULL;
    return true;
}

struct gradients *gradients_open(const struct gradients_plan *plan, char *reason, size_t size) {
    struct gradients *g = calloc(1, sizeof *g);
    if (!g) return NULL;
    g->plan = *plan;
    g->lane = lane_open();
    g->low = plan->count;
    reason[0] = '\0';
    g->transport = transport_choose(g, reason, size);
    if (g->transport && g->lane && plan_buckets(g) && g->transport->open(g) &&
        (!g->mode->open || g->mode->open(g)))
        return g;
    if (!reason[0])
        snprintf(reason, size, "not enough memory to reduce %zu gradients", plan->count);
    gradients_close(g);
    return NULL;
}

void gradients_close(struct gradients *g) {
    if (!g) return;
    if (g->mode && g->mode->close) g->mode->close(g);
    if (g->transport) g->transport->close(g);
    lane_close(g->lane);
    free(g->buckets);
    free(g->requests);
    free(g);
}

void gradients_vote(struct gradients *g, int bits) { g->vote = bits; }

void gradients_ready(struct gradients *g, const void *gradient, long count) {
    const size_t bytes = scalar_bytes(g->plan.type);
    size_t first = (size_t)((const char *)gradient - (const char *)g->plan.arena) / bytes;
    if (first + (size_t)count != g->low) { /* layers lie side by side */
        fprintf(stderr, "flopstep: a gradient was told out of order\n");
        abort();
    }
    g->low = first;
    while (g->launched < g->bucket_count && g->buckets[g->launched].first >= g->low) {
        size_t bucket = g->launched++;
        if (g->transport->out) g->transport->out(g, bucket);
        if (g->mode->launch) g->mode->launch(g, bucket);
    }
    gradients_progress(g);
}

void gradients_progress(struct gradients *g) {
    if (g->mode->progress) g->mode->progress(g);
}

const void *gradients_finish(struct gradients *g, int *bits) {
    watchdog_waits("waiting for the other ranks' gradients");
    g->mode->complete(g);
    watchdog_goes_on();
    g->launched = g->started = 0;
    g->low = g->plan.count;
    *bits = g->votes;
    return g->transport->sums(g);
}

const char *gradients_transport(const struct gradients *g) { return g->transport->name; }

const char *gradients_note(const struct gradients *g) { return g->note; }

size_t gradients_buckets(const struct gradients *g) { return g->bucket_count; }
