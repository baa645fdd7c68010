/* One line on standard error that says how far a sweep is; only where that is a terminal. */
#ifndef FLOPSTEP_BENCH_HARNESS_PROGRESS_H
#define FLOPSTEP_BENCH_HARNESS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

struct progress {
    bool shown;
    size_t steps, step;
    double begin, drawn;
    char label[96];
};

struct progress progress_begin(bool wanted, size_t steps);

/* Step number `step` of `steps` begins. */
void progress_step(struct progress *progress, size_t step, const char *label);

/* That share of the step's budget is used; fits rounds_options.progress. */
void progress_share(void *progress, double share);

/* Wipes the line, so that a table row can be printed. */
void progress_clear(struct progress *progress);

#endif
