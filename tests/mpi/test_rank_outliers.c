/* Which rank is slow: by its interval against the others', and over all cases. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "bench/rank_outliers.h"

enum { MOST = 8 };

/* Medians with intervals of +-width. */
static void judge(const double *median, double width, int count, double *ratio, bool *slow) {
    struct rank_times times[MOST];
    for (int r = 0; r < count; r++)
        times[r] = (struct rank_times){median[r], median[r] * (1 - width), median[r] * (1 + width)};
    assert_true(rank_outliers_of_case(times, count, ratio, slow));
}

static void test_one_of_four(void **state) {
    const double median[] = {1, 1.31, 1.01, 0.99};
    double ratio[MOST];
    bool slow[MOST];
    (void)state;
    judge(median, 0.01, 4, ratio, slow);
    assert_true(fabs(ratio[1] - 1.31) < 1e-12); /* of 0.99, 1, 1.01 */
    assert_true(fabs(ratio[0] - 1 / 1.01) < 1e-12);
    for (int r = 0; r < 4; r++) assert_int_equal(slow[r], r == 1);
}

static void test_two_are_compared_with_each_other(void **state) {
    const double median[] = {2, 1};
    double ratio[MOST];
    bool slow[MOST];
    (void)state;
    judge(median, 0.01, 2, ratio, slow);
    assert_true(ratio[0] == 2 && ratio[1] == 0.5);
    assert_true(slow[0] && !slow[1]);
}

static void test_noise_hides(void **state) {
    const double median[] = {1, 1.31, 1, 1};
    double ratio[MOST];
    bool slow[MOST];
    (void)state;
    judge(median, 0.12, 4, ratio, slow); /* 1.1528 < 1.05 * 1.12 */
    for (int r = 0; r < 4; r++) assert_false(slow[r]);
    judge(median, 0.1, 4, ratio, slow); /* 1.179 > 1.05 * 1.1 */
    assert_true(slow[1]);
}

static void test_close_is_not_slow(void **state) {
    const double median[] = {1, 1.049, 1};
    double ratio[MOST];
    bool slow[MOST];
    (void)state;
    judge(median, 0, 3, ratio, slow);
    assert_false(slow[1]);
}

static void test_unknown(void **state) {
    const double median[] = {1, NAN, 3};
    double ratio[MOST];
    bool slow[MOST];
    (void)state;
    judge(median, 0, 3, ratio, slow);
    for (int r = 0; r < 3; r++) assert_true(isnan(ratio[r]) && !slow[r]);
    judge(median, 0, 1, ratio, slow);
    assert_true(isnan(ratio[0]) && !slow[0]);
}

static void test_run(void **state) {
    const struct rank_count counts[] = {{0, NAN}, {6, 1.3}, {0, NAN}, {1, 1.1}};
    bool outlier[MOST];
    (void)state;
    assert_true(rank_outliers_of_run(counts, 4, 12, outlier));
    assert_true(outlier[1]);
    assert_false(outlier[0] || outlier[2] || outlier[3]);
}

static void test_what_hits_all_is_no_outlier(void **state) {
    const struct rank_count counts[] = {{2, 1.5}, {3, 1.5}, {2, 1.4}};
    bool outlier[MOST];
    (void)state;
    assert_true(rank_outliers_of_run(counts, 3, 10, outlier));
    for (int r = 0; r < 3; r++) assert_false(outlier[r]);
}

static void test_one_case(void **state) {
    const struct rank_count small[] = {{1, 1.19}, {0, NAN}}, large[] = {{1, 1.21}, {0, NAN}};
    bool outlier[MOST];
    (void)state;
    assert_true(rank_outliers_of_run(small, 2, 1, outlier));
    assert_false(outlier[0]);
    assert_true(rank_outliers_of_run(large, 2, 1, outlier));
    assert_true(outlier[0] && !outlier[1]);
    assert_true(rank_outliers_of_run(large, 2, 11, outlier)); /* one of eleven: under a tenth */
    assert_false(outlier[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_of_four),
                                       cmocka_unit_test(test_two_are_compared_with_each_other),
                                       cmocka_unit_test(test_noise_hides),
                                       cmocka_unit_test(test_close_is_not_slow),
                                       cmocka_unit_test(test_unknown),
                                       cmocka_unit_test(test_run),
                                       cmocka_unit_test(test_what_hits_all_is_no_outlier),
                                       cmocka_unit_test(test_one_case)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
