/* The check of a kernel's result: one call on fresh operands surrounded by NaN, compared with the
 * formula in double. See docs/checks.md. */
#ifndef FLOPSTEP_BENCH_HARNESS_CHECK_H
#define FLOPSTEP_BENCH_HARNESS_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/kernel.h"

/* What the right answer is: made once for a shape and type, used for every library and number of
 * threads. The output matrix is not compared element by element but times a few vectors t: all
 * unit vectors for small outputs (which is element by element), else vectors of random signs, which
 * costs O(n^2). Both the norm of the difference and its largest element are bounded. */
struct check {
    uint64_t seed;
    double low, high;              /* range of the values, by default [-1, 1] */
    long rows, vectors;            /* elements of output * t; number of vectors t */
    double *t, *expected;          /* vectors x columns, vectors x rows */
    double scale;                  /* the error is measured in this */
    uint64_t inputs[MAX_OPERANDS]; /* checksums of operands that the call must not change */
    double bound;                  /* half the machine epsilon; 0 for an exact kernel */
};

struct check_result {
    bool passed;
    double error, bound;
    char reason[160]; /* why it failed */
};

/* Fills call->operand[] (which have storage) and computes what is expected of the call. */
void check_prepare(struct check *check, struct blas_call *call, uint64_t seed, double low,
                   double high);

/* Before the call that will be checked: fresh output, NaN around every operand and in an output
 * that is not read. */
void check_arm(struct check *check, struct blas_call *call);

/* After it: compares, and puts ordinary numbers where the NaN were. */
struct check_result check_verify(const struct check *check, struct blas_call *call);

void check_free(struct check *check);

/* Fills the operands for timing: ordinary numbers everywhere, and triangular matrices that neither
 * grow nor shrink their right-hand side however often they are applied. */
void check_fill_for_timing(struct blas_call *call, uint64_t seed, double low, double high);

#endif
