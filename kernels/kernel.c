#include "kernels/kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/levels.h"

const struct kernel *const *kernel_table(void) {
    static const struct kernel *table[64];
    if (!table[0]) {
        size_t count = 0;
        const struct kernel *levels[] = {blas1_kernels, blas2_kernels, blas3_kernels};
        for (size_t level = 0; level < 3; level++)
            for (const struct kernel *row = levels[level]; row->name; row++) table[count++] = row;
    }
    return table;
}

const struct kernel *kernel_find(const char *name) {
    for (const struct kernel *const *row = kernel_table(); *row; row++)
        if (strcmp((*row)->name, name) == 0) return *row;
    return NULL;
}

void kernel_routine_name(const struct kernel *kernel, enum scalar type, char *name, size_t size) {
    snprintf(name, size, "cblas_%s%s", scalar_letter(type),
             kernel->routine ? kernel->routine : kernel->name);
}

bool kernel_takes_trans(const struct kernel *kernel, const char *trans) {
    if (strlen(trans) != strlen(kernel->trans)) return false;
    for (size_t i = 0; trans[i]; i++)
        if (trans[i] != 'n' && trans[i] != 't') return false;
    return true;
}

struct operand *kernel_output(struct blas_call *call) {
    for (int i = 0; i < MAX_OPERANDS; i++)
        if (call->operand[i].kind != OPERAND_NONE && call->operand[i].written)
            return &call->operand[i];
    return NULL;
}

double kernel_bytes(const struct blas_call *call) {
    return call->kernel->elements(call) * (double)scalar_bytes(call->type);
}

double kernel_working_set(const struct blas_call *call) {
    enum { LINE = 64 };
    double bytes = 0, size = (double)scalar_bytes(call->type);
    for (int i = 0; i < MAX_OPERANDS && call->operand[i].kind != OPERAND_NONE; i++) {
        const struct operand *o = &call->operand[i];
        double elements = (double)o->rows * (double)o->columns;
        bool half = o->kind == OPERAND_SYMMETRIC || o->kind == OPERAND_TRIANGULAR;
        /* A stride takes whole cache lines along. */
        double step = o->kind == OPERAND_VECTOR ? (double)labs(o->stride) * size : size;
        bytes += (half ? elements / 2 : elements) * (step < LINE ? step : LINE);
    }
    return bytes;
}

struct coefficients kernel_update_coefficients(const struct blas_call *call) {
    double a = call->alpha, b = call->beta;
    if (b == 0) return (struct coefficients){{a, a}, {0, 0}};
    return (struct coefficients){{a, -a / b}, {b, 1 / b}};
}

struct coefficients kernel_scaling_coefficients(const struct blas_call *call) {
    double a = call->alpha;
    return (struct coefficients){{a, a == 0 ? 0 : 1 / a}, {0, 0}};
}
