/* When to stop sampling one case. Keeps the raw samples; never decides what to measure and reads no
 * clock: the caller says how much time a sample cost. */
#ifndef FLOPSTEP_BENCH_HARNESS_SAMPLER_H
#define FLOPSTEP_BENCH_HARNESS_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/harness/statistics.h"

struct sampler_limits {
    double
        precision; /* half-width of the median's interval over the median; 0: use the budget up */
    double budget; /* seconds for this case */
    size_t max_samples; /* 0: no limit but memory's (a million samples) */
};

struct sampler {
    struct sampler_limits limits;
    double *samples; /* seconds per call, in the order taken */
    double *ends;    /* clock_seconds() when each had been taken; NaN where not told */
    double *own;     /* this process's, where samples are those of the slowest; NULL: the same */
    size_t count, capacity;
    double spent;       /* seconds charged to this case so far */
    size_t next_look;   /* number of samples at which the interval is looked at again */
    bool precise;       /* a look found the interval narrow enough */
    bool out_of_memory; /* ends the sampling; the samples so far stay */
};

void sampler_init(struct sampler *s, const struct sampler_limits *limits);
void sampler_free(struct sampler *s);

/* Adds one sample (seconds per call) that cost `wall` seconds in all. A few times in a series, at
 * sizes that grow by half or more, this also computes the interval. */
void sampler_add(struct sampler *s, double seconds, double wall);
/* The same for one that had been taken at the time `end`. */
void sampler_add_at(struct sampler *s, double seconds, double wall, double end);

/* Notes what this process needed for the sample that was added last, of several processes. */
void sampler_note_own(struct sampler *s, double seconds);

/* True while another sample is wanted. Three are wanted whatever they cost, five where they stay
 * within one and a half budgets; max_samples goes before both. */
bool sampler_wants_more(const struct sampler *s);

/* The result; the rule of stopping is such that the interval holds after it. `*noisy` says that the
 * interval is wider than the precision asked for (always false where precision is 0 and never was
 * asked). */
struct summary sampler_result(const struct sampler *s, bool *noisy);

#endif
