/* The two teaching libraries that are built in: the ladder naive -> blocked -> a tuned library. */
#ifndef FLOPSTEP_KERNELS_CPU_BUILTIN_H
#define FLOPSTEP_KERNELS_CPU_BUILTIN_H

#include "kernels/kernel.h"

struct builtin_routine {
    const char *name; /* "cblas_dgemm" */
    blas_routine routine;
};

struct builtin_library {
    const char *name, *what;
    const struct builtin_routine *routines;  /* a row without name ends the table */
    const struct builtin_library *otherwise; /* whose routines fill the gaps, or NULL */
};

extern const struct builtin_library naive_library, blocked_library;

#endif
