/* The state of a GPU, from an NVML without one (tests/cuda_on_host/nvml): every quantity in its
 * unit, unknown where it is missing, throttled spans, energy; and what happens where there is no
 * NVML. */
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

#include "bench/harness/clock.h"
#include "bench/harness/gpu_columns.h"
#include "bench/harness/gpu_state.h"
#include "bench/harness/gpu_watch.h"

static const char card[] = "0000:3b:00.0";
static const char whole[] = "clock=1980,memory-clock=2619,most-clock=2100,most-memory-clock=3201,"
                            "power=349500,power-limit=700000,temperature=35,energy=123456000,"
                            "throttle=0x24";

static void use_library(const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", getenv("FLOPSTEP_FAKES"), name);
    setenv("FLOPSTEP_NVML", path, 1);
}

/* Opens the fake with a script. */
static struct gpu_monitor *open_fake(const char *library, const char *script) {
    char reason[256] = "";
    use_library(library);
    setenv("FLOPSTEP_FAKE_NVML", script, 1);
    struct gpu_monitor *monitor = gpu_monitor_open(card, reason, sizeof reason);
    if (!monitor) print_error("%s\n", reason);
    assert_non_null(monitor);
    return monitor;
}

static void is_near(double value, double expected) {
    if (!(fabs(value - expected) <= 1e-9 * fabs(expected))) print_error("%g\n", value);
    assert_true(fabs(value - expected) <= 1e-9 * fabs(expected));
}

static void quantities_have_their_units(void **state) {
    (void)state;
    struct gpu_monitor *monitor = open_fake("libfake_nvml.so", whole);
    struct gpu_state now = gpu_state_now(monitor);
    is_near(now.sm_clock_mhz, 1980);
    is_near(now.memory_clock_mhz, 2619);
    is_near(now.power_w, 349.5);
    is_near(now.power_limit_w, 700);
    is_near(now.temperature_c, 35);
    is_near(now.energy_j, 123456);
    assert_true(now.throttle_known);
    assert_true(now.throttle == 0x24);
    struct gpu_limits limits = gpu_limits_of(monitor);
    assert_string_equal(limits.driver, "580.65.06");
    is_near(limits.most_sm_clock_mhz, 2100);
    is_near(limits.most_memory_clock_mhz, 3201);
    is_near(limits.power_limit_w, 700);
    gpu_monitor_close(monitor);
}

static void is_unknown(const struct gpu_state *now) {
    assert_true(isnan(now->sm_clock_mhz) && isnan(now->memory_clock_mhz));
    assert_true(isnan(now->power_w) && isnan(now->power_limit_w));
    assert_true(isnan(now->temperature_c) && isnan(now->energy_j));
    assert_false(now->throttle_known);
    assert_true(now->throttle == 0);
}

static void what_a_card_does_not_say_is_unknown(void **state) {
    (void)state;
    struct gpu_monitor *monitor = open_fake("libfake_nvml.so", "");
    struct gpu_state now = gpu_state_now(monitor);
    is_unknown(&now);
    assert_true(isnan(gpu_limits_of(monitor).most_sm_clock_mhz));
    gpu_monitor_close(monitor);

    monitor = open_fake("libfake_nvml.so", "power=1000,temperature=0");
    now = gpu_state_now(monitor);
    assert_true(now.power_w == 1 && now.temperature_c == 0);
    assert_true(isnan(now.sm_clock_mhz) && isnan(now.energy_j) && !now.throttle_known);
    gpu_monitor_close(monitor);
}

static void no_gpu_is_no_error(void **state) {
    (void)state;
    struct gpu_state now = gpu_state_now(NULL);
    is_unknown(&now);
    assert_string_equal(gpu_limits_of(NULL).driver, "");
    assert_null(gpu_watch_begin(NULL, GPU_WATCH_PERIOD));
    now = gpu_watch_read(NULL).state;
    is_unknown(&now);
    struct gpu_summary summary = gpu_watch_end(NULL);
    assert_true(summary.readings == 0 && isnan(summary.sm_clock_mhz.median));
    assert_true(isnan(summary.energy_j) && !summary.throttle_known);
    assert_false(gpu_summary_throttled(&summary, -INFINITY, INFINITY));
    gpu_summary_free(&summary);
    gpu_monitor_close(NULL);
}

