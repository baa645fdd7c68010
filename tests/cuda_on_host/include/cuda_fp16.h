/* __half: storage and conversions, all that flopstep uses of it. */
#ifndef FLOPSTEP_CUDA_ON_HOST_CUDA_FP16_H
#define FLOPSTEP_CUDA_ON_HOST_CUDA_FP16_H

#include <string.h>

struct __half {
    unsigned short bits;
};
typedef __half half;

/* To nearest, ties to even; overflow to infinity, small ones to subnormal halves. */
static inline __half __float2half(float value) {
    unsigned f;
    memcpy(&f, &value, sizeof f);
    unsigned sign = f >> 16 & 0x8000u, rest = f & 0x7fffffffu, half;
    if (rest > 0x7f800000u)
        half = 0x7fff; /* NaN */
    else if (rest >= 0x477ff000u)
        half = 0x7c00; /* from 65520 on */
    else if (rest >= 0x38800000u)
        half = (rest - 0x38000000u + 0xfffu + (rest >> 13 & 1)) >> 13;
    else {
        float magnitude; /* adding 0.5 leaves the subnormal half in the last bits */
        memcpy(&magnitude, &rest, sizeof rest);
        magnitude += 0.5f;
        memcpy(&half, &magnitude, sizeof half);
        half -= 0x3f000000u;
    }
    __half result;
    result.bits = (unsigned short)(sign | half);
    return result;
}

static inline float __half2float(__half value) {
    unsigned sign = (value.bits & 0x8000u) << 16, exponent = value.bits >> 10 & 31u;
    unsigned fraction = value.bits & 0x3ffu, f;
    if (exponent == 31)
        f = 0x7f800000u | fraction << 13;
    else if (exponent)
        f = (exponent + 112) << 23 | fraction << 13;
    else {
        float small = (float)fraction * 0x1p-24f;
        memcpy(&f, &small, sizeof f);
    }
    f |= sign;
    float result;
    memcpy(&result, &f, sizeof f);
    return result;
}

static inline __half __float2half_rn(float value) { return __float2half(value); }

#endif
