/* The library "blocked": level 3 with cache and register blocking in plain C for the baseline
 * instruction set, one thread. What a tuned library adds to it is wider vectors, a kernel in
 * assembly, prefetching and threads. Levels 1 and 2 have nothing to reuse and are those of naive.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "kernels/cblas.h"
#include "kernels/cpu/builtin.h"

enum {
    NR = 4,    /* columns of a register tile; its rows are two 16-byte vectors */
    KC = 256,  /* depth: a panel of MR x KC stays in L1 */
    MC = 128,  /* rows: MC x KC of A stay in L2 */
    NC = 2048, /* columns: KC x NC of B stay in L3 */
    TB = 64    /* diagonal blocks of triangular matrices */
};

static void *workspace(size_t bytes) {
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!memory) abort(); /* BLAS has no way to report it */
    return memory;
}

#define P(name) s##name
#define REAL    float
#define WIDTH   4
#include "kernels/cpu/blocked_routines.h"
#undef P
#undef REAL
#undef WIDTH
#define P(name) d##name
#define REAL    double
#define WIDTH   2
#include "kernels/cpu/blocked_routines.h"
#undef P
#undef REAL
#undef WIDTH

#define ROW(name)                                                                                  \
    {"cblas_s" #name, (blas_routine)s##name}, { "cblas_d" #name, (blas_routine)d##name }

static const struct builtin_routine routines[] = {
    ROW(gemm), ROW(symm), ROW(syrk), ROW(trmm), ROW(trsm), ROW(gemm_batch_strided), {NULL, NULL}};

const struct builtin_library blocked_library = {
    "blocked", "cache and register blocking in plain C, one thread", routines, &naive_library};
