/* The clock never runs backwards, and a region worth timing is long against what it resolves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <time.h>

#include "bench/harness/clock.h"

static void it_never_runs_backwards(void **state) {
    (void)state;
    double last = clock_seconds();
    for (int i = 0; i < 100000; i++) {
        double now = clock_seconds();
        assert_true(now >= last);
        last = now;
    }
}

static void it_counts_seconds(void **state) {
    (void)state;
    double begin = clock_seconds();
    struct timespec pause = {.tv_nsec = 20000000};
    while (nanosleep(&pause, &pause)) continue;
    double passed = clock_seconds() - begin;
    assert_true(passed >= 0.02 && passed < 60); /* a sleep is never shorter, often longer */
}

static void it_agrees_with_the_system(void **state) {
    (void)state;
    struct timespec now;
    double before = clock_seconds();
    clock_gettime(CLOCK_MONOTONIC, &now);
    double system = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    assert_true(before <= system + 1e-6 && system <= clock_seconds() + 1e-6);
}

static void its_resolution_is_measured_once(void **state) {
    (void)state;
    double resolution = clock_resolution();
    assert_true(resolution > 0 && resolution < 0.1);
    assert_true(clock_resolution() == resolution);
    assert_true(clock_shortest_region() == 1000 * resolution);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_never_runs_backwards),
        cmocka_unit_test(it_counts_seconds),
        cmocka_unit_test(it_agrees_with_the_system),
        cmocka_unit_test(its_resolution_is_measured_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
