/* What the device side of CUDA C++ has and C++ has not, for kernels that run on the host: the
 * thread's indices, barriers, shuffles, atomics, a few intrinsics, and launches. Works with our own
 * headers (include/) and with NVIDIA's. */
#ifndef FLOPSTEP_CUDA_ON_HOST_EMULATION_H
#define FLOPSTEP_CUDA_ON_HOST_EMULATION_H

#include <cuda_runtime.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

/* One launch runs at a time, its blocks one after another, so a block's static shared memory is
 * a static variable. */
#undef __shared__
#define __shared__ static
#undef __launch_bounds__
#define __launch_bounds__(...)

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;

namespace cuda_on_host {

/* Runs body once for each thread of the grid, now or when the graph that `stream` is capturing is
 * launched. */
void launch_threads(const char *kernel, dim3 grid, dim3 block, size_t shared_bytes,
                    cudaStream_t stream, std::function<void()> body);

/* Ends the process where the argument, taken as words, holds an address of the host's memory: on a
 * GPU a kernel that read it would fail. */
void refuse_host_addresses(const char *kernel, const void *argument, size_t bytes);

/* Padding may hold anything, so only types without any are looked at. */
template <class T> void look_at(const char *kernel, const T &argument) {
    if constexpr (std::has_unique_object_representations<T>::value)
        refuse_host_addresses(kernel, &argument, sizeof argument);
}

/* kernel<<<grid, block, shared_bytes, stream>>>(arguments): they are copied here, as CUDA does. */
template <class... P, class... A>
void launch(const char *name, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes,
            cudaStream_t stream, A &&...arguments) {
    static_assert(!(std::is_reference<P>::value || ...), "a kernel takes no references");
    std::tuple<P...> captured(static_cast<P>(std::forward<A>(arguments))...);
    std::apply([name](const P &...p) { (look_at(name, p), ...); }, captured);
    launch_threads(name, grid, block, shared_bytes, stream,
                   [kernel, captured] { std::apply(kernel, captured); });
}

void *dynamic_shared();
void block_barrier();
/* Waits for the lanes in mask. Gives the value of lane `source` (any pattern where that lane takes
 * no part); *votes has a bit for each lane whose vote was true. */
uint64_t warp_exchange(unsigned mask, uint64_t value, int source, bool vote, unsigned *votes,
                       const char *operation);
int lane();

template <class T> T shuffle(unsigned mask, T value, int source, const char *operation) {
    static_assert(sizeof(T) <= sizeof(uint64_t) && std::is_trivially_copyable<T>::value,
                  "shuffles move numbers");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    unsigned votes;
    bits = warp_exchange(mask, bits, source, false, &votes, operation);
    memcpy(&value, &bits, sizeof value);
    return value;
}

} // namespace cuda_on_host

static inline void __syncthreads() { ::cuda_on_host::block_barrier(); }
static inline void __syncwarp(unsigned mask = 0xffffffffu) {
    unsigned votes;
    ::cuda_on_host::warp_exchange(mask, 0, ::cuda_on_host::lane(), false, &votes, "__syncwarp");
}
static inline unsigned __ballot_sync(unsigned mask, int predicate) {
    unsigned votes;
    ::cuda_on_host::warp_exchange(mask, 0, ::cuda_on_host::lane(), predicate != 0, &votes,
                                  "__ballot_sync");
    return votes;
}
static inline int __any_sync(unsigned mask, int predicate) {
    return __ballot_sync(mask, predicate) != 0;
}
static inline int __all_sync(unsigned mask, int predicate) {
    return __ballot_sync(mask, !predicate) == 0;
}

/* Shuffles among groups of `width` lanes; a lane that would read beyond its group gets its own
 * value (CUDA C++ Programming Guide, Warp Shuffle Functions). */
template <class T>
static inline T __shfl_sync(unsigned mask, T value, int source, int width = warpSize) {
    int lane = ::cuda_on_host::lane();
    return ::cuda_on_host::shuffle(mask, value, (lane & ~(width - 1)) | (source & (width - 1)),
                                   "__shfl_sync");
}
template <class T>
static inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize) {
    int lane = ::cuda_on_host::lane();
    bool inside = (unsigned)(lane & (width - 1)) + delta < (unsigned)width;
    return ::cuda_on_host::shuffle(mask, value, inside ? lane + (int)delta : lane,
                                   "__shfl_down_sync");
}
template <class T>
static inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize) {
    int lane = ::cuda_on_host::lane();
    bool inside = (unsigned)(lane & (width - 1)) >= delta;
    return ::cuda_on_host::shuffle(mask, value, inside ? lane - (int)delta : lane,
                                   "__shfl_up_sync");
}
template <class T>
static inline T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = warpSize) {
    int lane = ::cuda_on_host::lane(), source = lane ^ lane_mask;
    bool inside = source <= (lane | (width - 1)) && source < warpSize;
    return ::cuda_on_host::shuffle(mask, value, inside ? source : lane, "__shfl_xor_sync");
}

/* A thread runs until it waits, so plain code is atomic. */
#define FLOPSTEP_ATOMICS(T)                                                                        \
    static inline T atomicAdd(T *at, T value) {                                                    \
        T old = *at;                                                                               \
        *at = old + value;                                                                         \
        return old;                                                                                \
    }                                                                                              \
    static inline T atomicExch(T *at, T value) {                                                   \
        T old = *at;                                                                               \
        *at = value;                                                                               \
        return old;                                                                                \
    }
#define FLOPSTEP_INTEGER_ATOMICS(T)                                                                \
    FLOPSTEP_ATOMICS(T)                                                                            \
    static inline T atomicMax(T *at, T value) {                                                    \
        T old = *at;                                                                               \
        *at = old > value ? old : value;                                                           \
        return old;                                                                                \
    }                                                                                              \
    static inline T atomicCAS(T *at, T expected, T value) {                                        \
        T old = *at;                                                                               \
        *at = old == expected ? value : old;                                                       \
        return old;                                                                                \
    }
FLOPSTEP_ATOMICS(float)
FLOPSTEP_ATOMICS(double)
FLOPSTEP_INTEGER_ATOMICS(int)
FLOPSTEP_INTEGER_ATOMICS(unsigned)
FLOPSTEP_INTEGER_ATOMICS(unsigned long long)
#undef FLOPSTEP_INTEGER_ATOMICS
#undef FLOPSTEP_ATOMICS

static inline void __threadfence() {}
static inline void __threadfence_block() {}
template <class T> static inline T __ldg(const T *at) { return *at; }

/* CUDA has these in the global namespace for all arithmetic types. */
template <class A, class B> static inline std::common_type_t<A, B> min(A a, B b) {
    return b < a ? b : a;
}
template <class A, class B> static inline std::common_type_t<A, B> max(A a, B b) {
    return a < b ? b : a;
}
static inline float rsqrtf(float x) { return 1 / std::sqrt(x); }
static inline double rsqrt(double x) { return 1 / std::sqrt(x); }
#define __expf(x) expf(x) /* glibc declares functions of these names */
#define __logf(x) logf(x)
static inline float __fdividef(float x, float y) { return x / y; }
static inline float __fmaf_rn(float x, float y, float z) { return std::fma(x, y, z); }
static inline double __fma_rn(double x, double y, double z) { return std::fma(x, y, z); }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
static inline unsigned __umulhi(unsigned x, unsigned y) {
    return (unsigned)((unsigned long long)x * y >> 32);
}
static inline int __float_as_int(float x) {
    int bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
static inline unsigned __float_as_uint(float x) {
    unsigned bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
static inline float __int_as_float(int bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static inline float __uint_as_float(unsigned bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

#endif
