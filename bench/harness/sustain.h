/* One case for minutes: what its rate, and the machine's clock, power and temperature, are over
 * time. Acceptance tests look for machines that start fast and end slow. */
#ifndef FLOPSTEP_BENCH_HARNESS_SUSTAIN_H
#define FLOPSTEP_BENCH_HARNESS_SUSTAIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "bench/harness/gpu_state.h"
#include "bench/harness/record.h"

struct sustain_case {
    /* Runs one region, of some milliseconds at best, and returns the seconds that it took. Not
     * finite: it failed, and the series ends. */
    double (*run)(void *context);
    void *context;
    double flops, bytes;           /* of one region; 0 or NaN: none or unknown */
    const struct gpu_monitor *gpu; /* the card that is watched; NULL: none */
    bool on_gpu; /* without a monitor nothing is known then; the processor is of no interest */
    double (*now)(void);                           /* the clock, for tests; NULL: clock_seconds() */
    void (*progress)(void *context, double share); /* may be NULL */
    void *progress_context;
};

/* What a row of the series tells. NaN: unknown. */
struct sustain_bin {
    double time_s;                             /* its middle, since the start */
    size_t regions;                            /* that ended in it, at least one */
    double region_s;                           /* their median time */
    double gflops, least_gflops, gbytes_per_s; /* median and slowest region */
    double clock_mhz; /* of the GPU's SMs, the median; of the core between two regions */
    double memory_clock_mhz;
    double power_w; /* of the card, the median; of the processor's packages, the mean */
    double temperature_c;
    bool throttle_known;
    unsigned long long throttle; /* see gpu_throttle_text() */
};

struct sustain_result {
    struct sustain_bin *bins;
    size_t count;
    size_t regions;
    double seconds;                            /* from the start to the end of the last region */
    double flops;                              /* of all regions; NaN: none */
    double gflops, least_gflops, gbytes_per_s; /* medians of the bins, and the slowest region */
    double rate_ratio; /* the median bin's rate in the last tenth of the time over that in the
                        * first; NaN with less than ten bins */
    struct gpu_limits limits;  /* of the card that was watched */
    double energy_j;           /* NaN: unknown */
    const char *energy_source; /* "counter", "power" (of a GPU), "rapl"; NULL: unknown */
    bool throttle_known, complete;
    unsigned long long throttle;
    double throttled_fraction; /* of the bins that know; NaN where none does */
};

/* Runs the case for at least `seconds`, or until a signal comes (then the result is not complete).
 * A bin takes a 600th of the time, 0.2 s at least, and one region at least. Frees with
 * sustain_free(). */
struct sustain_result sustain_run(const struct sustain_case *given, double seconds);
void sustain_free(struct sustain_result *result);

/* Writes a line "sustain" for each bin and a line "sustained" for the whole, see docs/power.md.
 * Each holds what `about` (an object; taken over) says of the case: device, library, kernel, type,
 * ... */
void sustain_record(struct record *record, const struct sustain_result *result, json_t *about);

#endif
