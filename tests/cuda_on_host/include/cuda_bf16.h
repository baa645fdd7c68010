/* __nv_bfloat16: storage and conversions, all that flopstep uses of it. */
#ifndef FLOPSTEP_CUDA_ON_HOST_CUDA_BF16_H
#define FLOPSTEP_CUDA_ON_HOST_CUDA_BF16_H

#include <string.h>

struct __nv_bfloat16 {
    unsigned short bits;
};
typedef __nv_bfloat16 nv_bfloat16;

/* To nearest, ties to even. */
static inline __nv_bfloat16 __float2bfloat16(float value) {
    unsigned f;
    memcpy(&f, &value, sizeof f);
    __nv_bfloat16 result;
    if ((f & 0x7fffffffu) > 0x7f800000u)
        result.bits = 0x7fff; /* NaN */
    else
        result.bits = (unsigned short)((f + 0x7fffu + (f >> 16 & 1)) >> 16);
    return result;
}

static inline float __bfloat162float(__nv_bfloat16 value) {
    unsigned f = (unsigned)value.bits << 16;
    float result;
    memcpy(&result, &f, sizeof f);
    return result;
}

static inline __nv_bfloat16 __float2bfloat16_rn(float value) { return __float2bfloat16(value); }

#endif
