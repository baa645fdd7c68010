/* One call of a kernel built from scratch, with its own layout, values and long double reference:
 * nothing here uses operand.c or a row's expected(), so that they can be held against it. */
#ifndef FLOPSTEP_TESTS_BLAS_REFERENCE_H
#define FLOPSTEP_TESTS_BLAS_REFERENCE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernel.h"

enum { GUARD_ELEMENTS = 16 }; /* the layout that operands promise: guards of 16 elements */

/* What one operand is, as dense column-major numbers: symmetric ones mirrored, triangular ones with
 * zeros. */
struct dense {
    enum operand_kind kind;
    bool read, written;
    long rows, columns, stride;
    double *value;
    size_t elements; /* of the storage without guards */
    void *storage;
    void *before; /* a copy of the storage before the call */
};

struct problem {
    struct blas_call call;
    struct dense operand[MAX_OPERANDS];
    int operands;
    uint64_t state;         /* of the random numbers */
    long inner;             /* the length of its sums */
    long columns;           /* of the output */
    long rows;              /* of the output; 1 for a reduction */
    long double *expected;  /* rows x columns; for a solve what op(A) X must be */
    long double *magnitude; /* the same sum of absolute values, to measure rounding errors in */
};

/* splitmix64, Steele et al., OOPSLA 2014 */
static inline double random_value(struct problem *p) {
    uint64_t z = p->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-52 - 1;
}

/* Volatile, since GCC 12 vectorises two such roundings side by side into none. */
static inline double rounded(enum scalar type, double value) {
    volatile float single = (float)value;
    return type == SCALAR_S ? (double)single : value;
}

/* Place of element (i, j) in memory, in elements behind the front guard. */
static inline long place(const struct dense *d, long i, long j) {
    if (d->kind != OPERAND_VECTOR) return j * d->stride + i;
    return d->stride > 0 ? i * d->stride : (d->rows - 1 - i) * -d->stride;
}

static inline bool is_held(const struct dense *d, char uplo, long i, long j) {
    if (d->kind != OPERAND_SYMMETRIC && d->kind != OPERAND_TRIANGULAR) return true;
    return i == j || (uplo == 'l') == (i > j);
}

static inline double load_element(enum scalar type, const void *storage, long at) {
    return type == SCALAR_S ? (double)((const float *)storage)[GUARD_ELEMENTS + at]
                            : ((const double *)storage)[GUARD_ELEMENTS + at];
}

static inline void store_element(enum scalar type, void *storage, long at, double value) {
    if (type == SCALAR_S)
        ((float *)storage)[GUARD_ELEMENTS + at] = (float)value;
    else
        ((double *)storage)[GUARD_ELEMENTS + at] = value;
}

static inline double *dense_at(const struct dense *d, long i, long j) {
    return &d->value[i + j * d->rows];
}

static inline void *must(void *memory) {
    if (!memory) abort();
    return memory;
}

static inline void make_values(struct problem *p, struct dense *d) {
    d->value = must(calloc((size_t)(d->rows * d->columns), sizeof *d->value));
    char uplo = p->call.uplo;
    for (long j = 0; j < d->columns; j++)
        for (long i = 0; i < d->rows; i++) {
            if (!is_held(d, uplo, i, j)) continue;
            double value = random_value(p);
            if (d->kind == OPERAND_TRIANGULAR) /* a dominant diagonal */
                value = i == j ? copysign(1 + fabs(value), value) : value / (double)d->rows;
            value = rounded(p->call.type, value);
            *dense_at(d, i, j) = value;
            if (d->kind == OPERAND_SYMMETRIC) *dense_at(d, j, i) = value;
        }
}

/* The storage holds signalling NaN but for the elements that are read: whatever is stored there, or
 * added to it, changes its bits. */
