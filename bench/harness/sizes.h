/* The size grammar of --sizes: what a sweep walks over. */
#ifndef FLOPSTEP_BENCH_HARNESS_SIZES_H
#define FLOPSTEP_BENCH_HARNESS_SIZES_H

#include <stddef.h>

/* One size: one to three extents, e.g. {1024, -1, -1} or {128, 1024, 784}. */
struct size {
    long extent[3];
    int extents;
};

/* Parses a list of
 *   N                 one size
 *   MxN, MxNxK        a shape
 *   START:END         every whole number from START to END
 *   START:END:STEP    arithmetic
 *   START:END:xF      geometric, e.g. 64:4096:x2
 * numbers are positive, with a suffix k, M (powers of 1000) or Ki, Mi (powers of 1024).
 * Returns a new array of *count sizes, or NULL with a one-line reason that names the place. */
struct size *sizes_parse(const char *text, size_t *count, char *error, size_t error_size);

#endif
