/* The emulation itself: kernels, memory, streams, graphs, the libraries, and every fault. Each case
 * runs in a process of its own, with its own FLOPSTEP_EMULATE. */
#include "kernels/cuda/launch.h"

#include <cublasLt.h>
#include <cublas_v2.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

static void check_failed(const char *file, int line, const char *what) {
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
    exit(1);
}
#define CHECK(condition) ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))
#define GIVES(error, call)                                                                         \
    do {                                                                                           \
        cudaError_t got = (call);                                                                  \
        if (got != (error)) {                                                                      \
            fprintf(stderr, "%s:%d: %s gives %s\n", __FILE__, __LINE__, #call,                     \
                    cudaGetErrorName(got));                                                        \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)
#define OK(call) GIVES(cudaSuccess, call)

/* -- helpers -- */

template <class T> static T *on_device(const std::vector<T> &values) {
    T *memory;
    OK(cudaMalloc(&memory, values.size() * sizeof(T)));
    OK(cudaMemcpy(memory, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice));
    return memory;
}
template <class T> static std::vector<T> on_host(const T *memory, size_t n) {
    std::vector<T> values(n);
    OK(cudaMemcpy(values.data(), memory, n * sizeof(T), cudaMemcpyDeviceToHost));
    return values;
}
template <class T> static std::vector<T> numbers(size_t n, unsigned seed = 1) {
    std::vector<T> x(n);
    for (T &v : x) seed = seed * 1664525u + 1013904223u, v = (T)((int)(seed >> 24) - 128) / 64;
    return x;
}
static cudaStream_t new_stream() {
    cudaStream_t stream;
    OK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    return stream;
}

/* -- kernels -- */

__global__ void add_one(float *x, int n) {
    int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < n) x[i] += 1;
}

template <class T> __global__ void sum_blocks(const T *x, int n, T *sums) {
    DYNAMIC_SHARED(T, part);
    unsigned t = threadIdx.x, i = blockIdx.x * blockDim.x + t;
    part[t] = i < (unsigned)n ? x[i] : 0;
    __syncthreads();
    for (unsigned half = blockDim.x / 2; half; half /= 2) {
        if (t < half) part[t] += part[t + half];
        __syncthreads();
    }
    if (!t) sums[blockIdx.x] = part[0];
}

__global__ void shuffles(int *xor_sum, int *down, int *up, int *from, unsigned *ballot) {
    unsigned t = threadIdx.x;
    int sum = (int)t;
    for (int step = 16; step; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
    xor_sum[t] = sum;
    down[t] = __shfl_down_sync(0xffffffffu, (int)t, 3);
    up[t] = __shfl_up_sync(0xffffffffu, (int)t, 1, 8);
    from[t] = __shfl_sync(0xffffffffu, (int)t, 2, 16);
    ballot[t] = __ballot_sync(0xffffffffu, t % 3 == 0);
    __syncwarp();
    /* half of the warp alone */
    if (t % 32 < 16) xor_sum[t] += __shfl_xor_sync(0x0000ffffu, 0 * sum, 8);
}

__global__ void transpose(const float *a, float *b, int m, int n) {
    __shared__ float tile[16][17];
    int x = (int)(blockIdx.x * 16 + threadIdx.x), y = (int)(blockIdx.y * 16 + threadIdx.y);
    if (x < n && y < m) tile[threadIdx.y][threadIdx.x] = a[y * n + x];
    __syncthreads();
    x = (int)(blockIdx.y * 16 + threadIdx.x), y = (int)(blockIdx.x * 16 + threadIdx.y);
    if (x < m && y < n) b[y * m + x] = tile[threadIdx.x][threadIdx.y];
}

__global__ void to_half(const float *x, __half *h, __nv_bfloat16 *b, int n) {
    int i = (int)threadIdx.x;
    if (i < n) h[i] = __float2half(x[i]), b[i] = __float2bfloat16(x[i]);
}

__global__ void left_behind(int *x) {
    if (threadIdx.x == 2) return;
    __syncthreads();
    x[threadIdx.x] = 1;
}

__global__ void split_warp(int *x) {
    if (threadIdx.x < 16)
        x[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 1, 1);
    else
        __syncthreads();
}

/* Wrong on purpose: a barrier is missing between writing and reading. */
__global__ void neighbour_without_barrier(int *x, int step) {
    DYNAMIC_SHARED(int, value);
    value[threadIdx.x] = (int)threadIdx.x;
    x[threadIdx.x] = value[(threadIdx.x + (unsigned)step) % blockDim.x];
}

__global__ void indices(unsigned *seen) {
    unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
    unsigned at = block * blockDim.x * blockDim.y * blockDim.z + thread;
    atomicAdd(&seen[at], at + 1);
}

__global__ void count_all(int *counter) { atomicAdd(counter, 1); }

__global__ void beyond(float *x, int n) { x[n] = 0; }

/* -- kernels run -- */

template <class T> static void sums_of_type() {
    std::vector<T> x = numbers<T>(1000);
    T *in = on_device(x), *out;
    OK(cudaMalloc(&out, 4 * sizeof(T)));
    LAUNCH((sum_blocks<T>), 4, 256, 256 * sizeof(T), nullptr, in, 1000, out);
    OK(cudaGetLastError());
    std::vector<T> sums = on_host(out, 4);
    for (size_t b = 0; b < 4; b++) {
        T expected = 0;
        for (size_t i = 256 * b; i < 256 * b + 256 && i < 1000; i++) expected += x[i];
        CHECK(sums[b] == expected); /* exact: multiples of 1/64 */
    }
    OK(cudaFree(in));
    OK(cudaFree(out));
}

static void reductions() {
    sums_of_type<float>();
    sums_of_type<double>();
}

static void shuffling() {
    int *r[4];
    unsigned *ballot;
    for (int *&x : r) OK(cudaMalloc(&x, 64 * sizeof(int)));
    OK(cudaMalloc(&ballot, 64 * sizeof(unsigned)));
    LAUNCH(shuffles, 1, 64, 0, nullptr, r[0], r[1], r[2], r[3], ballot);
    OK(cudaDeviceSynchronize());
    std::vector<int> sum = on_host(r[0], 64), down = on_host(r[1], 64), up = on_host(r[2], 64),
                     from = on_host(r[3], 64);
    std::vector<unsigned> votes = on_host(ballot, 64);
    for (int t = 0; t < 64; t++) {
        size_t i = (size_t)t;
        CHECK(sum[i] == (t < 32 ? 496 : 496 + 32 * 32));
        CHECK(down[i] == (t % 32 + 3 < 32 ? t + 3 : t));
        CHECK(up[i] == (t % 8 ? t - 1 : t));
        CHECK(from[i] == t / 16 * 16 + 2);
        unsigned expected = 0;
        for (unsigned l = 0; l < 32; l++)
            expected |= (unsigned)((l + (unsigned)t / 32 * 32) % 3 == 0) << l;
        CHECK(votes[i] == expected);
    }
    for (int *x : r) OK(cudaFree(x));
    OK(cudaFree(ballot));
}

static void transposition() {
    const int m = 50, n = 37;
    std::vector<float> a = numbers<float>(m * n);
    float *in = on_device(a), *out;
    OK(cudaMalloc(&out, sizeof(float) * m * n));
    LAUNCH(transpose, dim3(3, 4), dim3(16, 16), 0, nullptr, in, out, m, n);
    std::vector<float> b = on_host(out, m * n);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) CHECK(b[j * m + i] == a[i * n + j]);
    OK(cudaFree(in));
    OK(cudaFree(out));
}

