/* The arithmetic rate of the matrix units (tensor cores): products of small matrices that lie in
 * the registers of a warp. From sm_90 on these units are faster when several warps work together
 * (wgmma, tcgen05), which one warp cannot have: there cuBLAS exceeds this rate. */
#include "kernels/cuda/probes.h"

#ifndef FLOPSTEP_CUDA_ON_HOST
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <mma.h>
#endif

/* Products come after some 30 cycles: two blocks of eight warps with CHAINS sums each. More would
 * not fit the registers. */
enum { CHAINS = 8, BLOCKS = 2, PRODUCTS = 4 * CHAINS };

namespace {

/* The types, the shape m x n x k of a warp's product, and the first architecture that has it. */
struct half_product {
    enum { M = 16, N = 16, K = 16, LEAST = 70 };
};
struct bf16_product {
    enum { M = 16, N = 16, K = 16, LEAST = 80 };
};
struct tf32_product {
    enum { M = 16, N = 8, K = 8, LEAST = 80 };
};
struct double_product {
    enum { M = 16, N = 8, K = 16, LEAST = 80 };
};

} // namespace

#ifndef FLOPSTEP_CUDA_ON_HOST

#if defined(__CUDA_ARCH__)
namespace {

/* What a lane holds of the factors and of the sum, and the product itself. */
template <class Product> struct warp_product;

#if __CUDA_ARCH__ >= 700 /* mma.h is empty before */
using namespace nvcuda;

template <class Product, class Factor> struct wmma_product {
    typedef float sum;
    typedef wmma::fragment<wmma::matrix_a, Product::M, Product::N, Product::K, Factor,
                           wmma::row_major>
        left;
    typedef wmma::fragment<wmma::matrix_b, Product::M, Product::N, Product::K, Factor,
                           wmma::row_major>
        right;
    typedef wmma::fragment<wmma::accumulator, Product::M, Product::N, Product::K, float> sums;
    static __device__ void multiply(sums &c, const left &a, const right &b) {
        wmma::mma_sync(c, a, b, c);
    }
};
#endif
template <class T, int COUNT> struct lane_numbers {
    enum { num_elements = COUNT };
    T x[COUNT];
};

#if __CUDA_ARCH__ >= 700
template <> struct warp_product<half_product> : wmma_product<half_product, __half> {
    static __device__ __half of(float x) { return __float2half(x); }
};
#endif
#if __CUDA_ARCH__ >= 800
template <> struct warp_product<bf16_product> : wmma_product<bf16_product, __nv_bfloat16> {
    static __device__ __nv_bfloat16 of(float x) { return __float2bfloat16(x); }
};

/* wmma has this product with k = 4 only inside, which keeps newer units half busy. */
template <> struct warp_product<tf32_product> {
    typedef float sum;
    typedef lane_numbers<unsigned, 4> left;
    typedef lane_numbers<unsigned, 2> right;
    typedef lane_numbers<float, 4> sums;
    static __device__ unsigned of(float x) {
        return __float_as_uint(x) & 0xffffe000u; /* 10 bits behind the point */
    }
    static __device__ __forceinline__ void multiply(sums &c, const left &a, const right &b) {
        asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
                     "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                     : "+f"(c.x[0]), "+f"(c.x[1]), "+f"(c.x[2]), "+f"(c.x[3])
                     : "r"(a.x[0]), "r"(a.x[1]), "r"(a.x[2]), "r"(a.x[3]), "r"(b.x[0]),
                       "r"(b.x[1]));
    }
};

/* One instruction from sm_90 on; before, eight products of 8 x 8 x 4. */
template <> struct warp_product<double_product> {
    typedef double sum;
    typedef lane_numbers<double, 8> left;
    typedef lane_numbers<double, 4> right;
    typedef lane_numbers<double, 4> sums;
    static __device__ double of(float x) { return x; }
    static __device__ __forceinline__ void multiply(sums &c, const left &a, const right &b) {
#if __CUDA_ARCH__ >= 900
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f64.f64.f64.f64 {%0, %1, %2, %3}, "
                     "{%4, %5, %6, %7, %8, %9, %10, %11}, {%12, %13, %14, %15}, {%0, %1, %2, %3};"
                     : "+d"(c.x[0]), "+d"(c.x[1]), "+d"(c.x[2]), "+d"(c.x[3])
                     : "d"(a.x[0]), "d"(a.x[1]), "d"(a.x[2]), "d"(a.x[3]), "d"(a.x[4]), "d"(a.x[5]),
                       "d"(a.x[6]), "d"(a.x[7]), "d"(b.x[0]), "d"(b.x[1]), "d"(b.x[2]),
                       "d"(b.x[3]));
#else
#pragma unroll
        for (int i = 0; i < 8; i++)
            asm volatile("mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 "
                         "{%0, %1}, {%2}, {%3}, {%0, %1};"
                         : "+d"(c.x[i % 2 * 2]), "+d"(c.x[i % 2 * 2 + 1])
                         : "d"(a.x[i]), "d"(b.x[i / 2]));
#endif
    }
};
#endif

} // namespace

/* Of either sign, 1/4 to 1 in magnitude. */
static __device__ float ordinary(unsigned place) {
    unsigned bits = place * 2654435761u;
    float magnitude = 0.25f + 0.75f * (float)(bits >> 8 & 0xffff) / 65536;
    return bits >> 31 ? -magnitude : magnitude;
}

