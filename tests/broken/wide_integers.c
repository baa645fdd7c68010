/* An OpenBLAS by its symbols, built with 64-bit integers by what it says of itself. */
#include <stdint.h>

void openblas_set_num_threads(int threads) { (void)threads; }
const char *openblas_get_config(void) {
    return "OpenBLAS 0.3.21 USE64BITINT DYNAMIC_ARCH NO_AFFINITY Haswell MAX_THREADS=64";
}
const char *openblas_get_corename(void) { return "Haswell"; }
int openblas_get_parallel(void) { return 1; }

void cblas_daxpy(int64_t n, double alpha, const double *x, int64_t incx, double *y, int64_t incy) {
    for (int64_t i = 0; i < n; i++) y[i * incy] += alpha * x[i * incx];
}
