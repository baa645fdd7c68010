#include "bench/harness/sampler.h"

#include <math.h>
#include <stdlib.h>

/* Stopping early takes all of these; docs/statistics.md says why. */
#define FIRST_LOOK      100  /* samples */
#define LEAST_SECONDS   0.05 /* noise of a machine has its own times: ticks, daemons, clocks */
#define LEAST_EFFECTIVE 60.0 /* effective samples */

/* The next look comes where the last one says that the interval will do. */
#define MARGIN          1.1
#define SMALLEST_GROWTH 1.5
#define LARGEST_GROWTH  4.0

#define LEAST_SAMPLES    3 /* over the budget too */
#define INTERVAL_SAMPLES 5 /* the fewest with an interval: worth half a budget more */
#define MOST_SAMPLES     1000000

void sampler_init(struct sampler *s, const struct sampler_limits *limits) {
    *s = (struct sampler){.limits = *limits, .next_look = FIRST_LOOK};
}

void sampler_free(struct sampler *s) {
    free(s->samples);
    free(s->ends);
    free(s->own);
    *s = (struct sampler){0};
}

/* Half-width over the median; NaN where there is no interval. */
static double half_width(const struct summary *r) {
    return (r->high - r->low) / 2 / fabs(r->median);
}

static bool narrow_enough(const struct summary *r, double precision) {
    return r->low == r->high || half_width(r) <= precision;
}

static void look(struct sampler *s) {
    struct summary r = statistics_summary(s->samples, s->count);
    if (r.effective >= LEAST_EFFECTIVE && narrow_enough(&r, s->limits.precision)) {
        s->precise = true;
        return;
    }
    /* The width falls with the root of the number of samples. fmax passes over a NaN. */
    double ratio = half_width(&r) / s->limits.precision;
    double growth = MARGIN * fmax(ratio * ratio, LEAST_EFFECTIVE / r.effective);
    growth = fmin(fmax(growth, SMALLEST_GROWTH), LARGEST_GROWTH);
    s->next_look = (size_t)ceil((double)s->count * growth);
}

void sampler_add(struct sampler *s, double seconds, double wall) {
    sampler_add_at(s, seconds, wall, NAN);
}

void sampler_add_at(struct sampler *s, double seconds, double wall, double end) {
    s->spent += wall;
    if (s->count == s->capacity) {
        size_t capacity = s->capacity > 0 ? 2 * s->capacity : 64;
        double *samples = realloc(s->samples, capacity * sizeof *samples);
        if (samples) s->samples = samples;
        double *ends = samples ? realloc(s->ends, capacity * sizeof *ends) : NULL;
        if (!ends) {
            s->out_of_memory = true;
            return;
        }
        double *own = s->own ? realloc(s->own, capacity * sizeof *own) : NULL;
        if (own) s->own = own;
        s->ends = ends;
        s->capacity = capacity;
    }
    s->ends[s->count] = end;
    s->samples[s->count++] = seconds;
    if (s->limits.precision > 0 && !s->precise && s->count >= s->next_look &&
        s->spent >= LEAST_SECONDS)
        look(s);
}

void sampler_note_own(struct sampler *s, double seconds) {
    if (!s->own) s->own = calloc(s->capacity, sizeof *s->own);
    if (s->own && s->count) s->own[s->count - 1] = seconds;
}

bool sampler_wants_more(const struct sampler *s) {
    const struct sampler_limits *limits = &s->limits;
    if (s->out_of_memory || s->count >= MOST_SAMPLES) return false;
    if (limits->max_samples > 0 && s->count >= limits->max_samples) return false;
    if (s->count < LEAST_SAMPLES) return true;
    if (s->count < INTERVAL_SAMPLES) return s->spent < 1.5 * limits->budget;
    return !s->precise && s->spent < limits->budget; /* ends where `spent` is NaN, too */
}

struct summary sampler_result(const struct sampler *s, bool *noisy) {
    struct summary r = statistics_summary(s->samples, s->count);
    *noisy = s->limits.precision > 0 && !narrow_enough(&r, s->limits.precision);
    return r;
}
