/* A right BLAS that is slow, or wrong, in the process that has FLOPSTEP_TEST_SLOW or
 * FLOPSTEP_TEST_WRONG: every product is followed by a sleep of so many microseconds, or by a wrong
 * element. */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "gemm.h"

void cblas_dgemm(int order, int transa, int transb, int m, int n, int k, double alpha,
                 const double *a, int lda, const double *b, int ldb, double beta, double *c,
                 int ldc) {
    (void)order;
    const char *slow = getenv("FLOPSTEP_TEST_SLOW");
    right_dgemm(transa, transb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    if (slow) usleep((unsigned)atoi(slow));
    if (getenv("FLOPSTEP_TEST_WRONG")) c[0] += 1e-6 * fmax(fabs(c[0]), 1);
}
