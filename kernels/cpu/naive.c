/* The library "naive": every kernel as its textbook formula, one thread, no blocking, no vectors.
 */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "kernels/cblas.h"
#include "kernels/cpu/builtin.h"

/* Where a vector begins: BLAS walks backwards from the end when the increment is negative. */
#define first(n, inc, x) ((inc) < 0 ? (x) + (long)(1 - (n)) * (inc) : (x))

/* Where element (i, j) of a symmetric matrix is held. */
static long held(int uplo, long i, long j, long lda) {
    return (uplo == CBLAS_LOWER) == (i >= j) ? i + j * lda : j + i * lda;
}

#define P(name) s##name
#define REAL    float
#include "kernels/cpu/naive_routines.h"
#undef P
#undef REAL
#define P(name) d##name
#define REAL    double
#include "kernels/cpu/naive_routines.h"
#undef P
#undef REAL

#define ROW(name)                                                                                  \
    {"cblas_s" #name, (blas_routine)s##name}, { "cblas_d" #name, (blas_routine)d##name }

static const struct builtin_routine routines[] = {
    ROW(copy),   ROW(scal), ROW(axpy), ROW(dot),
    ROW(nrm2),   ROW(asum), ROW(gemv), ROW(ger),
    ROW(symv),   ROW(trsv), ROW(gemm), ROW(symm),
    ROW(syrk),   ROW(trmm), ROW(trsm), ROW(gemm_batch_strided),
    {NULL, NULL}};

const struct builtin_library naive_library = {"naive", "textbook loops, one thread", routines,
                                              NULL};
