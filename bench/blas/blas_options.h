/* What `flopstep blas` was asked for, and the cases that follow from it. */
#ifndef FLOPSTEP_BENCH_BLAS_BLAS_OPTIONS_H
#define FLOPSTEP_BENCH_BLAS_BLAS_OPTIONS_H

#include "bench/harness/common.h"
#include "bench/harness/sizes.h"
#include "kernels/kernel.h"

enum { MOST_KERNELS = 64, MOST_TRANS = 6 };

enum blas_mode {
    MODE_LATENCY,   /* one case on all threads */
    MODE_THROUGHPUT /* one single-threaded case on every core at once */
};

struct blas_options {
    struct common common; /* first: the common rows write here */
    const struct blas_recipe *recipe;
    const struct kernel *kernels[MOST_KERNELS];
    bool by_name[MOST_KERNELS]; /* asked for by its name, not by its level */
    bool kernels_given;
    size_t kernel_count;
    struct size *sizes; /* NULL: each level its own */
    size_t size_count;
    char trans[MOST_TRANS][3]; /* "n", "t", "nn", …: each kernel takes those of its length */
    size_t trans_count;
    char uplo[2];
    size_t uplo_count;
    long lda;      /* 0: tight */
    bool lda_pads; /* lda is added to the rows */
    long incx, incy;
    double alpha; /* NaN: each kernel its own */
    double beta;
    double low, high; /* range of the operands' values */
    char **libraries; /* NULL: the default */
    char *reference;  /* published lines for the figure of a recipe; NULL: none */
    enum blas_mode mode;
    long batch;     /* of batched kernels */
    double sustain; /* seconds that the one case runs after it is measured; 0: it does not */
    bool transfer;  /* cases with the copies to and from GPUs as well */
    bool threads_given;
};

/* Parses the command line, that of the recipe first. */
struct blas_options blas_options_parse(int argc, char **argv);

void blas_options_free(struct blas_options *options);

/* The alpha that a kernel gets. */
double blas_alpha(const struct blas_options *options, const struct kernel *kernel);

/* What is measured together: all types, libraries and thread counts of one shape. */
struct blas_shape {
    const struct kernel *kernel;
    char trans[3]; /* "" where the kernel has none */
    char uplo;
    long m, n, k; /* -1 where the kernel has no such dimension */
    long batch;   /* -1 where the kernel has none */
};

/* All shapes in the order they will run. Ends with EXIT_USAGE where a size does not fit a kernel.
 */
struct blas_shape *blas_shapes(const struct blas_options *options, size_t *count);

#endif
