/* exp, log, tanh, ... of whole vectors: GCC calls the vector versions of glibc's libmvec (wrong by
 * less than 4 units in the last place) in loops over vector_exp_s(x), vector_exp_d(x), ... in
 * functions with CLONES. Where there is no libmvec they are the scalar functions. */
#ifndef FLOPSTEP_KERNELS_CPU_LAYERS_ELEMENTARY_H
#define FLOPSTEP_KERNELS_CPU_LAYERS_ELEMENTARY_H

#include <math.h>

/* Arrays are taken in whole vectors of any instruction set, so that the bits of an element do not
 * depend on where it lies. */
enum { WHOLE = 16 };

/* Another name of the function, so that loops over exp itself stay scalar. */
#define VECTOR_FUNCTION(type, name, symbol)                                                        \
    extern type name(type) __asm__(symbol) __attribute__((simd("notinbranch"), const, nothrow))

#if defined HAVE_VECTOR_EXP && !defined __clang__
VECTOR_FUNCTION(float, vector_exp_s, "expf");
VECTOR_FUNCTION(double, vector_exp_d, "exp");
VECTOR_FUNCTION(double, vector_log_d, "log");
#else
#define vector_exp_s expf
#define vector_exp_d exp
#define vector_log_d log
#endif

#if defined HAVE_VECTOR_TANH && !defined __clang__
VECTOR_FUNCTION(float, vector_tanh_s, "tanhf");
VECTOR_FUNCTION(double, vector_tanh_d, "tanh");
VECTOR_FUNCTION(float, vector_expm1_s, "expm1f");
VECTOR_FUNCTION(double, vector_expm1_d, "expm1");
VECTOR_FUNCTION(double, vector_log1p_d, "log1p");
#else
#define vector_tanh_s  tanhf
#define vector_tanh_d  tanh
#define vector_expm1_s expm1f
#define vector_expm1_d expm1
#define vector_log1p_d log1p
#endif

#endif
