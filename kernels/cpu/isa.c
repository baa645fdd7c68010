#include "kernels/cpu/isa.h"

#if defined(__x86_64__)

/* The builtins also ask the operating system (XGETBV) whether it saves the wide registers. */
bool isa_sse2(void) { return __builtin_cpu_supports("sse2") != 0; }
bool isa_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool isa_avx512(void) { return isa_avx2() && __builtin_cpu_supports("avx512f"); }
bool isa_neon(void) { return false; }

#else

bool isa_sse2(void) { return false; }
bool isa_avx2(void) { return false; }
bool isa_avx512(void) { return false; }
#if defined(__aarch64__)
bool isa_neon(void) { return true; } /* part of the architecture */
#else
bool isa_neon(void) { return false; }
#endif

#endif

bool isa_any(void) { return true; }

static const struct isa table[] = {
    {"generic", 16, isa_any}, {"sse2", 16, isa_sse2},     {"neon", 16, isa_neon},
    {"avx2", 32, isa_avx2},   {"avx512", 64, isa_avx512},
};

const struct isa *isa_table(size_t *count) {
    *count = sizeof table / sizeof table[0];
    return table;
}

const struct isa *isa_best(void) {
    size_t i = sizeof table / sizeof table[0] - 1;
    while (!table[i].supported()) i--; /* ends at "generic" */
    return &table[i];
}
