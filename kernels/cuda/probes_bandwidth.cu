/* The bandwidth of a GPU's memory and last-level cache: the formulas and byte counts of the CPU's
 * probes, kernels/probes/bandwidth.h, in double. Loads and stores go past the L1 of the
 * multiprocessors, whose sum may exceed the working set. */
#include "kernels/cuda/probes.h"

/* Elements in whole blocks, as on the CPU. Accesses are 16 bytes wide, UNROLL of them under way. */
enum { BLOCK = 64, PAIR = 2, UNROLL = 4 };

#ifndef FLOPSTEP_CUDA_ON_HOST
static __device__ __forceinline__ double2 load(const double2 *at) {
    double2 x;
    asm volatile("ld.global.cg.v2.f64 {%0, %1}, [%2];" : "=d"(x.x), "=d"(x.y) : "l"(at));
    return x;
}
static __device__ __forceinline__ uint4 load(const uint4 *at) {
    uint4 x;
    asm volatile("ld.global.cg.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(x.x), "=r"(x.y), "=r"(x.z), "=r"(x.w)
                 : "l"(at));
    return x;
}
static __device__ __forceinline__ void store(double2 *at, double2 x) {
    asm volatile("st.global.cg.v2.f64 [%0], {%1, %2};" ::"l"(at), "d"(x.x), "d"(x.y) : "memory");
}
#else
static double2 load(const double2 *at) { return *at; }
static uint4 load(const uint4 *at) { return *at; }
static void store(double2 *at, double2 x) { *at = x; }
#endif

namespace { /* other files may have a copy or a walk of their own */

/* All repetitions are one long walk round the arrays, shared out evenly, so that every thread is
 * busy to the end however small the working set. There is no barrier between repetitions, as on the
 * CPU. */
struct walk {
    long place, stride, around; /* pairs */
    __device__ long next() {
        long here = place;
        place += stride;
        if (place >= around) place -= around;
        return here;
    }
};

static __device__ struct walk walk_begin(long pairs, long *steps, long repetitions) {
    long threads = (long)gridDim.x * PROBE_THREADS;
    long thread = (long)blockIdx.x * PROBE_THREADS + threadIdx.x;
    long total = pairs * repetitions;
    *steps = total / threads + (thread < total % threads);
    return {thread % pairs, threads % pairs, pairs};
}

/* What each probe does with its elements; a, b and c lie one behind the other. */
struct copy {
    enum { LOADS_A = 0, LOADS_B = 1, LOADS_C = 0 };
    static __device__ double of(double, double b, double) { return b; }
};
struct scale {
    enum { LOADS_A = 0, LOADS_B = 1, LOADS_C = 0 };
    static __device__ double of(double, double b, double) { return 0.5 * b; }
};
struct add {
    enum { LOADS_A = 0, LOADS_B = 1, LOADS_C = 1 };
    static __device__ double of(double, double b, double c) { return b + c; }
};
struct triad {
    enum { LOADS_A = 0, LOADS_B = 1, LOADS_C = 1 };
    static __device__ double of(double, double b, double c) { return b + 0.5 * c; }
};
/* These two are their own inverses, so however often they run values stay what they were. */
struct update {
    enum { LOADS_A = 1, LOADS_B = 0, LOADS_C = 0 };
    static __device__ double of(double a, double, double) { return -a; }
};
struct axpy {
    enum { LOADS_A = 1, LOADS_B = 1, LOADS_C = 0 };
    static __device__ double of(double a, double b, double) { return 0.5 * b - a; }
};

} // namespace

template <class Probe, int COUNT>
static __device__ __forceinline__ void move(struct walk *walk, double2 *a, const double2 *b,
                                            const double2 *c) {
    double2 x[COUNT] = {}, y[COUNT] = {}, z[COUNT] = {};
    long at[COUNT];
#pragma unroll
    for (int i = 0; i < COUNT; i++) {
        at[i] = walk->next();
        if (Probe::LOADS_A) x[i] = load(a + at[i]);
        if (Probe::LOADS_B) y[i] = load(b + at[i]);
        if (Probe::LOADS_C) z[i] = load(c + at[i]);
    }
#pragma unroll
    for (int i = 0; i < COUNT; i++)
        store(a + at[i],
              make_double2(Probe::of(x[i].x, y[i].x, z[i].x), Probe::of(x[i].y, y[i].y, z[i].y)));
}

