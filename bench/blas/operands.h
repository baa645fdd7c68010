/* The memory of a group's calls of one type: one allocation that holds every operand of every set
 * and lane. */
#ifndef FLOPSTEP_BENCH_BLAS_OPERANDS_H
#define FLOPSTEP_BENCH_BLAS_OPERANDS_H

#include "bench/blas/blas_options.h"

struct blas_operands {
    struct blas_call *calls; /* lanes x sets, alike but for their storage */
    size_t lanes;            /* cores that work at once in throughput mode, else 1 */
    size_t sets;  /* cold: so many that a set has left the caches before it is used again; else 1 */
    size_t *next; /* the set each lane uses next */
    size_t bytes; /* of the allocation */
    void *memory;
    struct blas_call shape; /* the call without storage, as planned */
    size_t offset[MAX_OPERANDS], set_bytes;
};

/* Works out shapes and bytes; allocates nothing. False with a reason where the case cannot run. */
bool blas_operands_plan(struct blas_operands *operands, const struct blas_options *options,
                        const struct blas_shape *shape, enum scalar type, size_t lanes,
                        char *reason, size_t size);

/* False where memory is refused. */
bool blas_operands_allocate(struct blas_operands *operands, const struct blas_options *options);

/* Copies the values of the first set to all others and starts all over. */
void blas_operands_copy(struct blas_operands *operands);

void blas_operands_free(struct blas_operands *operands, const struct blas_options *options);

#endif