static void narrow_types() {
    struct {
        float from, half, bf16;
    } table[] = {
        {1, 1, 1},
        {-0.0f, -0.0f, -0.0f},
        {65504, 65504, 65536},
        {65519.996f, 65504, 65536},
        {65520, INFINITY, 65536},
        {1 + 1.0f / 2048, 1, 1}, /* ties to even */
        {1 + 3.0f / 2048, 1 + 2.0f / 1024, 1},
        {0x1p-24f, 0x1p-24f, 0x1p-24f},
        {0x1p-25f, 0, 0x1p-25f},
        {0x1.8p-24f, 0x1p-23f, 0x1.8p-24f},
        {-3.14159265f, -3.140625f, -3.140625f},
        {INFINITY, INFINITY, INFINITY},
        {3.4e38f, INFINITY, INFINITY}, /* nearer to 2^128 than to the largest bf16 */
    };
    const int n = sizeof table / sizeof *table;
    std::vector<float> x;
    for (auto &row : table) x.push_back(row.from);
    float *in = on_device(x);
    __half *h;
    __nv_bfloat16 *b;
    OK(cudaMalloc(&h, n * sizeof *h));
    OK(cudaMalloc(&b, n * sizeof *b));
    LAUNCH(to_half, 1, 32, 0, nullptr, in, h, b, n);
    std::vector<__half> halves = on_host(h, n);
    std::vector<__nv_bfloat16> bf16s = on_host(b, n);
    for (size_t i = 0; i < n; i++) {
        float got = __half2float(halves[i]), brain = __bfloat162float(bf16s[i]);
        CHECK(got == table[i].half && std::signbit(got) == std::signbit(table[i].half));
        CHECK(brain == table[i].bf16);
    }
    CHECK(std::isnan(__half2float(__float2half(NAN))));
    CHECK(std::isnan(__bfloat162float(__float2bfloat16(NAN))));
    for (unsigned bits = 0; bits < 65536; bits++) { /* each comes back as it was */
        unsigned short pattern = (unsigned short)bits, back;
        __half value, again;
        memcpy((void *)&value, &pattern, 2);
        again = __float2half(__half2float(value));
        memcpy(&back, &again, 2);
        CHECK(back == pattern || std::isnan(__half2float(value)));
    }
    OK(cudaFree(in));
    OK(cudaFree(h));
    OK(cudaFree(b));
}

static void all_indices() {
    std::vector<unsigned> zero(2 * 3 * 4 * 5 * 6 * 7);
    unsigned *seen = on_device(zero);
    LAUNCH(indices, dim3(2, 3, 4), dim3(5, 6, 7), 0, nullptr, seen);
    std::vector<unsigned> got = on_host(seen, zero.size());
    for (unsigned i = 0; i < got.size(); i++) CHECK(got[i] == i + 1);
    OK(cudaFree(seen));
}

static void launch_limits() {
    int *x;
    OK(cudaMalloc(&x, sizeof *x));
    struct {
        dim3 grid, block;
        size_t shared;
        cudaError_t error;
    } table[] = {
        {1, 1025, 0, cudaErrorInvalidConfiguration},
        {1, dim3(32, 33), 0, cudaErrorInvalidConfiguration},
        {1, dim3(1, 1, 65), 0, cudaErrorInvalidConfiguration},
        {0, 1, 0, cudaErrorInvalidConfiguration},
        {1, 0, 0, cudaErrorInvalidConfiguration},
        {dim3(1, 65536), 1, 0, cudaErrorInvalidConfiguration},
        {1, 1, (48 << 10) + 1, cudaErrorInvalidValue},
        {dim3(1, 65535), 1, 48 << 10, cudaSuccess},
    };
    for (auto &row : table) {
        LAUNCH(count_all, row.grid, row.block, row.shared, nullptr, x);
        GIVES(row.error, cudaPeekAtLastError());
        GIVES(row.error, cudaGetLastError());
        OK(cudaGetLastError());
    }
    OK(cudaFree(x));
}

static void barrier_not_reached() {
    int *x;
    OK(cudaMalloc(&x, 64 * sizeof *x));
    LAUNCH(left_behind, 1, 64, 0, nullptr, x);
}

static void warp_not_whole() {
    int *x;
    OK(cudaMalloc(&x, 64 * sizeof *x));
    LAUNCH(split_warp, 1, 32, 0, nullptr, x);
}

/* In order, thread t sees what threads before it wrote; in reverse order, what comes behind. */
static void race(int step) {
    int *x;
    OK(cudaMalloc(&x, 8 * sizeof *x));
    LAUNCH(neighbour_without_barrier, 1, 8, 8 * sizeof(int), nullptr, x, step);
    std::vector<int> got = on_host(x, 8);
    int missed = 0;
    for (int t = 0; t < 8; t++) missed += got[(size_t)t] != (t + step) % 8;
    CHECK(missed == 7); /* shared memory began as -1 */
    OK(cudaFree(x));
}
static void race_seen_in_order() { race(1); }
static void race_seen_in_reverse() { race(7); }

/* -- memory -- */

static void memory_rules() {
    size_t available, total;
    OK(cudaMemGetInfo(&available, &total));
    CHECK(total == 64 << 20 && available == total);
    float *a, *b, *none;
    OK(cudaMalloc(&a, 1000));
    OK(cudaMalloc(&b, 1000));
    CHECK((size_t)a % 256 == 0 && (size_t)b % 256 == 0);
    OK(cudaMemGetInfo(&available, &total));
    CHECK(available < total);
    for (float v : on_host(a, 250)) CHECK(std::isnan(v));
    GIVES(cudaErrorMemoryAllocation, cudaMalloc(&none, 65 << 20));
    CHECK(!none);
    GIVES(cudaErrorMemoryAllocation, cudaGetLastError());

    float host[250] = {};
    OK(cudaMemcpy(a, host, 1000, cudaMemcpyHostToDevice));
    OK(cudaMemcpy(b, a, 1000, cudaMemcpyDeviceToDevice));
    OK(cudaMemcpy(host, b, 1000, cudaMemcpyDefault));
    CHECK(host[249] == 0);
    GIVES(cudaErrorInvalidValue, cudaMemcpy(a, host, 1004, cudaMemcpyHostToDevice));
    GIVES(cudaErrorInvalidValue, cudaMemcpy(a + 1, host, 1000, cudaMemcpyHostToDevice));
    GIVES(cudaErrorInvalidValue, cudaMemcpy(host, host, 4, cudaMemcpyHostToDevice));
    GIVES(cudaErrorInvalidValue, cudaMemcpy(host, a, 4, cudaMemcpyHostToDevice));
    GIVES(cudaErrorInvalidValue, cudaMemcpy(a, host, 4, cudaMemcpyDeviceToHost));
    GIVES(cudaErrorInvalidMemcpyDirection, cudaMemcpy(a, host, 4, (cudaMemcpyKind)5));
    GIVES(cudaErrorInvalidValue, cudaFree(a + 1));
    GIVES(cudaErrorInvalidValue, cudaMemsetAsync(a, 0, 1001, nullptr));
    OK(cudaMemsetAsync(a, 0, 1000, nullptr));
    CHECK(on_host(a, 250)[100] == 0);
    OK(cudaFree(a));
    GIVES(cudaErrorInvalidValue, cudaFree(a));
    OK(cudaFree(nullptr));
    OK(cudaFree(b));
    OK(cudaMemGetInfo(&available, &total));
    CHECK(available == total);

    float *pinned, *seen;
    OK(cudaHostAlloc(&pinned, 64, cudaHostAllocMapped));
    OK(cudaHostGetDevicePointer((void **)&seen, pinned, 0));
    pinned[0] = 1;
    LAUNCH(add_one, 1, 1, 0, nullptr, seen, 1);
    OK(cudaDeviceSynchronize());
    CHECK(pinned[0] == 2);
    GIVES(cudaErrorInvalidValue, cudaHostGetDevicePointer((void **)&seen, host, 0));
    OK(cudaFreeHost(pinned));
    GIVES(cudaErrorInvalidValue, cudaFreeHost(pinned));
}

