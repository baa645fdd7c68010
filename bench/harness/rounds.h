/* Interleaved rounds: subjects that will be compared are measured in turn, a visit each a round, so
 * that a machine whose speed drifts treats them alike. */
#ifndef FLOPSTEP_BENCH_HARNESS_ROUNDS_H
#define FLOPSTEP_BENCH_HARNESS_ROUNDS_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/harness/sampler.h"

struct subject {
    void *context;
    /* Makes everything ready for run(), untimed: threads, libraries. May be NULL. */
    void (*enter)(void *context);
    /* Makes `repetitions` calls back to back. This is what is timed. */
    void (*run)(void *context, long repetitions);
    /* Does that and returns the seconds by a clock of its own, for what runs behind. NULL: the
     * host's clock around run(). Not finite: it failed. */
    double (*timed)(void *context, long repetitions);
    /* A companion is a ceiling: visited in every round, but it never asks for another one. */
    bool companion;
    /* Calls in a region at least, 0: 1. On a busy machine the join of several threads may last
     * longer than the region needs to, whatever runs in it. */
    long least_repetitions;
    double least_region; /* seconds a timed region must last at least; 0: what the clock needs */

    /* Set by rounds_run. */
    struct sampler sampler;
    long repetitions; /* calls in one timed region */
    bool failed;      /* timed() was not finite: it was not visited again */
    double own;       /* seconds of the latest region in this process */
};

struct rounds_options {
    struct sampler_limits limits;
    void (*progress)(void *context, double share); /* may be NULL; share of the budget used */
    void *progress_context;
};

/* Measures all subjects. Of several processes (together.h) all measure a subject at the same time;
 * a sample is the time of the slowest, and each sampler keeps its own process's beside it. Returns
 * false where a signal ended it early; samples so far are kept. The caller frees each subject's
 * sampler. */
bool rounds_run(struct subject *subjects, size_t count, const struct rounds_options *options);

#endif
