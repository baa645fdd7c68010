/* What the exercises share: rows to fill, and small networks in double precision on the calling
 * thread with the built-in textbook BLAS, so that they run anywhere and print the same everywhere.
 */
#ifndef FLOPSTEP_BENCH_TRAIN_EXERCISE_TOOLS_H
#define FLOPSTEP_BENCH_TRAIN_EXERCISE_TOOLS_H

#include "bench/train/exercises.h"
#include "nn/step.h"

struct exercise_rows {
    struct exercise_row *row;
    int most, count;
};

/* A number that the deck shows, and one that it doesn't but that follows from what it says. Beyond
 * `most` rows are dropped. */
void exercise_reported(struct exercise_rows *rows, double reported, double ours, double tolerance,
                       const char *what, ...) __attribute__((format(printf, 5, 6)));
void exercise_derived(struct exercise_rows *rows, double expected, double ours, double tolerance,
                      const char *what, ...) __attribute__((format(printf, 5, 6)));

/* The tolerance of a number of about this size that is exact but for a few roundings. */
double exercise_rounding(double value);

/* A queue of one thread; close what it opened with exercise_queue_end. */
struct queue exercise_queue(void);
void exercise_queue_end(struct queue *queue);

struct exercise_network {
    struct queue queue;
    struct network network;
};

/* `notation` with its input; room for `batch` inputs. Weights and biases are 0. Ends the process
 * where the network cannot be made. */
void exercise_open(struct exercise_network *e, const char *notation, long batch, enum loss loss);
void exercise_close(struct exercise_network *e);

/* Sets the layer's weights, [in][out] or [ky][kx][channel][filter], and biases (NULL: leaves them).
 */
void exercise_set(struct exercise_network *e, int layer, const double *weights,
                  const double *biases);

/* Outputs [images][outputs] for x [images][in]; valid until the next call. */
const double *exercise_predict(struct exercise_network *e, const double *x, long images);

/* Forward, then backward from dy [images][outputs], the gradient by the outputs: afterwards dw and
 * db of every layer hold the gradient of sum(dy y). */
void exercise_gradient(struct exercise_network *e, const double *x, const double *dy, long images);

/* Full-batch steps of an optimizer as written for --optimizer. Returns the loss before the last. */
double exercise_train(struct exercise_network *e, const char *optimizer, long steps,
                      const double *x, const struct loss_targets *targets, long images);

#endif
