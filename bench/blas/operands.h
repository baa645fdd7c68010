/* The memory of a group's calls of one type on one device: one allocation that holds every operand
 * of every set and lane. Where the host cannot look into it, images on the host beside it. */
#ifndef FLOPSTEP_BENCH_BLAS_OPERANDS_H
#define FLOPSTEP_BENCH_BLAS_OPERANDS_H

#include "bench/blas/blas_options.h"

/* How operands come to a GPU and back: not at all, from memory as malloc gives it, or from memory
 * that the GPU's copy engines reach by themselves. */
enum transfer { TRANSFER_NONE, TRANSFER_PAGEABLE, TRANSFER_PINNED, TRANSFER_COUNT };

/* The `transfer` column: NULL, "pageable", "pinned". */
extern const char *const transfer_names[TRANSFER_COUNT];

struct blas_operands {
    const struct device *device;
    struct blas_call *calls; /* lanes x sets, alike but for their storage */
    size_t lanes;            /* cores that work at once in throughput mode, else 1 */
    size_t sets;  /* cold: so many that a set has left the caches before it is used again; else 1 */
    size_t *next; /* the set each lane uses next */
    size_t bytes; /* of the allocation */
    void *memory;
    struct blas_call shape; /* the call without storage, as planned */
    size_t offset[MAX_OPERANDS], set_bytes;

    /* For a device with memory of its own. */
    struct blas_call image; /* a set on the host: filled and checked there */
    /* Calls with the copies: a set of the device to themselves, and where they copy from and to. */
    struct blas_call transfer[TRANSFER_COUNT];
    void *staging[TRANSFER_COUNT];
    bool with_transfers;
    size_t host_bytes; /* of image and stagings together; 0 where the device is the host */
};

/* Works out shapes and bytes; allocates nothing. False with a reason where the case cannot run. */
bool blas_operands_plan(struct blas_operands *operands, const struct blas_options *options,
                        const struct device *device, const struct blas_shape *shape,
                        enum scalar type, size_t lanes, char *reason, size_t size);

/* False where memory is refused. */
bool blas_operands_allocate(struct blas_operands *operands);

/* The call whose operands the host fills and looks at. */
struct blas_call *blas_operands_host(struct blas_operands *operands);

/* Copies the values of the host's set, or of the first one, to all others and starts all over. */
void blas_operands_copy(struct blas_operands *operands);

/* The same for one lane's first set, before a call that is checked; afterwards the other way. With
 * transfers the operands go through the stagings, and an output comes back through them. */
void blas_operands_load(struct blas_operands *operands, enum transfer transfer);
void blas_operands_fetch(struct blas_operands *operands, enum transfer transfer);

/* Copies what the call reads to the device, calls, and copies what it wrote back, `repetitions`
 * times, each waited for. */
void blas_operands_call_with_transfers(struct blas_operands *operands, enum transfer transfer,
                                       blas_routine routine, long repetitions);

void blas_operands_free(struct blas_operands *operands);

#endif
