#include "kernels/cpu/layers/clones.h"

/* db += sum over rows of dy. */
CLONES static void NAME(add_rows)(long rows, long columns, const REAL *dy, REAL *db) {
    for (long i = 0; i < rows; i++)
        for (long j = 0; j < columns; j++) db[j] += dy[i * columns + j];
}

/* Adds elements [begin, end) of one thread's [dw, db] to the whole; the first one is copied.
 * `count` is the size of dw. */
CLONES static void NAME(add_part)(long begin, long end, long count, bool first, const REAL *own,
                                  REAL *dw, REAL *db) {
    for (long i = begin; i < end; i++) {
        REAL *to = i < count ? &dw[i] : &db[i - count];
        *to = first ? own[i] : *to + own[i];
    }
}
