/* Gradients of a GPU by an MPI that reads and writes the GPU's memory. Such libraries have blocking
 * collectives for it only (Open MPI's manual, "CUDA-aware support"), so the modes that call
 * MPI_Iallreduce are not among those here. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mpi/gradients_state.h"
#if defined(OPEN_MPI) && defined(__has_include)
#if __has_include(<mpi-ext.h>)
#include <mpi-ext.h>
#endif
#endif

/* 1: it does, 0: it does not, -1: it has no function to ask. */
static int mpi_reads_device_memory(void) {
#if defined(MPIX_CUDA_AWARE_SUPPORT) || (defined(MPICH_NUMVERSION) && MPICH_NUMVERSION >= 40000000)
    return MPIX_Query_cuda_support() != 0;
#else
    return -1;
#endif
}

static bool usable(const struct device *device, char *reason, size_t size) {
    const char *told = getenv("FLOPSTEP_CUDA_AWARE");
    int does = told && strcmp(told, "1") == 0   ? 1
               : told && strcmp(told, "0") == 0 ? 0
                                                : mpi_reads_device_memory();
    (void)device;
    if (does < 0)
        snprintf(reason, size,
                 "%s does not tell whether it reads a GPU's memory; FLOPSTEP_CUDA_AWARE=1 says "
                 "that it does",
                 ranks_get()->library);
    else if (!does)
        snprintf(reason, size, "%s does not read a GPU's memory", ranks_get()->library);
    return does > 0;
}

/* The state: an event for each bucket, behind its gradient. */
static bool open_here(struct gradients *g) {
    const struct device *d = g->plan.device;
    void **events = g->transport_state = calloc(g->bucket_count, sizeof *events);
    g->from = g->plan.arena;
    g->to = d->allocate(d, g->plan.count * scalar_bytes(g->plan.type));
    bool made = events && g->to;
    for (size_t i = 0; made && i < g->bucket_count; i++) made = (events[i] = d->event_new(d));
    return made;
}

static void close_here(struct gradients *g) {
    const struct device *d = g->plan.device;
    void **events = g->transport_state;
    for (size_t i = 0; events && i < g->bucket_count; i++) d->event_free(d, events[i]);
    free(events);
    if (g->to) d->release(d, g->to, g->plan.count * scalar_bytes(g->plan.type));
}

static void out(struct gradients *g, size_t bucket) {
    void **events = g->transport_state;
    g->plan.device->stream_record(g->plan.device, NULL, events[bucket]);
}

/* Also makes the device current in a thread that then calls MPI. */
static void await(struct gradients *g, size_t bucket) {
    void **events = g->transport_state;
    g->plan.device->event_wait(g->plan.device, events[bucket]);
}

static const void *sums(struct gradients *g) { return g->to; }

static const struct reduce_mode *const modes[] = {&reduce_blocking, &reduce_thread, NULL};

const struct transport transport_cuda_aware = {
    .name = "cuda-aware",
    .own_memory = true,
    .modes = modes,
    .usable = usable,
    .open = open_here,
    .close = close_here,
    .out = out,
    .await = await,
    .sums = sums,
};
