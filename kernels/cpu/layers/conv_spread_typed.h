#include <string.h>

#include "kernels/cpu/layers/clones.h"

/* One row of dx = the sum of all runs, each at its window's place; what lies in the padding is left
 * out. */
CLONES static void NAME(add_runs)(const struct conv_shape *s, const REAL *runs, REAL *dx) {
    long run = s->kernel * s->channels, size = s->width * s->channels;
    memset(dx, 0, (size_t)size * sizeof *dx);
    for (long ox = 0; ox < s->out_width; ox++, runs += run) {
        long left = (ox * s->stride - s->padding) * s->channels;
        long first = left < 0 ? -left : 0, end = left + run > size ? size - left : run;
        for (long i = first; i < end; i++) dx[left + i] += runs[i];
    }
}
