/* What the files of the GPU's ceilings share; see docs/ceilings.md. */
#ifndef FLOPSTEP_KERNELS_CUDA_PROBES_H
#define FLOPSTEP_KERNELS_CUDA_PROBES_H

#include "kernels/cuda/cuda_device.h"
#include "kernels/cuda/launch.h"

/* The grid of all probes: a fixed number of resident blocks on each multiprocessor, 1024 threads,
 * which every architecture holds. Kernels promise with __launch_bounds__ that they fit. */
enum { PROBE_THREADS = 256, PROBE_BLOCKS = 4, PROBE_WARPS = PROBE_THREADS / 32 };

static inline unsigned probe_grid(const struct device *device, int blocks) {
    return (unsigned)(cuda_state_of(device)->multiprocessors * blocks);
}

/* Makes the calling thread issue to this device; false after an error. */
static inline bool probe_begin(const struct device *device) {
    struct cuda_state *s = cuda_state_of(device);
    return !s->failed && cuda_check(s, cudaSetDevice(s->index), "choosing the device");
}

/* In place of an `isa`: the device's architecture, "sm_90". */
extern const char probe_architecture[];

/* Rows of each file. */
struct probe_rows {
    const struct device_probe *rows;
    size_t count;
};
struct probe_rows fma_probes(void);
struct probe_rows tensor_probes(void);
struct probe_rows bandwidth_probes(void);
struct probe_rows transfer_probes(void);

/* `supported` of a probe that every device has. */
bool probe_always(const struct device *device);

#endif