static void many_blocks() {
    std::vector<char *> kept;
    for (int round = 0; round < 200; round++) {
        char *x;
        OK(cudaMalloc(&x, (size_t)(round * 977 % 5000 + 1)));
        kept.push_back(x);
        if (round % 3 == 2) {
            OK(cudaFree(kept[kept.size() / 2]));
            kept.erase(kept.begin() + (long)kept.size() / 2);
        }
    }
    for (char *x : kept) OK(cudaFree(x));
    size_t available, total;
    OK(cudaMemGetInfo(&available, &total));
    CHECK(available == total);
}

static float *touched() {
    float *x;
    OK(cudaMalloc(&x, 4096));
    return x;
}
static void host_reads_device() { fprintf(stderr, "%g\n", (double)*(volatile float *)touched()); }
static void host_writes_device() { *(volatile float *)touched() = 1; }
static void host_may_touch() { *(volatile float *)touched() = 1; }
static void kernel_overruns() {
    float *x = touched();
    LAUNCH(beyond, 1, 1, 0, nullptr, x, 1 << 20);
}

#ifdef __SANITIZE_ADDRESS__
static void kernel_overruns_by_one() {
    float *x = touched();
    LAUNCH(beyond, 1, 1, 0, nullptr, x, 1024);
}
#endif

/* -- streams and graphs -- */

/* One stream waits for another one's event. */
static void stream_waits() {
    cudaStream_t one = new_stream(), two = new_stream();
    cudaEvent_t event, never;
    OK(cudaEventCreate(&event));
    OK(cudaEventCreate(&never));
    std::vector<float> x(100);
    float *d = on_device(x), *pinned;
    OK(cudaMallocHost((void **)&pinned, 400));
    LAUNCH(add_one, 1, 128, 0, one, d, 100);
    OK(cudaEventRecord(event, one));
    OK(cudaStreamWaitEvent(two, event, 0));
    OK(cudaStreamWaitEvent(two, never, 0)); /* nothing to wait for */
    OK(cudaMemcpyAsync(pinned, d, 400, cudaMemcpyDeviceToHost, two));
    OK(cudaEventRecord(event, two));
    while (cudaEventQuery(event) == cudaErrorNotReady) cudaGetLastError();
    CHECK(pinned[99] == 1);
    OK(cudaEventQuery(event));
    OK(cudaEventQuery(never));
    GIVES(cudaErrorInvalidValue, cudaStreamWaitEvent(two, event, 1));
    GIVES(cudaErrorInvalidResourceHandle, cudaStreamWaitEvent(two, (cudaEvent_t)&x, 0));
    GIVES(cudaErrorInvalidResourceHandle, cudaEventQuery((cudaEvent_t)&x));
    OK(cudaStreamBeginCapture(one, cudaStreamCaptureModeThreadLocal));
    GIVES(cudaErrorStreamCaptureUnsupported, cudaEventQuery(event));
    cudaGraph_t graph;
    GIVES(cudaErrorStreamCaptureInvalidated, cudaStreamEndCapture(one, &graph));
    for (cudaEvent_t e : {event, never}) OK(cudaEventDestroy(e));
    for (cudaStream_t s : {one, two}) OK(cudaStreamDestroy(s));
    OK(cudaFreeHost(pinned));
    OK(cudaFree(d));
}

/* With `late` a stream does nothing before the host waits for it, nor another one than asked. */
static void late_streams() {
    cudaStream_t one = new_stream(), two = new_stream();
    cudaEvent_t event;
    OK(cudaEventCreate(&event));
    std::vector<float> x(100);
    float *d = on_device(x), *pinned;
    OK(cudaMallocHost((void **)&pinned, 400));
    pinned[99] = -1;
    LAUNCH(add_one, 1, 128, 0, one, d, 100);
    OK(cudaMemcpyAsync(pinned, d, 400, cudaMemcpyDeviceToHost, two)); /* does not wait for it */
    CHECK(pinned[99] == -1);
    OK(cudaStreamSynchronize(two));
    CHECK(pinned[99] == 0);
    OK(cudaEventRecord(event, one));
    GIVES(cudaErrorNotReady, cudaEventQuery(event));
    OK(cudaStreamWaitEvent(two, event, 0));
    OK(cudaMemcpyAsync(pinned, d, 400, cudaMemcpyDeviceToHost, two));
    OK(cudaStreamSynchronize(two));
    CHECK(pinned[99] == 1);
    OK(cudaEventQuery(event));
    OK(cudaEventDestroy(event));
    for (cudaStream_t s : {one, two}) OK(cudaStreamDestroy(s));
    OK(cudaFreeHost(pinned));
    OK(cudaFree(d));
}

static void stream_rules() {
    cudaStream_t stream = new_stream();
    cudaEvent_t begin, end, never, untimed;
    OK(cudaEventCreate(&begin));
    OK(cudaEventCreate(&end));
    OK(cudaEventCreate(&never));
    OK(cudaEventCreateWithFlags(&untimed, cudaEventDisableTiming));
    std::vector<float> x(100);
    float *d = on_device(x);
    OK(cudaEventRecord(begin, stream));
    LAUNCH(add_one, 1, 128, 0, stream, d, 100);
    OK(cudaEventRecord(end, stream));
    OK(cudaEventRecord(untimed, stream));
    OK(cudaEventSynchronize(end));
    float ms = -1;
    OK(cudaEventElapsedTime(&ms, begin, end));
    CHECK(ms > 0);
    GIVES(cudaErrorInvalidResourceHandle, cudaEventElapsedTime(&ms, begin, never));
    GIVES(cudaErrorInvalidResourceHandle, cudaEventElapsedTime(&ms, begin, untimed));
    OK(cudaMemcpyAsync(x.data(), d, 400, cudaMemcpyDeviceToHost, stream));
    OK(cudaStreamSynchronize(stream));
    CHECK(x[99] == 1);
    for (cudaEvent_t event : {begin, end, never, untimed}) OK(cudaEventDestroy(event));
    OK(cudaStreamDestroy(stream));
    GIVES(cudaErrorInvalidResourceHandle, cudaStreamSynchronize(stream));
    OK(cudaFree(d));
}

static cudaGraphExec_t instantiated(cudaGraph_t graph) {
    cudaGraphExec_t exec;
#if CUDART_VERSION >= 12000
    OK(cudaGraphInstantiate(&exec, graph, 0));
#else
    OK(cudaGraphInstantiate(&exec, graph, nullptr, nullptr, 0));
#endif
    return exec;
}

