/* Interleaved rounds on subjects that only wait: everyone has its turn in every round, regions
 * last, limits hold. Waits are at least as long as asked for, so nothing here depends on how fast
 * or how busy the machine is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>
#include <signal.h>
#include <string.h>

#include "bench/harness/clock.h"
#include "bench/harness/interrupt.h"
#include "bench/harness/rounds.h"
#include "tests/harness/child.h"

enum { MOST_EVENTS = 4096 };

/* What happened in order: the subjects that were entered. */
static int entered[MOST_EVENTS];
static size_t entries;

struct wait {
    int number;
    double seconds; /* of one call */
    long runs, calls;
    long interrupt_at; /* run that raises SIGINT; 0: none */
};

static void enter_wait(void *context) {
    struct wait *w = context;
    assert_true(entries < MOST_EVENTS);
    entered[entries++] = w->number;
}

static void run_wait(void *context, long repetitions) {
    struct wait *w = context;
    assert_true(repetitions >= 1);
    w->runs++;
    w->calls += repetitions;
    if (w->runs == w->interrupt_at) raise(SIGINT);
    double end = clock_seconds() + w->seconds * (double)repetitions;
    while (clock_seconds() < end) continue;
}

static struct subject subject_of(struct wait *wait) {
    return (struct subject){.context = wait, .enter = enter_wait, .run = run_wait};
}

static struct rounds_options limits(double precision, double budget, size_t max_samples) {
    entries = 0;
    return (struct rounds_options){
        .limits = {.precision = precision, .budget = budget, .max_samples = max_samples}};
}

static size_t count_entries(int number) {
    size_t count = 0;
    for (size_t i = 0; i < entries; i++) count += entered[i] == number;
    return count;
}

static void free_samplers(struct subject *subjects, size_t count) {
    for (size_t i = 0; i < count; i++) sampler_free(&subjects[i].sampler);
}

/* No sample can be shorter than the wait was. */
static void samples_are_honest(const struct subject *s) {
    const struct wait *w = s->context;
    for (size_t i = 0; i < s->sampler.count; i++)
        assert_true(s->sampler.samples[i] >= w->seconds * (1 - 1e-9));
    assert_true(s->sampler.spent >= w->seconds * (double)s->sampler.count);
}

/* Long enough that one sample fills a visit. */
static const double long_call = 6e-3;

struct shares {
    size_t calls;
    double last;
};

static void note_share(void *context, double share) {
    struct shares *shares = context;
    assert_true(share >= 0 && share <= 1);
    shares->calls++;
    shares->last = share;
}

static void every_round_visits_all_and_begins_elsewhere(void **state) {
    (void)state;
    enum { COUNT = 3, ROUNDS = 4 };
    struct wait waits[COUNT] = {
        {0, long_call, 0, 0, 0}, {1, long_call, 0, 0, 0}, {2, long_call, 0, 0, 0}};
    struct subject subjects[COUNT];
    for (int i = 0; i < COUNT; i++) subjects[i] = subject_of(&waits[i]);
    struct shares shares = {0};
    struct rounds_options options = limits(0, 600, ROUNDS);
    options.progress = note_share;
    options.progress_context = &shares;
    assert_true(rounds_run(subjects, COUNT, &options));
    assert_int_equal(entries, COUNT * (1 + ROUNDS)); /* calibration, then the rounds */
    for (size_t i = 0; i < entries; i++) {
        size_t round = i / COUNT, place = i % COUNT;
        size_t first = round ? round - 1 : 0;
        assert_int_equal(entered[i], (place + first) % COUNT);
    }
    assert_int_equal(shares.calls, ROUNDS);
    assert_true(shares.last > 0);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(subjects[i].sampler.count, ROUNDS);
        assert_int_equal(subjects[i].repetitions, 1); /* long calls are timed one by one */
        samples_are_honest(&subjects[i]);
    }
    free_samplers(subjects, COUNT);
}

static void short_calls_are_timed_in_batches(void **state) {
    (void)state;
    struct wait waits[2] = {{0, 2e-6, 0, 0, 0}, {1, 1e-6, 0, 0, 0}};
    struct subject subjects[2] = {subject_of(&waits[0]), subject_of(&waits[1])};
    subjects[0].least_region = 2e-3;
    struct rounds_options options = limits(0, 600, 20);
    assert_true(rounds_run(subjects, 2, &options));
    /* 1000 waits of 2 us are sure to last 2 ms; a stalled machine may have settled for fewer. */
    assert_in_range(subjects[0].repetitions, 200, 1202);
    double shortest = clock_shortest_region();
    assert_in_range(subjects[1].repetitions, (long)(0.2 * shortest / 1e-6),
                    (long)(1.2 * shortest / 1e-6) + 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(subjects[i].sampler.count, 20);
        samples_are_honest(&subjects[i]);
        assert_true(waits[i].calls > 20 * subjects[i].repetitions / 2); /* warm-up comes on top */
    }
    free_samplers(subjects, 2);
}

