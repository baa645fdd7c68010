/* Gradients of the CPU lie where MPI reads them; those of a GPU are copied out and the sums back
 * in, through pinned memory. */
#include <stdlib.h>

#include "mpi/gradients_state.h"

static size_t bytes_of(const struct gradients *g) {
    return g->plan.count * scalar_bytes(g->plan.type);
}

static bool host_open(struct gradients *g) {
    g->from = g->plan.arena;
    g->to = g->plan.device->allocate(g->plan.device, bytes_of(g));
    return g->to != NULL;
}

static void host_close(struct gradients *g) {
    if (g->to) g->plan.device->release(g->plan.device, g->to, bytes_of(g));
}

static const void *host_in(struct gradients *g) { return g->to; }

static bool staged_open(struct gradients *g) {
    const struct device *device = g->plan.device;
    g->from = device->allocate_pinned(device, bytes_of(g));
    g->to = device->allocate_pinned(device, bytes_of(g));
    return g->from && g->to;
}

static void staged_close(struct gradients *g) {
    const struct device *device = g->plan.device;
    if (g->from) device->release_pinned(device, g->from);
    if (g->to) device->release_pinned(device, g->to);
}

static void staged_out(struct gradients *g, const struct bucket *b) {
    const struct device *device = g->plan.device;
    device->copy_out(device, gradients_at(g, g->from, b->first),
                     gradients_at(g, g->plan.arena, b->first),
                     b->count * scalar_bytes(g->plan.type));
}

static const void *staged_in(struct gradients *g) {
    const struct device *device = g->plan.device;
    device->copy_in(device, g->plan.arena, g->to, bytes_of(g));
    return g->plan.arena;
}

static const struct transport host = {"host", host_open, host_close, NULL, host_in};
static const struct transport staged = {"staged", staged_open, staged_close, staged_out, staged_in};

const struct transport *transport_choose(const struct gradients_plan *plan) {
    return plan->device->own_memory ? &staged : &host;
}
