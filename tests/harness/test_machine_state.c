/* The state of the machine: the share of stolen time from two readings, and plausible readings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "bench/harness/machine_state.h"

static double stolen(unsigned long long stolen_before, unsigned long long stolen_after,
                     unsigned long long before, unsigned long long after) {
    struct machine_state a = {.stolen = stolen_before, .jiffies = before};
    struct machine_state b = {.stolen = stolen_after, .jiffies = after};
    return machine_state_stolen(&a, &b);
}

static void shares_are_of_the_time_between(void **state) {
    (void)state;
    assert_true(stolen(0, 0, 0, 100) == 0);
    assert_true(stolen(50, 50, 1000, 1100) == 0);
    assert_true(stolen(50, 75, 1000, 1100) == 0.25);
    assert_true(stolen(0, 100, 0, 100) == 1);
    assert_true(stolen(1, 2, 1, 1001) == 0.001);
    unsigned long long most = ~0ull; /* years of a large machine */
    assert_true(stolen(most - 10, most - 5, most - 20, most) == 0.25);
}

static void unknown_is_not_zero(void **state) {
    (void)state;
    assert_true(isnan(stolen(0, 0, 0, 0)));       /* the system says nothing */
    assert_true(isnan(stolen(5, 5, 1000, 1000))); /* too short to tell */
    assert_true(isnan(stolen(5, 5, 1000, 0)));    /* it said something before */
    assert_true(isnan(stolen(9, 5, 1000, 1100))); /* the counter went backwards */
}

static void readings_are_plausible(void **state) {
    (void)state;
    struct machine_state before = machine_state_now();
    assert_true(before.clock_ghz > 0.01 && before.clock_ghz < 20);
    assert_true(isnan(before.load) || before.load >= 0);
    assert_true(before.stolen <= before.jiffies);
    struct machine_state after = machine_state_now();
    assert_true(after.jiffies >= before.jiffies);
    double share = machine_state_stolen(&before, &after);
    assert_true(isnan(share) || (share >= 0 && share <= 1));
    FILE *file = fopen("/proc/stat", "r");
    if (!file) return;
    fclose(file);
    assert_true(after.jiffies > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_of_the_time_between),
        cmocka_unit_test(unknown_is_not_zero),
        cmocka_unit_test(readings_are_plausible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