/* Each sum has the same product added and taken away in turn, so it moves and never grows. */
template <class Product> static __device__ void multiply(long iterations, void *state) {
    typedef warp_product<Product> warp;
    typename warp::left a, minus_a;
    typename warp::right b[2];
    typename warp::sums c[CHAINS];
    unsigned thread = blockIdx.x * PROBE_THREADS + threadIdx.x;
    for (int i = 0; i < (int)a.num_elements; i++) {
        float x = ordinary(thread * 64 + i);
        a.x[i] = warp::of(x);
        minus_a.x[i] = warp::of(-x);
    }
    for (int j = 0; j < 2; j++)
        for (int i = 0; i < (int)b[j].num_elements; i++)
            b[j].x[i] = warp::of(ordinary(thread * 64 + 32 + 16 * j + i));
    for (int j = 0; j < CHAINS; j++)
        for (int i = 0; i < (int)c[j].num_elements; i++) c[j].x[i] = ordinary(CHAINS * i + j);
#pragma unroll 1 /* longer code would not fit the instruction caches */
    for (long n = 0; n < iterations; n++) {
#pragma unroll
        for (int j = 0; j < 2; j++) {
#pragma unroll
            for (int i = 0; i < CHAINS; i++) warp::multiply(c[i], a, b[i % 2]);
#pragma unroll
            for (int i = 0; i < CHAINS; i++) warp::multiply(c[i], minus_a, b[i % 2]);
        }
    }
    if (!state) return;
    const int each = (int)c[0].num_elements;
    typename warp::sum *mine = (typename warp::sum *)state + (size_t)thread * CHAINS * each;
    for (int j = 0; j < CHAINS; j++)
        for (int i = 0; i < each; i++) mine[j * each + i] = c[j].x[i];
}
#endif

/* `state`: the sums are stored there at the end; NULL: nowhere, which the compiler does
 * not know. Code for an architecture without these products is empty, and supported() keeps it from
 * being run. */
template <class Product>
static __global__ void __launch_bounds__(PROBE_THREADS, BLOCKS)
    tensor_rate(long iterations, void *state) {
#if defined(__CUDA_ARCH__)
    if constexpr (__CUDA_ARCH__ >= 10 * Product::LEAST) multiply<Product>(iterations, state);
#else
    (void)iterations, (void)state;
#endif
}

/* All chips from sm_80 on take products in double, but only those of 8.0, 9.0 and 10.0 have units
 * for them. */
template <class Product> static bool has_units(const struct cuda_state *s) {
    return 10 * s->major + s->minor >= Product::LEAST;
}
template <> bool has_units<double_product>(const struct cuda_state *s) {
    return s->major >= 8 && s->major <= 10 && s->minor == 0;
}

/* The code must have been compiled for an architecture with these products as well. */
template <class Product> static bool supported(const struct device *device) {
    const struct cuda_state *s = cuda_state_of(device);
    cudaFuncAttributes attributes;
    if (!has_units<Product>(s) || !probe_begin(device)) return false;
    if (cudaFuncGetAttributes(&attributes, tensor_rate<Product>) != cudaSuccess) {
        cudaGetLastError();
        return false;
    }
    return attributes.ptxVersion >= Product::LEAST;
}

template <class Product>
static void run(const struct device *device, void *memory, void *, size_t bytes, long repetitions) {
    struct cuda_state *s = cuda_state_of(device);
    unsigned grid = probe_grid(device, BLOCKS);
    if (!probe_begin(device)) return;
    size_t sums = (size_t)grid * PROBE_WARPS * CHAINS * Product::M * Product::N;
    if (bytes < sums * sizeof(double)) memory = NULL;
    LAUNCH((tensor_rate<Product>), grid, PROBE_THREADS, 0, s->stream, repetitions, memory);
    cuda_launched(s, "the tensor probe");
}

#else /* the host has no such units */

template <class Product> static bool supported(const struct device *) { return false; }
template <class Product> static void run(const struct device *, void *, void *, size_t, long) {}

#endif

template <class Product> static double work(const struct device *device, size_t) {
    return 2.0 * Product::M * Product::N * Product::K * PRODUCTS * PROBE_WARPS *
           probe_grid(device, BLOCKS);
}

struct probe_rows tensor_probes(void) {
    static const struct device_probe rows[] = {
        {"tensor", "wmma", SCALAR_H, PROBE_FLOPS, PROBE_NO_MEMORY, supported<half_product>,
         work<half_product>, run<half_product>},
        {"tensor", "wmma", SCALAR_BF16, PROBE_FLOPS, PROBE_NO_MEMORY, supported<bf16_product>,
         work<bf16_product>, run<bf16_product>},
        {"tensor", "mma", SCALAR_TF32, PROBE_FLOPS, PROBE_NO_MEMORY, supported<tf32_product>,
         work<tf32_product>, run<tf32_product>},
        {"tensor", "mma", SCALAR_D, PROBE_FLOPS, PROBE_NO_MEMORY, supported<double_product>,
         work<double_product>, run<double_product>},
    };
    return {rows, sizeof rows / sizeof *rows};
}
