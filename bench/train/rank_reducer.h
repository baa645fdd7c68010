/* The adapter between nn and mpi, which do not know each other: nn's reducer by mpi's gradients. */
#ifndef FLOPSTEP_BENCH_TRAIN_RANK_REDUCER_H
#define FLOPSTEP_BENCH_TRAIN_RANK_REDUCER_H

#include <jansson.h>

#include "bench/train/train_options.h"
#include "mpi/gradients.h"
#include "nn/step.h"
#include "nn/training.h"

struct rank_reducer {
    struct gradients *gradients;
    struct reducer reducer; /* for the steps of nn */
    const char *mode;
    bool not_finite; /* a rank's loss was not, in some step so far */
};

/* Collective. False with a reason. The network must outlive it. Of the options it takes how buckets
 * travel; a note says once where a better way is not there. */
bool rank_reducer_open(struct rank_reducer *r, const struct network *network, const char *mode,
                       const struct train_options *options, char *reason, size_t size);
void rank_reducer_close(struct rank_reducer *r);

/* For the provenance: the ways for gradients of the first GPU among the devices, and why one cannot
 * be used; NULL with one rank and without a GPU. Collective. */
json_t *rank_reducer_provenance(const struct train_options *options);

/* This rank's part of batches and evaluations. */
struct part rank_part(void);

#endif
