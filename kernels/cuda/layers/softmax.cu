/* Rows to probabilities, and their gradient. */
#include <math.h>

#include "kernels/cuda/layers/cuda_layers.h"
#include "kernels/cuda/layers/elementwise.cuh"
#include "kernels/cuda/layers/row_team.cuh"

/* The largest is taken off first, so that no exponential overflows. NaN shows through the sum. */
template <class T, int LANES> static __global__ void softmax_kernel(long rows, long n, T *y) {
    const int teams = TEAM_BLOCK / LANES, lane = (int)threadIdx.x % LANES;
    for (long base = (long)blockIdx.x * teams; base < rows; base += (long)gridDim.x * teams) {
        long row = base + threadIdx.x / LANES, own = row < rows ? n : 0;
        T *at = y + row * n, largest = (T)-INFINITY, sum = 0;
        for (long j = lane; j < own; j += LANES) largest = at[j] > largest ? at[j] : largest;
        largest = combine<LANES>(largest, larger_op());
        for (long j = lane; j < own; j += LANES) {
            at[j] = exp(at[j] - largest);
            sum += at[j];
        }
        T share = 1 / combine<LANES>(sum, sum_op());
        for (long j = lane; j < own; j += LANES) at[j] *= share;
    }
}

template <class T, int LANES>
static __global__ void softmax_back_kernel(long rows, long n, const T *y, T *dy) {
    const int teams = TEAM_BLOCK / LANES, lane = (int)threadIdx.x % LANES;
    for (long base = (long)blockIdx.x * teams; base < rows; base += (long)gridDim.x * teams) {
        long row = base + threadIdx.x / LANES, own = row < rows ? n : 0;
        const T *out = y + row * n;
        T *at = dy + row * n, sum = 0;
        for (long j = lane; j < own; j += LANES) sum += at[j] * out[j];
        sum = combine<LANES>(sum, sum_op());
        for (long j = lane; j < own; j += LANES) at[j] = out[j] * (at[j] - sum);
    }
}

template <class T> static void (*forward_kernel(int lanes))(long, long, T *) {
    if (lanes == FEW_LANES) return softmax_kernel<T, FEW_LANES>;
    return lanes == WARP ? softmax_kernel<T, WARP> : softmax_kernel<T, MOST_LANES>;
}

template <class T> static void (*backward_kernel(int lanes))(long, long, const T *, T *) {
    if (lanes == FEW_LANES) return softmax_back_kernel<T, FEW_LANES>;
    return lanes == WARP ? softmax_back_kernel<T, WARP> : softmax_back_kernel<T, MOST_LANES>;
}

template <class T> static void forward(const struct queue *q, long rows, long n, T *y) {
    int lanes = lanes_for(n);
    dim3 grid(blocks_for(q, rows, TEAM_BLOCK / lanes)), block(TEAM_BLOCK);
    auto kernel = forward_kernel<T>(lanes);
    LAUNCH(kernel, grid, block, 0, cuda_stream(q), rows, n, y);
    cuda_launched(cuda_state_of(q), "softmax forward");
}

template <class T>
static void backward(const struct queue *q, long rows, long n, const T *y, T *dy) {
    int lanes = lanes_for(n);
    dim3 grid(blocks_for(q, rows, TEAM_BLOCK / lanes)), block(TEAM_BLOCK);
    auto kernel = backward_kernel<T>(lanes);
    LAUNCH(kernel, grid, block, 0, cuda_stream(q), rows, n, y, dy);
    cuda_launched(cuda_state_of(q), "softmax backward");
}

void cuda_softmax_forward(struct queue *q, long rows, long n, void *y) {
    if (rows <= 0 || n <= 0 || cuda_state_of(q)->failed) return;
    by_type(q, [&](auto zero) { forward(q, rows, n, (decltype(zero) *)y); });
}

void cuda_softmax_backward(struct queue *q, long rows, long n, const void *y, void *dy) {
    if (rows <= 0 || n <= 0 || cuda_state_of(q)->failed) return;
    by_type(q, [&](auto zero) {
        using T = decltype(zero);
        backward(q, rows, n, (const T *)y, (T *)dy);
    });
}
