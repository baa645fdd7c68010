/* The monitors of the devices that are measured, opened when they are asked for first. */
#ifndef FLOPSTEP_BENCH_HARNESS_GPU_MONITORS_H
#define FLOPSTEP_BENCH_HARNESS_GPU_MONITORS_H

#include "bench/harness/gpu_state.h"
#include "kernels/device.h"

/* The monitor of a device, open until the process ends. NULL for one that is no card, with *reason
 * (may be NULL) NULL, and for a card of which NVML says nothing, with the reason in one line. */
const struct gpu_monitor *gpu_monitor_of(const struct device *device, const char **reason);

#endif
