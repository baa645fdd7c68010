#include "bench/harness/sustain.h"

#include <math.h>
#include <stdlib.h>

#include "bench/harness/clock.h"
#include "bench/harness/error.h"
#include "bench/harness/gpu_columns.h"
#include "bench/harness/gpu_watch.h"
#include "bench/harness/interrupt.h"
#include "bench/harness/machine_state.h"
#include "bench/harness/package_energy.h"
#include "bench/harness/statistics.h"

#define LEAST_WIDTH 0.2 /* seconds of a bin */
#define MOST_BINS   600

/* What runs, and the bin at hand. */
struct series {
    const struct sustain_case *c;
    struct sustain_result *result;
    double begin, bin_begin; /* on the case's clock */
    double *samples;         /* seconds of the bin's regions */
    size_t count, capacity, bins;
    struct gpu_watch *watch;
    struct package_energy packages;
    double joule, since; /* of the packages so far; until when */
};

static double rate(double work, double seconds) {
    return work > 0 ? work / seconds * 1e-9 : NAN; /* NaN where the work is unknown, too */
}

static void add_sample(struct series *s, double seconds) {
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 256;
        s->samples = realloc(s->samples, s->capacity * sizeof *s->samples);
        if (!s->samples) die(EXIT_MISSING, "out of memory");
    }
    s->samples[s->count++] = seconds;
    s->result->regions++;
}

static struct sustain_bin *add_bin(struct series *s) {
    struct sustain_result *r = s->result;
    if (r->count == s->bins) {
        s->bins = s->bins ? 2 * s->bins : MOST_BINS + 1;
        r->bins = realloc(r->bins, s->bins * sizeof *r->bins);
        if (!r->bins) die(EXIT_MISSING, "out of memory");
    }
    struct sustain_bin *bin = &r->bins[r->count++];
    *bin = (struct sustain_bin){
        .clock_mhz = NAN, .memory_clock_mhz = NAN, .power_w = NAN, .temperature_c = NAN};
    return bin;
}

/* The card since the bin began, by the clock of its watch. The thread reads it while it works;
 * here, where it would wait, only where the thread has not come to it. */
static void ask_gpu(struct series *s, struct sustain_bin *bin) {
    double now = clock_seconds();
    struct gpu_summary summary = gpu_watch_between(s->watch, s->since, now);
    if (!summary.readings) {
        gpu_summary_free(&summary);
        now = gpu_watch_read(s->watch).time;
        summary = gpu_watch_between(s->watch, s->since, now);
    }
    s->since = now;
    bin->clock_mhz = summary.sm_clock_mhz.median;
    bin->memory_clock_mhz = summary.memory_clock_mhz.median;
    bin->power_w = summary.power_w.median;
    bin->temperature_c = summary.temperature_c.max;
    bin->throttle_known = summary.throttle_known;
    bin->throttle = summary.throttle;
    gpu_summary_free(&summary);
}

static void ask_processor(struct series *s, struct sustain_bin *bin) {
    double joule = package_energy_since(&s->packages), now = s->c->now();
    bin->power_w = joule / (now - s->since);
    s->joule += joule;
    s->since = now;
    bin->clock_mhz = 1e3 * machine_state_clock();
}

static void close_bin(struct series *s, double end) {
    const struct sustain_case *c = s->c;
    struct sustain_bin *bin = add_bin(s);
    double longest = 0;
    for (size_t i = 0; i < s->count; i++) longest = fmax(longest, s->samples[i]);
    bin->time_s = (s->bin_begin + end) / 2 - s->begin;
    bin->regions = s->count;
    bin->region_s = statistics_median(s->samples, s->count);
    bin->gflops = rate(c->flops, bin->region_s);
    bin->least_gflops = rate(c->flops, longest);
    bin->gbytes_per_s = rate(c->bytes, bin->region_s);
    if (s->watch)
        ask_gpu(s, bin);
    else if (!c->on_gpu)
        ask_processor(s, bin);
    s->count = 0;
    s->bin_begin = c->now();
}

/* The median of a column over bins of which the middle lies in a part of the time. */
static double median_of(const struct sustain_result *r, size_t offset, double from, double to) {
    double *values = malloc((r->count + 1) * sizeof *values);
    size_t count = 0;
    if (!values) die(EXIT_MISSING, "out of memory");
    for (size_t i = 0; i < r->count; i++)
        if (r->bins[i].time_s >= from && r->bins[i].time_s <= to)
            values[count++] = *(const double *)((const char *)&r->bins[i] + offset);
    double median = statistics_median(values, count);
    free(values);
    return median;
}

static void summarise(struct series *s) {
    struct sustain_result *r = s->result;
    const size_t region = offsetof(struct sustain_bin, region_s);
    double tenth = r->seconds / 10, throttled = 0, known = 0;
    double typical = median_of(r, region, 0, INFINITY);
    r->flops = s->c->flops > 0 ? s->c->flops * (double)r->regions : NAN;
    r->gflops = rate(s->c->flops, typical);
    r->gbytes_per_s = rate(s->c->bytes, typical);
    r->rate_ratio = r->count < 10 ? NAN
                                  : median_of(r, region, 0, tenth) /
                                        median_of(r, region, r->seconds - tenth, INFINITY);
    for (size_t i = 0; i < r->count; i++) {
        const struct sustain_bin *bin = &r->bins[i];
        r->least_gflops = fmin(r->least_gflops, bin->least_gflops); /* passes over a NaN */
        r->throttle |= bin->throttle;
        r->throttle_known |= bin->throttle_known;
        known += bin->throttle_known;
        throttled += gpu_throttled(bin->throttle);
    }
    r->throttled_fraction = known > 0 ? throttled / known : NAN;
}

