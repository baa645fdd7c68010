/* The operands of a kernel: vectors with an increment, matrices with a leading dimension, filled
 * with random numbers for the timing and surrounded by NaN for the check. */
#ifndef FLOPSTEP_KERNELS_OPERAND_H
#define FLOPSTEP_KERNELS_OPERAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/half.h"
#include "kernels/scalar.h"

enum operand_kind {
    OPERAND_NONE,
    OPERAND_VECTOR,
    OPERAND_GENERAL,
    OPERAND_SYMMETRIC,
    OPERAND_TRIANGULAR
};

struct operand {
    enum operand_kind kind;
    enum scalar type;
    bool written; /* an output */
    bool read;    /* an input */
    char uplo;    /* for symmetric and triangular: the triangle that is held */
    long rows, columns;
    long stride;   /* leading dimension of a matrix, increment of a vector (may be negative) */
    void *storage; /* operand_bytes() bytes, with guard elements at both ends */
};

/* Sets what shape the operand has; stride and storage come later. */
void operand_set(struct operand *o, enum operand_kind kind, long rows, long columns, bool read,
                 bool written);

/* Bytes of storage including guards; false where that overflows. Needs shape, type and stride. */
bool operand_bytes(const struct operand *o, size_t *bytes);

enum { OPERAND_GUARD = 16 }; /* elements in front and behind; keeps s and d 64-byte aligned */

/* The pointer to hand to BLAS: the first element in memory. Of a device's memory it is an address
 * only; everything below that looks at elements wants the host's. */
static inline void *operand_data(const struct operand *o) {
    return (char *)o->storage + OPERAND_GUARD * scalar_bytes(o->type);
}

/* Where element (i, j) lies, counted from operand_data(). */
static inline long operand_offset(const struct operand *o, long i, long j) {
    if (o->kind != OPERAND_VECTOR) return i + j * o->stride;
    if (o->stride > 0) return i * o->stride;
    return (i - o->rows + 1) * o->stride; /* BLAS walks backwards */
}

static inline bool operand_holds(const struct operand *o, long i, long j) {
    if (o->kind == OPERAND_VECTOR || o->kind == OPERAND_GENERAL) return true;
    return o->uplo == 'l' ? i >= j : i <= j;
}

static inline double operand_load(const struct operand *o, long at) {
    const void *data = operand_data(o);
    if (o->type == SCALAR_D) return ((const double *)data)[at];
    if (o->type == SCALAR_H) return (double)half_to_single(((const uint16_t *)data)[at]);
    if (o->type == SCALAR_BF16) return (double)bf16_to_single(((const uint16_t *)data)[at]);
    return (double)((const float *)data)[at];
}

/* Element (i, j) as double, a vector's element i with j = 0. Symmetric operands mirror the held
 * triangle, the other triangle of triangular ones reads as 0. */
static inline double operand_at(const struct operand *o, long i, long j) {
    if (operand_holds(o, i, j)) return operand_load(o, operand_offset(o, i, j));
    if (o->kind == OPERAND_TRIANGULAR) return 0;
    return operand_load(o, operand_offset(o, j, i));
}

/* How the values are drawn: uniform in [low, high], by (seed, stream, element), so that they do not
 * depend on strides or threads. */
struct operand_values {
    uint64_t seed;
    uint32_t stream;
    double low, high;
    bool repeatable; /* triangular only: (nearly) its own inverse, so that repeated products and
                        solves in place neither grow nor decay */
};

/* Fills the elements. Triangular matrices get a dominant diagonal of +-1. */
void operand_fill(struct operand *o, const struct operand_values *values);

/* Writes NaN wherever the kernel must not look: guards, gaps between columns or vector elements,
 * the other triangle; with `elements` into the elements as well (an output that is not read). */
void operand_poison(struct operand *o, bool elements);

/* True where guards, gaps and the other triangle still hold that NaN, untouched. */
bool operand_poison_intact(const struct operand *o);

/* Puts ordinary numbers where operand_poison wrote NaN. */
void operand_unpoison(struct operand *o);

/* out = op(M) t for a matrix M, or for a vector taken as a matrix of one column. Sums are
 * compensated (Neumaier, 1974), so that a long sum adds nothing to the error of what is checked
 * with it. */
void operand_times(const struct operand *o, char trans, const double *t, double *out);

/* sum += value, with what rounding lost added to *lost. */
static inline void add_compensated(double *sum, double *lost, double value) {
    double total = *sum + value, part = total - *sum;
    *lost += (*sum - (total - part)) + (value - part);
    *sum = total;
}

/* Columns [first, first + columns) of a general matrix, as a matrix that shares its storage. For
 * reading: its front guard is no guard. */
struct operand operand_columns(const struct operand *o, long first, long columns);

/* A new array with the elements of a vector. */
double *operand_values_of(const struct operand *vector);

/* Frobenius norm of all rows x columns as operand_at sees them. */
double operand_norm(const struct operand *o);

#endif
