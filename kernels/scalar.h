/* The element types that kernels come in, named by the letter of their BLAS routines. */
#ifndef FLOPSTEP_KERNELS_SCALAR_H
#define FLOPSTEP_KERNELS_SCALAR_H

#include <stdbool.h>
#include <stddef.h>

/* s and d are CBLAS's own, and what networks train in. The others are for the matrix units of GPUs:
 * products of few bits, summed in single precision. Numbers of tf32 lie in memory as singles. */
enum scalar {
    SCALAR_S,
    SCALAR_D,
    SCALAR_H,
    SCALAR_BF16,
    SCALAR_TF32,
    SCALAR_COUNT,
    SCALAR_CPU_COUNT = SCALAR_D + 1 /* s and d alone */
};

/* Bytes of one element. */
static inline size_t scalar_bytes(enum scalar type) {
    static const size_t bytes[SCALAR_COUNT] = {4, 8, 2, 2, 4};
    return bytes[type];
}

/* "s", "d", "h", "bf16", "tf32": how the BLAS routine begins, and the `type` column. */
static inline const char *scalar_letter(enum scalar type) {
    static const char *const letters[SCALAR_COUNT] = {"s", "d", "h", "bf16", "tf32"};
    return letters[type];
}

/* "single" or "double", for people. */
static inline const char *scalar_name(enum scalar type) {
    static const char *const names[SCALAR_COUNT] = {"single", "double", "half", "bfloat16", "tf32"};
    return names[type];
}

/* Unit roundoff times two, the machine epsilon of the type: 2^-23, 2^-52, 2^-10, 2^-7, 2^-10. */
static inline double scalar_epsilon(enum scalar type) {
    static const double epsilons[SCALAR_COUNT] = {1.0 / (1 << 23), 1.0 / (1LL << 52),
                                                  1.0 / (1 << 10), 1.0 / (1 << 7), 1.0 / (1 << 10)};
    return epsilons[type];
}

/* Whether products are of few bits but summed in single precision. */
static inline bool scalar_is_mixed(enum scalar type) { return type >= SCALAR_H; }

/* Of the numbers that are stored as results. */
static inline double scalar_stored_epsilon(enum scalar type) {
    return scalar_epsilon(type == SCALAR_TF32 ? SCALAR_S : type);
}

/* The smallest normal number that is stored; below it errors no longer shrink with the number. 0:
 * too small to matter. */
static inline double scalar_smallest(enum scalar type) {
    return type == SCALAR_H ? 1.0 / (1 << 14) : 0;
}

/* The largest number that is stored, or 0 where no result comes near. */
static inline double scalar_largest(enum scalar type) { return type == SCALAR_H ? 65504 : 0; }

#endif
