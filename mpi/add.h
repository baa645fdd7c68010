/* Sums of two arrays in this rank's memory: what an allreduce computes. */
#ifndef FLOPSTEP_MPI_ADD_H
#define FLOPSTEP_MPI_ADD_H

#include <stddef.h>

#include "kernels/scalar.h"

/* to[i] = a[i] + b[i] of `count` numbers of s or d; to overlaps neither. */
void add_arrays(enum scalar type, void *to, const void *a, const void *b, size_t count);

/* to[i] += a[i]; they do not overlap. */
void add_into(enum scalar type, void *to, const void *a, size_t count);

#endif
