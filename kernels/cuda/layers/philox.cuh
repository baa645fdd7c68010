/* Philox 4x32-10 (Salmon et al., SC 2011): the bits of kernels/random.h, on the device. */
#ifndef FLOPSTEP_KERNELS_CUDA_LAYERS_PHILOX_CUH
#define FLOPSTEP_KERNELS_CUDA_LAYERS_PHILOX_CUH

#include <stdint.h>

#include "kernels/cuda/launch.h"

struct philox_bits {
    uint32_t v[4];
};

/* random_at(seed, stream, step, index) */
static inline __device__ philox_bits philox_at(uint64_t seed, uint32_t stream, uint64_t step,
                                               uint64_t index) {
    philox_bits c = {{(uint32_t)index, (uint32_t)(index >> 32), stream, (uint32_t)step}};
    uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53U * c.v[0], b = (uint64_t)0xCD9E8D57U * c.v[2];
        c = {{(uint32_t)(b >> 32) ^ c.v[1] ^ key0, (uint32_t)b, (uint32_t)(a >> 32) ^ c.v[3] ^ key1,
              (uint32_t)a}};
        key0 += 0x9E3779B9U;
        key1 += 0xBB67AE85U;
    }
    return c;
}

#endif