static void graph_replay() {
    cudaStream_t stream = new_stream();
    float *pinned, *mapped, *d;
    OK(cudaHostAlloc(&pinned, 4 * sizeof(float), cudaHostAllocMapped));
    OK(cudaHostGetDevicePointer((void **)&mapped, pinned, 0));
    OK(cudaMalloc(&d, 4 * sizeof(float)));
    cublasHandle_t blas;
    CHECK(cublasCreate(&blas) == CUBLAS_STATUS_SUCCESS);
    CHECK(cublasSetStream(blas, stream) == CUBLAS_STATUS_SUCCESS);
    for (int i = 0; i < 4; i++) pinned[i] = -1;

    OK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    cudaStreamCaptureStatus status;
    OK(cudaStreamIsCapturing(stream, &status));
    CHECK(status == cudaStreamCaptureStatusActive);
    OK(cudaMemcpyAsync(d, pinned, 16, cudaMemcpyHostToDevice, stream));
    {
        int n = 4; /* copied when it is launched */
        LAUNCH(add_one, 1, 32, 0, stream, d, n);
        n = 0; /* NOLINT(clang-analyzer-deadcode.DeadStores): that is the point */
    }
    float alpha = 2; /* likewise */
    CHECK(cublasSscal(blas, 4, &alpha, d, 1) == CUBLAS_STATUS_SUCCESS);
    alpha = 100;
    OK(cudaMemcpyAsync(mapped, d, 16, cudaMemcpyDeviceToHost, stream));
    cudaGraph_t graph;
    OK(cudaStreamEndCapture(stream, &graph));
    OK(cudaStreamIsCapturing(stream, &status));
    CHECK(status == cudaStreamCaptureStatusNone);
    CHECK(pinned[0] == -1); /* nothing has run */
    size_t nodes = 0;
    OK(cudaGraphGetNodes(graph, nullptr, &nodes));
    CHECK(nodes == 4);
    cudaGraphExec_t exec = instantiated(graph);
    OK(cudaGraphDestroy(graph));

    for (int round = 1; round <= 3; round++) {
        for (int i = 0; i < 4; i++) pinned[i] = (float)(10 * round + i);
        OK(cudaGraphLaunch(exec, stream));
        OK(cudaStreamSynchronize(stream));
        for (int i = 0; i < 4; i++) CHECK(pinned[i] == (float)(2 * (10 * round + i + 1)));
    }
    OK(cudaGraphExecDestroy(exec));
    GIVES(cudaErrorInvalidValue, cudaGraphLaunch(exec, stream));
    CHECK(cublasDestroy(blas) == CUBLAS_STATUS_SUCCESS);
    OK(cudaFree(d));
    OK(cudaFreeHost(pinned));
    OK(cudaStreamDestroy(stream));
}

/* What CUDA forbids while a stream captures spoils the capture. */
static void capture_rules() {
    cudaStream_t stream = new_stream();
    cudaEvent_t event;
    OK(cudaEventCreate(&event));
    std::vector<float> pageable(16);
    float *d = on_device(pageable), *other = nullptr;
    cublasHandle_t blas;
    CHECK(cublasCreate(&blas) == CUBLAS_STATUS_SUCCESS);
    CHECK(cublasSetStream(blas, stream) == CUBLAS_STATUS_SUCCESS);
    const cudaStreamCaptureMode local = cudaStreamCaptureModeThreadLocal,
                                relaxed = cudaStreamCaptureModeRelaxed;
    struct {
        cudaStreamCaptureMode mode;
        std::function<bool()> act; /* whether it was refused */
        bool spoils;
    } table[] = {
        {relaxed, [&] { return cudaMalloc(&other, 4) != cudaSuccess; }, false},
        {local, [&] { return cudaMalloc(&other, 4) == cudaErrorStreamCaptureUnsupported; }, true},
        {relaxed, [&] { return cudaDeviceSynchronize() == cudaErrorStreamCaptureUnsupported; },
         true},
        {relaxed,
         [&] { return cudaStreamSynchronize(stream) == cudaErrorStreamCaptureUnsupported; }, true},
        {relaxed,
         [&] {
             return cudaMemcpy(d, pageable.data(), 4, cudaMemcpyHostToDevice) ==
                    cudaErrorStreamCaptureUnsupported;
         },
         true},
        {relaxed,
         [&] {
             return cudaMemcpyAsync(d, pageable.data(), 4, cudaMemcpyHostToDevice, stream) ==
                    cudaErrorStreamCaptureUnsupported;
         },
         true},
        {local, [&] { return cudaEventSynchronize(event) == cudaErrorStreamCaptureUnsupported; },
         true},
        {local,
         [&] {
             float result;
             return cublasSdot(blas, 4, d, 1, d, 1, &result) != CUBLAS_STATUS_SUCCESS;
         },
         true},
    };
    for (auto &row : table) {
        OK(cudaStreamBeginCapture(stream, row.mode));
        CHECK(row.act() == row.spoils);
        LAUNCH(add_one, 1, 16, 0, stream, d, 16);
        GIVES(row.spoils ? cudaErrorStreamCaptureInvalidated : cudaSuccess, cudaGetLastError());
        cudaGraph_t graph;
        GIVES(row.spoils ? cudaErrorStreamCaptureInvalidated : cudaSuccess,
              cudaStreamEndCapture(stream, &graph));
        if (graph) OK(cudaGraphDestroy(graph));
        cudaGetLastError();
    }
    CHECK(on_host(d, 1)[0] == 0);
    OK(cudaFree(other));
    OK(cudaFree(d));
    OK(cudaEventDestroy(event));
    OK(cudaStreamDestroy(stream));
    CHECK(cublasDestroy(blas) == CUBLAS_STATUS_SUCCESS);
}

/* -- cuBLAS -- */

static std::vector<double> wide(const std::vector<__half> &x) {
    std::vector<double> y;
    y.reserve(x.size());
    for (__half v : x) y.push_back(__half2float(v));
    return y;
}
static std::vector<double> wide(const std::vector<__nv_bfloat16> &x) {
    std::vector<double> y;
    y.reserve(x.size());
    for (__nv_bfloat16 v : x) y.push_back(__bfloat162float(v));
    return y;
}
template <class T> static std::vector<double> wide(const std::vector<T> &x) {
    return std::vector<double>(x.begin(), x.end());
}
static void narrow(double x, float *y) { *y = (float)x; }
static void narrow(double x, double *y) { *y = x; }
static void narrow(double x, __half *y) { *y = __float2half((float)x); }
static void narrow(double x, __nv_bfloat16 *y) { *y = __float2bfloat16((float)x); }

template <class T> static std::vector<T> values(size_t n, unsigned seed) {
    std::vector<double> x = numbers<double>(n, seed);
    std::vector<T> y(n);
    for (size_t i = 0; i < n; i++) narrow(x[i], &y[i]);
    return y;
}