static void samples_never_exceed_their_limit(void **state) {
    (void)state;
    static const size_t most[] = {1, 2, 3, 7};
    for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
        struct wait waits[2] = {{0, 1e-5, 0, 0, 0}, {1, 1e-3, 0, 0, 0}};
        struct subject subjects[2] = {subject_of(&waits[0]), subject_of(&waits[1])};
        struct rounds_options options = limits(0, 600, most[i]);
        assert_true(rounds_run(subjects, 2, &options));
        for (int s = 0; s < 2; s++) assert_int_equal(subjects[s].sampler.count, most[i]);
        free_samplers(subjects, 2);
    }
}

/* Whoever has enough is no longer visited, while the others go on. */
static void who_is_done_waits_for_nobody(void **state) {
    (void)state;
    struct wait waits[2] = {{0, 1e-5, 0, 0, 0}, {1, long_call, 0, 0, 0}};
    struct subject subjects[2] = {subject_of(&waits[0]), subject_of(&waits[1])};
    struct rounds_options options = limits(0, 600, 12);
    assert_true(rounds_run(subjects, 2, &options));
    assert_int_equal(subjects[0].sampler.count, 12);
    assert_int_equal(subjects[1].sampler.count, 12);
    assert_int_equal(count_entries(1), 1 + 12);
    assert_true(count_entries(0) <= count_entries(1));
    assert_int_equal(entered[entries - 1], 1);
    free_samplers(subjects, 2);
}

static void the_budget_ends_it(void **state) {
    (void)state;
    struct wait waits[2] = {{0, long_call, 0, 0, 0}, {1, long_call, 0, 0, 0}};
    struct subject subjects[2] = {subject_of(&waits[0]), subject_of(&waits[1])};
    struct rounds_options options = limits(0, 0.05, 0);
    assert_true(rounds_run(subjects, 2, &options));
    for (int i = 0; i < 2; i++) {
        assert_in_range(subjects[i].sampler.count, 3, 9); /* each costs 6 ms at the least */
        assert_true(subjects[i].sampler.spent >= 0.05 || subjects[i].sampler.count >= 5);
    }
    free_samplers(subjects, 2);
    options = limits(0, 1e-9, 0); /* three samples whatever they cost */
    assert_true(rounds_run(subjects, 2, &options));
    for (int i = 0; i < 2; i++) assert_int_equal(subjects[i].sampler.count, 3);
    free_samplers(subjects, 2);
}

static void a_narrow_interval_ends_it(void **state) {
    (void)state;
    struct wait wait = {0, 1e-4, 0, 0, 0};
    struct subject subject = subject_of(&wait);
    struct rounds_options options = limits(0.9, 5, 0);
    assert_true(rounds_run(&subject, 1, &options));
    assert_true(subject.sampler.precise || subject.sampler.spent >= 5);
    assert_true(subject.sampler.count >= 100 || subject.sampler.spent >= 5);
    free_samplers(&subject, 1);
}

static void companions_never_prolong(void **state) {
    (void)state;
    struct wait waits[3] = {{0, 2e-5, 0, 0, 0}, {1, long_call, 0, 0, 0}, {2, 2e-3, 0, 0, 0}};
    struct subject subjects[3] = {subject_of(&waits[0]), subject_of(&waits[1]),
                                  subject_of(&waits[2])};
    subjects[0].companion = subjects[2].companion = true;
    struct rounds_options options = limits(0, 600, 5);
    assert_true(rounds_run(subjects, 3, &options));
    assert_int_equal(subjects[1].sampler.count, 5);
    assert_int_equal(count_entries(1), 1 + 5);
    for (int i = 0; i < 3; i += 2) {
        assert_true(subjects[i].sampler.count >= 1);
        assert_in_range(count_entries(i), 2, 1 + 5); /* in a round of the case's, or in none */
        samples_are_honest(&subjects[i]);
    }
    free_samplers(subjects, 3);
    options = limits(0, 600, 1000); /* with nobody to keep company */
    subjects[1].companion = true;
    assert_true(rounds_run(subjects, 3, &options));
    for (int i = 0; i < 3; i++) assert_int_equal(count_entries(i), 1 + 1);
    free_samplers(subjects, 3);
}

static void nothing_to_enter_is_fine(void **state) {
    (void)state;
    struct wait wait = {0, 1e-5, 0, 0, 0};
    struct subject subject = subject_of(&wait);
    subject.enter = NULL;
    struct rounds_options options = limits(0, 600, 3);
    assert_true(rounds_run(&subject, 1, &options));
    assert_int_equal(subject.sampler.count, 3);
    free_samplers(&subject, 1);
    assert_true(rounds_run(NULL, 0, &options));
}

/* In a child, since a signal that came is remembered for good. Prints how many samples were kept
 * where the rounds say that they were ended. */
