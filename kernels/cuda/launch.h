/* How kernels are launched, and where their shared memory comes from: one spelling for nvcc and for
 * the emulation on the host. A template kernel is written in parentheses: LAUNCH((relu<float>),
 * ...). Errors of a launch are asked for with cudaGetLastError(). */
#ifndef FLOPSTEP_KERNELS_CUDA_LAUNCH_H
#define FLOPSTEP_KERNELS_CUDA_LAUNCH_H

#ifdef FLOPSTEP_CUDA_ON_HOST
#include <emulation.h> /* of the tests */

#define LAUNCH(kernel, grid, block, shared_bytes, stream, ...)                                     \
    ::cuda_on_host::launch(#kernel, kernel, grid, block, shared_bytes, stream, __VA_ARGS__)
#define DYNAMIC_SHARED(type, name)                                                                 \
    type *name = static_cast<type *>(::cuda_on_host::dynamic_shared())

#else
#include <cuda_runtime.h>

#define LAUNCH(kernel, grid, block, shared_bytes, stream, ...)                                     \
    kernel<<<grid, block, shared_bytes, stream>>>(__VA_ARGS__)
/* bytes, because an extern array cannot have another type in each instance of a template */
#define DYNAMIC_SHARED(type, name)                                                                 \
    extern __shared__ __align__(16) unsigned char flopstep_dynamic_shared[];                       \
    type *name = reinterpret_cast<type *>(flopstep_dynamic_shared)
#endif

#endif
