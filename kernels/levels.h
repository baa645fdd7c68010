/* The tables of kernel rows, one file for each BLAS level; a row without name ends each. */
#ifndef FLOPSTEP_KERNELS_LEVELS_H
#define FLOPSTEP_KERNELS_LEVELS_H

#include "kernels/kernel.h"

extern const struct kernel blas1_kernels[], blas2_kernels[], blas3_kernels[];

#endif
