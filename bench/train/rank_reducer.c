#include "bench/train/rank_reducer.h"

#include "bench/harness/interrupt.h"
#include "bench/harness/together.h"
#include "mpi/ranks.h"

/* A signal that one rank got ends the training of all at the same step. */
static void vote(void *context, bool fine) {
    struct rank_reducer *r = context;
    gradients_vote(r->gradients, (fine ? 0 : VOTE_NOT_FINITE) | (interrupt_here() ? VOTE_STOP : 0));
}

static void ready(void *context, void *gradient, long count) {
    gradients_ready(((struct rank_reducer *)context)->gradients, gradient, count);
}

static void progress(void *context) {
    gradients_progress(((struct rank_reducer *)context)->gradients);
}

static const void *finish(void *context) {
    struct rank_reducer *r = context;
    int bits;
    const void *sums = gradients_finish(r->gradients, &bits);
    if (bits & VOTE_NOT_FINITE) r->not_finite = true;
    if (bits & VOTE_STOP) together_all(true); /* tells everybody which signal it was */
    return bits & VOTE_NOT_FINITE ? NULL : sums;
}

bool rank_reducer_open(struct rank_reducer *r, const struct network *n, const char *mode,
                       size_t bucket_bytes, char *reason, size_t size) {
    struct gradients_plan plan = {.device = n->queue->device,
                                  .type = n->queue->type,
                                  .arena = n->gradient.memory,
                                  .count = (size_t)n->parameters,
                                  .bucket_bytes = bucket_bytes,
                                  .mode = reduce_mode_find(mode)};
    r->mode = mode;
    r->gradients = gradients_open(&plan, reason, size);
    r->reducer = (struct reducer){vote, ready, progress, finish, r};
    return r->gradients != NULL;
}

void rank_reducer_close(struct rank_reducer *r) {
    gradients_close(r->gradients);
    *r = (struct rank_reducer){0};
}

static void sum(void *context, double *values, int count) {
    (void)context;
    ranks_sum(values, count);
}

struct part rank_part(void) {
    const struct ranks *r = ranks_get();
    if (r->count == 1) return (struct part){0};
    return (struct part){r->rank, r->count, sum, NULL};
}
