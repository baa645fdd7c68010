/* Sums of columns: the gradient by biases. Rows can be many (a convolution has one for each pixel)
 * and columns few, so parts of the rows are summed by different blocks, and then their sums. Each
 * sum has a fixed order. */
#include "kernels/cuda/layers/cuda_layers.h"
#include "kernels/cuda/layers/elementwise.cuh"

/* Block (x, y) sums rows [begin, end) of part y and the columns of tile x into sums[y][columns].
 * `width` threads lie side by side over columns, `depth` (a power of two) share the rows. */
template <class T>
static __global__ void sum_rows_kernel(long rows, long columns, long parts, int width, int depth,
                                       bool add, const T *dy, T *sums) {
    __shared__ T found[BLOCK_THREADS];
    const int column = (int)threadIdx.x % width, share = (int)threadIdx.x / width;
    const long c = (long)blockIdx.x * width + column, part = blockIdx.y;
    const bool there = share < depth && c < columns;
    const long begin = rows * part / parts, end = rows * (part + 1) / parts;
    T sum = 0;
    for (long r = begin + share; there && r < end; r += depth) sum += dy[r * columns + c];
    found[threadIdx.x] = sum;
    for (int half = depth / 2; half; half /= 2) {
        __syncthreads();
        if (share < half) found[threadIdx.x] += found[threadIdx.x + half * width];
    }
    if (there && share == 0)
        sums[part * columns + c] = found[column] + (add ? sums[part * columns + c] : 0);
}

template <class T>
static void sum_rows(const struct queue *q, long rows, long columns, const T *dy, bool add, T *db) {
    enum { MOST_WIDTH = 32, LEAST_ROWS = 16 }; /* rows of a thread that make a part worth while */
    struct cuda_state *state = cuda_state_of(q);
    int width = columns < MOST_WIDTH ? (int)columns : (int)MOST_WIDTH, depth = 1;
    while (2 * depth * width <= BLOCK_THREADS) depth *= 2;
    long tiles = (columns + width - 1) / width, parts = rows / ((long)LEAST_ROWS * depth);
    long most = 4L * state->multiprocessors / tiles;
    long fit = (long)(state->workspace_bytes / sizeof(T)) / columns;
    if (parts > most) parts = most;
    if (parts > fit) parts = fit;
    if (parts < 1) parts = 1;
    T *sums = parts > 1 ? (T *)state->workspace : db;
    dim3 grid((unsigned)tiles, (unsigned)parts), block(BLOCK_THREADS);
    LAUNCH((sum_rows_kernel<T>), grid, block, 0, state->stream, rows, columns, parts, width, depth,
           add && parts == 1, dy, sums);
    cuda_launched(state, "sum of a gradient");
    if (parts == 1) return;
    LAUNCH((sum_rows_kernel<T>), dim3((unsigned)tiles), block, 0, state->stream, parts, columns, 1L,
           width, depth, add, (const T *)sums, db);
    cuda_launched(state, "sum of a gradient's parts");
}

void cuda_sum_rows(const struct queue *q, long rows, long columns, const void *dy, bool add,
                   void *db) {
    if (columns <= 0 || cuda_state_of(q)->failed) return;
    by_type(q, [&](auto zero) {
        using T = decltype(zero);
        sum_rows(q, rows, columns, (const T *)dy, add, (T *)db);
    });
}
