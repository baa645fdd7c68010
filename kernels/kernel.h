/* A kernel is one row: what it computes, on which operands, how many FLOP and bytes that takes, how
 * it is called and how its result is checked. Lists, help, tables, plots and the roofline derive
 * from the rows. A new kernel is a new row in blas1.c, blas2.c or blas3.c. */
#ifndef FLOPSTEP_KERNELS_KERNEL_H
#define FLOPSTEP_KERNELS_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/device.h"
#include "kernels/operand.h"
#include "kernels/scalar.h"

enum { MAX_OPERANDS = 3 };

/* One call of a kernel with everything it needs but the library. Column-major, as in CBLAS. */
struct blas_call {
    const struct kernel *kernel;
    enum scalar type;
    char transa, transb; /* 'n' or 't' */
    char uplo;           /* 'l' or 'u': the triangle that symmetric and triangular matrices hold */
    long m, n, k;        /* -1 where the kernel has no such dimension */
    long batch;          /* of a batched kernel: products in one call */
    double alpha, beta;
    struct operand operand[MAX_OPERANDS]; /* kind NONE behind the last */
    double result;                        /* of dot, nrm2, asum */
    long step; /* calls made so far: even and odd ones undo each other where output is input */
};

struct kernel {
    const char *name;    /* the BLAS name without its type letter */
    const char *routine; /* CBLAS's name for it without cblas_ and the letter; NULL: the same */
    int level;           /* 1, 2 or 3 */
    bool is_batched;     /* batch products of one shape, matrices side by side in memory */
    const char *sizes;   /* where none are asked for; NULL: those of its level */
    const char *formula;
    const char *dimensions; /* those it has, of "mnk" */
    const char *trans;      /* "n", "nt" or "nn": what transa and transb may be; "": none */
    bool has_uplo;
    double default_alpha; /* where none is asked for; 0: 1 */
    bool is_product;      /* its rate is held against the FMA ceiling, others against bandwidth */
    const char *stream;   /* the bandwidth probe with this kernel's mix of loads and stores */
    double (*flops)(const struct blas_call *call);
    double (*elements)(const struct blas_call *call); /* loaded + stored at the least */

    /* Sets kind, rows, columns and role of call->operand[] from m, n, k, trans. */
    void (*shape)(struct blas_call *call);

    /* Calls `routine` (cblas_<type><name>) `repetitions` times back to back. NULL: it has no such
     * type. */
    void (*run[SCALAR_COUNT])(struct blas_call *call, blas_routine routine, long repetitions);

    /* Check, in double. `expected`: (the right output) * t from the inputs, before the call.
     * `actual`: the same from the output, after the call. The output has `columns` columns, t has
     * that many elements (1 for vectors and scalars, where t = 1); y has an element for each row.
     * Kernels that work element by element have `element` instead: what element i of the output
     * should be. `scale`: what the rounding error is measured in, see docs/checks.md; norm[i] is
     * the Frobenius norm of operand i before the call. */
    void (*expected)(const struct blas_call *call, const double *t, double *y);
    void (*actual)(const struct blas_call *call, const double *t, double *y);
    double (*element)(const struct blas_call *call, long i);
    double (*scale)(const struct blas_call *call, const double norm[MAX_OPERANDS]);
};

/* All kernels in the order of their level; NULL behind the last. */
const struct kernel *const *kernel_table(void);

/* The kernel of that name, or NULL. */
const struct kernel *kernel_find(const char *name);

/* Of CBLAS, with the type: "cblas_dgemm". */
void kernel_routine_name(const struct kernel *kernel, enum scalar type, char *name, size_t size);

/* Whether the kernel can be called with these transposes, written like "n", "t", "nt". */
bool kernel_takes_trans(const struct kernel *kernel, const char *trans);

/* The operand that the call writes, or NULL for reductions. A kernel has one output at most. */
struct operand *kernel_output(struct blas_call *call);

/* Bytes loaded and stored at the least. */
double kernel_bytes(const struct blas_call *call);

/* Bytes of memory that the operands lie in: what must fit into a cache to stay there. An operand
 * that is read and written counts once. */
double kernel_working_set(const struct blas_call *call);

/* Alternating coefficients for calls whose output is their input, so that repeating them neither
 * grows nor decays: call 2i+1 undoes call 2i. For C = alpha X + beta C: (alpha, beta) is undone by
 * (-alpha/beta, 1/beta). beta = 0 overwrites and needs none. */
struct coefficients {
    double alpha[2], beta[2];
};
struct coefficients kernel_update_coefficients(const struct blas_call *call);
/* For x = alpha x: alpha is undone by 1/alpha. */
struct coefficients kernel_scaling_coefficients(const struct blas_call *call);

#endif
