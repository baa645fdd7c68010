/* The contract of a device: one table of functions. Operands live in its memory, kernels run on it.
 * What is issued to a device runs in the order in which it was issued; a device may run behind. */
#ifndef FLOPSTEP_KERNELS_DEVICE_H
#define FLOPSTEP_KERNELS_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/layers.h"
#include "kernels/scalar.h"

#ifdef __cplusplus
extern "C" {
#endif

struct device_probe;
typedef void (*blas_routine)(void); /* a CBLAS function; each kernel's row knows its real type */

struct device {
    const char *name;   /* "cpu", "cuda", "cuda:1": the `device` column */
    const char *what;   /* for people: model, cores, memory */
    const char *bus_id; /* of a card, "0000:01:00.0"; NULL: none */
    const char
        *library; /* of its BLAS: the `library` column; NULL: any CBLAS, see blas_library.h */
    const char *versions; /* of driver, run time and library, for the provenance; NULL: none */
    bool own_memory;      /* the host cannot look into it, and it must be zeroed before use */
    bool runs_behind;     /* calls return before what they issue has run */
    size_t cache_bytes; /* the last-level cache: what cold operands rotate beyond; 0: the host's */
    int square_extent;  /* of a square product large enough for its full rate */
    void *state;        /* the device's own */

    bool (*has_type)(const struct device *, enum scalar type);
    size_t (*memory_available)(const struct device *); /* bytes that can be allocated now */
    /* NULL where there is not enough memory. Aligned to 64 bytes and more. Host memory: pages
     * untouched, zero; own memory: whatever was there. */
    void *(*allocate)(const struct device *, size_t bytes);
    void (*release)(const struct device *, void *memory, size_t bytes);
    /* Return when it is done, in order with what was issued before. */
    void (*copy_in)(const struct device *, void *device_memory, const void *host_memory,
                    size_t bytes);
    void (*copy_out)(const struct device *, void *host_memory, const void *device_memory,
                     size_t bytes);
    /* Within the device's memory; issued. */
    void (*copy)(const struct device *, void *to, const void *from, size_t bytes);
    void (*zero)(const struct device *, void *memory, size_t bytes);
    void (*synchronise)(const struct device *); /* returns when everything issued has finished */
    /* Makes the calling thread ready to issue to the queue: pins its threads, sets the library's.
     * Called again whenever something else has used the device in between. */
    void (*queue_enter)(struct queue *queue);
    const struct layer_operations *layers;

    /* From here on NULL where the device has none: the CPU runs nothing behind. */

    /* The first error since the device was opened, one line; NULL: none. Of calls that have run, so
     * ask behind synchronise(). After an error the device does nothing any more. */
    const char *(*error)(const struct device *);
    /* Host memory that the device copies from and to at full speed; NULL where there is none. */
    void *(*allocate_pinned)(const struct device *, size_t bytes);
    void (*release_pinned)(const struct device *, void *memory);
    /* Copies that are issued; the host must not touch its memory before synchronise(). */
    void (*issue_copy_in)(const struct device *, void *device_memory, const void *host_memory,
                          size_t bytes);
    void (*issue_copy_out)(const struct device *, void *host_memory, const void *device_memory,
                           size_t bytes);
    /* Points in what was issued. seconds() waits for `to`; NaN after an error. */
    void *(*event_new)(const struct device *);
    void (*event_free)(const struct device *, void *event);
    void (*event_record)(const struct device *, void *event);
    double (*event_seconds)(const struct device *, void *from, void *to);
    /* Streams beside the device's own: what is issued to one runs in order there, at the same time
     * as everything else but for the events that it waits for. NULL stands for the device's own.
     * Host memory is pinned, and not touched before an event behind the copy was reached. */
    void *(*stream_new)(const struct device *);
    void (*stream_free)(const struct device *, void *stream); /* waits for what it has to do */
    void (*stream_copy_in)(const struct device *, void *stream, void *device_memory,
                           const void *host_memory, size_t bytes);
    void (*stream_copy_out)(const struct device *, void *stream, void *host_memory,
                            const void *device_memory, size_t bytes);
    void (*stream_record)(const struct device *, void *stream, void *event);
    void (*stream_wait)(const struct device *, void *stream, void *event);
    /* What the device's own libraries call it (cudaStream_t), after making the device the calling
     * thread's current one. */
    void *(*stream_native)(const struct device *, void *stream);
    /* Whether the device got as far as the event; event_wait returns when it has. Both are true
     * after an error, too. May be called by another thread than the one that issues. */
    bool (*event_reached)(const struct device *, void *event);
    void (*event_wait)(const struct device *, void *event);
    /* Its BLAS as CBLAS routines by name ("cblas_dgemm", "cblas_bf16gemm") on its memory, issued;
     * NULL: it has none of that name. What dot, nrm2 and asum return is not yet known then:
     * blas_result() waits for the latest. */
    blas_routine (*blas)(const struct device *, const char *name);
    double (*blas_result)(const struct device *);
    /* Its ceilings, *count rows. */
    const struct device_probe *(*probes)(const struct device *, size_t *count);
};

/* What the work of a probe counts. */
enum probe_unit { PROBE_FLOPS, PROBE_BYTES, PROBE_SECONDS };
enum probe_memory { PROBE_NO_MEMORY, PROBE_DEVICE_MEMORY, PROBE_PINNED_TOO, PROBE_PAGEABLE_TOO };

/* Measures one ceiling of a device. `run` issues `repetitions` of it on `memory` of `bytes` (the
 * working set; 0 bytes where it needs none) and `host`, pinned or pageable memory as large. */
struct device_probe {
    const char *name; /* "fma", "tensor", "triad", "h2d", "launch": the `probe` column */
    const char *isa;  /* "sm_90", "wmma", …: the `isa` column */
    enum scalar type; /* of the numbers; SCALAR_COUNT: none */
    enum probe_unit unit;
    enum probe_memory needs;
    bool (*supported)(const struct device *);
    /* FLOP, bytes or (of seconds) operations of one repetition. */
    double (*work)(const struct device *, size_t bytes);
    void (*run)(const struct device *, void *memory, void *host, size_t bytes, long repetitions);
};

/* The devices that are always there; NULL behind the last. */
const struct device *const *device_table(void);

/* One of those by name, or NULL. */
const struct device *device_find(const char *name);

/* The CPU. */
extern const struct device cpu_device;

/* The loss at once: waits for the device. *correct as in struct tally. */
static inline double layer_loss(struct queue *q, enum loss loss, long images, long outputs, void *y,
                                const struct loss_targets *targets, void *dy, long *correct) {
    struct tally tally;
    q->device->layers->loss(q, loss, images, outputs, y, targets, dy);
    q->device->layers->tally(q, &tally);
    if (correct) *correct = tally.correct;
    return tally.loss;
}

#ifdef __cplusplus
}
#endif

#endif