static inline void make_storage(struct problem *p, struct dense *d) {
    size_t steps = (size_t)(d->kind == OPERAND_VECTOR ? d->rows : d->columns);
    d->elements = steps * (size_t)labs(d->stride);
    size_t bytes = (d->elements + 2 * GUARD_ELEMENTS) * scalar_bytes(p->call.type);
    d->storage = must(malloc(bytes));
    static const uint32_t nan_s = 0x7fa5a5a5;
    static const uint64_t nan_d = 0x7ff5a5a5a5a5a5a5;
    for (size_t at = 0; at < bytes; at += scalar_bytes(p->call.type))
        memcpy((char *)d->storage + at,
               p->call.type == SCALAR_S ? (const void *)&nan_s : (const void *)&nan_d,
               scalar_bytes(p->call.type));
    for (long j = 0; d->read && j < d->columns; j++)
        for (long i = 0; i < d->rows; i++)
            if (is_held(d, p->call.uplo, i, j))
                store_element(p->call.type, d->storage, place(d, i, j), *dense_at(d, i, j));
    d->before = must(malloc(bytes));
    memcpy(d->before, d->storage, bytes);
}

/* The operands of each kernel; letters are the kind, dimensions are for trans = 'n'. */
struct layout {
    const char *name;
    struct {
        enum operand_kind kind;
        char rows, columns; /* of "mnk", or '1' */
        char trans;         /* 'a' or 'b': swapped where that is 't' */
        const char *access; /* "r", "w", "rw"; "b": written, and read where beta is not 0 */
    } operand[MAX_OPERANDS];
    char inner; /* the length of its sums */
};

#define VECTOR     OPERAND_VECTOR
#define GENERAL    OPERAND_GENERAL
#define SYMMETRIC  OPERAND_SYMMETRIC
#define TRIANGULAR OPERAND_TRIANGULAR
static const struct layout layouts[] = {
    {"copy", {{VECTOR, 'n', '1', 0, "r"}, {VECTOR, 'n', '1', 0, "w"}}, '1'},
    {"scal", {{VECTOR, 'n', '1', 0, "rw"}}, '1'},
    {"axpy", {{VECTOR, 'n', '1', 0, "r"}, {VECTOR, 'n', '1', 0, "rw"}}, '1'},
    {"dot", {{VECTOR, 'n', '1', 0, "r"}, {VECTOR, 'n', '1', 0, "r"}}, 'n'},
    {"nrm2", {{VECTOR, 'n', '1', 0, "r"}}, 'n'},
    {"asum", {{VECTOR, 'n', '1', 0, "r"}}, 'n'},
    {"gemv",
     {{GENERAL, 'm', 'n', 0, "r"}, {VECTOR, 'x', '1', 0, "r"}, {VECTOR, 'y', '1', 0, "b"}},
     'x'},
    {"ger",
     {{GENERAL, 'm', 'n', 0, "rw"}, {VECTOR, 'm', '1', 0, "r"}, {VECTOR, 'n', '1', 0, "r"}},
     '1'},
    {"symv",
     {{SYMMETRIC, 'n', 'n', 0, "r"}, {VECTOR, 'n', '1', 0, "r"}, {VECTOR, 'n', '1', 0, "b"}},
     'n'},
    {"trsv", {{TRIANGULAR, 'n', 'n', 0, "r"}, {VECTOR, 'n', '1', 0, "rw"}}, 'n'},
    {"gemm",
     {{GENERAL, 'm', 'k', 'a', "r"}, {GENERAL, 'k', 'n', 'b', "r"}, {GENERAL, 'm', 'n', 0, "b"}},
     'k'},
    {"gemm_strided_batched", /* of one of its products */
     {{GENERAL, 'm', 'k', 'a', "r"}, {GENERAL, 'k', 'n', 'b', "r"}, {GENERAL, 'm', 'n', 0, "b"}},
     'k'},
    {"symm",
     {{SYMMETRIC, 'm', 'm', 0, "r"}, {GENERAL, 'm', 'n', 0, "r"}, {GENERAL, 'm', 'n', 0, "b"}},
     'm'},
    {"syrk", {{GENERAL, 'n', 'k', 'a', "r"}, {SYMMETRIC, 'n', 'n', 0, "b"}}, 'k'},
    {"trmm", {{TRIANGULAR, 'm', 'm', 0, "r"}, {GENERAL, 'm', 'n', 0, "rw"}}, 'm'},
    {"trsm", {{TRIANGULAR, 'm', 'm', 0, "r"}, {GENERAL, 'm', 'n', 0, "rw"}}, 'm'},
};
#undef VECTOR
#undef GENERAL
#undef SYMMETRIC
#undef TRIANGULAR

