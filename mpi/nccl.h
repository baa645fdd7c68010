/* NCCL, NVIDIA's collectives, opened at run time: libnccl.so.2, or the file that the environment's
 * FLOPSTEP_NCCL names. */
#ifndef FLOPSTEP_MPI_NCCL_H
#define FLOPSTEP_MPI_NCCL_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/device.h"

/* Whether the library loads and no other rank uses this GPU, which NCCL refuses. Collective; the
 * answer is this rank's. */
bool nccl_usable(const struct device *device, char *reason, size_t size);

/* One communicator of all ranks for each device, shared by all who join. NULL with a reason, on all
 * ranks. Collective, behind a nccl_usable() that was true on all. */
struct nccl;
struct nccl *nccl_join(const struct device *device, char *reason, size_t size);
void nccl_leave(struct nccl *nccl);

/* Issues to the stream: numbers [at, at + count) of s or d become their sums over the ranks.
 * NULL, or what went wrong. */
const char *nccl_sum(struct nccl *nccl, void *at, size_t count, enum scalar type, void *stream);

/* "2.27.3"; "" where it does not load. */
const char *nccl_version(void);

#endif
