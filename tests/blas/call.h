/* A call with operands as the harness makes them: filled by check.c, in memory of its own. */
#ifndef FLOPSTEP_TESTS_BLAS_CALL_H
#define FLOPSTEP_TESTS_BLAS_CALL_H

#include <stdlib.h>
#include <string.h>

#include "kernels/kernel.h"

/* Storage for every operand, contiguous (pad 0, increments 1) or spaced. Free with call_free. */
static inline void call_make(struct blas_call *call, const struct kernel *kernel, enum scalar type,
                             const char *trans, char uplo, long m, long n, long k, double alpha,
                             double beta, long increment, long pad) {
    *call = (struct blas_call){.kernel = kernel,
                               .type = type,
                               .transa = trans[0] ? trans[0] : 'n',
                               .transb = trans[0] && trans[1] ? trans[1] : 'n',
                               .uplo = uplo,
                               .m = strchr(kernel->dimensions, 'm') ? m : -1,
                               .n = strchr(kernel->dimensions, 'n') ? n : -1,
                               .k = strchr(kernel->dimensions, 'k') ? k : -1,
                               .batch = kernel->is_batched ? 3 : -1,
                               .alpha = alpha,
                               .beta = beta};
    kernel->shape(call);
    for (int i = 0; i < MAX_OPERANDS && call->operand[i].kind != OPERAND_NONE; i++) {
        struct operand *o = &call->operand[i];
        o->type = type;
        o->uplo = uplo;
        o->stride = o->kind == OPERAND_VECTOR ? increment : o->rows + pad;
        size_t bytes;
        if (!operand_bytes(o, &bytes) || !(o->storage = calloc(1, bytes))) abort();
    }
}

static inline void call_free(struct blas_call *call) {
    for (int i = 0; i < MAX_OPERANDS; i++) free(call->operand[i].storage);
}

#endif
