/* Two loops that most layer operations are a body of: over the elements of an array, and over the
 * rows and columns of a matrix. A body takes several elements at a time where arrays are aligned to
 * 16 bytes: one load of 16 bytes costs what one of 4 does. */
#ifndef FLOPSTEP_KERNELS_CUDA_LAYERS_ELEMENTWISE_CUH
#define FLOPSTEP_KERNELS_CUDA_LAYERS_ELEMENTWISE_CUH

#include <stdint.h>

#include "kernels/cuda/cuda_device.h"
#include "kernels/cuda/launch.h"

/* Calls f(zero of the queue's type). */
template <class F> static inline void by_type(const struct queue *q, F f) {
    if (q->type == SCALAR_S)
        f(0.0F);
    else
        f(0.0);
}

/* N neighbours of an array, moved in as few loads and stores as there can be. */
template <class T, int N> struct alignas(N * sizeof(T) < 16 ? N * sizeof(T) : 16) few { T v[N]; };

template <int N, class T> static inline __device__ few<T, N> load_few(const T *from) {
    return *(const few<T, N> *)(const void *)from;
}
template <int N, class T> static inline __device__ void store_few(T *to, const few<T, N> &values) {
    *(few<T, N> *)(void *)to = values;
}

/* Whether N elements at a time may be moved from there on; NULL may. */
template <int N, class T> static inline bool is_aligned(const T *array) {
    return (uintptr_t)array % alignof(few<T, N>) == 0;
}

/* Elements of 16 bytes. */
template <class T> struct wide_of { static constexpr int count = (int)(16 / sizeof(T)); };

/* Division of numbers that are not negative: the GPU's 64-bit one takes about 100 instructions. */
static inline __device__ long quotient(long a, long b) {
    if ((a | b) >> 32) return a / b;
    return (long)((uint32_t)a / (uint32_t)b);
}

enum { BLOCK_THREADS = 256, MOST_GRID_Y = 65535 };

/* Blocks for that much work: as many as it takes, but no more than a few for each multiprocessor,
 * whose threads then take several pieces each. */
static inline unsigned blocks_for(const struct queue *q, long work, long each) {
    long wanted = (work + each - 1) / each, most = 16L * cuda_state_of(q)->multiprocessors;
    if (wanted > most) wanted = most;
    return (unsigned)(wanted < 1 ? 1 : wanted);
}

/* f.template at<N>(i) for elements i .. i + N - 1: N = F::WIDE for the first `wide` groups. */
template <class F> static __global__ void each_kernel(long count, long wide, F f) {
    long me = (long)blockIdx.x * blockDim.x + threadIdx.x, all = (long)gridDim.x * blockDim.x;
    for (long g = me; g < wide; g += all) f.template at<F::WIDE>(g * F::WIDE);
    for (long i = wide * F::WIDE + me; i < count; i += all) f.template at<1>(i);
}

/* `aligned`: the arrays that f reads and writes can be taken F::WIDE elements at a time. */
template <class F>
static inline void for_each(const struct queue *q, long count, bool aligned, const F &f,
                            const char *what) {
    struct cuda_state *state = cuda_state_of(q);
    if (count <= 0 || state->failed) return;
    long wide = aligned ? count / F::WIDE : 0;
    dim3 grid(blocks_for(q, wide ? wide : count, BLOCK_THREADS)), block(BLOCK_THREADS);
    LAUNCH((each_kernel<F>), grid, block, 0, state->stream, count, wide, f);
    cuda_launched(state, what);
}

/* f.template at<N>(f.row(r), c) for every row r and columns c .. c + N - 1. What is known of a row
 * is computed once for all columns that a thread takes. */
template <class F, int N> static __global__ void rows_kernel(long rows, long columns, F f) {
    long first = ((long)blockIdx.y * blockDim.x + threadIdx.x) * N;
    long step = (long)gridDim.y * blockDim.x * N;
    for (long r = (long)blockIdx.x * blockDim.y + threadIdx.y; r < rows;
         r += (long)gridDim.x * blockDim.y) {
        auto row = f.row(r);
        for (long c = first; c < columns; c += step) f.template at<N>(row, c);
    }
}

template <int N, class F>
static inline void launch_rows(const struct queue *q, long rows, long columns, const F &f,
                               const char *what) {
    struct cuda_state *state = cuda_state_of(q);
    /* As many threads side by side as read whole lines of 128 bytes, and no more: fewer of them
     * idle at the ends of rows, and each takes more columns of its row. Few rows get more. */
    const long pieces = columns / N;
    const unsigned line = N > 1 ? 8 : 32;
    unsigned across = 1;
    while (across < pieces && across < line) across *= 2;
    unsigned down = BLOCK_THREADS / across;
    for (; down / 2 >= rows && across < pieces; down /= 2) across *= 2;
    dim3 block(across, down), grid(blocks_for(q, rows, down));
    /* Few rows: their columns are shared by several blocks. */
    long most = 16L * state->multiprocessors / grid.x, wanted = (pieces + across - 1) / across;
    if (wanted > most) wanted = most;
    if (wanted > MOST_GRID_Y) wanted = MOST_GRID_Y;
    grid.y = (unsigned)(wanted < 1 ? 1 : wanted);
    LAUNCH((rows_kernel<F, N>), grid, block, 0, state->stream, rows, columns, f);
    cuda_launched(state, what);
}

/* `aligned` as above, of arrays whose rows begin at multiples of `columns`. */
template <class F>
static inline void for_rows(const struct queue *q, long rows, long columns, bool aligned,
                            const F &f, const char *what) {
    if (rows <= 0 || columns <= 0 || cuda_state_of(q)->failed) return;
    if (aligned && columns % F::WIDE == 0)
        launch_rows<F::WIDE>(q, rows, columns, f, what);
    else
        launch_rows<1>(q, rows, columns, f, what);
}

#endif
