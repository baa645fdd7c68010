/* Probes for the bandwidth ceiling: loops that only move memory, at the working set of the caller's
 * choice. Read no clock; each call works on one thread's chunk. See docs/ceilings.md. */
#ifndef FLOPSTEP_KERNELS_PROBES_BANDWIDTH_H
#define FLOPSTEP_KERNELS_PROBES_BANDWIDTH_H

#include <stdbool.h>
#include <stddef.h>

/* The length of a chunk is a multiple of this many doubles. */
#define BANDWIDTH_PROBE_BLOCK 64

struct bandwidth_probe {
    const char *name;
    int loads, stores; /* arrays read and written by the formula, write-allocate not counted */
    bool non_temporal; /* stores bypass the caches */
    bool in_place;     /* `a` is read as well as written */
    int arrays;        /* distinct arrays: the working set is arrays * 8 * n bytes */

    /* Passes `repetitions` times over n doubles (multiple of BANDWIDTH_PROBE_BLOCK), all arrays
     * aligned to 64 bytes, without a barrier in between. Arrays that the probe doesn't use may be
     * NULL. Whatever the number of repetitions, values stay within the range of the inputs times
     * three. Moves bandwidth_probe_bytes(probe, n) bytes a repetition. */
    void (*run)(double *a, const double *b, const double *c, size_t n, long repetitions);
};

/* All probes in the widest instruction set of this machine, whose name is stored in *isa (as in
 * isa_table; may be NULL). */
const struct bandwidth_probe *bandwidth_probe_table(size_t *count, const char **isa);

/* The same in a named instruction set; NULL where the machine doesn't have it. */
const struct bandwidth_probe *bandwidth_probe_table_for(const char *isa, size_t *count);

/* One probe of bandwidth_probe_table; NULL where there is none of that name. */
const struct bandwidth_probe *bandwidth_probe_find(const char *name);

/* Bytes counted for one repetition, as STREAM counts them. */
static inline double bandwidth_probe_bytes(const struct bandwidth_probe *probe, size_t n) {
    return 8.0 * (probe->loads + probe->stores) * (double)n;
}

#endif
