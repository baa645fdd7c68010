/* A right matrix product in plain loops, column-major, for the libraries here to spoil. */
#ifndef FLOPSTEP_TESTS_BROKEN_GEMM_H
#define FLOPSTEP_TESTS_BROKEN_GEMM_H

enum { TRANSPOSED = 112 };

#define DEFINE_GEMM(name, real)                                                                    \
    static inline void name(int transa, int transb, int m, int n, int k, real alpha,               \
                            const real *a, int lda, const real *b, int ldb, real beta, real *c,    \
                            int ldc) {                                                             \
        for (long j = 0; j < n; j++)                                                               \
            for (long i = 0; i < m; i++) {                                                         \
                double sum = 0;                                                                    \
                for (long p = 0; p < k; p++)                                                       \
                    sum += (double)(transa == TRANSPOSED ? a[p + i * lda] : a[i + p * lda]) *      \
                           (double)(transb == TRANSPOSED ? b[j + p * ldb] : b[p + j * ldb]);       \
                double old = beta == 0 ? 0 : (double)beta * (double)c[i + j * ldc];                \
                c[i + j * ldc] = (real)((double)alpha * sum + old);                                \
            }                                                                                      \
    }

DEFINE_GEMM(right_sgemm, float)
DEFINE_GEMM(right_dgemm, double)

#endif