static inline long extent(const struct blas_call *c, char letter) {
    switch (letter) {
    case 'm': return c->m;
    case 'n': return c->n;
    case 'k': return c->k;
    case 'x': return c->transa == 't' ? c->m : c->n; /* of gemv */
    case 'y': return c->transa == 't' ? c->n : c->m;
    default: return 1;
    }
}

static inline const struct layout *layout_of(const struct kernel *kernel) {
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (strcmp(layouts[i].name, kernel->name) == 0) return &layouts[i];
    fprintf(stderr, "kernel %s has no reference in tests/blas/reference.h\n", kernel->name);
    abort();
}

static inline bool named(const struct problem *p, const char *name) {
    return strcmp(p->call.kernel->name, name) == 0;
}

static inline bool solves(const struct problem *p) { return named(p, "trsv") || named(p, "trsm"); }

/* How the storage of the operands is spaced. */
struct spacing {
    long incx, incy;
    long pad; /* lda = rows + pad */
};

/* Element (i, p) of op(X). */
static inline double op_at(const struct dense *d, char trans, long i, long j) {
    return trans == 't' ? *dense_at(d, j, i) : *dense_at(d, i, j);
}

/* alpha op(A) op(B) + beta C into expected, the same of absolute values into magnitude. b NULL:
 * op(A)'. */
static inline void reference_product(struct problem *p, const struct dense *a, char ta,
                                     const struct dense *b, char tb, const struct dense *c,
                                     double beta) {
    long double alpha = p->call.alpha;
    for (long j = 0; j < p->columns; j++)
        for (long i = 0; i < p->rows; i++) {
            long double sum = 0, size = 0;
            for (long q = 0; q < p->inner; q++) {
                double right = b ? op_at(b, tb, q, j) : op_at(a, ta, j, q);
                long double term = (long double)op_at(a, ta, i, q) * right;
                sum += term, size += fabsl(term);
            }
            long double old = beta == 0 ? 0 : (long double)beta * *dense_at(c, i, j);
            p->expected[i + j * p->rows] = alpha * sum + old;
            p->magnitude[i + j * p->rows] = fabsl(alpha) * size + fabsl(old);
        }
}

/* Product number b, whose matrices are column blocks. */
static inline struct dense block_of(const struct dense *d, long b, long batch) {
    struct dense block = *d;
    block.columns = d->columns / batch;
    block.value = d->value + b * block.columns * d->rows;
    return block;
}

static inline void reference_batched(struct problem *p) {
    const struct blas_call *c = &p->call;
    for (long b = 0; b < c->batch; b++) {
        struct dense o[MAX_OPERANDS];
        for (int i = 0; i < MAX_OPERANDS; i++) o[i] = block_of(&p->operand[i], b, c->batch);
        struct problem one = *p;
        one.columns = c->n;
        one.expected = p->expected + b * c->n * p->rows;
        one.magnitude = p->magnitude + b * c->n * p->rows;
        reference_product(&one, &o[0], c->transa, &o[1], c->transb, &o[2], c->beta);
    }
}

