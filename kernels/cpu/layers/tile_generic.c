/* Vectors of 16 bytes, which the compiler makes of what the architecture has: NEON with 32
 * registers, SSE2 with 16. */
#include "kernels/cpu/layers/tile.h"

#define PARTS_ARE_FREE 0
#define VECTOR_BYTES   16
#define TARGET
#if defined __aarch64__
#define ISA_NAME     "neon"
#define MOST_ROWS    12
#define EACH_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#else
#define ISA_NAME     "sse2"
#define MOST_ROWS    6
#define EACH_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#endif

#define PARTS(type, letter, lanes)                                                                 \
    typedef type part_##letter __attribute__((vector_size(VECTOR_BYTES)));                         \
    static inline part_##letter load_part_##letter(const type *from, long left) {                  \
        part_##letter value = {0};                                                                 \
        for (long l = 0; l < lanes; l++)                                                           \
            if (l < left) value[l] = from[l];                                                      \
        return value;                                                                              \
    }                                                                                              \
    static inline void store_part_##letter(type *to, long left, part_##letter value) {             \
        for (long l = 0; l < lanes; l++)                                                           \
            if (l < left) to[l] = value[l];                                                        \
    }
PARTS(float, s, 4)
PARTS(double, d, 2)

#define TYPED_FILE "kernels/cpu/layers/tile_typed.h"
#include "kernels/cpu/layers/both_types.h"

const struct tile_set *tile_set_generic(enum scalar type) {
    return type == SCALAR_S ? &set_s : &set_d;
}
