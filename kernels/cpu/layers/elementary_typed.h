#include <string.h>

#include "kernels/cpu/layers/clones.h"
#include "kernels/cpu/layers/elementary.h"

/* n is a multiple of WHOLE. */
CLONES static void NAME(exp_vectors)(long n, REAL *y) {
    /* The caller has filled n. NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage) */
    for (long i = 0; i < n; i++) y[i] = NAME(vector_exp)(y[i]);
}

/* y = e^y; the rest of the last vector is of zeros. */
static void NAME(exp_all)(long n, REAL *y) {
    long rest = n % WHOLE, whole = n - rest;
    REAL room[WHOLE] = {0};
    if (whole) NAME(exp_vectors)(whole, y);
    if (!rest) return;
    memcpy(room, y + whole, (size_t)rest * sizeof *y);
    NAME(exp_vectors)(WHOLE, room);
    memcpy(y + whole, room, (size_t)rest * sizeof *y);
}

/* Takes the largest off, so that no exponential overflows. */
static inline __attribute__((always_inline)) void NAME(shift_row)(long n, REAL *y) {
    REAL largest = y[0];
    for (long j = 1; j < n; j++) largest = y[j] > largest ? y[j] : largest;
    for (long j = 0; j < n; j++) y[j] -= largest;
}
