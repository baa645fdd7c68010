/* Random masks of many places at once: the bits of kernels/random.h in whole vectors. */
#ifndef FLOPSTEP_KERNELS_CPU_LAYERS_PHILOX_H
#define FLOPSTEP_KERNELS_CPU_LAYERS_PHILOX_H

#include <stdint.h>

struct isa;

/* Word w of random_at(seed, stream, step, index + i) becomes mask[4 i + w], i below `count`: 1
 * where it is at least `least`, else 0. `isa` NULL: the widest. */
void philox_masks(const struct isa *isa, uint64_t seed, uint32_t stream, uint64_t step,
                  uint64_t index, long count, uint32_t least, uint8_t *mask);

#endif
