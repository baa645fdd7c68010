#include "kernels/cpu/layers/clones.h"

/* One of the two is given. NOLINTBEGIN(clang-analyzer-core.NullDereference) */
CLONES static void NAME(convert)(long n, const uint8_t *pixels, const double *numbers, REAL *x) {
    if (pixels)
        for (long i = 0; i < n; i++) x[i] = (REAL)pixels[i] / 255;
    else
        for (long i = 0; i < n; i++) x[i] = (REAL)numbers[i];
}
/* NOLINTEND(clang-analyzer-core.NullDereference) */
