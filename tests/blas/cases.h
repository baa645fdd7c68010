/* The kernels, types, transposes and triangles that tests walk over. */
#ifndef FLOPSTEP_TESTS_BLAS_CASES_H
#define FLOPSTEP_TESTS_BLAS_CASES_H

#include <stdbool.h>
#include <string.h>

#include "kernels/kernel.h"

typedef void case_body(const struct kernel *kernel, enum scalar type, const char *trans, char uplo,
                       void *context);

/* body() for every kernel in both types, every transpose and both triangles. */
static inline void each_case(case_body *body, void *context) {
    static const char *const all[] = {"", "n", "t", "nn", "nt", "tn", "tt"};
    for (const struct kernel *const *row = kernel_table(); *row; row++)
        for (enum scalar type = 0; type < SCALAR_CPU_COUNT; type++)
            for (size_t t = 0; t < sizeof all / sizeof *all; t++) {
                if (!kernel_takes_trans(*row, all[t])) continue;
                body(*row, type, all[t], 'l', context);
                if ((*row)->has_uplo) body(*row, type, all[t], 'u', context);
            }
}

/* Whether the output is an input too (or its old value is, where beta is not 0). */
static inline bool updates(const struct kernel *kernel) {
    static const char *const others[] = {"copy", "dot", "nrm2", "asum"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(kernel->name, others[i]) == 0) return false;
    return true;
}

static inline bool has_beta(const struct kernel *kernel) {
    return strstr(kernel->formula, "beta") != NULL;
}

static inline bool has_alpha(const struct kernel *kernel) {
    return strstr(kernel->formula, "alpha") != NULL;
}

#endif
