#include "kernels/probes/fma.h"

#include "kernels/probes/fma_rows.h"

#if !defined(__x86_64__) && !defined(__aarch64__)
const struct fma_probe fma_probe_rows[1]; /* C has no empty arrays */
const size_t fma_probe_row_count = 0;
#endif

const struct fma_probe *fma_probe_table(size_t *count) {
    *count = fma_probe_row_count;
    return fma_probe_rows;
}

const struct fma_probe *fma_probe_best(enum scalar type) {
    for (size_t i = fma_probe_row_count; i-- > 0;)
        if (fma_probe_rows[i].type == type && fma_probe_rows[i].supported())
            return &fma_probe_rows[i];
    return NULL;
}

void fma_probe_start(enum scalar type, void *state, int values) {
    const double golden = 0.6180339887498949; /* multiples spread evenly over (0, 1) modulo 1 */
    double part = 0;
    for (int i = 0; i < values; i++) {
        part += golden;
        part -= (double)(long)part;
        const double x = 0.1 + 0.85 * part;
        if (type == SCALAR_S)
            ((float *)state)[i] = (float)x;
        else
            ((double *)state)[i] = x;
    }
}
