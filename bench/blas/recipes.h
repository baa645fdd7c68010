/* The lectures' benchmarks by name: a command line and what was reported for it. */
#ifndef FLOPSTEP_BENCH_BLAS_RECIPES_H
#define FLOPSTEP_BENCH_BLAS_RECIPES_H

#include <jansson.h>

struct reported {
    const char *what; /* machine and setting */
    const char *kernel;
    const char *type;
    long n; /* 0: the best of all sizes */
    double gflops;
};

struct blas_recipe {
    const char *name, *what, *source;
    const char *const *arguments; /* as on the command line; NULL-terminated */
    const char *figure;
    const struct reported *rows; /* a row without `what` ends the table */
};

/* A row without name ends the table. */
const struct blas_recipe *blas_recipe_table(void);
const struct blas_recipe *blas_recipe_find(const char *name);

/* Prints "reported | ours" for the measured cases (an array of case records). */
void blas_recipe_print(const struct blas_recipe *recipe, const json_t *cases);

#endif