/* Functions that an old driver lacks, and the older name of the reasons. */
static void old_drivers_say_less(void **state) {
    (void)state;
    struct gpu_monitor *monitor = open_fake("libfake_nvml_old.so", whole);
    struct gpu_state now = gpu_state_now(monitor);
    is_near(now.power_w, 349.5);
    assert_true(isnan(now.energy_j));
    assert_true(now.throttle_known && now.throttle == 0x24);
    gpu_monitor_close(monitor);
}

static void a_lost_card_becomes_unknown(void **state) {
    (void)state;
    struct gpu_monitor *monitor = open_fake("libfake_nvml.so", "power=1000,throttle=4,lost@2");
    assert_true(gpu_state_now(monitor).power_w == 1);
    struct gpu_state now = gpu_state_now(monitor);
    is_unknown(&now);
    gpu_monitor_close(monitor);
}

static void is_refused(const char *id, const char *words) {
    char reason[256] = "";
    assert_null(gpu_monitor_open(id, reason, sizeof reason));
    if (!strstr(reason, words)) print_error("%s\n", reason);
    assert_non_null(strstr(reason, words));
    assert_null(strchr(reason, '\n'));
}

static void refusals_say_why(void **state) {
    (void)state;
    setenv("FLOPSTEP_NVML", "/nowhere/libnvidia-ml.so.1", 1);
    is_refused(card, "NVML is missing: /nowhere/libnvidia-ml.so.1");
    setenv("FLOPSTEP_NVML", "libm.so.6", 1);
    is_refused(card, "libm.so.6 is no NVML");
    use_library("libfake_nvml.so");
    setenv("FLOPSTEP_FAKE_NVML", "no-driver", 1);
    is_refused(card, "Driver Not Loaded");
    setenv("FLOPSTEP_FAKE_NVML", whole, 1);
    is_refused("0000:af:00.0", "does not know the GPU 0000:af:00.0: Not Found");
    gpu_monitor_close(open_fake("libfake_nvml.so", whole)); /* and the refusals left nothing open */
}

static void reads_as(unsigned long long reasons, const char *words, bool throttled) {
    char text[256];
    gpu_throttle_text(reasons, text, sizeof text);
    assert_string_equal(text, words);
    assert_true(gpu_throttled(reasons) == throttled);
}

static void reasons_have_names(void **state) {
    (void)state;
    reads_as(0, "", false);
    reads_as(1, "", false); /* idle */
    reads_as(2, "applications-clocks", false);
    reads_as(4, "power-cap", true);
    reads_as(8, "hw-slowdown", true);
    reads_as(0x10, "sync-boost", true);
    reads_as(0x20, "thermal", true);
    reads_as(0x48, "hw-slowdown;hw-thermal", true);
    reads_as(0x88, "hw-slowdown;power-brake", true);
    reads_as(0x100, "display-clocks", false);
    reads_as(0x27, "applications-clocks;power-cap;thermal", true);
    reads_as(0x1001, "other-1000", true); /* younger than this program */
    char small[8];
    gpu_throttle_text(0xff, small, sizeof small);
    assert_string_equal(small, "applica");
}

/* Readings one second apart, of which the whole is known. */
static struct gpu_reading reading(double time, double power, unsigned long long throttle) {
    struct gpu_reading r = {time, gpu_state_unknown()};
    r.state.power_w = power;
    r.state.throttle = throttle;
    r.state.throttle_known = true;
    return r;
}

static void summaries_are_of_the_known(void **state) {
    (void)state;
    struct gpu_reading r[] = {reading(0, 100, 0), reading(1, 300, 0), reading(2, NAN, 0),
                              reading(3, 200, 0), reading(4, 900, 4)};
    struct gpu_summary s = gpu_summarise(r, 5, -INFINITY, INFINITY);
    assert_true(s.begin == 0 && s.end == 4 && s.readings == 5);
    assert_true(s.power_w.min == 100 && s.power_w.median == 250 && s.power_w.max == 900);
    assert_true(isnan(s.temperature_c.min) && isnan(s.temperature_c.median));
    assert_true(s.throttle == 4 && s.throttle_known);
    gpu_summary_free(&s);
    s = gpu_summarise(r, 5, 0.5, 3);
    assert_true(s.begin == 1 && s.end == 3 && s.readings == 3 && s.throttle == 0);
    assert_true(s.power_w.max == 300);
    gpu_summary_free(&s);
    s = gpu_summarise(r, 5, 10, 20);
    assert_true(s.readings == 0 && isnan(s.begin) && isnan(s.power_w.median) && !s.throttle_known);
    gpu_summary_free(&s);
}

