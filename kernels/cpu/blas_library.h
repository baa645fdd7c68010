/* CBLAS libraries side by side in one process, loaded at run time by name or path. The binary links
 * none of them. */
#ifndef FLOPSTEP_KERNELS_CPU_BLAS_LIBRARY_H
#define FLOPSTEP_KERNELS_CPU_BLAS_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/kernel.h"

enum { BLAS_LIBRARY_TEXT = 256 };

struct blas_library {
    char name[64];                   /* "openblas-openmp": the `library` column */
    char path[BLAS_LIBRARY_TEXT];    /* the file, or "built in" */
    char version[BLAS_LIBRARY_TEXT]; /* what it says of itself; "" where it says nothing */
    char configuration[BLAS_LIBRARY_TEXT];
    char thread_control[64]; /* the call that sets its threads; "none" where it has none */
    void *handle;            /* of dlopen; NULL for built-in ones */
    const struct builtin_library *builtin;
    const struct thread_control *control;
    void (*set_omp_threads)(int); /* of the OpenMP runtime that the library uses, or NULL */
    int *workers, worker_count;   /* threads that it started itself, by Linux id */
    int *known, known_count;      /* threads of the process when last noted */
};

/* Opens a library by alias ("openblas", "blis", …), path or file name. NULL with a one-line reason
 * in error. The first library must be opened before the process is pinned, since threads that a
 * library starts inherit its mask. */
struct blas_library *blas_library_open(const char *name, char *error, size_t size);
void blas_library_close(struct blas_library *library);

/* The CBLAS routine of a kernel, e.g. cblas_daxpy, or NULL where the library or the kernel lacks
 * it.
 */
blas_routine blas_library_routine(const struct blas_library *library, const struct kernel *kernel,
                                  enum scalar type);

/* Makes the next calls from this thread use that many threads. False where the library cannot:
 * one that has no thread control runs on one thread. */
bool blas_library_set_threads(const struct blas_library *library, int threads);

/* Pins the library's own threads, one a core; the calling thread has core 0. Returns 0, or -1 where
 * the system does not permit it. */
int blas_library_pin_workers(const struct blas_library *library);

/* Around a library's first call: threads that appear between the two are its own and are pinned.
 * adopt returns what pin_workers does. */
void blas_library_note_threads(struct blas_library *library);
int blas_library_adopt_threads(struct blas_library *library);

/* Alias names with what they stand for, for `list` and messages. NULL-terminated. */
struct blas_alias {
    const char *name, *what;
    const char *const *candidates; /* paths (may hold *) or file names, in order; NULL-terminated */
};
const struct blas_alias *blas_library_aliases(void);

/* The alias of the default: the first OpenBLAS that is there. */
#define BLAS_LIBRARY_DEFAULT "openblas"

#endif
