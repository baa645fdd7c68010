#include "bench/harness/gpu_columns.h"

#include <math.h>

#include "bench/harness/record.h"

void gpu_columns_set_throttle(json_t *row, const char *key, bool known,
                              unsigned long long reasons) {
    char text[256];
    gpu_throttle_text(reasons, text, sizeof text);
    json_object_set_new(row, key, known ? json_string(text) : json_null());
}

void gpu_columns_set(json_t *row, const struct gpu_summary *s) {
    record_set_real(row, "sm_clock_mhz", s->sm_clock_mhz.median);
    record_set_real(row, "memory_clock_mhz", s->memory_clock_mhz.median);
    record_set_real(row, "power_w", s->power_w.median);
    record_set_real(row, "temperature_c", s->temperature_c.median);
    record_set_real(row, "energy_j", s->energy_j);
    json_object_set_new(row, "energy_source",
                        record_text_or_null(gpu_energy_source_name(s->energy_source)));
    gpu_columns_set_throttle(row, "throttle", s->throttle_known, s->throttle);
}

static json_t *reading_of(const struct gpu_state *state) {
    json_t *reading = json_object();
    record_set_real(reading, "sm_clock_mhz", state->sm_clock_mhz);
    record_set_real(reading, "memory_clock_mhz", state->memory_clock_mhz);
    record_set_real(reading, "power_w", state->power_w);
    record_set_real(reading, "temperature_c", state->temperature_c);
    gpu_columns_set_throttle(reading, "throttle", state->throttle_known, state->throttle);
    return reading;
}

static void set_range(json_t *row, const char *key, const struct gpu_range *range) {
    json_object_set_new(row, key,
                        isfinite(range->median)
                            ? json_pack("[f, f, f]", range->min, range->median, range->max)
                            : json_null());
}

json_t *gpu_columns_whole(const struct gpu_summary *s) {
    if (s->readings == 0) return json_null();
    json_t *during = json_object();
    double throttled = 0;
    for (size_t i = 0; i < s->span_count; i++) throttled += s->spans[i].end - s->spans[i].begin;
    record_set_real(during, "seconds", s->end - s->begin);
    record_set_count(during, "readings", (long)s->readings);
    set_range(during, "sm_clock_mhz", &s->sm_clock_mhz);
    set_range(during, "memory_clock_mhz", &s->memory_clock_mhz);
    set_range(during, "power_w", &s->power_w);
    set_range(during, "temperature_c", &s->temperature_c);
    record_set_real(during, "energy_j", s->energy_j);
    json_object_set_new(during, "energy_source",
                        record_text_or_null(gpu_energy_source_name(s->energy_source)));
    gpu_columns_set_throttle(during, "throttle", s->throttle_known, s->throttle);
    record_set_real(during, "throttled_s", s->throttle_known ? throttled : NAN);
    return json_pack("{s:o, s:o, s:o}", "before", reading_of(&s->before), "during", during, "after",
                     reading_of(&s->after));
}
