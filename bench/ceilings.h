/* The measured ceilings as subjects of interleaved rounds: `peak` reports them, `blas` holds its
 * kernels against those taken in the same rounds. */
#ifndef FLOPSTEP_BENCH_CEILINGS_H
#define FLOPSTEP_BENCH_CEILINGS_H

#include <stddef.h>

#include "bench/harness/rounds.h"
#include "kernels/device.h"
#include "kernels/probes/bandwidth.h"
#include "kernels/probes/fma.h"

/* FMA rate of a team of pinned threads. */
struct fma_ceiling {
    const struct fma_probe *probe;
    int threads;
};

struct subject fma_ceiling_subject(struct fma_ceiling *ceiling);

/* FLOP of one repetition, over all threads. */
double fma_ceiling_flops(const struct fma_ceiling *ceiling);

/* Bandwidth of a team of pinned threads, each on its own part of one buffer. */
struct bandwidth_ceiling {
    const struct bandwidth_probe *probe;
    int threads;
    double *buffer;     /* of bandwidth_buffer_bytes() */
    size_t working_set; /* bytes of all arrays of all threads, as asked for */
};

/* Bytes that a buffer needs for a working set, paddings included. */
size_t bandwidth_buffer_bytes(size_t working_set, int threads);

/* Fills the buffer with ordinary numbers; each thread touches its own part first. */
void bandwidth_buffer_fill(double *buffer, size_t bytes, int threads);

struct subject bandwidth_ceiling_subject(struct bandwidth_ceiling *ceiling);

/* Bytes moved by one repetition over all threads, and the working set as it really is. */
double bandwidth_ceiling_bytes(const struct bandwidth_ceiling *ceiling);
size_t bandwidth_ceiling_working_set(const struct bandwidth_ceiling *ceiling);

/* Where a working set of so many threads lies: "L1", "L2", "L3" or "memory". */
const char *memory_level(size_t working_set, int threads);

#endif
