/* Gradients of a GPU through pinned memory: a bucket is copied out as soon as the device has it and
 * its sums are copied back in as soon as they are there, by streams of their own beside the
 * backward pass. The host reads a bucket behind the event that follows its copy. */
#include <stdlib.h>
#include <string.h>

#include "mpi/gradients_state.h"

struct staged {
    void *out, *in;     /* streams */
    void *ready, *back; /* events: the gradient is there; all sums are */
    void **copied;      /* events: [bucket] is in pinned memory */
};

static bool open_staged(struct gradients *g) {
    const struct device *d = g->plan.device;
    const size_t bytes = g->plan.count * scalar_bytes(g->plan.type);
    struct staged *s = g->transport_state = calloc(1, sizeof *s);
    if (!s) return false;
    g->from = d->allocate_pinned(d, bytes);
    g->to = d->allocate_pinned(d, bytes);
    s->copied = calloc(g->bucket_count, sizeof *s->copied);
    if (!g->from || !g->to || !s->copied) return false;
    s->out = d->stream_new(d);
    s->in = d->stream_new(d);
    s->ready = d->event_new(d);
    s->back = d->event_new(d);
    bool made = s->out && s->in && s->ready && s->back;
    for (size_t i = 0; i < g->bucket_count; i++) made &= (s->copied[i] = d->event_new(d)) != NULL;
    return made;
}

static void close_staged(struct gradients *g) {
    const struct device *d = g->plan.device;
    struct staged *s = g->transport_state;
    if (!s) return;
    d->stream_free(d, s->out);
    d->stream_free(d, s->in);
    d->event_free(d, s->ready);
    d->event_free(d, s->back);
    for (size_t i = 0; s->copied && i < g->bucket_count; i++) d->event_free(d, s->copied[i]);
    free(s->copied);
    if (g->from) d->release_pinned(d, g->from);
    if (g->to) d->release_pinned(d, g->to);
    free(s);
}

static void out(struct gradients *g, size_t bucket) {
    const struct device *d = g->plan.device;
    const struct staged *s = g->transport_state;
    const size_t first = g->buckets[bucket].first;
    d->stream_record(d, NULL, s->ready);
    d->stream_wait(d, s->out, s->ready);
    d->stream_copy_out(d, s->out, gradients_at(g, g->from, first),
                       gradients_at(g, g->plan.arena, first), bucket_bytes(g, bucket));
    d->stream_record(d, s->out, s->copied[bucket]);
}

/* NaN, never a stale number, where the device has failed. */
static void spoil(struct gradients *g, size_t bucket) {
    memset(gradients_at(g, g->from, g->buckets[bucket].first), 0xff, bucket_bytes(g, bucket));
}

static bool arrived(struct gradients *g, size_t bucket) {
    const struct device *d = g->plan.device;
    const struct staged *s = g->transport_state;
    if (!d->event_reached(d, s->copied[bucket])) return false;
    if (d->error(d)) spoil(g, bucket);
    return true;
}

static void await(struct gradients *g, size_t bucket) {
    const struct device *d = g->plan.device;
    const struct staged *s = g->transport_state;
    d->event_wait(d, s->copied[bucket]);
    if (d->error(d)) spoil(g, bucket);
}

/* Its place in the arena is free: it was copied out. */
static void in(struct gradients *g, size_t bucket) {
    const struct device *d = g->plan.device;
    const struct staged *s = g->transport_state;
    const size_t first = g->buckets[bucket].first;
    d->stream_copy_in(d, s->in, gradients_at(g, g->plan.arena, first),
                      gradients_at(g, g->to, first), bucket_bytes(g, bucket));
}

/* The pinned memory is written again behind this: a bucket of the next step is copied out behind
 * what waits for these sums. */
static const void *sums(struct gradients *g) {
    const struct device *d = g->plan.device;
    const struct staged *s = g->transport_state;
    d->stream_record(d, s->in, s->back);
    d->stream_wait(d, NULL, s->back);
    return g->plan.arena;
}

const struct transport transport_staged = {
    .name = "staged",
    .own_memory = true,
    .modes = reduce_modes,
    .open = open_staged,
    .close = close_staged,
    .out = out,
    .arrived = arrived,
    .await = await,
    .in = in,
    .sums = sums,
};