static inline void reference_vector(struct problem *p) {
    const struct dense *x = &p->operand[0], *y = &p->operand[1];
    long double alpha = p->call.alpha;
    for (long i = 0; i < p->rows; i++) {
        long double value = *dense_at(x, i, 0), old = 0;
        if (named(p, "scal")) value *= alpha;
        if (named(p, "axpy")) value *= alpha, old = *dense_at(y, i, 0);
        p->expected[i] = value + old;
        p->magnitude[i] = named(p, "copy") ? 0 : fabsl(value) + fabsl(old);
    }
}

static inline void reference_reduction(struct problem *p) {
    const struct dense *x = &p->operand[0], *y = &p->operand[named(p, "dot") ? 1 : 0];
    long double sum = 0, size = 0;
    for (long i = 0; i < p->call.n; i++) {
        long double a = *dense_at(x, i, 0), b = *dense_at(y, i, 0);
        long double term = named(p, "asum") ? fabsl(a) : a * b;
        sum += term, size += fabsl(term);
    }
    bool root = named(p, "nrm2");
    p->expected[0] = root ? sqrtl(sum) : sum;
    p->magnitude[0] = root ? sqrtl(sum) : size;
}

static inline void make_reference(struct problem *p) {
    const struct blas_call *c = &p->call;
    const struct dense *o = p->operand;
    size_t count = (size_t)(p->rows * p->columns);
    p->expected = must(calloc(count, sizeof *p->expected));
    p->magnitude = must(calloc(count, sizeof *p->magnitude));
    if (named(p, "gemm"))
        reference_product(p, &o[0], c->transa, &o[1], c->transb, &o[2], c->beta);
    else if (c->kernel->is_batched)
        reference_batched(p);
    else if (named(p, "gemv"))
        reference_product(p, &o[0], c->transa, &o[1], 'n', &o[2], c->beta);
    else if (named(p, "symm") || named(p, "symv"))
        reference_product(p, &o[0], 'n', &o[1], 'n', &o[2], c->beta);
    else if (named(p, "syrk"))
        reference_product(p, &o[0], c->transa, NULL, 'n', &o[1], c->beta);
    else if (named(p, "ger"))
        reference_product(p, &o[1], 'n', &o[2], 't', &o[0], 1);
    else if (named(p, "trmm"))
        reference_product(p, &o[0], c->transa, &o[1], 'n', NULL, 0);
    else if (solves(p)) { /* op(A) X = alpha B */
        double alpha = named(p, "trsm") ? c->alpha : 1;
        for (size_t i = 0; i < count; i++) p->expected[i] = (long double)alpha * o[1].value[i];
    } else if (c->kernel->level == 1 && kernel_output(&p->call))
        reference_vector(p);
    else
        reference_reduction(p);
}