/* From the last good reading before to the first one after. */
static void throttled_samples_are_found(void **state) {
    (void)state;
    struct gpu_reading r[] = {reading(0, 1, 1), reading(1, 1, 4), reading(2, 1, 0x20),
                              reading(3, 1, 0), reading(4, 1, 2), reading(5, 1, 0x40)};
    struct gpu_summary s = gpu_summarise(r, 6, -INFINITY, INFINITY);
    assert_int_equal(s.span_count, 2);
    assert_true(s.spans[0].begin == 0 && s.spans[0].end == 3 && s.spans[0].throttle == 0x24);
    assert_true(s.spans[1].begin == 4 && s.spans[1].end == 5 && s.spans[1].throttle == 0x40);
    assert_true(gpu_summary_throttled(&s, 0.5, 0.6));
    assert_true(gpu_summary_throttled(&s, 2.9, 3.5));
    assert_false(gpu_summary_throttled(&s, 3.1, 3.9));
    assert_true(gpu_summary_throttled(&s, 3.1, 9));
    assert_false(gpu_summary_throttled(&s, 5.1, 9));
    assert_true(s.throttle == 0x67); /* all that was seen, idle and settings too */
    gpu_summary_free(&s);

    /* a reading that failed is neither good nor bad */
    r[0].state.throttle_known = r[3].state.throttle_known = false;
    s = gpu_summarise(r, 5, -INFINITY, INFINITY);
    assert_int_equal(s.span_count, 1);
    assert_true(s.spans[0].begin == 0 && s.spans[0].end == 4);
    gpu_summary_free(&s);
}

static void energy_is_counted_or_integrated(void **state) {
    (void)state;
    struct gpu_reading r[] = {reading(0, 100, 0), reading(1, 300, 0), reading(3, 300, 0)};
    struct gpu_summary s = gpu_summarise(r, 3, -INFINITY, INFINITY);
    is_near(s.energy_j, 800); /* trapezia: 200 + 600 */
    assert_string_equal(gpu_energy_source_name(s.energy_source), "power");
    gpu_summary_free(&s);

    r[0].state.energy_j = 5000;
    r[2].state.energy_j = 5700;
    s = gpu_summarise(r, 3, -INFINITY, INFINITY);
    is_near(s.energy_j, 700);
    assert_string_equal(gpu_energy_source_name(s.energy_source), "counter");
    gpu_summary_free(&s);

    r[2].state.energy_j = 4000; /* reset in between */
    s = gpu_summarise(r, 3, -INFINITY, INFINITY);
    is_near(s.energy_j, 800);
    assert_true(s.energy_source == GPU_ENERGY_POWER);
    gpu_summary_free(&s);

    r[2].state.energy_j = 5700;
    r[1].time = 0.5, r[2].time = 0.99; /* too short for either */
    s = gpu_summarise(r, 3, -INFINITY, INFINITY);
    assert_true(isnan(s.energy_j));
    assert_null(gpu_energy_source_name(s.energy_source));
    gpu_summary_free(&s);

    struct gpu_reading gap[] = {reading(0, NAN, 0), reading(1, NAN, 0), reading(2, 300, 0),
                                reading(4, 300, 0)};
    s = gpu_summarise(gap, 4, -INFINITY, INFINITY); /* half of the time isn't covered */
    assert_true(isnan(s.energy_j) && s.energy_source == GPU_ENERGY_UNKNOWN);
    gpu_summary_free(&s);
    gap[0].state.power_w = 300; /* a hole between is filled */
    s = gpu_summarise(gap, 4, -INFINITY, INFINITY);
    is_near(s.energy_j, 1200);
    gpu_summary_free(&s);
}

/* The watch without its thread: only the readings that are asked for. */
static void watches_follow_the_card(void **state) {
    (void)state;
    struct gpu_monitor *monitor = open_fake(
        "libfake_nvml.so", "clock=1980/1200@3/1980@4,throttle=1/0/0x44@3/0@4,temperature=40/50/60");
    struct gpu_watch *watch = gpu_watch_begin(monitor, 0);
    struct gpu_reading second = gpu_watch_read(watch), third = gpu_watch_read(watch);
    assert_true(second.state.throttle == 0 && third.state.throttle == 0x44);
    assert_true(second.time <= third.time);
    struct gpu_summary first = gpu_watch_between(watch, -INFINITY, second.time);
    assert_true(first.readings == 2 && first.span_count == 0 && first.sm_clock_mhz.min == 1980);
    gpu_summary_free(&first);
    struct gpu_summary s = gpu_watch_end(watch);
    assert_int_equal(s.readings, 4);
    assert_true(s.sm_clock_mhz.min == 1200 && s.sm_clock_mhz.median == 1980);
    assert_true(s.temperature_c.min == 40 && s.temperature_c.max == 60);
    assert_int_equal(s.span_count, 1);
    assert_true(s.spans[0].begin == second.time && s.spans[0].end == s.end);
    assert_true(gpu_summary_throttled(&s, third.time, third.time));
    assert_true(isnan(s.power_w.median));
    gpu_summary_free(&s);
    gpu_monitor_close(monitor);
}

