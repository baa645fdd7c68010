/* What a step is held against, measured in the same run: the FMA ceiling and a square GEMM of the
 * same type, library and threads. */
#ifndef FLOPSTEP_BENCH_TRAIN_ROOFS_H
#define FLOPSTEP_BENCH_TRAIN_ROOFS_H

#include "bench/ceilings.h"
#include "kernels/device.h"

enum { SQUARE = 1024 }; /* extent of the square GEMM */

struct roofs {
    enum scalar type;
    int threads;
    const struct blas_library *library;
    void (*gemm)(void);
    struct fma_ceiling fma; /* probe NULL: this architecture has none */
    void *a, *b, *c;
    struct subject *fma_subject, *gemm_subject; /* set by roofs_subjects */
    double fma_gflops, square_gflops;           /* set by roofs_read; NaN: unknown */
    bool noisy; /* one of the two has a wide interval; a factor of two and more counts as unknown */
};

/* Opens, with operands in [-1, 1]. False where there is not enough memory. */
bool roofs_open(struct roofs *roofs, enum scalar type, int threads,
                const struct blas_library *library);
void roofs_close(struct roofs *roofs);

/* Adds up to two subjects at subjects[used]; returns the new count. */
size_t roofs_subjects(struct roofs *roofs, struct subject *subjects, size_t used, bool companion);

/* Takes the rates from the subjects' samplers. */
void roofs_read(struct roofs *roofs);

#endif
