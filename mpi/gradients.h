/* Sums the gradients of one network over all ranks while a step runs: buckets of the gradient
 * arena, from its end, since the last layers' gradients are ready first. */
#ifndef FLOPSTEP_MPI_GRADIENTS_H
#define FLOPSTEP_MPI_GRADIENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/device.h"
#include "mpi/ranks.h"

/* The words of --reduce, with MPI and without; NULL behind the last. */
struct reduce_name {
    const char *name, *what;
};
extern const struct reduce_name reduce_names[];
/* Those of --gpu-reduce: how gradients of GPUs travel. */
extern const struct reduce_name gpu_reduce_names[];

/* How, and when in the step: one row a mode. The functions are in gradients_<name>.c. */
struct gradients;
struct reduce_mode {
    const char *name;
    bool (*open)(struct gradients *); /* may be NULL; false: out of memory */
    void (*close)(struct gradients *);
    void (*launch)(struct gradients *, size_t bucket); /* the bucket is complete */
    void (*progress)(struct gradients *);
    void (*complete)(struct gradients *); /* returns when all buckets and the vote are summed */
};
extern const struct reduce_mode *const reduce_modes[]; /* NULL behind the last */
const struct reduce_mode *reduce_mode_find(const char *name);

struct gradients_plan {
    const struct device *device;
    enum scalar type;
    void *arena;  /* in the device's memory */
    size_t count; /* numbers in it */
    size_t bucket_bytes;
    /* Where in the arena layers begin, ascending; 0: not known. Buckets end there where they can,
     * so that none waits for a layer that it holds a few numbers of. */
    const size_t *borders;
    size_t border_count;
    const struct reduce_mode *mode;
    const char *transport; /* one of gpu_reduce_names; NULL: auto */
};

/* NULL with a reason. Collective, like gradients_close, _vote and _finish; every rank tells the
 * same gradients in the same order. */
struct gradients *gradients_open(const struct gradients_plan *plan, char *reason, size_t size);
void gradients_close(struct gradients *gradients);

/* Bits that are or-ed over the ranks along with the gradients. */
enum { VOTE_NOT_FINITE = 1, VOTE_STOP = 2 };

void gradients_vote(struct gradients *gradients, int bits);
/* Numbers [gradient, gradient + count) of the arena are complete; from its end to its begin. */
void gradients_ready(struct gradients *gradients, const void *gradient, long count);
void gradients_progress(struct gradients *gradients);
/* The sums, an array like the arena in the device's memory; *bits: all ranks' votes. */
const void *gradients_finish(struct gradients *gradients, int *bits);

/* How the numbers travel: "host", "staged", "cuda-aware", "nccl". */
const char *gradients_transport(const struct gradients *gradients);
/* Why the better ways are not used, "" where there is none. */
const char *gradients_note(const struct gradients *gradients);
/* The ways for gradients in the device's memory, best first, with the version of the library that
 * does it ("": unknown) and why it cannot be used, "" where it can. Returns their number.
 * Collective. */
struct transport_state {
    const char *name, *version;
    char reason[RANK_REASON];
};
enum { MOST_TRANSPORTS = 4 };
size_t gradients_transports(const struct device *device, struct transport_state *rows);
size_t gradients_buckets(const struct gradients *gradients);

#endif
