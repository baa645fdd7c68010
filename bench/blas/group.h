/* A group: one shape with all types, devices, libraries and numbers of threads that will be
 * compared. Its members share operands and interleaved rounds, together with the ceilings they are
 * held against. */
#ifndef FLOPSTEP_BENCH_BLAS_GROUP_H
#define FLOPSTEP_BENCH_BLAS_GROUP_H

#include "bench/blas/blas_options.h"
#include "bench/blas/operands.h"
#include "bench/blas/targets.h"
#include "bench/harness/check.h"
#include "bench/harness/gpu_watch.h"
#include "bench/harness/sustain.h"

enum member_status { MEMBER_OK, MEMBER_FAILED, MEMBER_SKIPPED, MEMBER_INCOMPLETE };

/* One case: what a row of the results tells. */
struct member {
    const struct blas_shape *shape;
    enum scalar type;
    const struct blas_target *target;
    int threads; /* of one call; in throughput mode the number of cores at work; 1 on a GPU */
    enum transfer transfer; /* copies that are timed along */
    long lda;               /* of the first matrix; -1: none */

    enum member_status status;
    char reason[512];
    bool agreed; /* of several ranks: the status that all have, told once */
    bool noisy, unpinned, ceiling_noisy;
    struct check_result check;
    bool checked;
    struct summary summary; /* seconds of one call; in throughput mode of one on each core */
    double *samples;
    double *own; /* this rank's, where samples are those of the slowest; NULL: the same */
    long repetitions;
    double working_set;  /* bytes of the operands, of all cores at work */
    double flops, bytes; /* of one call, or of one on each core */
    const char *ceiling; /* "fma-avx512", "load", …; NULL: not measured */
    char ceiling_name[32];
    double ceiling_rate;            /* GFLOP/s or GB/s; NaN: not measured */
    double peak_fraction;           /* NaN: not measured */
    double clock_ghz, stolen, load; /* of the CPU; clock NaN where it is idle */
    struct gpu_summary gpu;         /* nothing known on a CPU */
    size_t *throttled;              /* the samples that were taken while the card was throttled */
    size_t throttled_count;
    struct sustain_result sustained; /* --sustain; no bins: not run */
};

/* The members of a shape, not yet measured; count 0 where no target has the kernel. Frees with
 * group_free(). */
struct member *group_members(const struct blas_options *options, const struct blas_shape *shape,
                             const struct blas_targets *targets, size_t *count);

struct group_progress {
    void (*progress)(void *context, double share);
    void *context;
};

/* Measures and checks all members. Returns the seconds spent in rounds, for the sweep's account of
 * its own overhead. */
double group_measure(const struct blas_options *options, struct member *members, size_t count,
                     const struct group_progress *progress);

void group_free(struct member *members, size_t count);

#endif
