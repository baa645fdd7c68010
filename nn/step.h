/* One training step: forward, loss, backward, reduce, update. */
#ifndef FLOPSTEP_NN_STEP_H
#define FLOPSTEP_NN_STEP_H

#include "nn/network.h"
#include "nn/optimizer.h"

/* Told when a layer's gradient (weights, then biases, side by side) is complete, in the order in
 * which they become so, and asked to finish before the update. Where there is one rank it is
 * NULL. */
struct reducer {
    void (*gradient_ready)(void *context, void *gradient, long count);
    void (*finish)(void *context);
    void *context;
};

struct step_result {
    double loss;  /* of the batch, before the update */
    long correct; /* images classified rightly, -1 without labels */
};

/* A pass that draws dropout masks of (seed, step). first_image is that of this rank's part. */
struct pass training_pass(const struct network *network, long images, uint64_t seed, uint64_t step,
                          long first_image);

/* The parts of a step. `x` is device memory [images][in]. network_loss waits for the device,
 * network_issue_loss does not: the device's tally tells what came of it. */
void network_forward(struct network *network, const struct pass *pass, const void *x);
struct step_result network_loss(struct network *network, const struct pass *pass,
                                const struct loss_targets *targets, bool with_gradient);
void network_issue_loss(struct network *network, const struct pass *pass,
                        const struct loss_targets *targets, bool with_gradient);
void network_backward(struct network *network, const struct pass *pass,
                      const struct reducer *reducer);
void network_update(struct network *network, struct optimizer *optimizer);

/* All of them. Where the loss is not finite nothing is updated. */
struct step_result train_step(struct network *network, struct optimizer *optimizer,
                              const struct pass *pass, const void *x,
                              const struct loss_targets *targets, const struct reducer *reducer);

/* The same in two parts, for devices that run behind: train_step_begin tells the device what is
 * special of this step (`position`: of its images, for gather); train_step_issue, called with the
 * same arguments every time, may be recorded and replayed. Where the loss is not finite the device
 * updates nothing. */
void train_step_begin(struct network *network, struct optimizer *optimizer, uint64_t step,
                      long position);
void train_step_issue(struct network *network, struct optimizer *optimizer, const struct pass *pass,
                      const void *x, const struct loss_targets *targets,
                      const struct reducer *reducer);

/* What came of the latest step; waits for the device. */
struct step_result train_step_result(struct network *network);

/* The first layer with a number that is not finite, in its output, else in its weights; NULL: none.
 * For the message when a training diverged. */
const struct layer *first_not_finite(const struct network *network, long images);

#endif
