/* What the architectures' probe files share. Private to kernels/probes/fma*.c. */
#ifndef FLOPSTEP_KERNELS_PROBES_FMA_ROWS_H
#define FLOPSTEP_KERNELS_PROBES_FMA_ROWS_H

#include "kernels/probes/fma.h"

extern const struct fma_probe fma_probe_rows[];
extern const size_t fma_probe_row_count;

/* Passes over all accumulators in one iteration, so that the loop's own counter costs nothing. */
#define PASSES 4

#define EACH_12(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11)
#define EACH_15(F) EACH_12(F) F(12) F(13) F(14)
#define EACH_24(F)                                                                                 \
    EACH_12(F)                                                                                     \
    F(12) F(13) F(14) F(15) F(16) F(17) F(18) F(19) F(20) F(21) F(22) F(23)

/* Defines <isa>_<letter>_run from <isa>_<letter>_advance. */
#define DEFINE_RUN(ISA, LETTER, TYPE, VALUE, VALUES)                                               \
    static void ISA##_##LETTER##_run(long iterations) {                                            \
        VALUE state[VALUES];                                                                       \
        fma_probe_start(TYPE, state, VALUES);                                                      \
        fma_##ISA##_##LETTER##_advance(iterations, state);                                         \
    }

#define ROW(ISA, LETTER, TYPE, VALUES)                                                             \
    {                                                                                              \
        .isa = #ISA, .type = TYPE, .flops_per_iteration = 2.0 * PASSES * (VALUES),                 \
        .supported = isa_##ISA, .run = ISA##_##LETTER##_run,                                       \
        .advance = fma_##ISA##_##LETTER##_advance, .values = VALUES                                \
    }

#endif
