#include "kernels/cpu/layers/clones.h"

CLONES static void NAME(add_bias)(long rows, long columns, long ld, const REAL *b, REAL *y) {
    for (long i = 0; i < rows; i++)
        for (long j = 0; j < columns; j++) y[i * ld + j] += b[j];
}

/* Row by row, so that memory is read in its order. */
CLONES static void NAME(sum_rows)(long rows, long columns, long from, long to, const REAL *dy,
                                  REAL *db) {
    for (long j = from; j < to; j++) db[j] = 0;
    for (long i = 0; i < rows; i++)
        for (long j = from; j < to; j++) db[j] += dy[i * columns + j];
}