/* C = alpha op(A) op(B) + beta C with leading dimensions larger than needed. */
template <class In, class Out, class Scale>
static void product_case(cublasHandle_t blas, cudaDataType in, cudaDataType out,
                         cublasComputeType_t compute, double tolerance) {
    const int m = 19, n = 21, k = 300, lda = 301, ldb = 302, ldc = 23;
    for (int transposes = 0; transposes < 4; transposes++) {
        bool ta = transposes & 1, tb = transposes & 2;
        std::vector<In> a = values<In>((size_t)lda * 300, 1), b = values<In>((size_t)ldb * 300, 2);
        std::vector<Out> c = values<Out>((size_t)ldc * n, 3);
        In *da = on_device(a), *db = on_device(b);
        Out *dc = on_device(c);
        Scale alpha = (Scale)0.25, beta = (Scale)0.5;
        CHECK(cublasGemmEx(blas, ta ? CUBLAS_OP_T : CUBLAS_OP_N, tb ? CUBLAS_OP_T : CUBLAS_OP_N, m,
                           n, k, &alpha, da, in, lda, db, in, ldb, &beta, dc, out, ldc, compute,
                           CUBLAS_GEMM_DEFAULT) == CUBLAS_STATUS_SUCCESS);
        std::vector<double> wa = wide(a), wb = wide(b), before = wide(c),
                            after = wide(on_host(dc, c.size()));
        for (int i = 0; i < ldc; i++)
            for (int j = 0; j < n; j++) {
                double expected = before[(size_t)i + (size_t)j * (size_t)ldc];
                if (i < m) {
                    double sum = 0;
                    for (int p = 0; p < k; p++)
                        sum += wa[(size_t)(ta ? p + i * lda : i + p * lda)] *
                               wb[(size_t)(tb ? j + p * ldb : p + j * ldb)];
                    expected = 0.25 * sum + 0.5 * expected;
                }
                CHECK(fabs(after[(size_t)(i + j * ldc)] - expected) <=
                      tolerance * (1 + fabs(expected)));
            }
        OK(cudaFree(da));
        OK(cudaFree(db));
        OK(cudaFree(dc));
    }
}

static void products() {
    cublasHandle_t blas;
    CHECK(cublasCreate(&blas) == CUBLAS_STATUS_SUCCESS);
    product_case<float, float, float>(blas, CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F, 1e-5);
    product_case<float, float, float>(blas, CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32,
                                      1e-5); /* 8 bits of the numbers: exact in TF32 */
    product_case<double, double, double>(blas, CUDA_R_64F, CUDA_R_64F, CUBLAS_COMPUTE_64F, 1e-14);
    product_case<__half, float, float>(blas, CUDA_R_16F, CUDA_R_32F, CUBLAS_COMPUTE_32F, 1e-5);
    product_case<__half, __half, float>(blas, CUDA_R_16F, CUDA_R_16F, CUBLAS_COMPUTE_32F, 6e-4);
    product_case<__nv_bfloat16, __nv_bfloat16, float>(blas, CUDA_R_16BF, CUDA_R_16BF,
                                                      CUBLAS_COMPUTE_32F, 5e-3);

    /* fast modes round what goes in */
    struct {
        cublasComputeType_t compute;
        cublasMath_t math;
        float expected;
    } rounded[] = {
        {CUBLAS_COMPUTE_32F, CUBLAS_DEFAULT_MATH, 1 + 0x1p-13f},
        {CUBLAS_COMPUTE_32F_FAST_TF32, CUBLAS_DEFAULT_MATH, 1},
        {CUBLAS_COMPUTE_32F, CUBLAS_TF32_TENSOR_OP_MATH, 1},
        {CUBLAS_COMPUTE_32F_FAST_16BF, CUBLAS_DEFAULT_MATH, 1},
    };
    float *x = on_device(std::vector<float>{1 + 0x1p-13f, 1, -1});
    float one = 1, zero = 0;
    for (auto &row : rounded) {
        CHECK(cublasSetMathMode(blas, row.math) == CUBLAS_STATUS_SUCCESS);
        CHECK(cublasGemmEx(blas, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, x, CUDA_R_32F, 1, x + 1,
                           CUDA_R_32F, 1, &zero, x + 2, CUDA_R_32F, 1, row.compute,
                           CUBLAS_GEMM_DEFAULT) == CUBLAS_STATUS_SUCCESS);
        CHECK(on_host(x, 3)[2] == row.expected);
    }
    CHECK(cublasSetMathMode(blas, CUBLAS_DEFAULT_MATH) == CUBLAS_STATUS_SUCCESS);

    /* a batch, and k = 0, which scales C; beta = 0 doesn't read it */
    double two = 2, nothing = 0;
    double *a = on_device(std::vector<double>{1, 2, 3}),
           *c = on_device(std::vector<double>(3, NAN));
    CHECK(cublasDgemmStridedBatched(blas, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &two, a, 1, 1, a, 1, 0,
                                    &nothing, c, 1, 1, 3) == CUBLAS_STATUS_SUCCESS);
    CHECK(on_host(c, 3) == (std::vector<double>{2, 4, 6}));
    CHECK(cublasDgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 3, 1, 0, &two, a, 3, a, 1, &two, c, 3) ==
          CUBLAS_STATUS_SUCCESS);
    CHECK(on_host(c, 3) == (std::vector<double>{4, 8, 12}));

    /* what is refused */
    CHECK(cublasDgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 3, 1, 1, &two, a, 2, a, 1, &two, c, 3) ==
          CUBLAS_STATUS_INVALID_VALUE);
    CHECK(cublasDgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, -1, 1, 1, &two, a, 1, a, 1, &two, c, 1) ==
          CUBLAS_STATUS_INVALID_VALUE);
    CHECK(cublasDgemm(nullptr, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &two, a, 1, a, 1, &two, c, 1) ==
          CUBLAS_STATUS_NOT_INITIALIZED);
    CHECK(cublasGemmEx(blas, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, x, CUDA_R_16F, 1, x,
                       CUDA_R_32F, 1, &zero, x, CUDA_R_32F, 1, CUBLAS_COMPUTE_32F,
                       CUBLAS_GEMM_DEFAULT) == CUBLAS_STATUS_NOT_SUPPORTED);
    OK(cudaFree(x));
    OK(cudaFree(a));
    OK(cudaFree(c));
    CHECK(cublasDestroy(blas) == CUBLAS_STATUS_SUCCESS);
}

template <class T> struct routines;
#define ROUTINES(S, T)                                                                             \
    template <> struct routines<T> {                                                               \
        static constexpr auto copy = cublas##S##copy_v2;                                           \
        static constexpr auto swap = cublas##S##swap_v2;                                           \
        static constexpr auto scal = cublas##S##scal_v2;                                           \
        static constexpr auto axpy = cublas##S##axpy_v2;                                           \
        static constexpr auto dot = cublas##S##dot_v2;                                             \
        static constexpr auto nrm2 = cublas##S##nrm2_v2;                                           \
        static constexpr auto asum = cublas##S##asum_v2;                                           \
        static constexpr auto gemv = cublas##S##gemv_v2;                                           \
        static constexpr auto ger = cublas##S##ger_v2;                                             \
        static constexpr auto symv = cublas##S##symv_v2;                                           \
        static constexpr auto trsv = cublas##S##trsv_v2;                                           \
        static constexpr auto trmv = cublas##S##trmv_v2;                                           \
        static constexpr auto symm = cublas##S##symm_v2;                                           \
        static constexpr auto syrk = cublas##S##syrk_v2;                                           \
        static constexpr auto trmm = cublas##S##trmm_v2;                                           \
        static constexpr auto trsm = cublas##S##trsm_v2;                                           \
    };
ROUTINES(S, float)
ROUTINES(D, double)

#define DONE(call) CHECK((call) == CUBLAS_STATUS_SUCCESS)

