/* A training: which samples each step sees, and how good the network is. Measures nothing: whoever
 * calls training_step() may. */
#ifndef FLOPSTEP_NN_TRAINING_H
#define FLOPSTEP_NN_TRAINING_H

#include "nn/dataset.h"
#include "nn/replay.h"
#include "nn/step.h"

enum sampling {
    SAMPLING_EPOCHS, /* every sample once an epoch, shuffled anew; the last batch may be short */
    SAMPLING_REPLACEMENT, /* each batch drawn from all samples */
    SAMPLING_ORDER        /* in the order of the data */
};
extern const char *const sampling_names[]; /* NULL-terminated, in the order of the enum */

/* The part of every batch, and of every evaluation, that this rank takes. */
struct part {
    int index, count;                                      /* count 0: the whole */
    void (*sum)(void *context, double *values, int count); /* in place, over all ranks */
    void *context;
};

struct training {
    struct part part;
    struct network *network;
    struct optimizer *optimizer;
    const struct dataset *data;
    enum sampling sampling;
    long batch; /* of all parts together */
    uint64_t seed;
    long step;      /* steps made so far */
    long per_epoch; /* steps in one epoch */

    int64_t *order; /* of the current epoch, or of some draws */
    long ordered;   /* the epoch or the first draw that order holds, -1: none */
    long first;     /* where the latest step's rows begin in it */
    void *x, *numbers;
    int32_t *labels;

    /* Where the device has memory of its own: the data there, as long as the training lasts. */
    struct resident {
        struct samples train, validation, test;
        int64_t *order;
    } resident;
    struct replay replay;
};

/* Batches of `batch` (0: all samples at once) of data->train; the network has room for as many.
 * False with a reason: batch larger than the data, sizes that do not fit, out of memory. */
bool training_begin(struct training *training, struct network *network, struct optimizer *optimizer,
                    const struct dataset *data, enum sampling sampling, long batch, uint64_t seed,
                    char *reason, size_t size);
void training_end(struct training *training);

/* The same with a part of every batch; the network has room for training_share(batch, part). */
bool training_begin_part(struct training *training, struct network *network,
                         struct optimizer *optimizer, const struct dataset *data,
                         enum sampling sampling, long batch, uint64_t seed, struct part part,
                         char *reason, size_t size);

/* The largest part of a batch of so many images. */
long training_share(long batch, const struct part *part);

/* One step. Images in it, of all parts: training_images() of the same step before it.
 * training_issue does not wait for a device that runs behind; what came of it is in the device's
 * tally. */
struct step_result training_step(struct training *training, const struct reducer *reducer);
void training_issue(struct training *training, const struct reducer *reducer);
long training_images(const struct training *training);

struct evaluation {
    double loss;     /* as the network's loss defines it, over all samples */
    double accuracy; /* fraction, NaN without labels */
};

/* Without dropout. NaN, NaN where there are no samples. Clears the tally. With a part: of all ranks
 * together, the same on each. */
struct evaluation training_evaluate(struct training *training, const struct samples *samples);

/* The outputs [outputs] of sample `index`, as doubles. The samples are of the data or the caller's;
 * NaN where the device has no room for the latter. */
void training_predict(struct training *training, const struct samples *samples, long index,
                      double *outputs);

#endif