static void take_energy(struct series *s) {
    struct sustain_result *r = s->result;
    if (s->watch) {
        struct gpu_summary summary = gpu_watch_end(s->watch);
        r->energy_j = summary.energy_j;
        r->energy_source = gpu_energy_source_name(summary.energy_source);
        gpu_summary_free(&summary);
    } else if (!s->c->on_gpu && isfinite(s->joule) && r->seconds >= GPU_ENERGY_LEAST_SECONDS) {
        r->energy_j = s->joule + package_energy_since(&s->packages);
        r->energy_source = "rapl";
    }
}

struct sustain_result sustain_run(const struct sustain_case *given, double seconds) {
    struct sustain_case c = *given;
    if (!c.now) c.now = clock_seconds;
    struct sustain_result result = {
        .energy_j = NAN, .least_gflops = NAN, .limits = gpu_limits_of(c.gpu)};
    struct series s = {.c = &c, .result = &result};
    double width = fmax(LEAST_WIDTH, seconds / MOST_BINS);
    /* ten readings a bin are enough, and keep few over hours */
    s.watch = gpu_watch_begin(c.gpu, fmax(GPU_WATCH_PERIOD, width / 10));
    package_energy_open(&s.packages, NULL);
    s.begin = s.bin_begin = c.now();
    s.since = s.watch ? clock_seconds() : s.begin;
    double end = s.begin;
    while (end - s.begin < seconds && !interrupt_came()) {
        double taken = c.run(c.context);
        if (!isfinite(taken)) break; /* the device is lost */
        end = c.now();
        add_sample(&s, taken);
        if (end - s.bin_begin >= width) {
            close_bin(&s, end);
            if (c.progress) c.progress(c.progress_context, fmin(1, (end - s.begin) / seconds));
        }
    }
    /* a rest that is no bin's worth would be noisier than the others */
    if (s.count && (result.count == 0 || end - s.bin_begin >= width / 2)) close_bin(&s, end);
    result.seconds = end - s.begin;
    result.complete = !(end - s.begin < seconds);
    summarise(&s);
    take_energy(&s);
    free(s.samples);
    return result;
}

void sustain_free(struct sustain_result *result) {
    free(result->bins);
    *result = (struct sustain_result){0};
}

/* ---- lines ---- */

static json_t *line_of(const struct sustain_bin *bin) {
    json_t *line = json_pack("{s:s}", "record", "sustain");
    record_set_real(line, "time_s", bin->time_s);
    record_set_count(line, "regions", (long)bin->regions);
    record_set_real(line, "region_s", bin->region_s);
    record_set_real(line, "gflops", bin->gflops);
    record_set_real(line, "gflops_min", bin->least_gflops);
    record_set_real(line, "gbytes_per_s", bin->gbytes_per_s);
    record_set_real(line, "clock_mhz", bin->clock_mhz);
    record_set_real(line, "memory_clock_mhz", bin->memory_clock_mhz);
    record_set_real(line, "power_w", bin->power_w);
    record_set_real(line, "temperature_c", bin->temperature_c);
    gpu_columns_set_throttle(line, "throttle", bin->throttle_known, bin->throttle);
    json_object_set_new(line, "throttled",
                        bin->throttle_known ? json_boolean(gpu_throttled(bin->throttle))
                                            : json_null());
    return line;
}

static json_t *line_of_all(const struct sustain_result *r) {
    json_t *line = json_pack("{s:s}", "record", "sustained");
    json_object_set_new(line, "complete", json_boolean(r->complete));
    record_set_real(line, "seconds", r->seconds);
    record_set_count(line, "regions", (long)r->regions);
    record_set_real(line, "gflops", r->gflops);
    record_set_real(line, "gflops_min", r->least_gflops);
    record_set_real(line, "gbytes_per_s", r->gbytes_per_s);
    record_set_real(line, "rate_ratio", r->rate_ratio);
    record_set_real(line, "energy_j", r->energy_j);
    record_set_real(line, "power_limit_w", r->limits.power_limit_w);
    record_set_real(line, "most_clock_mhz", r->limits.most_sm_clock_mhz);
    json_object_set_new(line, "energy_source", record_text_or_null(r->energy_source));
    record_set_real(line, "gflops_per_w", r->flops / r->energy_j * 1e-9);
    gpu_columns_set_throttle(line, "throttle", r->throttle_known, r->throttle);
    record_set_real(line, "throttled_fraction", r->throttled_fraction);
    return line;
}

void sustain_record(struct record *record, const struct sustain_result *result, json_t *about) {
    json_object_set_new(about, "command", json_string(record->command));
    for (size_t i = 0; i <= result->count; i++) {
        json_t *line = i < result->count ? line_of(&result->bins[i]) : line_of_all(result);
        json_object_update_missing(line, about);
        record_line(record, line);
    }
    json_decref(about);
}
