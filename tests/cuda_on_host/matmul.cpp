/* The matrix product of the emulated libraries: packed panels and a small register tile, quick
 * enough that training steps can be tested. */
#include "tests/cuda_on_host/matmul.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace cuda_on_host {
namespace {

constexpr long long panel_k = 256; /* what of k is packed at a time */
constexpr int tile_columns = 4;

inline float to_real(float x) { return x; }
inline double to_real(double x) { return x; }
inline float to_real(__half x) { return __half2float(x); }
inline float to_real(__nv_bfloat16 x) { return __bfloat162float(x); }

inline void from_real(double x, float *to) { *to = (float)x; }
inline void from_real(double x, double *to) { *to = x; }
inline void from_real(double x, __half *to) { *to = __float2half((float)x); }
inline void from_real(double x, __nv_bfloat16 *to) { *to = __float2bfloat16((float)x); }

/* To the 10 bits of mantissa of TF32, ties to even. */
float to_tf32(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7f800000u) == 0x7f800000u) return x;
    bits = (bits + 0xfffu + (bits >> 13 & 1)) & ~0x1fffu;
    memcpy(&x, &bits, sizeof x);
    return x;
}

float round_float(float x, rounding how) {
    switch (how) {
    case rounding::tf32: return to_tf32(x);
    case rounding::bf16: return __bfloat162float(__float2bfloat16(x));
    case rounding::half: return __half2float(__float2half(x));
    default: return x;
    }
}
inline double round_real(double x, rounding) { return x; }
inline float round_real(float x, rounding how) { return round_float(x, how); }

/* Calls act(pointer of the matrix' type). */
template <class F> void with_type(const void *data, cudaDataType type, F act) {
    switch (type) {
    case CUDA_R_32F: return act((float *)data);
    case CUDA_R_64F: return act((double *)data);
    case CUDA_R_16F: return act((__half *)data);
    case CUDA_R_16BF: return act((__nv_bfloat16 *)data);
    default: return;
    }
}

/* `lines` rows (or columns) of `length` elements, in panels of `width` side by side; what is beyond
 * the last line is 0. */
template <class real>
void pack(const matrix &x, long long lines, long long line_stride, long long begin,
          long long length, long long step, int width, rounding how, real *to) {
    with_type(x.data, x.type, [&](auto *data) {
        for (long long first = 0; first < lines; first += width, to += width * length)
            for (long long l = 0; l < width; l++) {
                const auto *line = data + (first + l) * line_stride + begin * step;
                for (long long p = 0; p < length; p++)
                    to[p * width + l] =
                        first + l < lines ? round_real((real)to_real(line[p * step]), how) : 0;
            }
    });
}

template <class real> struct vector_of;
template <> struct vector_of<float> { typedef float type __attribute__((vector_size(16))); };
template <> struct vector_of<double> { typedef double type __attribute__((vector_size(16))); };

/* sum (rows x tile_columns, ld) += a panel times b panel */
template <class real>
void tile(long long k, const real *a, const real *b, real *sum, long long ld) {
    using vec = typename vector_of<real>::type;
    constexpr int lanes = 16 / sizeof(real);
    vec s[tile_columns][2] = {};
    for (long long p = 0; p < k; p++, a += 2 * lanes, b += tile_columns) {
        vec a0, a1;
        memcpy(&a0, a, sizeof a0), memcpy(&a1, a + lanes, sizeof a1);
        for (int j = 0; j < tile_columns; j++) s[j][0] += a0 * b[j], s[j][1] += a1 * b[j];
    }
    for (int j = 0; j < tile_columns; j++)
        for (int i = 0; i < 2 * lanes; i++) sum[i + j * ld] += s[j][i / lanes][i % lanes];
}

template <class real>
void finish(const product &p, real alpha, real beta, const real *sum, long long ld) {
    with_type(p.d.data, p.d.type, [&](auto *d) {
        auto *bias = (decltype(d))p.bias;
        with_type(p.c.data, p.c.type, [&](auto *c) {
            for (long long j = 0; j < p.n; j++)
                for (long long i = 0; i < p.m; i++) {
                    real x = alpha * sum[i + j * ld];
                    if (beta != 0) x += beta * (real)to_real(c[i * p.c.row + j * p.c.column]);
                    if (bias) x += (real)to_real(bias[i]);
                    if (p.relu && x < 0) x = 0; /* NaN stays */
                    from_real(x, d + i * p.d.row + j * p.d.column);
                }
        });
    });
}

template <class real> void multiply_in(const product &p, real alpha, real beta) {
    constexpr long long rows = 2 * 16 / sizeof(real);
    long long ld = (p.m + rows - 1) / rows * rows;
    long long columns = (p.n + tile_columns - 1) / tile_columns * tile_columns;
    long long depth = std::min(p.k, panel_k);
    std::vector<real> sum((size_t)(ld * columns)), a((size_t)(ld * depth)),
        b((size_t)(columns * depth));
    for (long long begin = 0; alpha != 0 && begin < p.k; begin += panel_k) {
        long long k = std::min(panel_k, p.k - begin);
        pack(p.a, p.m, p.a.row, begin, k, p.a.column, (int)rows, p.inputs, a.data());
        pack(p.b, p.n, p.b.column, begin, k, p.b.row, tile_columns, p.inputs, b.data());
        for (long long j = 0; j < columns; j += tile_columns)
            for (long long i = 0; i < ld; i += rows)
                tile(k, a.data() + i * k, b.data() + j * k, sum.data() + i + j * ld, ld);
    }
    finish(p, alpha, beta, sum.data(), ld);
}

} // namespace

size_t size_of(cudaDataType type) {
    switch (type) {
    case CUDA_R_32F: return 4;
    case CUDA_R_64F: return 8;
    case CUDA_R_16F:
    case CUDA_R_16BF: return 2;
    default: return 0;
    }
}

void multiply(const product &p, double alpha, double beta) {
    if (p.in_double)
        multiply_in<double>(p, alpha, beta);
    else
        multiply_in<float>(p, (float)alpha, (float)beta);
}

void spoil(void *element, cudaDataType type) {
    with_type(element, type, [](auto *x) { from_real((double)to_real(*x) + 1, x); });
}

} // namespace cuda_on_host
