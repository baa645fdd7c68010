#include "bench/harness/gpu_watch.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "bench/harness/clock.h"
#include "bench/harness/statistics.h"
#include "kernels/cpu/topology.h"

/* ---- summaries ---- */

/* Power must be known this close to both ends, as a share of the time, to be integrated. */
#define MOST_UNCOVERED 0.1

typedef double quantity(const struct gpu_state *state);
static double sm_clock_of(const struct gpu_state *state) { return state->sm_clock_mhz; }
static double memory_clock_of(const struct gpu_state *state) { return state->memory_clock_mhz; }
static double power_of(const struct gpu_state *state) { return state->power_w; }
static double temperature_of(const struct gpu_state *state) { return state->temperature_c; }

/* `known` has room for all readings. */
static struct gpu_range range_of(const struct gpu_reading *readings, size_t count, quantity *of,
                                 double *known) {
    struct gpu_range range = {NAN, NAN, NAN};
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        double value = of(&readings[i].state);
        if (!isfinite(value)) continue;
        known[n++] = value;
        range.min = fmin(range.min, value); /* passes over the NaN */
        range.max = fmax(range.max, value);
    }
    range.median = statistics_median(known, n);
    return range;
}

static double counted_energy(const struct gpu_reading *first, const struct gpu_reading *last) {
    double joule = last->state.energy_j - first->state.energy_j;
    return joule >= 0 ? joule : NAN; /* a counter that went back was reset */
}

/* By trapezia; NaN where power isn't known nearly from the beginning to the end. */
static double integrated_energy(const struct gpu_reading *readings, size_t count) {
    const struct gpu_reading *before = NULL;
    double joule = 0, covered = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(readings[i].state.power_w)) continue;
        if (before) {
            double seconds = readings[i].time - before->time;
            joule += seconds * (readings[i].state.power_w + before->state.power_w) / 2;
            covered += seconds;
        }
        before = &readings[i];
    }
    double seconds = readings[count - 1].time - readings[0].time;
    return covered >= (1 - MOST_UNCOVERED) * seconds ? joule * seconds / covered : NAN;
}

static void take_energy(struct gpu_summary *s, const struct gpu_reading *readings, size_t count) {
    if (s->end - s->begin < GPU_ENERGY_LEAST_SECONDS) return;
    s->energy_j = counted_energy(&readings[0], &readings[count - 1]);
    s->energy_source = GPU_ENERGY_COUNTER;
    if (isfinite(s->energy_j)) return;
    s->energy_j = integrated_energy(readings, count);
    s->energy_source = isfinite(s->energy_j) ? GPU_ENERGY_POWER : GPU_ENERGY_UNKNOWN;
}

static void take_spans(struct gpu_summary *s, const struct gpu_reading *readings, size_t count) {
    struct gpu_span *open = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct gpu_state *state = &readings[i].state;
        s->throttle_known |= state->throttle_known;
        s->throttle |= state->throttle;
        if (!gpu_throttled(state->throttle)) {
            /* a reading that failed tells nothing: the span goes on */
            if (open && state->throttle_known) open->end = readings[i].time, open = NULL;
            continue;
        }
        if (!open) {
            size_t before = i; /* the last reading that knew that all was well */
            while (before > 0 && !readings[before - 1].state.throttle_known) before--;
            if (before > 0) before--;
            open = &s->spans[s->span_count++];
            *open = (struct gpu_span){readings[before].time, 0, 0};
        }
        open->throttle |= state->throttle;
    }
    if (open) open->end = readings[count - 1].time;
    /* two that touch at one good reading stay apart: it was good then */
}

struct gpu_summary gpu_summarise(const struct gpu_reading *readings, size_t count, double begin,
                                 double end) {
    struct gpu_range unknown = {NAN, NAN, NAN};
    struct gpu_summary s = {.begin = NAN,
                            .end = NAN,
                            .before = gpu_state_unknown(),
                            .after = gpu_state_unknown(),
                            .sm_clock_mhz = unknown,
                            .memory_clock_mhz = unknown,
                            .power_w = unknown,
                            .temperature_c = unknown,
                            .energy_j = NAN};
    while (count > 0 && readings[0].time < begin) readings++, count--;
    while (count > 0 && readings[count - 1].time > end) count--;
    double *known = malloc((count + 1) * sizeof *known);
    s.spans = malloc((count + 1) * sizeof *s.spans);
    if (count == 0 || !known || !s.spans) {
        free(known);
        free(s.spans);
        s.spans = NULL;
        return s;
    }
    s.begin = readings[0].time;
    s.end = readings[count - 1].time;
    s.readings = count;
    s.before = readings[0].state;
    s.after = readings[count - 1].state;
    s.sm_clock_mhz = range_of(readings, count, sm_clock_of, known);
    s.memory_clock_mhz = range_of(readings, count, memory_clock_of, known);
    s.power_w = range_of(readings, count, power_of, known);
    s.temperature_c = range_of(readings, count, temperature_of, known);
    free(known);
    take_energy(&s, readings, count);
    take_spans(&s, readings, count);
    return s;
}

