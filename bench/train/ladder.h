/* The ladder from the plain step to the fast one: each rung adds one measure to those below it. */
#ifndef FLOPSTEP_BENCH_TRAIN_LADDER_H
#define FLOPSTEP_BENCH_TRAIN_LADDER_H

#include "nn/network.h"

struct rung {
    const char *name, *what;
    enum conv_path conv;
    enum dense_path dense;
    unsigned without; /* of enum measure, a bit each */
};

enum { MOST_RUNGS = 16 };

/* Writes the rungs that make a difference to this network on this device, the plain step first and
 * the fast one last, and returns how many. */
int ladder_rungs(const struct architecture *architecture, const struct device *device,
                 struct rung rungs[MOST_RUNGS]);

#endif
