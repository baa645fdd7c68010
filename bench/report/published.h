/* Published figures (results/published), drawn as labelled reference lines where asked. */
#ifndef FLOPSTEP_BENCH_REPORT_PUBLISHED_H
#define FLOPSTEP_BENCH_REPORT_PUBLISHED_H

#include <stddef.h>

struct published {
    char name[32];   /* what --reference takes: "p100" */
    char device[64]; /* for people: "P100" */
    char kind[16];   /* "measured" or "sheet" */
    char kernel[24]; /* a BLAS kernel, a bandwidth probe, "peak" or "memory" (data sheets) */
    char type[8];    /* "s", "d", "h", "bf16"; "" where it does not matter */
    double n;        /* problem size; NaN where not given */
    double gflops, gbytes_per_s, peak_fraction; /* NaN where not given */
    char source[200];
};

/* Reads every .csv file of the folder, in the order of their names. Returns the number of figures
 * and stores a malloced array; a folder without one gives 0. A line that does not fit the header
 * is left out with a warning. */
size_t published_read(const char *folder, struct published **figures);

/* Finds the folder, reads it and makes sure that all wanted names (a NULL-terminated list) are
 * there; ends the process where that fails. */
size_t published_load(char *const *names, struct published **figures);

/* Ends the process with EXIT_USAGE and the known names where one of the wanted names (a
 * NULL-terminated list) is unknown. */
void published_require(const struct published *figures, size_t count, char *const *names);

#endif
