/* Energy of the processors' packages (RAPL), as the Linux powercap interface counts it. */
#ifndef FLOPSTEP_BENCH_HARNESS_PACKAGE_ENERGY_H
#define FLOPSTEP_BENCH_HARNESS_PACKAGE_ENERGY_H

#include <stddef.h>

enum { MOST_PACKAGES = 64 };

struct package_energy {
    size_t count; /* 0: unknown */
    struct package {
        char path[512]; /* of energy_uj */
        double range_j; /* the counter begins anew there */
        double last_j;  /* when it was read last */
    } packages[MOST_PACKAGES];
};

/* Finds the packages in `folder` (NULL: /sys/class/powercap) and reads their counters. None where
 * the folder is missing (virtual machines) or one of them may not be read (often by root only): a
 * part of the energy would pass for all of it. */
void package_energy_open(struct package_energy *energy, const char *folder);

/* Joule since the call before, of all packages; NaN where unknown. A counter that wrapped once is
 * put right; one that wraps more often, after minutes to hours, is not seen: read it more often. */
double package_energy_since(struct package_energy *energy);

#endif