/* Small numbers, so that every result is exact in both types. */
template <class T> static void vectors_and_matrices() {
    using R = routines<T>;
    using V = std::vector<T>;
    const cublasFillMode_t lower = CUBLAS_FILL_MODE_LOWER, upper = CUBLAS_FILL_MODE_UPPER;
    const cublasOperation_t plain = CUBLAS_OP_N, turned = CUBLAS_OP_T;
    const cublasDiagType_t stored = CUBLAS_DIAG_NON_UNIT;
    const cublasSideMode_t left = CUBLAS_SIDE_LEFT;
    cublasHandle_t h;
    DONE(cublasCreate(&h));
    T *x = on_device(V{3, 4, 0, 0}), *y = on_device(V{1, 2, 3, 4});
    T two = 2, one = 1, zero = 0, result;
    DONE(R::nrm2(h, 4, x, 1, &result));
    CHECK(result == 5);
    DONE(R::asum(h, 2, y, 2, &result));
    CHECK(result == 4);
    DONE(R::dot(h, 4, x, 1, y, 1, &result));
    CHECK(result == 11);
    DONE(R::dot(h, 4, x, -1, y, 1, &result)); /* backwards */
    CHECK(result == 3 * 4 + 4 * 3);
    DONE(R::axpy(h, 4, &two, x, 1, y, 1));
    CHECK(on_host(y, 4) == (V{7, 10, 3, 4}));
    DONE(R::scal(h, 2, &two, y, 2));
    CHECK(on_host(y, 4) == (V{14, 10, 6, 4}));
    DONE(R::swap(h, 2, x, 1, y, -1));
    CHECK(on_host(x, 4) == (V{10, 14, 0, 0}) && on_host(y, 4) == (V{4, 3, 6, 4}));
    DONE(R::copy(h, 2, y, 1, x, 2));
    CHECK(on_host(x, 4) == (V{4, 14, 3, 0}));

    /* A by columns: 1 2 | 3 4, in a leading dimension of 3 */
    T *a = on_device(V{1, 2, -9, 3, 4, -9}), *v = on_device(V{1, 10}), *w = on_device(V{1, 1});
    DONE(R::gemv(h, plain, 2, 2, &one, a, 3, v, 1, &zero, w, 1));
    CHECK(on_host(w, 2) == (V{31, 42}));
    DONE(R::gemv(h, turned, 2, 2, &one, a, 3, v, 1, &one, w, 1));
    CHECK(on_host(w, 2) == (V{31 + 21, 42 + 43}));
    DONE(R::symv(h, lower, 2, &one, a, 3, v, 1, &zero, w, 1)); /* 1 2 | 2 4 */
    CHECK(on_host(w, 2) == (V{21, 42}));
    DONE(R::symv(h, upper, 2, &one, a, 3, v, 1, &zero, w, 1)); /* 1 3 | 3 4 */
    CHECK(on_host(w, 2) == (V{31, 43}));
    DONE(R::trmv(h, upper, plain, stored, 2, a, 3, v, 1));
    CHECK(on_host(v, 2) == (V{31, 40}));
    DONE(R::trsv(h, upper, plain, stored, 2, a, 3, v, 1));
    CHECK(on_host(v, 2) == (V{1, 10}));
    DONE(R::trmv(h, lower, turned, stored, 2, a, 3, v, -1)); /* (10, 1) backwards */
    CHECK(on_host(v, 2) == (V{4, 12}));
    DONE(R::ger(h, 2, 2, &two, w, 1, w, 1, a, 3));
    CHECK(on_host(a, 6)[4] == 4 + 2 * 43 * 43 && on_host(a, 6)[2] == -9);

    T *s = on_device(V{1, 2, 3, 4}), *b = on_device(V{1, 0, 0, 1}), *c = on_device(V{0, 0, 0, 7});
    DONE(R::symm(h, left, lower, 2, 2, &one, s, 2, b, 2, &zero, c, 2));
    CHECK(on_host(c, 4) == (V{1, 2, 2, 4}));
    DONE(R::syrk(h, lower, plain, 2, 1, &one, s, 2, &zero, c, 2));
    CHECK(on_host(c, 4) == (V{1, 2, 2, 4}));
    DONE(R::trmm(h, left, lower, plain, stored, 2, 2, &two, s, 2, b, 2, c, 2));
    CHECK(on_host(c, 4) == (V{2, 4, 0, 8}) && on_host(b, 4) == (V{1, 0, 0, 1}));
    DONE(R::trsm(h, left, lower, plain, stored, 2, 2, &one, s, 2, c, 2));
    CHECK(on_host(c, 4) == (V{2, 0, 0, 2}));
    DONE(R::trmm(h, left, upper, plain, stored, 2, 2, &one, s, 2, c, 2, c, 2)); /* in place */
    CHECK(on_host(c, 4) == (V{2, 0, 6, 8}));
    CHECK(R::trsm(h, CUBLAS_SIDE_RIGHT, lower, plain, stored, 2, 2, &one, s, 2, c, 2) ==
          CUBLAS_STATUS_NOT_SUPPORTED);
    CHECK(R::axpy(h, 2, &one, s, 0, c, 1) == CUBLAS_STATUS_INVALID_VALUE);

    /* scalars and results on the device */
    T *scalars = on_device(V{3, 0});
    DONE(cublasSetPointerMode(h, CUBLAS_POINTER_MODE_DEVICE));
    DONE(R::scal(h, 4, scalars, b, 1));
    DONE(R::nrm2(h, 1, b, 1, scalars + 1));
    CHECK(on_host(scalars, 2) == (V{3, 3}));
    for (T *memory : {x, y, a, v, w, s, b, c, scalars}) OK(cudaFree(memory));
    DONE(cublasDestroy(h));
}

static void levels() {
    vectors_and_matrices<float>();
    vectors_and_matrices<double>();
}

static void host_pointer_to_blas() {
    cublasHandle_t h;
    DONE(cublasCreate(&h));
    float one = 1;
    std::vector<float> x(8);
    CHECK(cublasSscal(h, 8, &one, x.data(), 1) == CUBLAS_STATUS_EXECUTION_FAILED);
    GIVES(cudaErrorIllegalAddress, cudaDeviceSynchronize());
    GIVES(cudaErrorIllegalAddress, cudaGetLastError());
    GIVES(cudaErrorIllegalAddress, cudaGetLastError()); /* for good */
    DONE(cublasDestroy(h));
}

static void beyond_the_end_to_blas() {
    cublasHandle_t h;
    DONE(cublasCreate(&h));
    float one = 1, *x = on_device(std::vector<float>(8));
    DONE(cublasSscal(h, 8, &one, x, 1));
    CHECK(cublasSscal(h, 9, &one, x, 1) == CUBLAS_STATUS_EXECUTION_FAILED);
    DONE(cublasDestroy(h));
}