/* A call ready to run with its operands and reference. Free with problem_free. */
static inline void problem_make(struct problem *p, const struct kernel *kernel, enum scalar type,
                                const char *trans, char uplo, const long shape[3], double alpha,
                                double beta, struct spacing spacing, uint64_t seed) {
    const struct layout *layout = layout_of(kernel);
    *p = (struct problem){.state = seed, .columns = 1, .rows = 1};
    struct blas_call *c = &p->call;
    *c = (struct blas_call){.kernel = kernel,
                            .type = type,
                            .transa = trans[0] ? trans[0] : 'n',
                            .transb = trans[0] && trans[1] ? trans[1] : 'n',
                            .uplo = uplo,
                            .m = strchr(kernel->dimensions, 'm') ? shape[0] : -1,
                            .n = strchr(kernel->dimensions, 'n') ? shape[1] : -1,
                            .k = strchr(kernel->dimensions, 'k') ? shape[2] : -1,
                            .batch = kernel->is_batched ? 3 : -1,
                            .alpha = rounded(type, alpha),
                            .beta = rounded(type, beta),
                            .result = NAN};
    p->inner = extent(c, layout->inner);
    kernel->shape(c);
    int vectors = 0;
    for (; p->operands < MAX_OPERANDS && layout->operand[p->operands].kind; p->operands++) {
        struct dense *d = &p->operand[p->operands];
        char swap = layout->operand[p->operands].trans;
        bool swapped = (swap == 'a' ? c->transa : swap == 'b' ? c->transb : 'n') == 't';
        const char *access = layout->operand[p->operands].access;
        long rows = extent(c, layout->operand[p->operands].rows);
        long columns = extent(c, layout->operand[p->operands].columns);
        d->kind = layout->operand[p->operands].kind;
        d->rows = swapped ? columns : rows;
        d->columns = (swapped ? rows : columns) * (kernel->is_batched ? c->batch : 1);
        d->written = access[0] != 'r' || access[1] == 'w';
        d->read = access[0] == 'r' || (access[0] == 'b' && c->beta != 0);
        d->stride = d->kind != OPERAND_VECTOR ? d->rows + spacing.pad
                    : vectors++ == 0          ? spacing.incx
                                              : spacing.incy;
        make_values(p, d);
        make_storage(p, d);
        struct operand *o = &c->operand[p->operands];
        o->type = type;
        o->uplo = uplo;
        o->stride = d->stride;
        o->storage = d->storage;
        if (d->written) p->rows = d->rows, p->columns = d->columns;
    }
    make_reference(p);
}

static inline void problem_free(struct problem *p) {
    for (int i = 0; i < p->operands; i++) {
        free(p->operand[i].value);
        free(p->operand[i].storage);
        free(p->operand[i].before);
    }
    free(p->expected);
    free(p->magnitude);
}

static inline size_t storage_bytes(const struct problem *p, const struct dense *d) {
    return (d->elements + 2 * GUARD_ELEMENTS) * scalar_bytes(p->call.type);
}

/* Puts every operand back to what it was before the call. */
static inline void problem_rewind(struct problem *p) {
    for (int i = 0; i < p->operands; i++)
        memcpy(p->operand[i].storage, p->operand[i].before, storage_bytes(p, &p->operand[i]));
    p->call.step = 0;
    p->call.result = NAN;
}

static inline const struct dense *problem_output(const struct problem *p) {
    for (int i = 0; i < p->operands; i++)
        if (p->operand[i].written) return &p->operand[i];
    return NULL;
}

/* Whether the call changed nothing but the elements of its output: byte by byte. */
static inline bool only_output_changed(const struct problem *p) {
    for (int i = 0; i < p->operands; i++) {
        const struct dense *d = &p->operand[i];
        size_t bytes = storage_bytes(p, d), width = scalar_bytes(p->call.type);
        unsigned char *now = must(malloc(bytes));
        memcpy(now, d->storage, bytes);
        for (long j = 0; d->written && j < d->columns; j++)
            for (long r = 0; r < d->rows; r++) {
                if (!is_held(d, p->call.uplo, r, j)) continue;
                size_t at = (size_t)(GUARD_ELEMENTS + place(d, r, j)) * width;
                memcpy(now + at, (char *)d->before + at, width);
            }
        bool same = memcmp(now, d->before, bytes) == 0;
        free(now);
        if (!same) return false;
    }
    return true;
}

/* The output as dense numbers, rows x columns. */
static inline double *output_values(const struct problem *p) {
    double *values = must(calloc((size_t)(p->rows * p->columns), sizeof *values));
    const struct dense *d = problem_output(p);
    if (!d) values[0] = p->call.result;
    for (long j = 0; d && j < d->columns; j++)
        for (long i = 0; i < d->rows; i++) {
            if (!is_held(d, p->call.uplo, i, j)) continue;
            double value = load_element(p->call.type, d->storage, place(d, i, j));
            values[i + j * p->rows] = value;
            if (d->kind == OPERAND_SYMMETRIC) values[j + i * p->rows] = value;
        }
    return values;
}

