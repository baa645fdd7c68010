#ifndef FLOPSTEP_KERNELS_CPU_CPU_DEVICE_H
#define FLOPSTEP_KERNELS_CPU_CPU_DEVICE_H

#include "kernels/device.h"

extern const struct device cpu_device;

#endif