static void lt_products() {
    cublasLtHandle_t lt;
    DONE(cublasLtCreate(&lt));
    cublasLtMatmulDesc_t op;
    DONE(cublasLtMatmulDescCreate(&op, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    cublasOperation_t turned = CUBLAS_OP_T;
    cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_RELU_BIAS;
    using V = std::vector<float>;
    float *bias = on_device(V{-100, 1});
    DONE(cublasLtMatmulDescSetAttribute(op, CUBLASLT_MATMUL_DESC_TRANSA, &turned, sizeof turned));
    DONE(cublasLtMatmulDescSetAttribute(op, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue,
                                        sizeof epilogue));
    DONE(cublasLtMatmulDescSetAttribute(op, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias));
    CHECK(cublasLtMatmulDescSetAttribute(op, CUBLASLT_MATMUL_DESC_TRANSA, &turned, 1) ==
          CUBLAS_STATUS_INVALID_VALUE);

    /* op(A) is 2 x 3, B by rows 3 x 1, twice */
    cublasLtMatrixLayout_t la, lb, ld;
    DONE(cublasLtMatrixLayoutCreate(&la, CUDA_R_32F, 3, 2, 3));
    DONE(cublasLtMatrixLayoutCreate(&lb, CUDA_R_32F, 3, 1, 2));
    DONE(cublasLtMatrixLayoutCreate(&ld, CUDA_R_32F, 2, 1, 2));
    cublasLtOrder_t rows = CUBLASLT_ORDER_ROW;
    DONE(cublasLtMatrixLayoutSetAttribute(lb, CUBLASLT_MATRIX_LAYOUT_ORDER, &rows, sizeof rows));
    int batch = 2;
    int64_t strides[] = {0, 1, 2};
    cublasLtMatrixLayout_t layouts[] = {la, lb, ld};
    for (int i = 0; i < 3; i++) {
        DONE(cublasLtMatrixLayoutSetAttribute(layouts[i], CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
                                              &batch, sizeof batch));
        DONE(cublasLtMatrixLayoutSetAttribute(layouts[i],
                                              CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                              &strides[i], sizeof strides[i]));
    }
    cublasLtMatmulPreference_t preference;
    DONE(cublasLtMatmulPreferenceCreate(&preference));
    uint64_t workspace = 1 << 20;
    DONE(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                              &workspace, sizeof workspace));
    cublasLtMatmulHeuristicResult_t best;
    int found = 0;
    DONE(cublasLtMatmulAlgoGetHeuristic(lt, op, la, lb, ld, ld, preference, 1, &best, &found));
    CHECK(found == 1 && best.state == CUBLAS_STATUS_SUCCESS && best.workspaceSize == 0);
    CHECK(cublasLtMatmulAlgoGetHeuristic(lt, op, lb, la, ld, ld, preference, 1, &best, &found) !=
              CUBLAS_STATUS_SUCCESS &&
          found == 0);

    float *a = on_device(V{1, 2, 3, 4, 5, 6}), *b = on_device(V{1, 10, 1, 10, 1, 10}),
          *d = on_device(V(4, NAN)), one = 1, zero = 0;
    DONE(cublasLtMatmul(lt, op, &one, a, la, b, lb, &zero, d, ld, d, ld, &best.algo, nullptr, 0,
                        nullptr));
    CHECK(on_host(d, 4) == (V{0, 16, 0, 151}));
    CHECK(cublasLtMatmul(lt, op, &one, a, la, b, lb, &zero, d + 1, ld, d + 1, ld, &best.algo,
                         nullptr, 0, nullptr) == CUBLAS_STATUS_EXECUTION_FAILED);
    for (cublasLtMatrixLayout_t layout : layouts) DONE(cublasLtMatrixLayoutDestroy(layout));
    DONE(cublasLtMatmulPreferenceDestroy(preference));
    DONE(cublasLtMatmulDescDestroy(op));
    DONE(cublasLtDestroy(lt));
}

/* -- the card, and its faults -- */

static void host_pointer_to_kernel() {
    static float x[4];
    LAUNCH(add_one, 1, 32, 0, new_stream(), x, 4);
}

/* Streams, events and handles belong to a card. */
static void foreign_devices() {
    float *x;
    cudaEvent_t event;
    cublasHandle_t blas;
    cudaStream_t stream = new_stream();
    float alpha = 2;
    OK(cudaMalloc(&x, 64));
    OK(cudaEventCreate(&event));
    CHECK(cublasCreate(&blas) == CUBLAS_STATUS_SUCCESS);
    OK(cudaSetDevice(1));
    cudaStream_t other = new_stream();
    LAUNCH(add_one, 1, 32, 0, stream, x, 4);
    CHECK(cudaGetLastError() == cudaErrorInvalidResourceHandle);
    CHECK(cublasSscal(blas, 4, &alpha, x, 1) == CUBLAS_STATUS_EXECUTION_FAILED);
    GIVES(cudaErrorInvalidResourceHandle, cudaEventRecord(event, other));
    GIVES(cudaErrorInvalidResourceHandle, cudaGetLastError());
    OK(cudaSetDevice(0));
    LAUNCH(add_one, 1, 32, 0, stream, x, 4);
    OK(cudaGetLastError());
    OK(cudaEventRecord(event, stream));
    CHECK(cublasSscal(blas, 4, &alpha, x, 1) == CUBLAS_STATUS_SUCCESS);
}

static void two_devices() {
    int count, value, device;
    OK(cudaGetDeviceCount(&count));
    CHECK(count == 2);
    GIVES(cudaErrorInvalidDevice, cudaSetDevice(2));
    OK(cudaSetDevice(1));
    OK(cudaGetDevice(&device));
    CHECK(device == 1);
    cudaDeviceProp properties;
    OK(cudaGetDeviceProperties(&properties, 1));
    CHECK(properties.major == 7 && properties.minor == 0);
    CHECK(properties.totalGlobalMem == (size_t)1 << 30);
    OK(cudaDeviceGetAttribute(&value, cudaDevAttrComputeCapabilityMajor, 1));
    CHECK(value == 7);
    OK(cudaDeviceGetAttribute(&value, cudaDevAttrMultiProcessorCount, 1));
    CHECK(value == properties.multiProcessorCount);
    char id[32];
    OK(cudaDeviceGetPCIBusId(id, sizeof id, 1));
    CHECK(std::string(id) == "0000:02:00.0");
    size_t available, total;
    char *memory;
    OK(cudaMalloc(&memory, 1 << 20));
    OK(cudaMemGetInfo(&available, &total));
    CHECK(available < total);
    OK(cudaSetDevice(0));
    OK(cudaMemGetInfo(&available, &total));
    CHECK(available == total); /* each has its own */
    OK(cudaFree(memory));
    cudaFuncAttributes attributes;
    OK(cudaFuncGetAttributes(&attributes, (const void *)add_one));
    CHECK(attributes.maxThreadsPerBlock == 1024 && attributes.binaryVersion == 70);
    int blocks;
    OK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, (const void *)add_one, 256, 0));
    CHECK(blocks > 0);
}

static void no_device() {
    int count = 7, version;
    void *memory;
    GIVES(cudaErrorNoDevice, cudaGetDeviceCount(&count));
    CHECK(count == 0);
    GIVES(cudaErrorNoDevice, cudaSetDevice(0));
    GIVES(cudaErrorNoDevice, cudaMalloc(&memory, 1));
    OK(cudaRuntimeGetVersion(&version));
    CHECK(version == CUDART_VERSION);
}

static void hidden_device() {
    setenv("CUDA_VISIBLE_DEVICES", "", 1);
    no_device();
}

static void no_driver() {
    int count, version = -1;
    GIVES(cudaErrorInsufficientDriver, cudaGetDeviceCount(&count));
    OK(cudaDriverGetVersion(&version));
    CHECK(version == 0);
    cublasHandle_t h;
    CHECK(cublasCreate(&h) == CUBLAS_STATUS_NOT_INITIALIZED);
}

static void no_image() {
    float *x = on_device(std::vector<float>(4));
    LAUNCH(add_one, 1, 4, 0, nullptr, x, 4);
    GIVES(cudaErrorNoKernelImageForDevice, cudaGetLastError());
    CHECK(on_host(x, 4)[0] == 0);
    cudaFuncAttributes attributes;
    GIVES(cudaErrorNoKernelImageForDevice,
          cudaFuncGetAttributes(&attributes, (const void *)add_one));
    OK(cudaFree(x));
}

