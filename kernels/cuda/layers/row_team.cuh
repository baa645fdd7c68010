/* Threads that share a row of a matrix: sums and largest elements of it. Each row has LANES threads
 * side by side, a power of two; what they find is combined in a fixed order, so that the same row
 * gives the same bits. */
#ifndef FLOPSTEP_KERNELS_CUDA_LAYERS_ROW_TEAM_CUH
#define FLOPSTEP_KERNELS_CUDA_LAYERS_ROW_TEAM_CUH

#include <stdint.h>

#include "kernels/cuda/launch.h"

enum { WARP = 32, TEAM_BLOCK = 512, FEW_LANES = 8, MOST_LANES = 256 };

struct sum_op {
    template <class T> __device__ T operator()(T a, T b) const { return a + b; }
};
struct larger_op {
    template <class T> __device__ T operator()(T a, T b) const { return b > a ? b : a; }
};

/* Combines what the LANES threads of each team bring; all of them get the result. Every thread of
 * the block calls it. */
template <int LANES, class T, class Op> static inline __device__ T combine(T value, Op op) {
    for (int distance = LANES < WARP ? LANES / 2 : WARP / 2; distance; distance /= 2)
        value = op(value, __shfl_xor_sync(0xffffffffU, value, distance));
    if constexpr (LANES > WARP) {
        __shared__ T parts[TEAM_BLOCK / WARP];
        __syncthreads(); /* earlier parts are read */
        if (threadIdx.x % WARP == 0) parts[threadIdx.x / WARP] = value;
        __syncthreads();
        int first = (int)threadIdx.x / LANES * (LANES / WARP);
        value = parts[first];
        for (int i = 1; i < LANES / WARP; i++) value = op(value, parts[first + i]);
    }
    return value;
}

/* What one of the team has written to memory before, all of it read behind. */
template <int LANES> static inline __device__ void team_sync() {
    if constexpr (LANES <= WARP)
        __syncwarp();
    else
        __syncthreads();
}

/* Threads that a row of n elements deserves. */
static inline int lanes_for(long n) {
    if (n <= 2 * FEW_LANES) return FEW_LANES;
    return n <= 32 * WARP ? (int)WARP : (int)MOST_LANES;
}

#endif
