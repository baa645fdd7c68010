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
    struct lane *lane;
    struct bucket *buckets; /* in the order in which they become complete */
    size_t bucket_count, launched;
    size_t low;            /* numbers from here on are complete */
    char *from, *to;       /* what is sent and what is summed: host memory, or the device's */
    int vote, votes;       /* own bits, all bits */
    MPI_Request *requests; /* of the buckets, and of the vote behind them */
    void *state;           /* the mode's own */
    const struct transport *transport;
};

static inline void *gradients_at(const struct gradients *g, char *array, size_t number) {
    return array + number * scalar_bytes(g->plan.type);
}

extern const struct reduce_mode reduce_blocking, reduce_nonblocking, reduce_overlap, reduce_thread,
    reduce_reproducible;

/* How the numbers get from the device's memory to where MPI reads them, and the sums back: one row
 * each (gradients_transport.c). */
struct transport {
    const char *name;
    bool (*open)(struct gradients *);
    void (*close)(struct gradients *);
    void (*out)(struct gradients *, const struct bucket *); /* NULL: they are there */
    const void *(*in)(struct gradients *);                  /* where the device finds the sums */
};
const struct transport *transport_choose(const struct gradients_plan *plan);

#endif
