/* A BLAS whose matrix product has one slightly wrong element, the one in the middle. */
#include <math.h>

#include "gemm.h"

void cblas_dgemm(int order, int transa, int transb, int m, int n, int k, double alpha,
                 const double *a, int lda, const double *b, int ldb, double beta, double *c,
                 int ldc) {
    (void)order;
    right_dgemm(transa, transb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    double *middle = &c[m / 2 + (long)(n / 2) * ldc];
    *middle += 1e-8 * fmax(fabs(*middle), 1);
}

void cblas_sgemm(int order, int transa, int transb, int m, int n, int k, float alpha,
                 const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc) {
    (void)order;
    right_sgemm(transa, transb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    float *middle = &c[m / 2 + (long)(n / 2) * ldc];
    *middle += 0.01f * fmaxf(fabsf(*middle), 1);
}
