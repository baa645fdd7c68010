/* 32 registers of 64 bytes: 14 rows by two vectors, two of B, one element of A. */
#include "kernels/cpu/layers/tile.h"

#if defined __x86_64__

#include <immintrin.h>

#define ISA_NAME       "avx512"
#define PARTS_ARE_FREE 1
#define VECTOR_BYTES   64
#define MOST_ROWS      14
#define EACH_ROWS(X)   X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#define TARGET         __attribute__((target("avx512f,fma")))

/* The lowest `left` lanes, none where it is below 1. */
static inline unsigned lanes(long left) {
    return left < 1 ? 0 : left > 31 ? ~0U : (1U << left) - 1;
}

TARGET static inline __m512 load_part_s(const float *from, long left) {
    return _mm512_maskz_loadu_ps((__mmask16)lanes(left), from);
}
TARGET static inline void store_part_s(float *to, long left, __m512 value) {
    _mm512_mask_storeu_ps(to, (__mmask16)lanes(left), value);
}
TARGET static inline __m512d load_part_d(const double *from, long left) {
    return _mm512_maskz_loadu_pd((__mmask8)lanes(left), from);
}
TARGET static inline void store_part_d(double *to, long left, __m512d value) {
    _mm512_mask_storeu_pd(to, (__mmask8)lanes(left), value);
}

#define TYPED_FILE "kernels/cpu/layers/tile_typed.h"
#include "kernels/cpu/layers/both_types.h"

const struct tile_set *tile_set_avx512(enum scalar type) {
    return type == SCALAR_S ? &set_s : &set_d;
}

#endif
