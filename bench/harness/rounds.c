#include "bench/harness/rounds.h"

#include <math.h>

#include "bench/harness/clock.h"
#include "bench/harness/interrupt.h"
#include "bench/harness/together.h"
#include "kernels/cpu/quiesce.h"

static const double visit_seconds = 5e-3; /* aimed at; a longer call makes one sample a visit */
static const double warm_up_seconds = 1e-3;
enum { MOST_SAMPLES_A_VISIT = 16, MOST_OF_A_COMPANION = 8 };

static double timed_here(struct subject *s, long repetitions) {
    if (s->timed) return s->timed(s->context, repetitions);
    double begin = clock_seconds();
    s->run(s->context, repetitions);
    return clock_seconds() - begin;
}

/* Of several processes: the time of the slowest. All begin together. */
static double timed(struct subject *s, long repetitions) {
    const struct together *t = together_get();
    if (t->count > 1) t->barrier();
    double seconds = s->own = timed_here(s, repetitions);
    together_slowest(&seconds, 1);
    if (!isfinite(seconds)) s->failed = true;
    return seconds;
}

/* Gets the subject ready, then waits until idle threads have stopped spinning on its cores: those
 * of the library before, and our own team, which getting ready may have woken. */
static void enter(struct subject *s) {
    if (s->enter) s->enter(s->context);
    quiesce_others();
}

static double shortest_region; /* of the processes' clocks the coarsest */

static double least_region(const struct subject *s) {
    return fmax(s->least_region, shortest_region);
}

/* Finds how many calls make a region that the clock resolves. These calls are the warm-up: they run
 * until a region was long enough twice, so page faults and sleeping threads are behind us. */
static void calibrate(struct subject *s) {
    double needed = least_region(s);
    double seconds = timed(s, s->repetitions);
    if (s->failed || seconds >= 1) return; /* no start-up cost hides in a call this long */
    for (int enough = 0; enough < 2 && !interrupt_came();) {
        seconds = timed(s, s->repetitions);
        if (s->failed) return;
        enough = seconds >= needed ? enough + 1 : 0;
        if (enough) continue;
        double factor = 1.2 * needed / fmax(seconds, 1e-9);
        s->repetitions = (long)ceil((double)s->repetitions * fmin(fmax(factor, 1.2), 100));
    }
}

/* Untimed regions for a millisecond, so that operands are back in the caches: one pass does not
 * bring all of them. A stall during calibration leaves too few calls in a region: try again. */
static void warm_up(struct subject *s) {
    for (double spent = 0; spent < warm_up_seconds && !interrupt_came();) {
        double seconds = timed(s, s->repetitions);
        if (s->failed) return;
        spent += seconds;
        if (seconds < 0.5 * least_region(s)) calibrate(s);
    }
}

/* One subject's turn: whatever ran before has left its traces in caches and threads, so the first
 * regions go untimed unless calls are long. */
static void visit(struct subject *s) {
    double begin = clock_seconds(), spent = 0;
    enter(s);
    double ready = clock_seconds() - begin;
    together_slowest(&ready, 1);
    const struct sampler *sampler = &s->sampler;
    double last =
        sampler->count ? sampler->samples[sampler->count - 1] * (double)s->repetitions : 0;
    if (last < 2 * visit_seconds) warm_up(s);
    int most = s->companion ? MOST_OF_A_COMPANION : MOST_SAMPLES_A_VISIT;
    for (int i = 0; i < most; i++) {
        double seconds = s->failed ? NAN : timed(s, s->repetitions);
        if (s->failed) return;
        double end = clock_seconds(), wall = end - begin;
        together_slowest(&wall, 1);
        sampler_add_at(&s->sampler, seconds / (double)s->repetitions, wall, end);
        if (together_get()->count > 1)
            sampler_note_own(&s->sampler, s->own / (double)s->repetitions);
        begin = end;
        spent += i == 0 ? fmax(wall - ready, 0) : wall;
        if (spent >= visit_seconds || interrupt_came()) return;
        if (!s->companion && !sampler_wants_more(sampler)) return;
    }
}

/* Whether it is this subject's turn. A companion has none while it took over half the time of the
 * longest case: ceilings must not cost more than what they are for. */
static bool has_turn(const struct subject *s, double longest) {
    if (s->failed) return false;
    if (!s->companion) return sampler_wants_more(&s->sampler);
    return s->sampler.count < 8 || s->sampler.spent < 0.5 * longest;
}

bool rounds_run(struct subject *subjects, size_t count, const struct rounds_options *options) {
    shortest_region = clock_shortest_region();
    together_slowest(&shortest_region, 1);
    for (size_t i = 0; i < count; i++) sampler_init(&subjects[i].sampler, &options->limits);
    for (size_t i = 0; i < count && !interrupt_came(); i++) {
        subjects[i].failed = false;
        subjects[i].repetitions =
            subjects[i].least_repetitions > 1 ? subjects[i].least_repetitions : 1;
        enter(&subjects[i]);
        calibrate(&subjects[i]);
    }
    bool wanted = true;
    double longest = 0;
    for (size_t round = 0; wanted && !interrupt_came(); round++) {
        wanted = false;
        double share = 0;
        for (size_t i = 0; i < count && !interrupt_came(); i++) {
            /* Each round begins with another subject, so that none always follows the same. */
            struct subject *s = &subjects[(i + round) % count];
            if (!has_turn(s, longest)) continue;
            visit(s);
            if (s->companion) continue;
            longest = fmax(longest, s->sampler.spent);
            if (!s->failed && sampler_wants_more(&s->sampler)) wanted = true;
            if (options->limits.budget > 0)
                share = fmax(share, s->sampler.spent / options->limits.budget);
        }
        if (options->progress) options->progress(options->progress_context, fmin(share, 1));
    }
    return !interrupt_came();
}
