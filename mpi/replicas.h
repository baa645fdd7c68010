/* Whether all ranks hold the same network. */
#ifndef FLOPSTEP_MPI_REPLICAS_H
#define FLOPSTEP_MPI_REPLICAS_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/device.h"

/* Compares `bytes` of the device's memory by hash. The lowest rank that differs from rank 0, -1:
 * none, -2: no memory to look. Collective. */
int replicas_first_other(const struct device *device, const void *memory, size_t bytes);

/* Rank 0's bytes become everybody's. False: no memory. Collective. */
bool replicas_broadcast(const struct device *device, void *memory, size_t bytes);

#endif
