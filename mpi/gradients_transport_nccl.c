/* Gradients of GPUs summed by NCCL where they lie, on a stream of their own beside the backward
 * pass. It has its own rows of the modes: the GPUs reduce, the host only issues. The vote goes by
 * MPI. */
#include <stdio.h>
#include <stdlib.h>

#include "mpi/gradients_state.h"
#include "mpi/lane.h"
#include "mpi/nccl.h"

struct nccl_state {
    struct nccl *nccl;
    void *stream;
    void *ready, *done; /* events: gradients are there; sums are */
};

static bool join(struct gradients *g, char *reason, size_t size) {
    struct nccl_state *s = g->transport_state = calloc(1, sizeof *s);
    if (!s) ranks_abort(3);
    s->nccl = nccl_join(g->plan.device, reason, size);
    if (s->nccl) return true;
    free(s);
    g->transport_state = NULL;
    return false;
}

static bool open_here(struct gradients *g) {
    const struct device *d = g->plan.device;
    struct nccl_state *s = g->transport_state;
    s->stream = d->stream_new(d);
    s->ready = d->event_new(d);
    s->done = d->event_new(d);
    return s->stream && s->ready && s->done;
}

static void close_here(struct gradients *g) {
    const struct device *d = g->plan.device;
    struct nccl_state *s = g->transport_state;
    d->stream_free(d, s->stream);
    d->event_free(d, s->ready);
    d->event_free(d, s->done);
    nccl_leave(s->nccl);
    free(s);
}

/* The GPUs of the other ranks wait for this one's part, so there is no going on without it. */
static _Noreturn void fail(const char *what) {
    const struct rank_place *own = &ranks_table()[ranks_get()->rank];
    fprintf(stderr, "flopstep: rank %d (%s): gradients by NCCL: %s\n", own->rank, own->host, what);
    ranks_abort(1);
}

/* What is issued to the stream from now on runs behind the gradients that are issued so far. */
static void behind_gradients(struct gradients *g) {
    const struct device *d = g->plan.device;
    const struct nccl_state *s = g->transport_state;
    d->stream_record(d, NULL, s->ready);
    d->stream_wait(d, s->stream, s->ready);
}

static void sum(struct gradients *g, size_t bucket) {
    const struct device *d = g->plan.device;
    const struct nccl_state *s = g->transport_state;
    const struct bucket *b = &g->buckets[bucket];
    const char *error = d->error(d);
    if (!error)
        error = nccl_sum(s->nccl, gradients_at(g, g->plan.arena, b->first), b->count, g->plan.type,
                         s->stream);
    if (error) fail(error);
}

static void vote(struct gradients *g) {
    MPI_Allreduce(&g->vote, &g->votes, 1, MPI_INT, MPI_BOR, g->lane->communicator);
}

static void launch(struct gradients *g, size_t bucket) {
    behind_gradients(g);
    sum(g, bucket);
}

static void complete_blocking(struct gradients *g) {
    const struct device *d = g->plan.device;
    const struct nccl_state *s = g->transport_state;
    behind_gradients(g);
    for (size_t i = 0; i < g->bucket_count; i++) {
        sum(g, i);
        d->stream_record(d, s->stream, s->done);
        d->event_wait(d, s->done);
    }
    vote(g);
}

static void complete_nonblocking(struct gradients *g) {
    behind_gradients(g);
    for (size_t i = 0; i < g->bucket_count; i++) sum(g, i);
    vote(g);
}

/* The host does not wait: the device does, before it reads the sums. */
static const void *sums(struct gradients *g) {
    const struct device *d = g->plan.device;
    const struct nccl_state *s = g->transport_state;
    d->stream_record(d, s->stream, s->done);
    d->stream_wait(d, NULL, s->done);
    return g->plan.arena;
}

static const struct reduce_mode blocking = {.name = "blocking", .complete = complete_blocking};
static const struct reduce_mode nonblocking = {.name = "nonblocking",
                                               .complete = complete_nonblocking};
static const struct reduce_mode overlap = {.name = "overlap", .launch = launch, .complete = vote};
static const struct reduce_mode *const modes[] = {&blocking, &nonblocking, &overlap, NULL};

const struct transport transport_nccl = {
    .name = "nccl",
    .own_memory = true,
    .modes = modes,
    .usable = nccl_usable,
    .version = nccl_version,
    .join = join,
    .open = open_here,
    .close = close_here,
    .sums = sums,
};
