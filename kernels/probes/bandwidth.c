#include "kernels/probes/bandwidth.h"

#include <string.h>

#include "kernels/cpu/isa.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define ISA sse2
#define TARGET
#define VECTOR_BYTES 16
#define REGISTER     "x"
#define STREAM_PAIR(x, i, v, w)                                                                    \
    _mm_stream_pd((double *)(x + (i)), v);                                                         \
    _mm_stream_pd((double *)(x + (i) + 1), w)
#define STREAM_END() _mm_sfence()
#include "kernels/probes/bandwidth_loops.h"

#define ISA          avx2
#define TARGET       __attribute__((target("avx2,fma")))
#define VECTOR_BYTES 32
#define REGISTER     "x"
#define STREAM_PAIR(x, i, v, w)                                                                    \
    _mm256_stream_pd((double *)(x + (i)), v);                                                      \
    _mm256_stream_pd((double *)(x + (i) + 1), w)
#define STREAM_END() _mm_sfence()
#include "kernels/probes/bandwidth_loops.h"

#define ISA          avx512
#define TARGET       __attribute__((target("avx512f")))
#define VECTOR_BYTES 64
#define REGISTER     "v"
#define STREAM_PAIR(x, i, v, w)                                                                    \
    _mm512_stream_pd((double *)(x + (i)), v);                                                      \
    _mm512_stream_pd((double *)(x + (i) + 1), w)
#define STREAM_END() _mm_sfence()
#include "kernels/probes/bandwidth_loops.h"

#elif defined(__aarch64__)

#define ISA neon
#define TARGET
#define VECTOR_BYTES 16
#define REGISTER     "w"
#define STREAM_PAIR(x, i, v, w)                                                                    \
    __asm__ volatile("stnp %q1, %q2, [%0, %3]"                                                     \
                     :                                                                             \
                     : "r"(x), "w"(v), "w"(w), "i"(16 * (i))                                       \
                     : "memor"                                                                     \
                       "y")
#define STREAM_END() __asm__ volatile("dmb ishst" : : : "memory")
#include "kernels/probes/bandwidth_loops.h"

#else

#define ISA generic
#define TARGET
#define VECTOR_BYTES 16
#define REGISTER     "m" /* whatever this architecture has */
#include "kernels/probes/bandwidth_loops.h"

#endif

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
#define SET(ISA, SUPPORTED)                                                                        \
    { #ISA, SUPPORTED, bandwidth_##ISA##_table, COUNT(bandwidth_##ISA##_table) }

/* Narrowest first. */
static const struct {
    const char *isa;
    bool (*supported)(void);
    const struct bandwidth_probe *table;
    size_t count;
} sets[] = {
#if defined(__x86_64__)
    SET(sse2, isa_sse2),
    SET(avx2, isa_avx2),
    SET(avx512, isa_avx512),
#elif defined(__aarch64__)
    SET(neon, isa_neon),
#else
    SET(generic, isa_any),
#endif
};

const struct bandwidth_probe *bandwidth_probe_table_for(const char *isa, size_t *count) {
    *count = 0;
    for (size_t i = 0; i < COUNT(sets); i++)
        if (strcmp(sets[i].isa, isa) == 0 && sets[i].supported()) {
            *count = sets[i].count;
            return sets[i].table;
        }
    return NULL;
}

const struct bandwidth_probe *bandwidth_probe_table(size_t *count, const char **isa) {
    size_t i = COUNT(sets) - 1;
    while (!sets[i].supported()) i--; /* the first is part of its architecture */
    if (isa) *isa = sets[i].isa;
    *count = sets[i].count;
    return sets[i].table;
}

const struct bandwidth_probe *bandwidth_probe_find(const char *name) {
    size_t count;
    const struct bandwidth_probe *table = bandwidth_probe_table(&count, NULL);
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].name, name) == 0) return &table[i];
    return NULL;
}
