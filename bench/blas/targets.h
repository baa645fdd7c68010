/* Where cases run: a CBLAS library on the CPU, or a GPU with the library of its own. */
#ifndef FLOPSTEP_BENCH_BLAS_TARGETS_H
#define FLOPSTEP_BENCH_BLAS_TARGETS_H

#include "bench/blas/blas_options.h"
#include "kernels/cpu/blas_library.h"

enum { MOST_TARGETS = 32, MOST_NOTES = 64 };

struct blas_target {
    const struct device *device;
    struct blas_library *library; /* the CPU's; NULL: the device's own */
};

struct blas_targets {
    struct blas_target target[MOST_TARGETS];
    size_t count;
    char *notes[MOST_NOTES]; /* what is left out, a line each */
    size_t note_count;
};

/* Opens the libraries of the devices asked for. A kernel runs where its routine is, and is left out
 * with a note where it is not. Ends with EXIT_MISSING where a library does not load or is no BLAS,
 * and where no target has a kernel that was asked for by its name, in any of the types. */
void blas_targets_open(struct blas_targets *targets, const struct blas_options *options);
void blas_targets_close(struct blas_targets *targets);

/* The `library` column. */
const char *blas_target_library(const struct blas_target *target);

/* What it calls for a kernel, or NULL where it has none. Of a device: what follows is for it. */
blas_routine blas_target_routine(const struct blas_target *target, const struct kernel *kernel,
                                 enum scalar type);

/* What is asked of a GPU's library: the `math` column. NULL for a CPU. */
const char *blas_target_math(const struct blas_target *target, enum scalar type);

#endif