static void interrupted(void *context) {
    struct wait waits[2] = {{0, long_call, 0, 0, 0}, {1, long_call, 0, 0, *(long *)context}};
    struct subject subjects[2] = {subject_of(&waits[0]), subject_of(&waits[1])};
    struct rounds_options options = limits(0, 600, 1000);
    interrupt_catch();
    if (!rounds_run(subjects, 2, &options))
        printf("%zu %zu %s", subjects[0].sampler.count, subjects[1].sampler.count,
               interrupt_name());
    free_samplers(subjects, 2);
}

static void a_signal_ends_it_and_samples_stay(void **state) {
    (void)state;
    /* Three runs calibrate, then each visit has one to warm up and one sample. */
    long at = 3 + 2 * 4;
    struct ending ending = child_run(interrupted, &at);
    assert_int_equal(ending.code, CHILD_RETURNED);
    /* How many depends on the machine: a call that takes long gets no warm-up. Not none, and not
     * more than runs after calibration. */
    int first = 0, second = 0;
    char name[16] = "";
    assert_int_equal(sscanf(ending.out, "%d %d %15s", &first, &second, name), 3);
    assert_in_range(first, 2, 2 * 4 + 1);
    assert_in_range(second, 2, 2 * 4 + 1);
    assert_string_equal(name, "SIGINT");
    at = 1; /* while it calibrates: nothing was measured */
    ending = child_run(interrupted, &at);
    assert_int_equal(ending.code, CHILD_RETURNED);
    assert_string_equal(ending.out, "0 0 SIGINT");
}

/* A subject with a clock of its own: what it says is what counts, whatever time passes here. */
struct teller {
    long regions, fails_at; /* 0: never */
    double seconds;         /* of a call */
};

static double tell(void *context, long repetitions) {
    struct teller *t = context;
    if (++t->regions == t->fails_at) return NAN;
    assert_true(!t->fails_at || t->regions < t->fails_at); /* not asked again */
    return t->seconds * (double)repetitions;
}

static void never_run(void *context, long repetitions) {
    (void)context, (void)repetitions;
    fail_msg("run() was called where there is timed()");
}

static struct subject subject_of_teller(struct teller *teller) {
    return (struct subject){.context = teller, .run = never_run, .timed = tell};
}

static void clocks_of_their_own_count(void **state) {
    (void)state;
    struct teller teller = {0, 0, 0.25};
    struct subject s = subject_of_teller(&teller);
    struct rounds_options options = limits(0, 600, 5);
    assert_true(rounds_run(&s, 1, &options));
    assert_false(s.failed);
    assert_int_equal(s.sampler.count, 5);
    assert_int_equal(s.repetitions, 1);
    for (size_t i = 0; i < 5; i++) assert_true(s.sampler.samples[i] == 0.25);
    sampler_free(&s.sampler);
    teller = (struct teller){0, 0, 1e-6}; /* calls are put together until a region is long enough */
    s = subject_of_teller(&teller);
    s.least_region = 1e-3;
    assert_true(rounds_run(&s, 1, &options));
    assert_true(s.repetitions >= 1000 && s.repetitions < 100000);
    sampler_free(&s.sampler);
}

/* Whenever it fails, it is not visited again, the others go on, and the rounds come to an end. */
static void what_fails_is_left_alone(void **state) {
    (void)state;
    for (long fails_at = 1; fails_at < 12; fails_at++) {
        struct teller teller = {0, fails_at, 0.25}, sound = {0, 0, 0.25},
                      roof = {0, fails_at, 0.25};
        struct subject subjects[3] = {subject_of_teller(&teller), subject_of_teller(&sound),
                                      subject_of_teller(&roof)};
        subjects[2].companion = true;
        struct rounds_options options = limits(0, 600, 20);
        assert_true(rounds_run(subjects, 3, &options));
        assert_true(subjects[0].failed && !subjects[1].failed);
        assert_true(subjects[0].sampler.count < (size_t)fails_at);
        assert_int_equal(subjects[1].sampler.count, 20);
        for (size_t i = 0; i < subjects[0].sampler.count; i++)
            assert_true(isfinite(subjects[0].sampler.samples[i]));
        free_samplers(subjects, 3);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_round_visits_all_and_begins_elsewhere),
        cmocka_unit_test(short_calls_are_timed_in_batches),
        cmocka_unit_test(samples_never_exceed_their_limit),
        cmocka_unit_test(who_is_done_waits_for_nobody),
        cmocka_unit_test(the_budget_ends_it),
        cmocka_unit_test(a_narrow_interval_ends_it),
        cmocka_unit_test(companions_never_prolong),
        cmocka_unit_test(nothing_to_enter_is_fine),
        cmocka_unit_test(a_signal_ends_it_and_samples_stay),
        cmocka_unit_test(clocks_of_their_own_count),
        cmocka_unit_test(what_fails_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
