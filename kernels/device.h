/* The contract of a device: one table of functions. Operands live in its memory, kernels run on it.
 */
#ifndef FLOPSTEP_KERNELS_DEVICE_H
#define FLOPSTEP_KERNELS_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/layers.h"
#include "kernels/scalar.h"

struct device {
    const char *name; /* "cpu": the `device` column */
    const char *what;
    bool (*has_type)(enum scalar type);
    size_t (*memory_available)(void); /* bytes that can be allocated now */
    /* NULL where there is not enough memory. Aligned to 64 bytes and more; pages untouched. */
    void *(*allocate)(size_t bytes);
    void (*release)(void *memory, size_t bytes);
    void (*copy_in)(void *device_memory, const void *host_memory, size_t bytes);
    void (*copy_out)(void *host_memory, const void *device_memory, size_t bytes);
    void (*synchronise)(void); /* returns when everything issued has finished */
    /* Makes the calling thread ready to issue to the queue: pins its threads, sets the library's.
     * Called again whenever something else has used the device in between. */
    void (*queue_enter)(struct queue *queue);
    const struct layer_operations *layers;
};

/* The devices of this build; NULL behind the last. */
const struct device *const *device_table(void);

/* The device of that name, or NULL. */
const struct device *device_find(const char *name);

#endif
