/* What figures of a finished training need beyond its history. */
#ifndef FLOPSTEP_BENCH_TRAIN_PICTURES_H
#define FLOPSTEP_BENCH_TRAIN_PICTURES_H

#include "bench/train/session.h"
#include "nn/training.h"

/* An "examples" line: test images classified rightly and wrongly, with their probabilities. Nothing
 * where the data is no images with classes. */
void record_examples(struct session *session, const struct recipe *recipe, const char *network,
                     struct training *training);

/* A "boundary" line: the probability of class 1 over the plane. Nothing where the data is not
 * two-dimensional. */
void record_boundary(struct session *session, const struct recipe *recipe,
                     struct training *training, double train_accuracy, double test_accuracy);

#endif
