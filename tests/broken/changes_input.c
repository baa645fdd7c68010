/* A BLAS whose matrix product is right, but it leaves A's first element changed. */
#include "gemm.h"

void cblas_dgemm(int order, int transa, int transb, int m, int n, int k, double alpha,
                 const double *a, int lda, const double *b, int ldb, double beta, double *c,
                 int ldc) {
    (void)order;
    right_dgemm(transa, transb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    ((double *)a)[0] += 1;
}

void cblas_sgemm(int order, int transa, int transb, int m, int n, int k, float alpha,
                 const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc) {
    (void)order;
    right_sgemm(transa, transb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    ((float *)a)[0] += 1;
}
