#if defined(__aarch64__)

#include "kernels/cpu/isa.h"
#include "kernels/probes/fma_rows.h"

/* NEON's multiply-add overwrites the addend, so x*x + c would need a copy of c each time. The
 * logistic map in two of them needs none: x <- x - x*x, then x <- x + k*x, that is x <- r x(1 - x)
 * with r = 1 + k = 3.9375; conjugate to x*x + c, chaotic, within [0.06, 0.99]. 24 accumulators
 * serve four units of 4 cycles and two of 9 (A64FX). Operands as in fma_x86.c. */

#define LOAD(n)   "ldr q" #n ", [%1, #16*" #n "]\n\t"
#define STORE(n)  "str q" #n ", [%1, #16*" #n "]\n\t"
#define FOLD_S(n) "fmls v" #n ".4s, v" #n ".4s, v" #n ".4s\n\t"
#define GROW_S(n) "fmla v" #n ".4s, v" #n ".4s, v31.4s\n\t"
#define FOLD_D(n) "fmls v" #n ".2d, v" #n ".2d, v" #n ".2d\n\t"
#define GROW_D(n) "fmla v" #n ".2d, v" #n ".2d, v31.2d\n\t"

#define K FMA_PROBE_LOGISTIC

#define DEFINE(LETTER, TYPE, VALUE, VALUES, FOLD, GROW)                                            \
    __attribute__((noinline)) static void fma_neon_##LETTER##_advance(long iterations,             \
                                                                      void *state) {               \
        static const VALUE constant[4] = {K, K, K, K};                                             \
        if (iterations <= 0) return;                                                               \
        __asm__ volatile(EACH_24(LOAD) "ldr q31, [%2]\n\t"                                         \
                                       ".p2align 6\n\t"                                            \
                                       "1:\n\t" EACH_24(FOLD) EACH_24(GROW) EACH_24(FOLD)          \
                                           EACH_24(GROW) /**/                                      \
                         "subs %0, %0, #1\n\t"                                                     \
                         "b.ne 1b\n\t" EACH_24(STORE)                                              \
                         : "+r"(iterations)                                                        \
                         : "r"(state), "r"(constant)                                               \
                         : "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8",   \
                           "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18",    \
                           "v19", "v20", "v21", "v22", "v23", "v31");                              \
    }                                                                                              \
    DEFINE_RUN(neon, LETTER, TYPE, VALUE, VALUES)

_Static_assert(PASSES == 4, "DEFINE writes four passes");

DEFINE(s, SCALAR_S, float, 96, FOLD_S, GROW_S)
DEFINE(d, SCALAR_D, double, 48, FOLD_D, GROW_D)

const struct fma_probe fma_probe_rows[] = {ROW(neon, s, SCALAR_S, 96), ROW(neon, d, SCALAR_D, 48)};
const size_t fma_probe_row_count = sizeof fma_probe_rows / sizeof fma_probe_rows[0];

#else
typedef int not_this_architecture; /* ISO C wants a declaration */
#endif
