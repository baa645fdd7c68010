/* Numbers of 16 bits on the host: IEEE 754 binary16 (h), and bfloat16, the upper half of a single.
 * Also tf32: a single whose lower 13 bits are 0. All round to nearest, ties to even. */
#ifndef FLOPSTEP_KERNELS_HALF_H
#define FLOPSTEP_KERNELS_HALF_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t single_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float single_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The bits without the last `drop`, rounded; no NaN. A carry into the exponent is right, up to
 * infinity. */
static inline uint32_t rounded_bits(uint32_t bits, int drop) {
    uint32_t odd = bits >> drop & 1, half = 1u << (drop - 1);
    return (bits + half - 1 + odd) >> drop << drop;
}

/* The double first goes to a single by rounding to odd, so that it is rounded but once. */
static inline float single_to_odd(double value) {
    volatile float nearest = (float)value; /* GCC 12 vectorises two such roundings into none */
    float single = nearest;
    if ((double)single == value || isnan(value) || isinf(value)) return single;
    uint32_t bits = single_bits(single);
    if (fabs((double)single) > fabs(value)) bits--; /* towards zero */
    return single_of_bits(bits | 1);
}

static inline uint16_t bf16_from(double value) {
    uint32_t bits = single_bits(single_to_odd(value));
    if (isnan(value)) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)(rounded_bits(bits, 16) >> 16);
}

static inline float bf16_to_single(uint16_t bits) { return single_of_bits((uint32_t)bits << 16); }

static inline float tf32_from(double value) {
    float single = single_to_odd(value);
    return isnan(single) ? single : single_of_bits(rounded_bits(single_bits(single), 13));
}

static inline uint16_t half_from(double value) {
    uint32_t bits = single_bits(single_to_odd(value));
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    if (isnan(value)) return (uint16_t)(sign | 0x7e00 | (bits >> 13 & 0x1ff));
    uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude >= 0x47800000) return (uint16_t)(sign | 0x7c00); /* 65536 and above */
    if (magnitude >= 0x38800000) /* 2^-14 and above: normal. The exponent's bias is 112 less */
        return (uint16_t)(sign | ((rounded_bits(magnitude, 13) >> 13) - (112 << 10)));
    /* Subnormal: a multiple of 2^-24, ties to even in the mode that the machine is in. */
    double scaled = ldexp(fabs(value), 24);
    return (uint16_t)(sign | (uint16_t)nearbyint(scaled));
}

static inline float half_to_single(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 0x1f;
    uint32_t fraction = half & 0x3ff;
    if (exponent == 0x1f) return single_of_bits(sign | 0x7f800000 | fraction << 13);
    if (exponent) return single_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
    float value = (float)fraction * 0x1p-24f;
    return sign ? -value : value;
}

#endif
