/* 16 registers of 32 bytes: 6 rows by two vectors, two of B, one element of A. */
#include "kernels/cpu/layers/tile.h"

#if defined __x86_64__

#include <immintrin.h>

#define ISA_NAME       "avx2"
#define PARTS_ARE_FREE 0
#define VECTOR_BYTES   32
#define MOST_ROWS      6
#define EACH_ROWS(X)   X(1) X(2) X(3) X(4) X(5) X(6)
#define TARGET         __attribute__((target("avx2,fma")))

/* All bits of the lowest `left` lanes. */
TARGET static inline __m256i lanes_s(long left) {
    __m256i place = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)left), place);
}
TARGET static inline __m256i lanes_d(long left) {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(left), _mm256_setr_epi64x(0, 1, 2, 3));
}

TARGET static inline __m256 load_part_s(const float *from, long left) {
    return _mm256_maskload_ps(from, lanes_s(left));
}
TARGET static inline void store_part_s(float *to, long left, __m256 value) {
    _mm256_maskstore_ps(to, lanes_s(left), value);
}
TARGET static inline __m256d load_part_d(const double *from, long left) {
    return _mm256_maskload_pd(from, lanes_d(left));
}
TARGET static inline void store_part_d(double *to, long left, __m256d value) {
    _mm256_maskstore_pd(to, lanes_d(left), value);
}

#define TYPED_FILE "kernels/cpu/layers/tile_typed.h"
#include "kernels/cpu/layers/both_types.h"

const struct tile_set *tile_set_avx2(enum scalar type) {
    return type == SCALAR_S ? &set_s : &set_d;
}

#endif
