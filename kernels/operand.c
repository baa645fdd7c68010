#include "kernels/operand.h"

#include <Random123/philox.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void operand_set(struct operand *o, enum operand_kind kind, long rows, long columns, bool read,
                 bool written) {
    o->kind = kind;
    o->rows = rows;
    o->columns = columns;
    o->read = read;
    o->written = written;
}

/* Elements between the first and the last one held, both included. */
static bool span(const struct operand *o, size_t *elements) {
    size_t stride = (size_t)labs(o->stride);
    size_t steps = (size_t)(o->kind == OPERAND_VECTOR ? o->rows : o->columns);
    size_t product;
    if (__builtin_mul_overflow(steps, stride, &product)) return false;
    *elements = product; /* the last column is padded too: its gap is guarded like the others */
    return true;
}

bool operand_bytes(const struct operand *o, size_t *bytes) {
    size_t elements;
    if (!span(o, &elements)) return false;
    if (__builtin_add_overflow(elements, (size_t)2 * OPERAND_GUARD, &elements)) return false;
    return !__builtin_mul_overflow(elements, scalar_bytes(o->type), bytes);
}

static void store(struct operand *o, long at, double value) {
    void *data = operand_data(o);
    if (o->type == SCALAR_S) ((float *)data)[at] = (float)value;
    if (o->type == SCALAR_D) ((double *)data)[at] = value;
    if (o->type == SCALAR_H) ((uint16_t *)data)[at] = half_from(value);
    if (o->type == SCALAR_BF16) ((uint16_t *)data)[at] = bf16_from(value);
    if (o->type == SCALAR_TF32) ((float *)data)[at] = tf32_from(value);
}

/* Two uniform numbers in [0, 1) with 52 random bits each. Philox 4x32, Salmon et al., SC 2011. */
static void uniform_pair(const struct operand_values *v, uint64_t pair, double out[2]) {
    philox4x32_ctr_t counter = {{(uint32_t)pair, (uint32_t)(pair >> 32), v->stream, 0}};
    philox4x32_key_t key = {{(uint32_t)v->seed, (uint32_t)(v->seed >> 32)}};
    philox4x32_ctr_t bits = philox4x32(counter, key);
    for (int i = 0; i < 2; i++) {
        uint64_t word = (uint64_t)bits.v[2 * i] << 32 | bits.v[2 * i + 1];
        out[i] = (double)(word >> 12) * 0x1p-52;
    }
}

/* The value of a triangular element from one in [low, high]. Off the diagonal divided by n, so that
 * the diagonal of +-1 dominates. Repeatable: the diagonal is +1 in the first half and -1 in the
 * second, and both diagonal blocks are tiny off the diagonal; a matrix (I X; 0 -I) is its own
 * inverse whatever X is. */
static double triangular_value(const struct operand *o, bool repeatable, long i, long j,
                               double value) {
    long half = o->rows / 2;
    double n = (double)o->rows;
    if (i == j) {
        if (repeatable) return i < half ? 1 : -1;
        return copysign(1 + 0.5 * fabs(value), value);
    }
    if (repeatable && (i < half) == (j < half)) return value / n * 0x1p-20;
    return value / n;
}

static void fill_column(struct operand *o, const struct operand_values *v, long j) {
    double pair[2];
    uint64_t first = (uint64_t)j * (uint64_t)((o->rows + 1) / 2);
    for (long i = 0; i < o->rows; i++) {
        if (i % 2 == 0) uniform_pair(v, first + (uint64_t)i / 2, pair);
        double value = v->low + (v->high - v->low) * pair[i % 2];
        if (o->kind == OPERAND_TRIANGULAR) value = triangular_value(o, v->repeatable, i, j, value);
        if (operand_holds(o, i, j)) store(o, operand_offset(o, i, j), value);
    }
}

static void fill_vector(struct operand *o, const struct operand_values *v) {
#pragma omp parallel for schedule(static)
    for (long p = 0; p < (o->rows + 1) / 2; p++) {
        double pair[2];
        uniform_pair(v, (uint64_t)p, pair);
        for (long i = 2 * p; i < 2 * p + 2 && i < o->rows; i++)
            store(o, operand_offset(o, i, 0), v->low + (v->high - v->low) * pair[i % 2]);
    }
}

void operand_fill(struct operand *o, const struct operand_values *values) {
    if (o->kind == OPERAND_VECTOR) {
        fill_vector(o, values);
        return;
    }
#pragma omp parallel for schedule(static)
    for (long j = 0; j < o->columns; j++) fill_column(o, values, j);
}

