/* The element types that kernels come in, named by the letter of their BLAS routines. */
#ifndef FLOPSTEP_KERNELS_SCALAR_H
#define FLOPSTEP_KERNELS_SCALAR_H

#include <stddef.h>

enum scalar { SCALAR_S, SCALAR_D, SCALAR_COUNT };

/* Bytes of one element. */
static inline size_t scalar_bytes(enum scalar type) { return type == SCALAR_S ? 4 : 8; }

/* "s" or "d": the first letter of the BLAS routine, and the `type` column. */
static inline const char *scalar_letter(enum scalar type) { return type == SCALAR_S ? "s" : "d"; }

/* "single" or "double", for people. */
static inline const char *scalar_name(enum scalar type) {
    return type == SCALAR_S ? "single" : "double";
}

/* Unit roundoff times two, the machine epsilon of the type: 2^-23 or 2^-52. */
static inline double scalar_epsilon(enum scalar type) {
    return type == SCALAR_S ? 0x1p-23 : 0x1p-52;
}

#endif
