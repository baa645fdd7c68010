/* A BLAS that has daxpy and nothing else. */
void cblas_daxpy(int n, double alpha, const double *x, int incx, double *y, int incy) {
    if (incx < 0) x -= (long)(n - 1) * incx;
    if (incy < 0) y -= (long)(n - 1) * incy;
    for (long i = 0; i < n; i++) y[i * incy] += alpha * x[i * incx];
}
