/* Probes for the floating-point ceiling of one core: loops that do nothing but multiply and add in
 * registers. Read no clock; safe to run on any number of threads at once. See docs/ceilings.md. */
#ifndef FLOPSTEP_KERNELS_PROBES_FMA_H
#define FLOPSTEP_KERNELS_PROBES_FMA_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/scalar.h"

struct fma_probe {
    const char *isa; /* as in isa_table */
    enum scalar type;
    double flops_per_iteration; /* of one thread; a fused multiply-add counts 2 */
    bool (*supported)(void);

    /* Runs the loop from the start values. One iteration is some 100 instructions, 50 or so cycles;
     * each call also sets up `values` numbers (under 1 us), so iterations should be many. */
    void (*run)(long iterations);

    /* The same loop on a state of one's own: `values` numbers of the type, read and left advanced.
     * Every iteration takes each value flops_per_iteration / (2 values) times through the map. */
    void (*advance)(long iterations, void *state);
    int values;
};

/* Every probe compiled for this architecture, narrowest first, whether supported or not. */
const struct fma_probe *fma_probe_table(size_t *count);

/* The widest supported probe of the type, or NULL on an architecture without probes. */
const struct fma_probe *fma_probe_best(enum scalar type);

/* Start values that differ between accumulators and lanes, in (0.1, 0.95). */
void fma_probe_start(enum scalar type, void *state, int values);

/* Constants of the maps; the same numbers in both types, chosen so that in single precision, too,
 * no start value settles: its cycles have 92 to 6765 steps (k = 2.90625 leads to one of 10). */
#define FMA_PROBE_QUADRATIC (-1.875) /* c of x <- x*x + c */
#define FMA_PROBE_LOGISTIC  2.9375   /* k of x <- x - x*x, x <- x + k*x */

#endif