static void the_thread_reads_by_itself(void **state) {
    (void)state;
    struct gpu_monitor *monitor = open_fake("libfake_nvml.so", "power=1000,throttle=0/4@3");
    double begin = clock_seconds();
    struct gpu_watch *watch = gpu_watch_begin(monitor, 1e-3);
    size_t seen = 0;
    bool throttled = false;
    while (seen < 5 && clock_seconds() - begin < 60) { /* however slow the machine is */
        struct gpu_summary s = gpu_watch_between(watch, begin, INFINITY);
        seen = s.readings;
        throttled = gpu_summary_throttled(&s, begin, INFINITY);
        gpu_summary_free(&s);
        usleep(1000);
    }
    assert_true(seen >= 5 && throttled);
    struct gpu_summary s = gpu_watch_end(watch);
    assert_true(s.readings > seen && s.begin >= begin && s.end > s.begin);
    assert_true(s.power_w.min == 1 && s.power_w.max == 1);
    gpu_summary_free(&s);
    gpu_monitor_close(monitor);
}

static double number(const json_t *object, const char *key) {
    return json_number_value(json_object_get(object, key));
}

static void rows_tell_before_during_after(void **state) {
    (void)state;
    struct gpu_reading r[] = {reading(0, 100, 1), reading(1, 300, 4), reading(2, 200, 0)};
    struct gpu_summary s = gpu_summarise(r, 3, -INFINITY, INFINITY);
    json_t *row = json_object();
    gpu_columns_set(row, &s);
    is_near(number(row, "power_w"), 200);
    is_near(number(row, "energy_j"), 450);
    assert_true(json_is_null(json_object_get(row, "sm_clock_mhz")));
    assert_string_equal(json_string_value(json_object_get(row, "energy_source")), "power");
    assert_string_equal(json_string_value(json_object_get(row, "throttle")), "power-cap");
    json_decref(row);
    json_t *whole = gpu_columns_whole(&s), *during = json_object_get(whole, "during");
    is_near(number(json_object_get(whole, "before"), "power_w"), 100);
    is_near(number(json_object_get(whole, "after"), "power_w"), 200);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(whole, "after"), "throttle")), "");
    is_near(json_number_value(json_array_get(json_object_get(during, "power_w"), 2)), 300);
    is_near(number(during, "throttled_s"), 2);
    assert_true(json_is_null(json_object_get(during, "temperature_c")));
    json_decref(whole);
    gpu_summary_free(&s);

    s = gpu_watch_end(NULL); /* no GPU */
    row = json_object();
    gpu_columns_set(row, &s);
    assert_int_equal(json_object_size(row), 7);
    const char *key;
    json_t *value;
    json_object_foreach(row, key, value) { assert_true(json_is_null(value)); }
    json_decref(row);
    assert_true(json_is_null(gpu_columns_whole(&s)));
    gpu_summary_free(&s);
}

int main(void) {
    if (!getenv("FLOPSTEP_FAKES")) {
        printf("skipped: FLOPSTEP_FAKES does not name the folder of libfake_nvml.so\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantities_have_their_units),
        cmocka_unit_test(what_a_card_does_not_say_is_unknown),
        cmocka_unit_test(no_gpu_is_no_error),
        cmocka_unit_test(old_drivers_say_less),
        cmocka_unit_test(a_lost_card_becomes_unknown),
        cmocka_unit_test(refusals_say_why),
        cmocka_unit_test(reasons_have_names),
        cmocka_unit_test(summaries_are_of_the_known),
        cmocka_unit_test(throttled_samples_are_found),
        cmocka_unit_test(energy_is_counted_or_integrated),
        cmocka_unit_test(rows_tell_before_during_after),
        cmocka_unit_test(watches_follow_the_card),
        cmocka_unit_test(the_thread_reads_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
