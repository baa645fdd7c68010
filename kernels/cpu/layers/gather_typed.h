#include "kernels/cpu/layers/clones.h"

CLONES static void NAME(convert)(long n, const uint8_t *pixels, const double *numbers, REAL *x) {
    if (pixels)
        for (long i = 0; i < n; i++) x[i] = (REAL)pixels[i] / 255;
    else
        for (long i = 0; i < n; i++) x[i] = (REAL)numbers[i];
}