static inline double frobenius(const double *value, long count) {
    double sum = 0;
    for (long i = 0; i < count; i++) sum += value[i] * value[i];
    return sqrt(sum);
}

static inline double norm_of(const struct problem *p, int operand) {
    const struct dense *d = &p->operand[operand];
    return frobenius(d->value, d->rows * d->columns);
}

/* What the error of a right result is measured in: sqrt(k + 2) max(|alpha|, 1) |A| |B| +
 * 2 max(|beta|, 1) |C|, with what stands for A, B, C and k in this kernel. */
static inline double reference_scale(const struct problem *p) {
    const struct blas_call *c = &p->call;
    double alpha = fmax(fabs(c->alpha), 1), beta = fmax(fabs(c->beta), 1);
    double sums = sqrt((double)p->inner + 2);
    double n0 = norm_of(p, 0);
    double n1 = p->operands > 1 ? norm_of(p, 1) : 0, n2 = p->operands > 2 ? norm_of(p, 2) : 0;
    bool update = c->beta != 0;
    if (c->kernel->is_batched) { /* the norm of all errors */
        double products = 0;
        for (long b = 0; b < c->batch; b++) {
            struct dense left = block_of(&p->operand[0], b, c->batch);
            struct dense right = block_of(&p->operand[1], b, c->batch);
            products += pow(frobenius(left.value, left.rows * left.columns) *
                                frobenius(right.value, right.rows * right.columns),
                            2);
        }
        return sums * alpha * sqrt(products) + (update ? 2 * beta * n2 : 0);
    }
    if (named(p, "copy")) return 0;
    if (named(p, "scal")) return fabs(c->alpha) * n0;
    if (named(p, "axpy")) return sums * alpha * n0 + 2 * n1;
    if (named(p, "dot")) return sums * n0 * n1;
    if (named(p, "nrm2")) return (0.5 * (double)c->n + 2) * n0;  /* of terms of one sign */
    if (named(p, "asum")) return sums * sqrt((double)c->n) * n0; /* dot with signs */
    if (named(p, "ger")) return sums * alpha * n1 * n2 + 2 * n0;
    if (named(p, "syrk")) return sums * alpha * n0 * n0 + (update ? 2 * beta * n1 : 0);
    if (named(p, "trsv")) return sums * n0 * n1;
    if (named(p, "trmm") || named(p, "trsm")) return sums * alpha * n0 * n1;
    return sums * alpha * n0 * n1 + (update ? 2 * beta * n2 : 0);
}

/* The error of `values` against the reference. *norm: the Frobenius norm of the error.
 * *worst: the largest error of an element over what any order of summation can make of it,
 * (k + 6) u times the sum of absolute values (Higham, Accuracy and Stability, 3.1 and 8.1). */
static inline void reference_error(const struct problem *p, const double *values, double *norm,
                                   double *worst) {
    const struct dense *a = &p->operand[0];
    long double sum = 0, unit = (long double)scalar_epsilon(p->call.type) / 2;
    *worst = 0;
    for (long j = 0; j < p->columns; j++)
        for (long i = 0; i < p->rows; i++) {
            long at = i + j * p->rows;
            long double actual = values[at], magnitude = p->magnitude[at];
            if (solves(p)) {
                actual = 0, magnitude = fabsl(p->expected[at]);
                for (long q = 0; q < p->rows; q++) {
                    long double term = op_at(a, p->call.transa, i, q);
                    term *= values[q + j * p->rows];
                    actual += term, magnitude += fabsl(term);
                }
            }
            long double error = fabsl(actual - p->expected[at]);
            long double allowed = ((long double)p->inner + 6) * unit * magnitude;
            sum += error * error;
            double share = error == 0 ? 0 : (double)(error / allowed);
            if (!(share <= *worst)) *worst = share; /* NaN stays */
        }
    *norm = (double)sqrtl(sum);
}

#endif
