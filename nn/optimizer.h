/* Optimizers by name with their numbers; the arithmetic is the device's (kernels/layers.h). */
#ifndef FLOPSTEP_NN_OPTIMIZER_H
#define FLOPSTEP_NN_OPTIMIZER_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/device.h"

enum { OPTIMIZER_TEXT = 256 };

struct optimizer_kind {
    const char *name, *what;
    enum update_rule rule;
    int slots;                      /* arrays of memory, as large as the parameters */
    const char *numbers;            /* the names that may be written, in words */
    struct update_numbers defaults; /* lr always; others where the rule has them */
    bool corrects;                  /* Adam: bias correction by default */
    bool nesterov;                  /* Nadam */
};
extern const struct optimizer_kind optimizer_kinds[]; /* ends with a NULL name */

/* As written: "adam:lr=0.001,beta2=0.99,correction=0". */
struct optimizer_settings {
    const struct optimizer_kind *kind;
    struct update_numbers numbers; /* decay is l2 */
    bool corrects;
    double momentum_decay; /* of Nadam's schedule, Dozat 2016 */
};

enum schedule { SCHEDULE_CONSTANT, SCHEDULE_COSINE };
extern const char *const schedule_names[]; /* NULL-terminated, in the order of the enum */

struct optimizer {
    struct optimizer_settings settings;
    struct queue *queue;
    void *slot[2];
    size_t slot_bytes;
    long parameters;
    enum schedule schedule;
    long steps;                /* of the whole training, for the schedule */
    long step;                 /* updates made so far */
    double mu_product;         /* of Nadam's schedule so far */
    struct update_numbers now; /* those of the current step */
};

/* False with a one-line reason. */
bool optimizer_parse(struct optimizer_settings *settings, const char *text, char *reason,
                     size_t size);

/* The same as text, with every number that counts: optimizer_parse reads it back. */
void optimizer_text(const struct optimizer_settings *settings, char *text, size_t size);

/* Makes room for the slots, zeroed. False where there is not enough memory. */
bool optimizer_plan(struct optimizer *optimizer, const struct optimizer_settings *settings,
                    struct queue *queue, long parameters);
void optimizer_free(struct optimizer *optimizer);

/* Begins the next step: learning rate of the schedule, bias corrections. */
void optimizer_advance(struct optimizer *optimizer);

/* Updates `count` parameters that begin at `offset` of all. L2 leaves biases out. */
void optimizer_update(struct optimizer *optimizer, long offset, long count, void *w, const void *g,
                      bool decays);

/* The learning rate that step number `step` (from 1) has. */
double optimizer_rate(const struct optimizer *optimizer, long step);

#endif
