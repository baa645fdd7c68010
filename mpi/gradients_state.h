/* What the modes of reduction work on. */
#ifndef FLOPSTEP_MPI_GRADIENTS_STATE_H
#define FLOPSTEP_MPI_GRADIENTS_STATE_H

#include <mpi.h>

#include "mpi/allreduce.h"
#include "mpi/gradients.h"

struct bucket {
    size_t first, count; /* numbers of the arena */
};

struct gradients {
    struct gradients_plan plan;
    const struct reduce_mode *mode; /* as the transport runs the plan's */
    struct lane *lane;
    struct bucket *buckets; /* in the order in which they become complete */
    size_t bucket_count;
    size_t launched, started;    /* buckets that the device was given, whose sums began */
    size_t ended;                /* those that ended, and all before them; gradients_start.h */
    struct exchange **exchanges; /* one a bucket, in modes that start sums; else NULL */
    size_t low;                  /* numbers from here on are complete */
    char *from, *to;             /* what is sent and what is summed: host memory, or the device's */
    int vote, votes;             /* own bits, all bits */
    MPI_Request *requests;       /* of the buckets, and of the vote behind them */
    void *state;                 /* the mode's own */
    const struct transport *transport;
    void *transport_state; /* the transport's own */
    char note[768];        /* why better transports are not used */
};

static inline void *gradients_at(const struct gradients *g, char *array, size_t number) {
    return array + number * scalar_bytes(g->plan.type);
}
static inline size_t bucket_bytes(const struct gradients *g, size_t bucket) {
    return g->buckets[bucket].count * scalar_bytes(g->plan.type);
}

extern const struct reduce_mode reduce_blocking, reduce_nonblocking, reduce_overlap, reduce_thread,
    reduce_reproducible;

/* Waits for them: a bucket by MPI_Allreduce, when it is where MPI reads it, and all ranks' votes.
 */
void gradients_sum(struct gradients *gradients, size_t bucket);
void gradients_sum_votes(struct gradients *gradients);

/* How the numbers get from the device's memory to where they are summed, and the sums back: one row
 * each, in gradients_transport_<name>.c. On a device that runs behind, a bucket that is told to be
 * complete is one that will be. Functions may be NULL: there is nothing to do. */
struct transport {
    const char *name;
    bool own_memory; /* for devices with memory of their own, or for those without */
    const struct reduce_mode *const *modes; /* those that it can run, NULL behind the last */
    /* Whether this rank can use it: false with a reason. Collective. */
    bool (*usable)(const struct device *, char *reason, size_t size);
    const char *(*version)(void); /* of its library */
    /* What all ranks do together before open; the answer is the same on all. */
    bool (*join)(struct gradients *, char *reason, size_t size);
    bool (*open)(struct gradients *); /* false: no memory */
    void (*close)(struct gradients *);
    void (*out)(struct gradients *, size_t bucket);     /* sends it on its way */
    bool (*arrived)(struct gradients *, size_t bucket); /* whether `from` holds it */
    void (*await)(struct gradients *, size_t bucket);   /* returns when it does; by any thread */
    void (*in)(struct gradients *, size_t bucket);      /* `to` holds its sums */
    const void *(*sums)(struct gradients *); /* all of them, for what is issued from now on */
};
extern const struct transport transport_host, transport_staged, transport_cuda_aware,
    transport_nccl;

/* The first one that all ranks can use for that plan, with its row of the mode; g->note says why
 * those before it are not used. NULL with a reason: the one that was asked for cannot be used.
 * Collective. */
const struct transport *transport_choose(struct gradients *g, char *reason, size_t size);

static inline bool gradients_arrived(struct gradients *g, size_t bucket) {
    return !g->transport->arrived || g->transport->arrived(g, bucket);
}
static inline void gradients_await(struct gradients *g, size_t bucket) {
    if (g->transport->await) g->transport->await(g, bucket);
}
static inline void gradients_in(struct gradients *g, size_t bucket) {
    if (g->transport->in) g->transport->in(g, bucket);
}

#endif
