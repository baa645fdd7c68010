/* The probes of a CUDA device: each touches exactly the arrays of its working set with the right
 * formula, and its FMA rate is that of real numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "bench/device_ceilings.h"
#include "kernels/device_module.h"
#include "kernels/probes/fma.h"

static const struct device *device;

static int open_device(void **state) {
    (void)state;
    char reason[512] = "";
    bool unknown = false;
    device = device_open("cuda", reason, sizeof reason, &unknown);
    if (!device) print_error("%s\n", reason);
    return device ? 0 : -1;
}

static int close_device(void **state) {
    (void)state;
    device_close_all();
    return 0;
}

enum { GUARD = 64 };

static double input(size_t i) { return sin(1 + (double)i); }

/* What element i of the first of the arrays, n long each, may be after `repetitions`: one of two
 * where a probe works in place, since threads do not wait for each other between repetitions. */
static bool is_right(const char *name, double value, size_t i, size_t n, long repetitions) {
    const double a = input(i), b = input(i + n), c = input(i + 2 * n);
    if (strcmp(name, "copy") == 0) return value == b;
    if (strcmp(name, "scale") == 0) return value == 0.5 * b;
    if (strcmp(name, "add") == 0) return value == b + c;
    if (strcmp(name, "triad") == 0) return fabs(value - (b + 0.5 * c)) <= 1e-15;
    if (strcmp(name, "load") == 0) return value == a;
    double once = strcmp(name, "update") == 0 ? -a : 0.5 * b - a;
    bool moved = fabs(value - once) <= 1e-15, back = fabs(value - a) <= 1e-15;
    if (repetitions == 1) return moved;
    return moved || back;
}

/* Bytes counted for each byte of the working set. */
static double counted(const char *name) {
    if (strcmp(name, "update") == 0) return 2;
    if (strcmp(name, "axpy") == 0) return 1.5;
    return 1;
}

static void computes_its_formula(const struct device_probe *probe, size_t bytes, long repetitions) {
    size_t arrays = strcmp(probe->name, "load") == 0 || strcmp(probe->name, "update") == 0 ? 1
                    : strcmp(probe->name, "add") == 0 || strcmp(probe->name, "triad") == 0 ? 3
                                                                                           : 2;
    size_t n = bytes / sizeof(double), whole = n + 2 * GUARD, each = n / arrays;
    double *host = malloc(whole * sizeof *host);
    double *memory = device->allocate(device, whole * sizeof *host);
    assert_non_null(host);
    assert_non_null(memory);
    for (size_t i = 0; i < whole; i++) host[i] = NAN;
    for (size_t i = 0; i < n; i++) host[GUARD + i] = input(i);
    device->copy_in(device, memory, host, whole * sizeof *host);
    probe->run(device, memory + GUARD, NULL, bytes, repetitions);
    device->copy_out(device, host, memory, whole * sizeof *host);
    assert_null(device->error(device));
    for (size_t i = 0; i < GUARD; i++) assert_true(isnan(host[i]) && isnan(host[GUARD + n + i]));
    for (size_t i = 0; i < each; i++)
        if (!is_right(probe->name, host[GUARD + i], i, each, repetitions))
            fail_msg("%s: element %zu of %zu is %g after %ld repetitions", probe->name, i, each,
                     host[GUARD + i], repetitions);
    for (size_t i = each; i < n; i++) assert_true(host[GUARD + i] == input(i));
    assert_true(probe->work(device, bytes) == counted(probe->name) * (double)bytes);
    device->release(device, memory, whole * sizeof *host);
    free(host);
}

static void test_bandwidth(void **state) {
    (void)state;
    size_t count, tested = 0;
    const struct device_probe *table = device->probes(device, &count);
    for (size_t i = 0; i < count; i++) {
        if (table[i].needs != PROBE_DEVICE_MEMORY) continue;
        size_t block = device_ceiling_working_set(1);
        /* fewer elements than threads, a few for each, and numbers that no thread count divides */
        const size_t sets[] = {block, 7 * block, 41 * block, 1021 * block};
        for (size_t s = 0; s < sizeof sets / sizeof *sets; s++)
            for (long repetitions = 1; repetitions <= 3; repetitions++)
                computes_its_formula(&table[i], sets[s], repetitions);
        tested++;
    }
    assert_int_equal(tested, 7);
}

static double map(enum scalar type, double x) {
    if (type == SCALAR_S) return fmaf((float)x, (float)x, (float)FMA_PROBE_QUADRATIC);
    return fma(x, x, FMA_PROBE_QUADRATIC);
}

/* After n iterations every number is where the map takes it in as many steps as FLOP are counted
 * for, bit by bit. */
