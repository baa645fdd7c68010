/* Counter-based random numbers: a number depends on its place (seed, stream, step, index) and on
 * nothing that was drawn before, so masks, shuffles and initial weights are the same on every
 * device, for any number of threads and ranks. Philox 4x32-10, Salmon et al., SC 2011. */
#ifndef FLOPSTEP_KERNELS_RANDOM_H
#define FLOPSTEP_KERNELS_RANDOM_H

#include <Random123/philox.h>
#include <math.h>
#include <stdint.h>

struct random_bits {
    uint32_t v[4];
};

/* 128 random bits of place (seed, stream, step, index); step is below 2^32. */
static inline struct random_bits random_at(uint64_t seed, uint32_t stream, uint64_t step,
                                           uint64_t index) {
    philox4x32_ctr_t counter = {{(uint32_t)index, (uint32_t)(index >> 32), stream, (uint32_t)step}};
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t bits = philox4x32(counter, key);
    return (struct random_bits){{bits.v[0], bits.v[1], bits.v[2], bits.v[3]}};
}

/* Uniform in (0, 1), 52 bits. */
static inline double random_uniform(uint64_t seed, uint32_t stream, uint64_t step, uint64_t index) {
    struct random_bits bits = random_at(seed, stream, step, index);
    uint64_t word = (uint64_t)bits.v[0] << 32 | bits.v[1];
    return ((double)(word >> 12) + 0.5) * 0x1p-52;
}

/* Standard normal, by Box and Muller. */
static inline double random_normal(uint64_t seed, uint32_t stream, uint64_t step, uint64_t index) {
    struct random_bits bits = random_at(seed, stream, step, index);
    uint64_t a = (uint64_t)bits.v[0] << 32 | bits.v[1], b = (uint64_t)bits.v[2] << 32 | bits.v[3];
    double u = ((double)(a >> 12) + 0.5) * 0x1p-52, angle = (double)(b >> 12) * 0x1p-52;
    return sqrt(-2 * log(u)) * cos(6.283185307179586477 * angle);
}

/* Uniform in [0, n), n below 2^32; the bias is below n / 2^64. */
static inline uint64_t random_below(uint64_t seed, uint32_t stream, uint64_t step, uint64_t index,
                                    uint64_t n) {
    struct random_bits bits = random_at(seed, stream, step, index);
    uint64_t word = (uint64_t)bits.v[0] << 32 | bits.v[1];
    return (uint64_t)(((unsigned __int128)word * n) >> 64);
}

#endif
