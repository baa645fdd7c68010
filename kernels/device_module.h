/* Devices that come as a module, a shared object loaded at run time: the one binary works with and
 * without GPUs. */
#ifndef FLOPSTEP_KERNELS_DEVICE_MODULE_H
#define FLOPSTEP_KERNELS_DEVICE_MODULE_H

#include "kernels/device.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Grows with every change of device.h or layers.h: binary and module must be of one build. */
enum { DEVICE_MODULE_ABI = 2 };

/* What a module exports under the name DEVICE_MODULE_SYMBOL. */
struct device_module {
    unsigned abi;
    size_t device_bytes, operations_bytes; /* sizeof the two tables: a second guard */
    const char *name;                      /* "cuda", "cuda-emulated" */
    const char *built_for;                 /* "CUDA 13.0; sm_75 sm_80 sm_90" */
    /* Number of devices, or -1 with a one-line reason: no driver, one that is too old, no device.
     */
    int (*count)(char *reason, size_t size);
    /* Opens a device; NULL with a reason. A second call gives the same one. */
    const struct device *(*open)(int index, char *reason, size_t size);
    /* Gives all devices back, at the end of the process. */
    void (*close)(void);
};
#define DEVICE_MODULE_SYMBOL "flopstep_device_module"

/* The module of GPUs. It is looked for in the environment variable FLOPSTEP_CUDA_MODULE (a path),
 * beside the binary, and in ../lib/flopstep of an installed one. NULL with a one-line reason. */
const struct device_module *device_module_load(char *reason, size_t size);

/* The device of that name: "cpu", "cuda" (the first), "cuda:1". Opened at the first call. NULL with
 * a one-line reason; *unknown: no device can have that name. */
const struct device *device_open(const char *name, char *reason, size_t size, bool *unknown);

/* How many devices the module has; 0 with the reason. */
int device_module_count(char *reason, size_t size);

/* Gives back what was opened. */
void device_close_all(void);

#ifdef __cplusplus
}
#endif

#endif
