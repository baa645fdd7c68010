/* The arithmetic rate of the plain cores: multiply-adds on registers, no load, no store. The map
 * and its constant are those of the CPU's probe, kernels/probes/fma.h, and so is the reason:
 * numbers that keep moving neither grow nor settle, and draw the power that real ones do. */
#include "kernels/cuda/probes.h"

#include "kernels/probes/fma.h"

/* A result comes after 4 cycles (8 on some for double): CHAINS of each thread, times the threads of
 * a multiprocessor, are many times what its units need to stay busy. */
enum { CHAINS = 8, STEPS = 64 };

static __device__ __forceinline__ float multiply_add(float x, float y, float z) {
    return __fmaf_rn(x, y, z);
}
static __device__ __forceinline__ double multiply_add(double x, double y, double z) {
    return __fma_rn(x, y, z);
}

/* `state`: CHAINS numbers of each thread are stored there at the end; NULL: nowhere. The compiler
 * does not know which, so it leaves nothing out. */
template <class T>
static __global__ void __launch_bounds__(PROBE_THREADS, PROBE_BLOCKS)
    fma_rate(long iterations, T *state) {
    long thread = (long)blockIdx.x * PROBE_THREADS + threadIdx.x;
    T x[CHAINS];
    /* every chain of every thread starts elsewhere in (0.1, 0.95) */
    for (int i = 0; i < CHAINS; i++)
        x[i] = (T)(0.1 + 0.85 * (double)((thread * CHAINS + i) % 65521) / 65521);
#pragma unroll 1 /* longer code would not fit the instruction caches */
    for (long n = 0; n < iterations; n++) {
#pragma unroll
        for (int step = 0; step < STEPS; step++)
#pragma unroll
            for (int i = 0; i < CHAINS; i++)
                x[i] = multiply_add(x[i], x[i], (T)FMA_PROBE_QUADRATIC);
    }
    if (state)
        for (int i = 0; i < CHAINS; i++) state[thread * CHAINS + i] = x[i];
}

static double work(const struct device *device, size_t) {
    return 2.0 * CHAINS * STEPS * PROBE_THREADS * probe_grid(device, PROBE_BLOCKS);
}

/* Memory is not needed; where it is given, and large enough, the last numbers are stored there. */
template <class T>
static void run(const struct device *device, void *memory, void *, size_t bytes, long repetitions) {
    struct cuda_state *s = cuda_state_of(device);
    unsigned grid = probe_grid(device, PROBE_BLOCKS);
    if (!probe_begin(device)) return;
    if (bytes < (size_t)grid * PROBE_THREADS * CHAINS * sizeof(T)) memory = NULL;
    LAUNCH((fma_rate<T>), grid, PROBE_THREADS, 0, s->stream, repetitions, (T *)memory);
    cuda_launched(s, "the FMA probe");
}

struct probe_rows fma_probes(void) {
    static const struct device_probe rows[] = {
        {"fma", probe_architecture, SCALAR_S, PROBE_FLOPS, PROBE_NO_MEMORY, probe_always, work,
         run<float>},
        {"fma", probe_architecture, SCALAR_D, PROBE_FLOPS, PROBE_NO_MEMORY, probe_always, work,
         run<double>},
    };
    return {rows, sizeof rows / sizeof *rows};
}
