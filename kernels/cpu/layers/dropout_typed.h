#include "kernels/cpu/layers/clones.h"

CLONES static void NAME(mask)(long n, REAL scale, const uint8_t *restrict mask, REAL *restrict y) {
    for (long i = 0; i < n; i++) y[i] = mask[i] ? y[i] * scale : 0;
}
