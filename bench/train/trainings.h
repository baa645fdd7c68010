/* A training with its history: runs a recipe, records a row at each interval, keeps checkpoints. */
#ifndef FLOPSTEP_BENCH_TRAIN_TRAININGS_H
#define FLOPSTEP_BENCH_TRAIN_TRAININGS_H

#include "bench/train/session.h"
#include "nn/checkpoint.h"

enum training_end { TRAINING_DONE, TRAINING_FAILED, TRAINING_INTERRUPTED };

/* What a recipe came to: one number for each figure that was reported. */
struct training_outcome {
    enum training_end end;
    char reason[NETWORK_REASON];
    double ours[64];                      /* in the order of recipe->reported; NaN: not reached */
    double test_accuracy, train_accuracy; /* of the last row */
    long steps;
    double seconds; /* of all steps together */
};

/* Of a training that did not take place. */
struct training_outcome training_outcome_unknown(void);

struct run;

/* Gets everything ready: data, network, optimizer, and from `resume` (NULL: none) a checkpoint.
 * NULL with a reason where something is wrong; *missing says that something asked for is not there.
 * The session needs no record yet. The recipe must outlive the run. */
struct run *training_new(struct session *session, const struct recipe *recipe, const char *resume,
                         char *reason, size_t size, bool *missing);
void training_free(struct run *run);

/* Prints what will run. `changed`: the options that take the place of the recipe's, "" for none. */
void training_print(const struct run *run, const char *changed);

/* Runs it to its end, with a row of the history at each interval. */
struct training_outcome training_run(struct run *run);

/* Records a training that could not be had, in a list of many. */
void training_skip(struct session *session, const struct recipe *recipe, const char *reason);

#endif
