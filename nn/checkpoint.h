/* Saved trainings: one file holds the network with its parameters and all that a training needs to
 * go on bit for bit (on the same device, library and number of threads). Little-endian binary with
 * a version and a CRC-32 at its end; everything is checked before anything is used. */
#ifndef FLOPSTEP_NN_CHECKPOINT_H
#define FLOPSTEP_NN_CHECKPOINT_H

#include "nn/network.h"
#include "nn/optimizer.h"
#include "nn/training.h"

enum { CHECKPOINT_VERSION = 1, CHECKPOINT_NAME = 64, CHECKPOINT_CLASSES = 512 };

/* Everything in the file but the arrays. */
struct checkpoint {
    char network[NETWORK_TEXT]; /* the notation, as architecture_parse reads it with `in` */
    struct extent in;
    enum scalar type;
    enum loss loss;
    char recipe[CHECKPOINT_NAME];         /* "": none */
    char dataset[CHECKPOINT_NAME];        /* "": none */
    char class_names[CHECKPOINT_CLASSES]; /* one a line ("zero\none"); "": the numbers from 0 */
    long train_samples;                   /* in the training part of the data; 0: unknown */
    enum sampling sampling;
    long batch; /* as given to training_begin: of the whole step */
    uint64_t seed;
    long step;                      /* steps made so far */
    char optimizer[OPTIMIZER_TEXT]; /* as optimizer_parse reads it; "": none, only to predict */
    enum schedule schedule;
    long schedule_steps;
    long optimizer_step;
    double mu_product;
    bool has_best; /* the parameters of the best step are in the file, too */
    double best_accuracy;
    long best_step;

    /* Set by reading. */
    long parameters; /* numbers in the network */
    int slots;       /* arrays of the optimizer */
};

/* Describes a training as it stands: all but the recipe and the best. */
void checkpoint_describe(struct checkpoint *checkpoint, const struct training *training);

/* Writes the network's parameters, the optimizer's slots (NULL: none, for prediction only) and
 * `best` (host memory, as many parameters; used where has_best). The file appears whole or not at
 * all: it is written beside `path`, synchronised and renamed; where that fails the old one stays,
 * nothing else is left behind, and the reason is one line. */
bool checkpoint_write(const char *path, const struct checkpoint *checkpoint,
                      const struct network *network, const struct optimizer *optimizer,
                      const void *best, char *reason, size_t size);

/* Whether checkpoint_write could write there: a folder that is missing or not writable is better
 * found before the training than after it. Changes nothing. */
bool checkpoint_writable(const char *path, char *reason, size_t size);

/* Reads and checks the whole file, arrays included (CRC), and keeps what `checkpoint` holds. False
 * with a one-line reason that names the file. */
bool checkpoint_read(const char *path, struct checkpoint *checkpoint, char *reason, size_t size);

/* Reads the file into a planned network, and where it is not NULL into a planned optimizer and into
 * `best` (host memory for as many parameters; left alone where has_best is false). The network must
 * have the same layers, type and loss as the file's, the optimizer the same rule and numbers. Where
 * it returns false nothing was changed but `checkpoint`. The optimizer goes on where it was
 * (schedule included). */
bool checkpoint_load(const char *path, struct checkpoint *checkpoint, struct network *network,
                     struct optimizer *optimizer, void *best, char *reason, size_t size);

/* Sets the training to where the checkpoint is; call it between training_begin and the first step.
 * False where data, sampling, batch or seed are others: it would not be the same training. */
bool checkpoint_resume(const struct checkpoint *checkpoint, struct training *training, char *reason,
                       size_t size);

/* The same as in a file of that many bytes; the arrays point into them. */
struct checkpoint_view {
    struct checkpoint checkpoint;
    const uint8_t *parameters, *slot[2], *best; /* NULL: not in it */
};
bool checkpoint_parse(struct checkpoint_view *view, const uint8_t *bytes, size_t count,
                      const char *name, char *reason, size_t size);

#endif
