/* The first line of every result: which machine, which binary, which libraries, asked for how. */
#ifndef FLOPSTEP_BENCH_HARNESS_PROVENANCE_H
#define FLOPSTEP_BENCH_HARNESS_PROVENANCE_H

#include <jansson.h>

#include "kernels/cpu/blas_library.h"

/* A new object. What the system does not say is null. */
json_t *provenance_new(int argc, char **argv);

/* Adds the library to "blas". */
void provenance_add_library(json_t *provenance, const struct blas_library *library);

/* Adds a device that is not the processor to "devices"; the CPU adds nothing. */
void provenance_add_device(json_t *provenance, const struct device *device);

/* Adds "affinity": where each thread of a pinned team of that many really may run, as measured. */
void provenance_add_affinity(json_t *provenance, int threads);

/* The processor's model name, e.g. "AMD EPYC"; "unknown" where the system does not say. */
const char *provenance_cpu_model(void);

/* Why rates may be lower than this machine could deliver: settings in the environment that hold a
 * library back. NULL-terminated array of lines, made once. */
const char *const *provenance_warnings(void);

#endif
