/* A case over time: bins, rates, the ratio of end to start by a clock of the test's own; what a GPU
 * says in each bin; the lines that are written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/harness/sustain.h"

static double time_now;
static double own_clock(void) { return time_now; }

/* A region of `first` seconds until `until`, of `later` seconds from then on. */
struct script {
    double first, until, later;
    size_t regions;
};

static double run_script(void *context) {
    struct script *script = context;
    double seconds = time_now < script->until ? script->first : script->later;
    time_now += seconds;
    script->regions++;
    return seconds;
}

static struct sustain_result run(struct script *script, double seconds, double flops) {
    struct sustain_case c = {
        .run = run_script, .context = script, .flops = flops, .bytes = 3e9, .now = own_clock};
    time_now = 0;
    return sustain_run(&c, seconds);
}

static void is_near(double value, double expected) {
    if (!(fabs(value - expected) <= 1e-6 * fabs(expected))) print_error("%.9g\n", value);
    assert_true(fabs(value - expected) <= 1e-6 * fabs(expected));
}

static void rates_are_medians_of_bins(void **state) {
    (void)state;
    struct script steady = {.first = 0.03125, .until = INFINITY};
    struct sustain_result r = run(&steady, 60, 1e9);
    assert_true(r.complete);
    is_near(r.seconds, 60);
    assert_true(r.regions == steady.regions && r.regions == 1920);
    assert_int_equal(r.count, 274); /* 7 regions make the 0.2 s of a bin, the last 2 are too few */
    for (size_t i = 0; i < r.count; i++) {
        assert_int_equal(r.bins[i].regions, 7);
        is_near(r.bins[i].time_s, (i + 0.5) * 7 * 0.03125);
        is_near(r.bins[i].gflops, 32);
        is_near(r.bins[i].gbytes_per_s, 96);
        assert_true(r.bins[i].clock_mhz > 10 && r.bins[i].clock_mhz < 20000);
        assert_true(isnan(r.bins[i].temperature_c) && isnan(r.bins[i].memory_clock_mhz));
        assert_false(r.bins[i].throttle_known);
    }
    is_near(r.rate_ratio, 1);
    is_near(r.flops, 1920e9);
    assert_true(isnan(r.throttled_fraction) && !r.throttle_known);
    sustain_free(&r);
}

static void the_end_is_held_against_the_start(void **state) {
    (void)state;
    struct script slower = {.first = 0.25, .until = 300, .later = 0.3125};
    struct sustain_result r = run(&slower, 600, 1e9);
    is_near(r.rate_ratio, 0.8);
    is_near(r.bins[0].gflops, 4);
    is_near(r.bins[r.count - 1].gflops, 3.2);
    is_near(r.least_gflops, 3.2);
    assert_true(r.count > 400 && r.count <= 600); /* bins of a second, whole regions each */
    sustain_free(&r);

    struct script slow = {.first = 20, .until = INFINITY}; /* regions longer than a bin */
    r = run(&slow, 60, NAN);
    assert_int_equal(r.count, 3);
    is_near(r.bins[1].time_s, 30);
    assert_true(isnan(r.rate_ratio)); /* no tenths of three */
    assert_true(isnan(r.bins[0].gflops) && isnan(r.gflops) && isnan(r.flops));
    is_near(r.gbytes_per_s, 0.15);
    sustain_free(&r);

    struct script once = {.first = 0.05, .until = INFINITY};
    r = run(&once, 0.01, 1e9); /* shorter than a region */
    assert_true(r.count == 1 && r.regions == 1 && r.complete);
    assert_true(isnan(r.energy_j) && !r.energy_source);
    sustain_free(&r);
}

static double nap(void *context) {
    (void)context;
    usleep(2000);
    return 0.002;
}

static void every_bin_asks_the_card(void **state) {
    (void)state;
    const char *fakes = getenv("FLOPSTEP_FAKES");
    if (!fakes) skip();
    char path[4096], reason[256];
    snprintf(path, sizeof path, "%s/libfake_nvml.so", fakes);
    setenv("FLOPSTEP_NVML", path, 1);
    setenv("FLOPSTEP_FAKE_NVML",
           "clock=1980/1500@4,memory-clock=2619,power=700000,temperature=35/60@3,throttle=0/4@4",
           1);
    struct gpu_monitor *monitor = gpu_monitor_open("0000:3b:00.0", reason, sizeof reason);
    assert_non_null(monitor);
    struct sustain_case c = {.run = nap, .flops = 1e9, .gpu = monitor, .on_gpu = true};
    struct sustain_result r = sustain_run(&c, 1.2); /* a reading each 20 ms */
    assert_true(r.count >= 1 && r.complete);
    for (size_t i = 0; i < r.count; i++) {
        const struct sustain_bin *bin = &r.bins[i];
        assert_true(bin->clock_mhz >= 1500 && bin->clock_mhz <= 1980);
        assert_true(bin->memory_clock_mhz == 2619 && bin->power_w == 700);
        assert_true(bin->throttle_known && isnan(bin->gbytes_per_s));
    }
    const struct sustain_bin *last = &r.bins[r.count - 1];
    if (r.count > 4) assert_true(last->clock_mhz == 1500 && last->temperature_c == 60);
    if (r.count > 4) assert_true(last->throttle == 4 && r.throttle == 4);
    assert_true(r.throttled_fraction >= 0 && r.throttled_fraction <= 1);
    assert_true(r.energy_j >= 700 * 1.0); /* that of the watch, which is a little longer */
    assert_string_equal(r.energy_source, "power");
    sustain_free(&r);
    gpu_monitor_close(monitor);
}

