/* Time by layer and pass of a training step: a reader of spans. */
#ifndef FLOPSTEP_BENCH_TRAIN_PHASES_H
#define FLOPSTEP_BENCH_TRAIN_PHASES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "kernels/trace.h"

enum { MOST_PHASES = 256, MOST_PHASE_STEPS = 2048 };

struct device;

struct phase {
    struct span span;  /* its layer and pass name the phase */
    double begin, now; /* of the step at hand, seconds */
    void *from, *to;   /* events of a device that runs behind */
    bool open;         /* they hold a time of the step at hand */
    double *seconds;   /* [steps]: of each step */
};

struct phases {
    struct phase phase[MOST_PHASES]; /* in the order in which they first began */
    size_t count, steps;
    const struct device *device;
    struct trace_reader reader;
};

/* Times by the host's clock, on a device that runs behind by its events. */
void phases_begin(struct phases *phases, const struct device *device);
void phases_free(struct phases *phases);

/* Around one step: spans in between are timed. */
void phases_step_begin(struct phases *phases);
void phases_step_end(struct phases *phases);

/* Median over steps of the time of a pass ("forward"), NaN where no step was watched; of one phase.
 */
double phases_pass_seconds(const struct phases *phases, const char *pass);
double phases_seconds(const struct phases *phases, const struct phase *phase);

/* Prints a table of them. */
void phases_print(const struct phases *phases);

/* FLOP of a phase in one step: products alone are counted, NaN where there is none. The first
 * layer's input gradient is not computed and not counted. */
double phases_flops(const struct phases *phases, const struct phase *phase);

#endif
