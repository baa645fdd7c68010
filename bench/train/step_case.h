/* One timed step: a network planned on a device with its data, and how it is run and timed. */
#ifndef FLOPSTEP_BENCH_TRAIN_STEP_CASE_H
#define FLOPSTEP_BENCH_TRAIN_STEP_CASE_H

#include "bench/train/ladder.h"
#include "bench/train/rank_reducer.h"
#include "bench/train/steps.h"
#include "nn/training.h"

/* The synthetic images of one type, walked in order. */
struct images {
    void *x;
    int32_t *labels;
    size_t x_bytes, label_bytes;
};

struct step_case {
    const struct device *device;
    enum scalar type;
    int threads;
    long batch;         /* of this rank */
    long global_batch;  /* of all ranks */
    long first_image;   /* of this rank's part in it */
    const char *reduce; /* how gradients are summed over the ranks; NULL: they are not */
    struct rank_reducer reducer;
    struct step_case *silent; /* the same without reduction, measured beside it; NULL: none */
    const struct rung *rungs, *rung; /* of a ladder; NULL: as the options say */
    struct queue queue;
    struct network network;
    struct optimizer optimizer;
    const struct images *images;
    long position, step; /* next image; steps made so far */
    bool planned, diverged;
    char reason[NETWORK_REASON];
    struct phases phases;
    struct subject *plain, *unrecorded; /* unrecorded: NULL where nothing is recorded */

    /* On a device with memory of its own. */
    struct training training;
    void *from, *to; /* events */
    double *host;    /* seconds of the host's to issue a step */
    size_t host_count;
};

enum { MOST_HOST_TIMES = 4096 };

struct step_group {
    const struct train_options *options;
    const char *name;
    struct architecture architecture;
    enum loss loss;
    struct optimizer_settings optimizer;
    char optimizer_text[OPTIMIZER_TEXT];
    struct rung rungs[MOST_DEVICES][MOST_RUNGS];
    struct step_case *cases;
    size_t count;
    struct step_case *silent; /* of cases that reduce: one for all modes */
    size_t silent_count;
    struct images images[SCALAR_COUNT];
    struct dataset data; /* the same for devices with memory of their own: they gather */
};

/* Makes a case ready to run; where it cannot, `planned` stays false with a reason. */
void step_case_plan(struct step_group *group, const struct session *session, struct step_case *c);
void step_case_free(struct step_case *c);

/* Adds the case's subjects (three at most) at subjects[used]; returns the new count. */
size_t step_case_subjects(struct step_case *c, struct subject *subjects, size_t used);

/* The same of a silent case: one subject, that never asks for another round. */
size_t step_case_silent_subject(struct step_case *c, struct subject *subjects, size_t used);

/* The rows of the tables in steps_table.c. */
void step_table_case(const struct step_group *group, const struct train_row *row);
void step_table_rung(const struct step_group *group, const struct step_case *c,
                     const struct train_row *row);

#endif