static void lost_after_three() {
    float *x = on_device(std::vector<float>(4));
    cublasHandle_t h;
    DONE(cublasCreate(&h));
    for (int i = 1; i <= 2; i++) {
        LAUNCH(add_one, 1, 4, 0, nullptr, x, 4);
        OK(cudaDeviceSynchronize());
    }
    LAUNCH(add_one, 1, 4, 0, nullptr, x, 4); /* the third: nobody knows yet */
    OK(cudaGetLastError());
    LAUNCH(add_one, 1, 4, 0, nullptr, x, 4);
    OK(cudaGetLastError());
    GIVES(cudaErrorIllegalAddress, cudaDeviceSynchronize());
    GIVES(cudaErrorIllegalAddress, cudaGetLastError());
    GIVES(cudaErrorIllegalAddress, cudaGetLastError());
    float host[4];
    GIVES(cudaErrorIllegalAddress, cudaMemcpy(host, x, 16, cudaMemcpyDeviceToHost));
    GIVES(cudaErrorIllegalAddress, cudaMalloc(&x, 4));
    GIVES(cudaErrorIllegalAddress, cudaFree(x));
    CHECK(cublasSscal(h, 1, host, x, 1) == CUBLAS_STATUS_EXECUTION_FAILED);
    DONE(cublasDestroy(h));
}

static void refuse_after_two() {
    char *a, *b;
    OK(cudaMalloc(&a, 4));
    GIVES(cudaErrorMemoryAllocation, cudaMalloc(&b, 4));
    GIVES(cudaErrorMemoryAllocation, cudaMalloc(&b, 4));
    OK(cudaFree(a));
}

static void wrong_after_two() {
    cublasHandle_t h;
    DONE(cublasCreate(&h));
    float *x = on_device(std::vector<float>{1, 1}), two = 2;
    DONE(cublasSscal(h, 2, &two, x, 1));
    CHECK(on_host(x, 2) == (std::vector<float>{2, 2}));
    DONE(cublasSscal(h, 2, &two, x, 1));
    CHECK(on_host(x, 2) == (std::vector<float>{5, 4}));
    OK(cudaFree(x));
    DONE(cublasDestroy(h));
}

/* -- the table -- */

enum ending { well, dies };
struct test_case {
    const char *name, *emulate;
    void (*run)();
    enum ending ending;
    const char *says; /* on standard error, or NULL */
};
static const test_case cases[] = {
    {"reductions", "", reductions, well, nullptr},
    {"reductions in reverse", "order=reverse", reductions, well, nullptr},
    {"shuffles", "", shuffling, well, nullptr},
    {"shuffles in reverse", "order=reverse", shuffling, well, nullptr},
    {"transposition", "", transposition, well, nullptr},
    {"transposition in reverse", "order=reverse", transposition, well, nullptr},
    {"half and bf16", "", narrow_types, well, nullptr},
    {"indices", "", all_indices, well, nullptr},
    {"limits of a launch", "", launch_limits, well, nullptr},
    {"barrier not reached", "", barrier_not_reached, dies,
     "kernel left_behind, block (0,0,0): thread (0,0,0) waits at __syncthreads for thread (2,0,0), "
     "which has ended"},
    {"warp not whole", "", warp_not_whole, dies,
     "kernel split_warp, block (0,0,0): thread (0,0,0) waits at __shfl_xor_sync for thread "
     "(16,0,0), which waits at __syncthreads"},
    {"missing barrier in order", "", race_seen_in_order, well, nullptr},
    {"missing barrier in reverse", "order=reverse", race_seen_in_reverse, well, nullptr},
    {"memory", "memory=64M", memory_rules, well, nullptr},
    {"many blocks of memory", "", many_blocks, well, nullptr},
    {"host reads device memory", "", host_reads_device, dies, nullptr},
    {"host writes device memory", "", host_writes_device, dies, nullptr},
    {"not strict", "not-strict", host_may_touch, well, nullptr},
    {"kernel overruns", "", kernel_overruns, dies, nullptr},
#ifdef __SANITIZE_ADDRESS__
    {"kernel overruns by one", "", kernel_overruns_by_one, dies, "use-after-poison"},
#endif
    {"streams and events", "", stream_rules, well, nullptr},
    {"streams wait", "", stream_waits, well, nullptr},
    {"streams wait, late", "late", stream_waits, well, nullptr},
    {"late streams", "late", late_streams, well, nullptr},
    {"graph replay", "", graph_replay, well, nullptr},
    {"captures", "", capture_rules, well, nullptr},
    {"products", "", products, well, nullptr},
    {"levels 1, 2, 3", "", levels, well, nullptr},
    {"host pointer to cuBLAS", "", host_pointer_to_blas, well,
     "cublasSscal: x is not within device memory"},
    {"beyond the end to cuBLAS", "", beyond_the_end_to_blas, well, "x is not within device memory"},
    {"cuBLASLt", "", lt_products, well, "cublasLtMatmul: D is not within device memory"},
    {"two devices", "devices=2,arch=7.0,memory=1G", two_devices, well, nullptr},
    {"host pointer to a kernel", "", host_pointer_to_kernel, dies, "memory of the host"},
    {"foreign devices", "devices=2", foreign_devices, well, nullptr},
    {"no device", "devices=0", no_device, well, nullptr},
    {"hidden device", "", hidden_device, well, nullptr},
    {"no driver", "no-driver", no_driver, well, nullptr},
    {"no image", "no-image", no_image, well, nullptr},
    {"lost", "lost-after=3", lost_after_three, well, nullptr},
    {"refused memory", "refuse-after=2", refuse_after_two, well, nullptr},
    {"wrong result", "wrong-after=2", wrong_after_two, well, nullptr},
    {"wrong word", "devices=1,oder=reverse", no_device, dies, "'oder=reverse' is not a switch"},
    {"wrong number", "memory=2X", no_device, dies, "'memory=2X' is not a switch"},
};

/* Runs a case in a child; gives what it wrote on standard error. */
static std::string run_case(const test_case &test, int *status) {
    int ends[2];
    CHECK(!pipe(ends));
    fflush(nullptr);
    pid_t child = fork();
    CHECK(child >= 0);
    if (!child) {
        close(ends[0]);
        dup2(ends[1], STDERR_FILENO);
        unsetenv("CUDA_VISIBLE_DEVICES");
        setenv("FLOPSTEP_EMULATE", test.emulate, 1);
        test.run();
        exit(0);
    }
    close(ends[1]);
    std::string text;
    char buffer[4096];
    for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;)
        text.append(buffer, (size_t)got);
    close(ends[0]);
    CHECK(waitpid(child, status, 0) == child);
    return text;
}

int main(int argc, char **argv) {
    int failed = 0, ran = 0;
    for (const test_case &test : cases) {
        if (argc > 1 && std::string(test.name).find(argv[1]) == std::string::npos) continue;
        int status;
        std::string text = run_case(test, &status);
        bool good = (test.ending == well) == (status == 0) &&
                    (!test.says || text.find(test.says) != std::string::npos);
        printf("%s: %s\n", good ? "passed" : "FAILED", test.name);
        if (!good) printf("  status %d, says:\n%s\n", status, text.c_str());
        failed += !good, ran++;
    }
    printf("%d of %d cases failed\n", failed, ran);
    return failed || !ran;
}
