#include "kernels/cpu/layers/clones.h"

/* db += sum over rows of dy. Short rows are taken several at a time, as if they were one. */
CLONES static void NAME(add_rows)(long rows, long columns, const REAL *dy, REAL *db) {
    enum { WIDE = 64 };
    REAL wide[WIDE] = {0};
    long together = columns < WIDE ? WIDE / columns : 1, i = 0;
    for (; together > 1 && i + together <= rows; i += together)
        for (long j = 0; j < together * columns; j++) wide[j] += dy[i * columns + j];
    for (long r = 0; together > 1 && r < together; r++)
        for (long j = 0; j < columns; j++) db[j] += wide[r * columns + j];
    for (; i < rows; i++)
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
