/* What a fuzz_<reader>.c has: one function that takes any bytes, and aborts where the reader breaks
 * a promise. The same source is linked with libFuzzer (run.sh) and with replay.c (the test suite).
 */
#ifndef FLOPSTEP_TESTS_FUZZ_H
#define FLOPSTEP_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* Not assert(): it must hold in Release builds, too. */
#define require(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
