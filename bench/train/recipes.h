/* Recipes: the trainings and exercises of the lectures by name, one row each, with what was
 * reported. Settings that a deck leaves open are ours, and `note` says which. */
#ifndef FLOPSTEP_BENCH_TRAIN_RECIPES_H
#define FLOPSTEP_BENCH_TRAIN_RECIPES_H

#include <stdbool.h>
#include <stddef.h>

#include "nn/network.h"
#include "nn/optimizer.h"
#include "nn/training.h"

enum figure_of_training {
    FIGURE_TEST_ACCURACY,
    FIGURE_TRAIN_ACCURACY,
    FIGURE_BEST_TRAIN_ACCURACY, /* over all rows of the history */
    FIGURE_RUNNING_ACCURACY,    /* of the batches of an interval, as training frameworks log it */
    FIGURE_RUNNING_LOSS,
    FIGURE_TEST_LOSS,
    FIGURE_WEIGHT, /* the only weight, or bias, of a linear regression */
    FIGURE_BIAS,
    FIGURE_SECONDS, /* of all steps together */
    FIGURE_COUNT
};

enum { AT_END = -1 };

struct reported_figure {
    enum figure_of_training figure;
    long step; /* AT_END, or after how many steps */
    double value;
};

struct exercise_row; /* exercises.h */
struct json_t;       /* jansson.h */

struct recipe {
    const char *name; /* NULL behind the last; "" where the command line wrote it all */
    const char *deck; /* short name of the course, docs/recipes.md */
    const char *what;
    const char *network; /* a name or a notation */
    const char *dataset;
    long first_train, first_test; /* only so many samples of each part; 0: all */
    long validation;              /* held out from the training part */
    enum loss loss;               /* LOSS_COUNT: the one that belongs to the last layer */
    const char *optimizer;
    enum schedule schedule;
    enum initial initial;
    enum sampling sampling;
    long batch;    /* 0: all samples at once */
    double epochs; /* or */
    long steps;    /* one of the two is 0 */
    long history;  /* steps between rows of the history; 0: an epoch */
    bool whole;    /* train accuracy over all training samples, else the first 10000 */
    bool keeps_best;
    const struct reported_figure *reported; /* ends with value 0; NULL: nothing was */
    const char *note;
    int (*exercise)(struct exercise_row *rows, int most); /* instead of a training */
    /* What a "path" line of an exercise holds beside its name; NULL behind the last. */
    struct json_t *(*path)(int index);
};

extern const struct recipe recipe_table[];
const struct recipe *recipe_find(const char *name);

/* "test accuracy at step 1000" */
void reported_text(const struct reported_figure *reported, char *text, size_t size);

#endif
