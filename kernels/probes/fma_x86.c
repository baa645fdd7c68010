#if defined(__x86_64__)

#include "kernels/cpu/isa.h"
#include "kernels/probes/fma_rows.h"

/* Each accumulator goes through x <- x*x + c: chaotic, so the data never settles, and bounded.
 * Everything is one asm statement per probe, so that no compiler can spill a register; the test
 * test_loops.py reads the machine code. Operands: %0 iterations, %1 state, %2 the constant. */

#define CONSTANT                                                                                   \
    { C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C }
#define C FMA_PROBE_QUADRATIC

#define CLOBBER_0_15                                                                               \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",       \
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"
#define CLOBBER_16_31                                                                              \
    "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",      \
        "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31"

/* PASS(F) is one pass over all accumulators. */
#define DEFINE(ISA, LETTER, TYPE, VALUE, VALUES, TARGET, EACH, LOAD, CONST, STEP, STORE, END, ...) \
    TARGET __attribute__((noinline)) static void fma_##ISA##_##LETTER##_advance(long iterations,   \
                                                                                void *state) {     \
        static const VALUE constant[16] = CONSTANT;                                                \
        if (iterations <= 0) return;                                                               \
        __asm__ volatile(EACH(LOAD) CONST /**/                                                     \
                         ".p2align 6\n\t"                                                          \
                         "1:\n\t" EACH(STEP) EACH(STEP) EACH(STEP) EACH(STEP) /**/                 \
                         "dec %0\n\t"                                                              \
                         "jnz 1b\n\t" /**/                                                         \
                         EACH(STORE) END                                                           \
                         : "+r"(iterations)                                                        \
                         : "r"(state), "r"(constant)                                               \
                         : "cc", "memory", __VA_ARGS__);                                           \
    }                                                                                              \
    DEFINE_RUN(ISA, LETTER, TYPE, VALUE, VALUES)

_Static_assert(PASSES == 4, "DEFINE writes four passes");

/* SSE2 has no fused multiply-add: a multiplication and an addition, 1 FLOP an element each. Its 16
 * registers hold 15 accumulators and the constant. */
#define SSE2_LOAD(n)  "movupd 16*" #n "(%1), %%xmm" #n "\n\t"
#define SSE2_STORE(n) "movupd %%xmm" #n ", 16*" #n "(%1)\n\t"
#define SSE2_S(n)     "mulps %%xmm" #n ", %%xmm" #n "\n\taddps %%xmm15, %%xmm" #n "\n\t"
#define SSE2_D(n)     "mulpd %%xmm" #n ", %%xmm" #n "\n\taddpd %%xmm15, %%xmm" #n "\n\t"
#define SSE2_CONST    "movupd (%2), %%xmm15\n\t"
DEFINE(sse2, s, SCALAR_S, float, 60, , EACH_15, SSE2_LOAD, SSE2_CONST, SSE2_S, SSE2_STORE, "",
       CLOBBER_0_15)
DEFINE(sse2, d, SCALAR_D, double, 30, , EACH_15, SSE2_LOAD, SSE2_CONST, SSE2_D, SSE2_STORE, "",
       CLOBBER_0_15)

/* Two FMA units of 4 or 5 cycles need 8 to 10 chains. */
#define AVX2          __attribute__((target("avx2,fma")))
#define AVX2_LOAD(n)  "vmovupd 32*" #n "(%1), %%ymm" #n "\n\t"
#define AVX2_STORE(n) "vmovupd %%ymm" #n ", 32*" #n "(%1)\n\t"
#define AVX2_S(n)     "vfmadd213ps %%ymm15, %%ymm" #n ", %%ymm" #n "\n\t"
#define AVX2_D(n)     "vfmadd213pd %%ymm15, %%ymm" #n ", %%ymm" #n "\n\t"
#define AVX2_CONST    "vmovupd (%2), %%ymm15\n\t"
DEFINE(avx2, s, SCALAR_S, float, 96, AVX2, EACH_12, AVX2_LOAD, AVX2_CONST, AVX2_S, AVX2_STORE,
       "vzeroupper\n\t", CLOBBER_0_15)
DEFINE(avx2, d, SCALAR_D, double, 48, AVX2, EACH_12, AVX2_LOAD, AVX2_CONST, AVX2_D, AVX2_STORE,
       "vzeroupper\n\t", CLOBBER_0_15)

#define AVX512          __attribute__((target("avx512f")))
#define AVX512_LOAD(n)  "vmovupd 64*" #n "(%1), %%zmm" #n "\n\t"
#define AVX512_STORE(n) "vmovupd %%zmm" #n ", 64*" #n "(%1)\n\t"
#define AVX512_S(n)     "vfmadd213ps %%zmm31, %%zmm" #n ", %%zmm" #n "\n\t"
#define AVX512_D(n)     "vfmadd213pd %%zmm31, %%zmm" #n ", %%zmm" #n "\n\t"
#define AVX512_CONST    "vmovupd (%2), %%zmm31\n\t"
DEFINE(avx512, s, SCALAR_S, float, 384, AVX512, EACH_24, AVX512_LOAD, AVX512_CONST, AVX512_S,
       AVX512_STORE, "vzeroupper\n\t", CLOBBER_0_15, CLOBBER_16_31)
DEFINE(avx512, d, SCALAR_D, double, 192, AVX512, EACH_24, AVX512_LOAD, AVX512_CONST, AVX512_D,
       AVX512_STORE, "vzeroupper\n\t", CLOBBER_0_15, CLOBBER_16_31)

const struct fma_probe fma_probe_rows[] = {
    ROW(sse2, s, SCALAR_S, 60), ROW(sse2, d, SCALAR_D, 30),    ROW(avx2, s, SCALAR_S, 96),
    ROW(avx2, d, SCALAR_D, 48), ROW(avx512, s, SCALAR_S, 384), ROW(avx512, d, SCALAR_D, 192),
};
const size_t fma_probe_row_count = sizeof fma_probe_rows / sizeof fma_probe_rows[0];

#else
typedef int not_this_architecture; /* ISO C wants a declaration */
#endif
