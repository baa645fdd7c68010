/* Which vector instruction sets this processor and operating system offer, found at run time. */
#ifndef FLOPSTEP_KERNELS_CPU_ISA_H
#define FLOPSTEP_KERNELS_CPU_ISA_H

#include <stdbool.h>
#include <stddef.h>

/* True where the processor has the instructions and the operating system saves their registers.
 * False on every other architecture. */
bool isa_sse2(void);
bool isa_avx2(void);   /* AVX2 and FMA */
bool isa_avx512(void); /* AVX-512 F */
bool isa_neon(void);   /* Advanced SIMD of aarch64 */
bool isa_any(void);    /* true: for code that needs nothing special */

struct isa {
    const char *name; /* "sse2", as in the `isa` column */
    int vector_bytes;
    bool (*supported)(void);
};

/* All instruction sets that flopstep has code for, narrowest first, this machine's or not. */
const struct isa *isa_table(size_t *count);

/* The widest supported one; "generic" on architectures without vector code here. */
const struct isa *isa_best(void);

#endif
