#include "bench/blas/operands.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"
#include "kernels/cpu/topology.h"

/* Operands that begin at the same place of a page make loads wait for unrelated stores, so each is
 * set off by five cache lines more than the one before. */
enum { LINE = 64, SET_OFF = 5 * LINE };

/* Rounds a coefficient to the type that the library will see. Volatile, since GCC 12 vectorises two
 * such roundings side by side into none. */
static double rounded(double value, enum scalar type) {
    volatile float single = (float)value;
    return type == SCALAR_S ? (double)single : value;
}

/* Leading dimension or increment. */
static void set_stride(struct operand *o, const struct blas_options *options, int vector) {
    if (o->kind == OPERAND_VECTOR) {
        o->stride = vector == 0 ? options->incx : options->incy;
        return;
    }
    if (options->lda == 0)
        o->stride = o->rows;
    else if (options->lda_pads)
        o->stride = o->rows + options->lda;
    else
        o->stride = options->lda;
    if (o->stride < o->rows)
        die(EXIT_USAGE, "--lda %ld is smaller than the %ld rows of a matrix; --lda +%ld pads it",
            options->lda, o->rows, options->lda);
    if (o->stride > INT_MAX)
        die(EXIT_USAGE, "--lda +%ld makes a leading dimension over 2147483647", options->lda);
}

bool blas_operands_plan(struct blas_operands *operands, const struct blas_options *options,
                        const struct blas_shape *shape, enum scalar type, size_t lanes,
                        char *reason, size_t size) {
    struct blas_call call = {.kernel = shape->kernel,
                             .type = type,
                             .transa = shape->trans[0] ? shape->trans[0] : 'n',
                             .transb = shape->trans[0] && shape->trans[1] ? shape->trans[1] : 'n',
                             .uplo = shape->uplo,
                             .m = shape->m,
                             .n = shape->n,
                             .k = shape->k,
                             .alpha = rounded(blas_alpha(options, shape->kernel), type),
                             .beta = rounded(options->beta, type)};
    *operands = (struct blas_operands){.lanes = lanes, .sets = 1};
    if (shape->m > INT_MAX || shape->n > INT_MAX || shape->k > INT_MAX) {
        snprintf(reason, size, "a dimension is over 2147483647, more than CBLAS can be told");
        return false;
    }
    shape->kernel->shape(&call);
    bool alone = call.operand[0].kind == OPERAND_VECTOR && call.operand[1].kind == OPERAND_NONE;
    if (alone && options->incx < 0) { /* there is nothing to walk against */
        snprintf(reason, size, "BLAS has no %s with a negative increment", shape->kernel->name);
        return false;
    }
    if (shape->kernel->default_alpha != 0 && call.alpha == 1) {
        snprintf(reason, size, "with alpha = 1 libraries return at once from %s; give another",
                 shape->kernel->name);
        return false;
    }
    int vector = 0;
    for (int i = 0; i < MAX_OPERANDS && call.operand[i].kind != OPERAND_NONE; i++) {
        struct operand *o = &call.operand[i];
        o->type = type;
        o->uplo = shape->uplo;
        set_stride(o, options, vector);
        if (o->kind == OPERAND_VECTOR) vector++;
        size_t bytes;
        operands->offset[i] = operands->set_bytes + (size_t)i * SET_OFF;
        if (!operand_bytes(o, &bytes) || bytes > SIZE_MAX / 8 ||
            __builtin_add_overflow(operands->set_bytes, (bytes + LINE - 1) / LINE * LINE,
                                   &operands->set_bytes)) {
            snprintf(reason, size, "the operands are larger than any memory");
            return false;
        }
    }
    operands->set_bytes += MAX_OPERANDS * SET_OFF;
    if (options->common.cold)
        operands->sets = 2 * topology_last_level_cache() / operands->set_bytes + 2;
    operands->shape = call;
    if (__builtin_mul_overflow(operands->set_bytes, operands->sets * lanes, &operands->bytes)) {
        snprintf(reason, size, "the operands are larger than any memory");
        return false;
    }
    return true;
}

bool blas_operands_allocate(struct blas_operands *operands, const struct blas_options *options) {
    size_t count = operands->lanes * operands->sets;
    operands->memory = options->common.device->allocate(operands->bytes);
    operands->calls = calloc(count, sizeof *operands->calls);
    operands->next = calloc(operands->lanes, sizeof *operands->next);
    if (!operands->memory || !operands->calls || !operands->next) return false;
    for (size_t c = 0; c < count; c++) {
        operands->calls[c] = operands->shape;
        for (int i = 0; i < MAX_OPERANDS; i++)
            operands->calls[c].operand[i].storage =
                (char *)operands->memory + c * operands->set_bytes + operands->offset[i];
    }
    return true;
}

void blas_operands_copy(struct blas_operands *operands) {
    size_t count = operands->lanes * operands->sets;
    for (size_t c = 0; c < count; c++) {
        if (c)
            memcpy((char *)operands->memory + c * operands->set_bytes, operands->memory,
                   operands->set_bytes);
        operands->calls[c].step = 0;
    }
    memset(operands->next, 0, operands->lanes * sizeof *operands->next);
}

void blas_operands_free(struct blas_operands *operands, const struct blas_options *options) {
    options->common.device->release(operands->memory, operands->bytes);
    free(operands->calls);
    free(operands->next);
    *operands = (struct blas_operands){0};
}
