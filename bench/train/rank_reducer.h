/* The adapter between nn and mpi, which do not know each other: nn's reducer by mpi's gradients. */
#ifndef FLOPSTEP_BENCH_TRAIN_RANK_REDUCER_H
#define FLOPSTEP_BENCH_TRAIN_RANK_REDUCER_H

#include "mpi/gradients.h"
#include "nn/step.h"
#include "nn/training.h"

struct rank_reducer {
    struct gradients *gradients;
    struct reducer reducer; /* for the steps of nn */
    const char *mode;
    bool not_finite; /* a rank's loss was not, in some step so far */
};

/* Collective. False with a reason. The network must outlive it. */
bool rank_reducer_open(struct rank_reducer *r, const struct network *network, const char *mode,
                       size_t bucket_bytes, char *reason, size_t size);
void rank_reducer_close(struct rank_reducer *r);

/* This rank's part of batches and evaluations. */
struct part rank_part(void);

#endif