static void advances(enum scalar type) {
    const struct device_probe *probe = device_ceiling_find(device, "fma", type);
    assert_non_null(probe);
    size_t bytes = (size_t)64 << 20, size = scalar_bytes(type), values = 0;
    void *memory = device->allocate(device, bytes), *runs[3];
    assert_non_null(memory);
    for (int n = 0; n < 3; n++) {
        runs[n] = malloc(bytes);
        assert_non_null(runs[n]);
        memset(runs[n], 0xff, bytes);
        device->copy_in(device, memory, runs[n], bytes);
        probe->run(device, memory, NULL, bytes, n);
        device->copy_out(device, runs[n], memory, bytes);
    }
    assert_null(device->error(device));
    static const unsigned char blank[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    while (memcmp((char *)runs[0] + values * size, blank, size) != 0) values++;
    assert_true(values > 0);
    double steps = probe->work(device, 0) / 2 / (double)values;
    assert_true(steps == floor(steps) && steps >= 1);
    for (size_t i = 0; i < values; i++) {
        double x[3];
        for (int n = 0; n < 3; n++)
            x[n] = type == SCALAR_S ? ((float *)runs[n])[i] : ((double *)runs[n])[i];
        assert_true(x[0] > 0 && x[0] < 1);
        for (int n = 1; n < 3; n++) {
            double y = x[n - 1];
            for (long step = 0; step < (long)steps; step++) y = map(type, y);
            if (y != x[n]) fail_msg("value %zu is %.17g, not %.17g", i, x[n], y);
        }
    }
    for (int n = 0; n < 3; n++) free(runs[n]);
    device->release(device, memory, bytes);
}

static void test_fma(void **state) {
    (void)state;
    advances(SCALAR_S);
    advances(SCALAR_D);
}

/* What the matrix units leave where they are given memory: sums that had a product added and taken
 * away are back at their start, 1/4 to 1 in magnitude. The emulation has no such units. */
static void test_tensor(void **state) {
    (void)state;
    size_t count, bytes = (size_t)256 << 20;
    const struct device_probe *table = device->probes(device, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(table[i].name, "tensor") != 0 || !table[i].supported(device)) continue;
        void *memory = device->allocate(device, bytes), *host = malloc(bytes);
        assert_true(memory && host);
        memset(host, 0xff, bytes);
        device->copy_in(device, memory, host, bytes);
        table[i].run(device, memory, NULL, bytes, 1000);
        device->copy_out(device, host, memory, bytes);
        assert_null(device->error(device));
        bool wide = table[i].type == SCALAR_D;
        size_t numbers = bytes / (wide ? 8 : 4), written = 0;
        for (; written < numbers; written++) {
            double x = wide ? ((double *)host)[written] : ((float *)host)[written];
            if (isnan(x)) break;
            if (!(fabs(x) > 0.24 && fabs(x) < 1.01))
                fail_msg("tensor %s: sum %zu is %g", scalar_letter(table[i].type), written, x);
        }
        assert_true(written > 0 && written < numbers);
        device->release(device, memory, bytes);
        free(host);
    }
}

/* Copies arrive, whatever their direction and the kind of the host's memory. */
static void test_copies(void **state) {
    (void)state;
    size_t count, tested = 0;
    const struct device_probe *table = device->probes(device, &count);
    for (size_t i = 0; i < count; i++) {
        const struct device_probe *probe = &table[i];
        if (probe->needs != PROBE_PINNED_TOO && probe->needs != PROBE_PAGEABLE_TOO) continue;
        struct device_ceiling c;
        char reason[256] = "";
        assert_true(device_ceiling_open(&c, device, probe, 1000, NULL, reason, sizeof reason));
        unsigned char in[1000], out[1000];
        bool to_device = strncmp(probe->name, "h2d", 3) == 0;
        for (size_t k = 0; k < sizeof in; k++) in[k] = (unsigned char)(k * 7 + i);
        if (to_device)
            memcpy(c.host, in, sizeof in);
        else
            device->copy_in(device, c.memory, in, sizeof in);
        probe->run(device, c.memory, c.host, c.bytes, 2);
        device->synchronise(device);
        if (to_device)
            device->copy_out(device, out, c.memory, sizeof out);
        else
            memcpy(out, c.host, sizeof out);
        assert_memory_equal(in, out, sizeof in);
        device_ceiling_close(&c);
        tested++;
    }
    assert_int_equal(tested, 6);
    assert_null(device->error(device));
}

static void test_find(void **state) {
    (void)state;
    assert_non_null(device_ceiling_find(device, "triad", SCALAR_COUNT));
    assert_non_null(device_ceiling_find(device, "fma", SCALAR_D));
    assert_null(device_ceiling_find(device, "fma", SCALAR_H));
    assert_null(device_ceiling_find(device, "copy-nt", SCALAR_COUNT));
    assert_non_null(device_ceiling_of_products(device, SCALAR_S));
    assert_string_equal(device_ceiling_of_products(device, SCALAR_S)->name, "fma");
    assert_non_null(device_ceiling_of_products(device, SCALAR_D));
    assert_int_equal(device_ceiling_working_set(0), 3072);
    assert_int_equal(device_ceiling_working_set(3071), 3072);
    assert_int_equal(device_ceiling_working_set(100000), 98304);
}

/* What a ceiling's subject tells is positive and finite, in any unit. */
static void test_subjects(void **state) {
    (void)state;
    size_t count;
    const struct device_probe *table = device->probes(device, &count);
    for (size_t i = 0; i < count; i++) {
        struct device_ceiling c;
        char reason[256] = "";
        if (!table[i].supported(device)) continue;
        assert_true(device_ceiling_open(&c, device, &table[i], 6144, NULL, reason, sizeof reason));
        struct subject subject = device_ceiling_subject(&c);
        subject.enter(&c);
        double seconds = subject.timed(&c, 2), work = device_ceiling_work(&c);
        assert_true(seconds > 0 && isfinite(seconds));
        assert_true(table[i].unit == PROBE_SECONDS ? isnan(work) : work > 0);
        device_ceiling_close(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bandwidth), cmocka_unit_test(test_fma),
        cmocka_unit_test(test_tensor),    cmocka_unit_test(test_copies),
        cmocka_unit_test(test_find),      cmocka_unit_test(test_subjects),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
