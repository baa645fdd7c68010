/* What a step is held against, measured in the same run: the FMA ceiling (of a GPU's tensor cores,
 * where --math uses them) and a square GEMM of the same type, library and threads. */
#ifndef FLOPSTEP_BENCH_TRAIN_ROOFS_H
#define FLOPSTEP_BENCH_TRAIN_ROOFS_H

#include "bench/ceilings.h"
#include "bench/device_ceilings.h"
#include "kernels/device.h"

struct roofs {
    const struct device *device;
    enum scalar type;
    enum math math;
    int threads;
    int extent; /* of the square GEMM */
    const struct blas_library *library;
    void (*gemm)(void);     /* NULL: this device has none of that kind */
    struct fma_ceiling fma; /* probe NULL: this architecture has none */
    struct device_ceiling device_fma;
    void *a, *b, *c, *from, *to;
    struct subject *fma_subject, *gemm_subject; /* set by roofs_subjects */
    double fma_gflops, square_gflops;           /* set by roofs_read; NaN: unknown */
    bool noisy; /* one of the two has a wide interval; a factor of two and more counts as unknown */
};

/* Opens those of a queue, with operands in [-1, 1]. False where there is not enough memory. */
bool roofs_open(struct roofs *roofs, const struct queue *queue);
void roofs_close(struct roofs *roofs);

/* Whether they are those of this queue. */
bool roofs_fit(const struct roofs *roofs, const struct queue *queue);

/* Adds up to two subjects at subjects[used]; returns the new count. */
size_t roofs_subjects(struct roofs *roofs, struct subject *subjects, size_t used, bool companion);

/* Takes the rates from the subjects' samplers. */
void roofs_read(struct roofs *roofs);

#endif
