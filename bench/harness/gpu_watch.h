/* The state of a GPU while something is measured: a thread reads it every now and then, and says
 * afterwards what the clock, power and temperature were, what energy was used, and which samples
 * were taken while the card was throttled. */
#ifndef FLOPSTEP_BENCH_HARNESS_GPU_WATCH_H
#define FLOPSTEP_BENCH_HARNESS_GPU_WATCH_H

#include "bench/harness/gpu_state.h"

struct gpu_reading {
    double time; /* clock_seconds() */
    struct gpu_state state;
};

/* Over the readings that know the quantity; NaN where none does. */
struct gpu_range {
    double min, median, max;
};

/* Time in which the card was, or may have been, throttled: from the last reading before without a
 * reason to the first one after. */
struct gpu_span {
    double begin, end;           /* clock_seconds() */
    unsigned long long throttle; /* all reasons of that time */
};

enum gpu_energy_source {
    GPU_ENERGY_UNKNOWN,
    GPU_ENERGY_COUNTER, /* difference of the card's own counter */
    GPU_ENERGY_POWER    /* power integrated over time */
};

/* Below this many seconds no energy is told: power and counter are renewed too seldom. */
#define GPU_ENERGY_LEAST_SECONDS 1.0

struct gpu_summary {
    double begin, end; /* first and last reading */
    size_t readings;
    struct gpu_state before, after; /* those two readings */
    struct gpu_range sm_clock_mhz, memory_clock_mhz, power_w, temperature_c;
    double energy_j; /* between begin and end; NaN: unknown or too short */
    enum gpu_energy_source energy_source;
    unsigned long long throttle; /* all reasons that were seen */
    bool throttle_known;         /* some reading knew */
    struct gpu_span *spans;      /* by time, apart */
    size_t span_count;
};

/* Of the readings, in order of time, from `begin` to `end` (-INFINITY, INFINITY: all), both
 * included. Reads no clock. Frees with gpu_summary_free(). */
struct gpu_summary gpu_summarise(const struct gpu_reading *readings, size_t count, double begin,
                                 double end);
void gpu_summary_free(struct gpu_summary *summary);

/* Whether a sample taken from `begin` to `end` is to be flagged: a span touches it. */
bool gpu_summary_throttled(const struct gpu_summary *summary, double begin, double end);

/* "counter", "power", or NULL where unknown. */
const char *gpu_energy_source_name(enum gpu_energy_source source);

struct gpu_watch;

/* The time between readings that disturbs little and still sees what lasts. */
#define GPU_WATCH_PERIOD 0.02

/* Takes a reading and starts a thread, free to run on any core, that takes one every `period`
 * seconds; 0: no thread, only what gpu_watch_read() takes. The monitor must outlive the watch. NULL
 * for a NULL monitor; NULL is allowed below and then nothing is known. */
struct gpu_watch *gpu_watch_begin(const struct gpu_monitor *monitor, double period);

/* Takes a further reading, and returns it. */
struct gpu_reading gpu_watch_read(struct gpu_watch *watch);

/* What was seen so far between two times; the watch goes on. */
struct gpu_summary gpu_watch_between(struct gpu_watch *watch, double begin, double end);

/* Takes the last reading, stops the thread, frees the watch and returns the summary of it all. */
struct gpu_summary gpu_watch_end(struct gpu_watch *watch);

#endif