template <class Probe>
static __global__ void __launch_bounds__(PROBE_THREADS, PROBE_BLOCKS)
    stream(double2 *a, long pairs, long repetitions) {
    long steps;
    struct walk walk = walk_begin(pairs, &steps, repetitions);
    const double2 *b = a + pairs, *c = b + pairs;
    for (; steps >= UNROLL; steps -= UNROLL) move<Probe, UNROLL>(&walk, a, b, c);
    for (; steps > 0; steps--) move<Probe, 1>(&walk, a, b, c);
}

/* `sink` is NULL, which the compiler does not know: so every load is one. */
static __global__ void __launch_bounds__(PROBE_THREADS, PROBE_BLOCKS)
    load_only(const uint4 *a, long pairs, long repetitions, unsigned *sink) {
    long steps;
    unsigned bits = 0;
    struct walk walk = walk_begin(pairs, &steps, repetitions);
    for (; steps >= UNROLL; steps -= UNROLL) {
        uint4 x[UNROLL];
#pragma unroll
        for (int i = 0; i < UNROLL; i++) x[i] = load(a + walk.next());
#pragma unroll
        for (int i = 0; i < UNROLL; i++) bits ^= x[i].x ^ x[i].y ^ x[i].z ^ x[i].w;
    }
    for (; steps > 0; steps--) {
        uint4 x = load(a + walk.next());
        bits ^= x.x ^ x.y ^ x.z ^ x.w;
    }
    if (sink) *sink = bits;
}

static long pairs_in(size_t bytes, int arrays) {
    size_t elements = bytes / sizeof(double) / (size_t)arrays / BLOCK * BLOCK;
    return (long)(elements / PAIR);
}

template <class Probe>
static void run(const struct device *device, void *memory, void *, size_t bytes, long repetitions) {
    const int arrays = (Probe::LOADS_C ? 3 : Probe::LOADS_B ? 2 : 1);
    struct cuda_state *s = cuda_state_of(device);
    long pairs = pairs_in(bytes, arrays);
    if (!pairs || !probe_begin(device)) return;
    LAUNCH((stream<Probe>), probe_grid(device, PROBE_BLOCKS), PROBE_THREADS, 0, s->stream,
           (double2 *)memory, pairs, repetitions);
    cuda_launched(s, "a bandwidth probe");
}

static void run_load(const struct device *device, void *memory, void *, size_t bytes,
                     long repetitions) {
    struct cuda_state *s = cuda_state_of(device);
    long pairs = pairs_in(bytes, 1);
    if (!pairs || !probe_begin(device)) return;
    LAUNCH(load_only, probe_grid(device, PROBE_BLOCKS), PROBE_THREADS, 0, s->stream,
           (const uint4 *)memory, pairs, repetitions, (unsigned *)NULL);
    cuda_launched(s, "a bandwidth probe");
}

/* As STREAM counts: what the formula reads and writes. */
template <int ARRAYS, int MOVED> static double work(const struct device *, size_t bytes) {
    return (double)pairs_in(bytes, ARRAYS) * sizeof(double2) * MOVED;
}

struct probe_rows bandwidth_probes(void) {
    static const struct device_probe rows[] = {
        {"copy", NULL, SCALAR_D, PROBE_BYTES, PROBE_DEVICE_MEMORY, probe_always, work<2, 2>,
         run<copy>},
        {"scale", NULL, SCALAR_D, PROBE_BYTES, PROBE_DEVICE_MEMORY, probe_always, work<2, 2>,
         run<scale>},
        {"add", NULL, SCALAR_D, PROBE_BYTES, PROBE_DEVICE_MEMORY, probe_always, work<3, 3>,
         run<add>},
        {"triad", NULL, SCALAR_D, PROBE_BYTES, PROBE_DEVICE_MEMORY, probe_always, work<3, 3>,
         run<triad>},
        {"load", NULL, SCALAR_D, PROBE_BYTES, PROBE_DEVICE_MEMORY, probe_always, work<1, 1>,
         run_load},
        {"update", NULL, SCALAR_D, PROBE_BYTES, PROBE_DEVICE_MEMORY, probe_always, work<1, 2>,
         run<update>},
        {"axpy", NULL, SCALAR_D, PROBE_BYTES, PROBE_DEVICE_MEMORY, probe_always, work<2, 3>,
         run<axpy>},
    };
    return {rows, sizeof rows / sizeof *rows};
}