static double lost(void *context) { return ++*(int *)context < 4 ? 0.1 : NAN; }

/* A card that NVML knows nothing of, and that goes away. */
static void a_lost_card_ends_the_series(void **state) {
    (void)state;
    int calls = 0;
    struct sustain_case c = {.run = lost, .context = &calls, .flops = 1e9, .on_gpu = true};
    struct sustain_result r = sustain_run(&c, 3600);
    assert_true(!r.complete && calls == 4 && r.regions == 3);
    assert_int_equal(r.count, 1);
    is_near(r.gflops, 10);
    assert_true(isnan(r.bins[0].clock_mhz) && isnan(r.bins[0].power_w)); /* not the processor's */
    assert_true(isnan(r.energy_j) && !r.energy_source);
    sustain_free(&r);
}

static json_t *load(FILE *file) {
    json_error_t error;
    return json_loadf(file, JSON_DISABLE_EOF_CHECK, &error);
}

static double number(const json_t *line, const char *key) {
    return json_number_value(json_object_get(line, key));
}

static void lines_tell_what_is_known(void **state) {
    (void)state;
    struct sustain_bin bins[2] = {{.time_s = 0.1,
                                   .regions = 3,
                                   .region_s = 0.05,
                                   .gflops = 100,
                                   .least_gflops = 90,
                                   .gbytes_per_s = NAN,
                                   .clock_mhz = 1980,
                                   .memory_clock_mhz = NAN,
                                   .power_w = 650,
                                   .temperature_c = 40,
                                   .throttle_known = true,
                                   .throttle = 0x24},
                                  {.time_s = 0.3,
                                   .regions = 3,
                                   .region_s = 0.05,
                                   .gflops = 100,
                                   .least_gflops = 90,
                                   .gbytes_per_s = NAN,
                                   .clock_mhz = NAN,
                                   .memory_clock_mhz = NAN,
                                   .power_w = NAN,
                                   .temperature_c = NAN}};
    struct sustain_result r = {.bins = bins,
                               .count = 2,
                               .regions = 6,
                               .seconds = 4,
                               .flops = 400e9,
                               .gflops = 100,
                               .least_gflops = 90,
                               .gbytes_per_s = NAN,
                               .rate_ratio = 0.97,
                               .energy_j = 200,
                               .energy_source = "counter",
                               .throttle_known = true,
                               .complete = true,
                               .throttle = 0x24,
                               .throttled_fraction = 1,
                               .limits = {"", 1980, NAN, 700}};
    struct record record = {.command = "blas", .run = "host-20260101T000000Z", .file = tmpfile()};
    assert_non_null(record.file);
    sustain_record(&record, &r,
                   json_pack("{s:s, s:s, s:s}", "device", "cuda", "kernel", "gemm", "type", "d"));
    rewind(record.file);
    json_t *line = load(record.file);
    assert_string_equal(json_string_value(json_object_get(line, "record")), "sustain");
    assert_string_equal(json_string_value(json_object_get(line, "run")), record.run);
    assert_string_equal(json_string_value(json_object_get(line, "command")), "blas");
    assert_string_equal(json_string_value(json_object_get(line, "kernel")), "gemm");
    assert_string_equal(json_string_value(json_object_get(line, "throttle")), "power-cap;thermal");
    assert_true(json_is_true(json_object_get(line, "throttled")));
    assert_true(number(line, "clock_mhz") == 1980 && number(line, "gflops_min") == 90);
    assert_true(json_is_null(json_object_get(line, "gbytes_per_s")));
    json_decref(line);
    line = load(record.file);
    static const char *const unknown[] = {"clock_mhz",     "power_w",  "memory_clock_mhz",
                                          "temperature_c", "throttle", "throttled"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_true(json_is_null(json_object_get(line, unknown[i])));
    json_decref(line);
    line = load(record.file);
    assert_string_equal(json_string_value(json_object_get(line, "record")), "sustained");
    assert_string_equal(json_string_value(json_object_get(line, "energy_source")), "counter");
    is_near(number(line, "gflops_per_w"), 2); /* 400 GFLOP with 200 J */
    is_near(number(line, "rate_ratio"), 0.97);
    assert_true(number(line, "power_limit_w") == 700 && number(line, "most_clock_mhz") == 1980);
    assert_true(json_is_true(json_object_get(line, "complete")));
    json_decref(line);
    assert_null(load(record.file));
    fclose(record.file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_medians_of_bins),
        cmocka_unit_test(the_end_is_held_against_the_start),
        cmocka_unit_test(every_bin_asks_the_card),
        cmocka_unit_test(a_lost_card_ends_the_series),
        cmocka_unit_test(lines_tell_what_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