/* Calls visit(o, at) for every stored place that is no element of the operand. */
static bool for_each_gap(struct operand *o, bool (*visit)(struct operand *, long)) {
    size_t elements;
    if (!span(o, &elements)) return false;
    struct operand base = *o; /* the guard in front: addressed from the start of the storage */
    base.storage = (char *)o->storage - OPERAND_GUARD * scalar_bytes(o->type);
    for (long g = 0; g < OPERAND_GUARD; g++)
        if (!visit(&base, g) || !visit(o, (long)elements + g)) return false;
    if (o->kind == OPERAND_VECTOR) {
        long stride = labs(o->stride);
        if (stride == 1) return true;
        for (long at = 0; at < (long)elements; at++)
            if (at % stride && !visit(o, at)) return false;
        return true;
    }
    bool half = o->kind != OPERAND_GENERAL;
    for (long j = 0; j < o->columns; j++) {
        for (long i = 0; half && i < o->rows; i++)
            if (!operand_holds(o, i, j) && !visit(o, operand_offset(o, i, j))) return false;
        for (long i = o->rows; i < o->stride; i++)
            if (!visit(o, operand_offset(o, i, j))) return false;
    }
    return true;
}

/* The NaN of the poison is a signalling one: adding to it makes it quiet, so that a sum into a
 * place outside shows as well as a store. Handled as bits, since a move as a number may quiet it
 * too. */
static const uint32_t poison_s = 0x7fbadbad;
static const uint64_t poison_d = 0x7ff4badbadbadbad;
static const uint16_t poison_h = 0x7dad, poison_bf16 = 0x7fad;
static const void *const poisons[SCALAR_COUNT] = {&poison_s, &poison_d, &poison_h, &poison_bf16,
                                                  &poison_s};

static bool write_nan(struct operand *o, long at) {
    size_t size = scalar_bytes(o->type);
    memcpy((char *)operand_data(o) + at * (long)size, poisons[o->type], size);
    return true;
}

static bool write_ordinary(struct operand *o, long at) {
    store(o, at, 0.5);
    return true;
}

static bool holds_nan(struct operand *o, long at) {
    size_t size = scalar_bytes(o->type);
    return memcmp((char *)operand_data(o) + at * (long)size, poisons[o->type], size) == 0;
}

void operand_poison(struct operand *o, bool elements) {
    for_each_gap(o, write_nan);
    for (long j = 0; elements && j < o->columns; j++)
        for (long i = 0; i < o->rows; i++) write_nan(o, operand_offset(o, i, j));
}

bool operand_poison_intact(const struct operand *o) {
    struct operand copy = *o;
    return for_each_gap(&copy, holds_nan);
}

void operand_unpoison(struct operand *o) { for_each_gap(o, write_ordinary); }

void operand_times(const struct operand *o, char trans, const double *t, double *out) {
    long rows = trans == 't' ? o->columns : o->rows;
    double *lost = calloc((size_t)rows, sizeof *lost);
    if (!lost) abort(); /* a vector, after matrices were allocated */
    for (long i = 0; i < rows; i++) out[i] = 0;
    for (long j = 0; j < o->columns; j++)
        for (long i = 0; i < o->rows; i++) {
            long to = trans == 't' ? j : i;
            add_compensated(&out[to], &lost[to], operand_at(o, i, j) * t[trans == 't' ? i : j]);
        }
    for (long i = 0; i < rows; i++) out[i] += lost[i];
    free(lost);
}

struct operand operand_columns(const struct operand *o, long first, long columns) {
    struct operand part = *o;
    part.storage = (char *)o->storage + first * o->stride * (long)scalar_bytes(o->type);
    part.columns = columns;
    return part;
}

double *operand_values_of(const struct operand *vector) {
    double *values = calloc((size_t)vector->rows, sizeof *values);
    if (!values) abort(); /* as above */
    for (long i = 0; i < vector->rows; i++) values[i] = operand_at(vector, i, 0);
    return values;
}

/* Sums over fixed slices, so that the bits do not depend on the number of threads. */
enum { SLICES = 64 };

double operand_norm(const struct operand *o) {
    double sums[SLICES] = {0};
    bool vector = o->kind == OPERAND_VECTOR;
    long length = vector ? o->rows : o->columns;
#pragma omp parallel for schedule(static)
    for (long slice = 0; slice < SLICES; slice++) {
        double sum = 0;
        for (long p = length * slice / SLICES; p < length * (slice + 1) / SLICES; p++)
            for (long i = vector ? p : 0; i < (vector ? p + 1 : o->rows); i++) {
                double value = operand_at(o, i, vector ? 0 : p);
                sum += value * value;
            }
        sums[slice] = sum;
    }
    double sum = 0;
    for (int slice = 0; slice < SLICES; slice++) sum += sums[slice];
    return sqrt(sum);
}
