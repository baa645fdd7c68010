#include "kernels/probes/core_clock.h"

/* Register to register: recent cores fold chains of additions of a constant at rename, several in
 * one cycle. One asm statement, so that no build keeps the sum in memory. */
#define ADDS(ADD, LOOP) "1:\n\t.rept 64\n\t" ADD "\n\t.endr\n\t" LOOP

_Static_assert(CORE_CLOCK_BLOCK == 64, "ADDS repeats 64 times");

void core_clock_chain(long adds) {
    unsigned long sum = 1, step = 3;
    long blocks = adds / CORE_CLOCK_BLOCK;
    if (blocks <= 0) return;
#if defined(__x86_64__)
    __asm__ volatile(ADDS("add %2, %1", "dec %0\n\tjnz 1b")
                     : "+r"(blocks), "+r"(sum)
                     : "r"(step)
                     : "cc");
#elif defined(__aarch64__)
    __asm__ volatile(ADDS("add %1, %1, %2", "subs %0, %0, #1\n\tb.ne 1b")
                     : "+r"(blocks), "+r"(sum)
                     : "r"(step)
                     : "cc");
#else
    for (; blocks > 0; blocks--)
        for (int i = 0; i < CORE_CLOCK_BLOCK; i++) {
            sum += step;
            __asm__ volatile("" : "+r"(sum), "+r"(step));
        }
#endif
}
