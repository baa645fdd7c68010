/* Philox 4x32-10 (Salmon et al., SC 2011), a counter a lane. Lanes have 64 bits, of which the lower
 * half counts: that is what the multiplication of two 32-bit numbers takes and leaves behind. */
#include "kernels/cpu/layers/philox.h"

#include <string.h>

#include "kernels/cpu/isa.h"

#if defined __x86_64__
#include <immintrin.h>
#elif defined __aarch64__
#include <arm_neon.h>
#endif

typedef void masks_function(uint64_t seed, uint32_t stream, uint64_t step, uint64_t index,
                            long count, uint32_t least, uint8_t *mask);

#define TARGET
#define BYTES  16
#define ISA(x) x##_generic
#if defined __x86_64__ /* SSE2 is part of the architecture */
#define TIMES(a, b) (wide_generic) _mm_mul_epu32((__m128i)(a), (__m128i)(b))
#elif defined __aarch64__
#define TIMES(a, b) (wide_generic) vmull_u32(vmovn_u64((uint64x2_t)(a)), vmovn_u64((uint64x2_t)(b)))
#else
#define TIMES(a, b) ((a)&0xffffffff) * (b)
#endif
#include "kernels/cpu/layers/philox_lanes.h"

#if defined __x86_64__
#define TARGET      __attribute__((target("avx2")))
#define BYTES       32
#define ISA(x)      x##_avx2
#define TIMES(a, b) (wide_avx2) _mm256_mul_epu32((__m256i)(a), (__m256i)(b))
#include "kernels/cpu/layers/philox_lanes.h"

#define TARGET      __attribute__((target("avx512f")))
#define BYTES       64
#define ISA(x)      x##_avx512
#define TIMES(a, b) (wide_avx512) _mm512_mul_epu32((__m512i)(a), (__m512i)(b))
#include "kernels/cpu/layers/philox_lanes.h"
#endif

void philox_masks(const struct isa *isa, uint64_t seed, uint32_t stream, uint64_t step,
                  uint64_t index, long count, uint32_t least, uint8_t *mask) {
    masks_function *masks = masks_generic;
    if (!isa) isa = isa_best();
#if defined __x86_64__
    if (isa->vector_bytes == 32) masks = masks_avx2;
    if (isa->vector_bytes == 64) masks = masks_avx512;
#endif
    masks(seed, stream, step, index, count, least, mask);
}