void gpu_summary_free(struct gpu_summary *summary) {
    free(summary->spans);
    summary->spans = NULL;
    summary->span_count = 0;
}

bool gpu_summary_throttled(const struct gpu_summary *summary, double begin, double end) {
    for (size_t i = 0; i < summary->span_count; i++)
        if (summary->spans[i].begin <= end && summary->spans[i].end >= begin) return true;
    return false;
}

const char *gpu_energy_source_name(enum gpu_energy_source source) {
    static const char *const names[] = {NULL, "counter", "power"};
    return names[source];
}

/* ---- the thread ---- */

struct gpu_watch {
    const struct gpu_monitor *monitor;
    double period;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t wake;
    pthread_t thread;
    bool has_thread, stop;
    struct gpu_reading *readings;
    size_t count, capacity;
};

/* With the lock held. Where memory runs out the reading is lost, not those before. */
static void keep(struct gpu_watch *w, const struct gpu_reading *reading) {
    if (w->count == w->capacity) {
        size_t capacity = w->capacity ? 2 * w->capacity : 256;
        struct gpu_reading *more = realloc(w->readings, capacity * sizeof *more);
        if (!more) return;
        w->readings = more;
        w->capacity = capacity;
    }
    size_t place = w->count++; /* two threads may finish in the other order */
    for (; place > 0 && w->readings[place - 1].time > reading->time; place--)
        w->readings[place] = w->readings[place - 1];
    w->readings[place] = *reading;
}

struct gpu_reading gpu_watch_read(struct gpu_watch *w) {
    double begin = clock_seconds();
    struct gpu_reading reading = {begin, gpu_state_now(w ? w->monitor : NULL)};
    if (!w) return reading;
    reading.time = (begin + clock_seconds()) / 2;
    pthread_mutex_lock(&w->lock);
    keep(w, &reading);
    pthread_mutex_unlock(&w->lock);
    return reading;
}

/* Sleeps for a period. False where the watch ends. */
static bool wait_period(struct gpu_watch *w) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    double next = (double)until.tv_nsec * 1e-9 + w->period;
    until.tv_sec += (time_t)next;
    until.tv_nsec = (long)((next - floor(next)) * 1e9);
    pthread_mutex_lock(&w->lock);
    while (!w->stop && pthread_cond_timedwait(&w->wake, &w->lock, &until) == 0) {
    }
    bool stop = w->stop;
    pthread_mutex_unlock(&w->lock);
    return !stop;
}

static void *watch_thread(void *context) {
    topology_unpin(
        0); /* the thread that began the watch is pinned, and this one would get its core */
    while (wait_period(context)) gpu_watch_read(context);
    return NULL;
}

struct gpu_watch *gpu_watch_begin(const struct gpu_monitor *monitor, double period) {
    struct gpu_watch *w = monitor ? calloc(1, sizeof *w) : NULL;
    if (!w) return NULL;
    w->monitor = monitor;
    w->period = period;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    topology_get(); /* not first in the thread: it reads the process's own mask */
    gpu_watch_read(w);
    if (!(period > 0)) return w;
    sigset_t all, before; /* signals are for the main thread */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    w->has_thread = pthread_create(&w->thread, NULL, watch_thread, w) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return w;
}

struct gpu_summary gpu_watch_between(struct gpu_watch *w, double begin, double end) {
    if (!w) return gpu_summarise(NULL, 0, begin, end);
    pthread_mutex_lock(&w->lock);
    struct gpu_summary summary = gpu_summarise(w->readings, w->count, begin, end);
    pthread_mutex_unlock(&w->lock);
    return summary;
}

struct gpu_summary gpu_watch_end(struct gpu_watch *w) {
    if (!w) return gpu_summarise(NULL, 0, -INFINITY, INFINITY);
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    if (w->has_thread) pthread_join(w->thread, NULL);
    gpu_watch_read(w);
    struct gpu_summary summary = gpu_summarise(w->readings, w->count, -INFINITY, INFINITY);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w->readings);
    free(w);
    return summary;
}
