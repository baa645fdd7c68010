/* Instruction sets: the table is ordered, names are unique, and what is claimed really executes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "kernels/cpu/isa.h"

static void names_are_unique_and_widths_ascend(void **state) {
    (void)state;
    size_t count;
    const struct isa *table = isa_table(&count);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) assert_string_not_equal(table[i].name, table[j].name);
        if (i > 0) assert_true(table[i].vector_bytes >= table[i - 1].vector_bytes);
    }
}

static void best_is_the_widest_supported(void **state) {
    (void)state;
    size_t count;
    const struct isa *table = isa_table(&count);
    const struct isa *best = isa_best();
    assert_true(best->supported());
    for (size_t i = 0; i < count; i++)
        if (table[i].supported()) assert_true(table[i].vector_bytes <= best->vector_bytes);
#if defined(__x86_64__) || defined(__aarch64__)
    assert_string_not_equal(best->name, "generic");
#endif
}

static void architectures_exclude_each_other(void **state) {
    (void)state;
    assert_false(isa_sse2() && isa_neon());
    if (isa_avx512()) assert_true(isa_avx2());
    if (isa_avx2()) assert_true(isa_sse2());
#if defined(__x86_64__)
    assert_true(isa_sse2());
#elif defined(__aarch64__)
    assert_true(isa_neon());
#endif
}

/* What the kernel lists in /proc/cpuinfo is what it has enabled, so both must agree. */
static void kernel_agrees(void **state) {
    (void)state;
#if defined(__x86_64__)
    static const struct {
        const char *flags[3];
        bool (*supported)(void);
    } claims[] = {{{"avx2", "fma", NULL}, isa_avx2}, {{"avx2", "fma", "avx512f"}, isa_avx512}};
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (!file) skip();
    char line[16384] = "";
    while (fgets(line, sizeof line, file) && strncmp(line, "flags", 5) != 0) {
    }
    fclose(file);
    if (strncmp(line, "flags", 5) != 0) skip();
    line[strcspn(line, "\n")] = ' ';
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        bool listed = true;
        for (int j = 0; j < 3 && claims[i].flags[j]; j++) {
            char word[32];
            snprintf(word, sizeof word, " %s ", claims[i].flags[j]);
            listed = listed && strstr(line, word);
        }
        /* An emulator such as valgrind may offer less than the kernel does, never more. */
        if (claims[i].supported()) assert_true(listed);
        if (!getenv("LD_PRELOAD")) assert_int_equal(claims[i].supported(), listed);
    }
#else
    skip();
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_unique_and_widths_ascend),
        cmocka_unit_test(best_is_the_widest_supported),
        cmocka_unit_test(architectures_exclude_each_other),
        cmocka_unit_test(kernel_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
