#include "mpi/add.h"

#define ADD(SUFFIX, TYPE)                                                                          \
    static void add_##SUFFIX(TYPE *restrict to, const TYPE *a, const TYPE *b, size_t count) {      \
        for (size_t i = 0; i < count; i++) to[i] = a[i] + b[i];                                    \
    }                                                                                              \
    static void into_##SUFFIX(TYPE *restrict to, const TYPE *restrict a, size_t count) {           \
        for (size_t i = 0; i < count; i++) to[i] += a[i];                                          \
    }
ADD(s, float)
ADD(d, double)

void add_arrays(enum scalar type, void *to, const void *a, const void *b, size_t count) {
    if (type == SCALAR_S)
        add_s(to, a, b, count);
    else
        add_d(to, a, b, count);
}

void add_into(enum scalar type, void *to, const void *a, size_t count) {
    if (type == SCALAR_S)
        into_s(to, a, count);
    else
        into_d(to, a, count);
}
