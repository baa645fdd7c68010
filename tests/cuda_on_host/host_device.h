/* Inside the emulation: what its parts (switches, memory, streams, launches, cuBLAS) share. */
#ifndef FLOPSTEP_CUDA_ON_HOST_HOST_DEVICE_H
#define FLOPSTEP_CUDA_ON_HOST_HOST_DEVICE_H

#include <cuda_runtime.h>

#include <cstddef>
#include <functional>

#ifdef __has_feature /* clang's way to say it */
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

namespace cuda_on_host {

/* FLOPSTEP_EMULATE, read at the first call. */
struct switches {
    int devices = 1;
    size_t memory = (size_t)2 << 30; /* bytes of each device */
    int major = 9, minor = 0;
    bool driver = true, image = true, reverse = false, strict = true, late = false;
    long lost_after = 0, refuse_after = 0, wrong_after = 0; /* 0: never */
};
const switches &options();

/* Prints one line on standard error and aborts. */
[[noreturn]] void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Held by every call: one at a time in the process. */
class call {
  public:
    call();
    ~call();
    call(const call &) = delete;
    call &operator=(const call &) = delete;
};

/* Held while device memory may be touched; outside, it is unreadable (unless not-strict). */
class access : public call {
  public:
    access();
    ~access();
};

/* -- errors -- */

/* Why no call can succeed now: no driver, no device, device lost; cudaSuccess otherwise. */
cudaError_t ready();
/* Remembers an error for cudaGetLastError; gives it back. */
cudaError_t fail(cudaError_t error);
/* The device has met an illegal address: said from the next synchronising call on. */
void lose_device();
/* Whether work still runs: not after the device was lost, known or not. */
bool alive();
/* A synchronising call learns of what went wrong before. */
cudaError_t synchronise();
/* Counts launches (cuBLAS's too) for lost-after; false: this one fails, without running. */
bool count_launch();

/* -- devices -- */
int current_device();
int device_count();

/* -- memory -- */

/* Whether [memory, memory + bytes) lies in one allocation on a device; or in pinned host memory. */
bool is_device(const void *memory, size_t bytes);
bool is_pinned(const void *memory, size_t bytes);
/* What a kernel may touch: both of them. */
bool is_reachable(const void *memory, size_t bytes);
/* Whether it points into the address range of devices, allocated or not. */
bool in_device_range(const void *memory);

/* -- streams -- */
/* Whether the stream is of the current device, as kernels and cuBLAS want it. */
bool stream_fits(cudaStream_t stream);
bool stream_exists(cudaStream_t stream);
bool stream_captures(cudaStream_t stream);
/* Does the work now, or keeps it while the stream captures. */
cudaError_t issue(cudaStream_t stream, std::function<void()> work);
/* With the switch `late`: does what the stream, or every stream, has still to do. */
void run_late(cudaStream_t stream);
void run_late();
/* For calls that CUDA forbids while a stream captures: the error, and the capture is spoilt. */
enum class forbidden { unless_relaxed, always };
cudaError_t forbid_in_capture(forbidden when);
cudaError_t spoil_capture(cudaStream_t stream, cudaError_t error);

} // namespace cuda_on_host

#endif
