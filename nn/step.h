/* One training step: forward, loss, backward, reduce, update. */
#ifndef FLOPSTEP_NN_STEP_H
#define FLOPSTEP_NN_STEP_H

#include "nn/network.h"
#include "nn/optimizer.h"

/* Sums the gradients of several ranks while a step runs. Where there is one rank it is NULL. Every
 * rank makes the same calls in the same order. */
struct reducer {
    /* Whether this rank's loss is finite. */
    void (*vote)(void *context, bool fine);
    /* A layer's gradient (weights, then biases, side by side) is complete; from the last layer to
     * the first. May be NULL to be told nothing. */
    void (*gradient_ready)(void *context, void *gradient, long count);
    /* Called between layers and between the slices of a batch, so that what is under way gets on.
     */
    void (*progress)(void *context);
    /* Waits for the sums: an array like the gradient arena, in the device's memory. NULL: a rank's
     * loss was not finite, nothing is to be updated. */
    const void *(*finish)(void *context);
    void *context;
};

struct step_result {
    double loss;  /* of the batch, before the update */
    long correct; /* images classified rightly, -1 without labels */
};

/* A pass that draws dropout masks of (seed, step). first_image is that of this rank's part of the
 * batch. */
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
/* By the gradients in the network's arena. */
void network_update(struct network *network, struct optimizer *optimizer);

/* All of them. Where the loss is not finite nothing is updated. With a reducer this is the part of
 * one rank, and pass->images_in_all the whole batch; no images at all give no gradient. */
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
