/* The size grammar: what is accepted, what it means, and where the message points. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "bench/harness/sizes.h"

/* Writes sizes back as a plain list, e.g. "64,128x2". */
static void write_sizes(const struct size *sizes, size_t count, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        for (int e = 0; e < sizes[i].extents; e++)
            used += (size_t)snprintf(text + used, size - used, "%s%ld",
                                     e   ? "x"
                                     : i ? ","
                                         : "",
                                     sizes[i].extent[e]);
}

static void assert_sizes(const char *text, const char *want) {
    size_t count = 0;
    char error[400] = "", got[2000];
    struct size *sizes = sizes_parse(text, &count, error, sizeof error);
    if (!sizes) fail_msg("'%s' is refused: %s", text, error);
    write_sizes(sizes, count, got, sizeof got);
    if (strcmp(got, want) != 0) fail_msg("'%s' is %s, not %s", text, got, want);
    for (size_t i = 0; i < count; i++)
        for (int e = sizes[i].extents; e < 3; e++) assert_int_equal(sizes[i].extent[e], -1);
    free(sizes);
}

static void lists_ranges_and_shapes(void **state) {
    (void)state;
    assert_sizes("100:500:100", "100,200,300,400,500");
    assert_sizes("64:4096:x2", "64,128,256,512,1024,2048,4096");
    assert_sizes("2000,4000,6000", "2000,4000,6000");
    assert_sizes("128x1024x784", "128x1024x784");
    assert_sizes("1", "1");
    assert_sizes("7x9", "7x9");
    assert_sizes("3:6", "3,4,5,6");
    assert_sizes("5:5", "5");
    assert_sizes("100:250:100", "100,200"); /* the end where a step meets it */
    assert_sizes("5:6:100", "5");
    assert_sizes("100:1000:x3", "100,300,900");
    assert_sizes("1,64:256:x2,10:12,3x4x5", "1,64,128,256,10,11,12,3x4x5");
    assert_sizes("300,100,300", "300,100,300"); /* a list is taken as it comes */
}

static void suffixes_are_powers(void **state) {
    (void)state;
    assert_sizes("2k", "2000");
    assert_sizes("2Ki", "2048");
    assert_sizes("3M,1Mi", "3000000,1048576");
    assert_sizes("1k:2k:500", "1000,1500,2000");
    assert_sizes("1Ki:4Ki:x2", "1024,2048,4096");
    assert_sizes("1kx2Ki", "1000x2048");
    assert_sizes("1:2k:1k", "1,1001");
}

static void factors_may_be_fractions(void **state) {
    (void)state;
    assert_sizes("100:1000:x1.5",
                 "100,150,225,338,506,759"); /* rounded, without adding up errors */
    assert_sizes("1:5:x1.1", "1,2,3,4,5");   /* never twice the same */
    assert_sizes("10:100:x1e3", "10");
    assert_sizes("10:100:x1e300", "10");
}

static void large_numbers_do_not_overflow(void **state) {
    (void)state;
    char text[200], want[40];
    snprintf(want, sizeof want, "%ld", LONG_MAX);
    assert_sizes(want, want);
    snprintf(text, sizeof text, "%ld:%ld:2", LONG_MAX, LONG_MAX);
    assert_sizes(text, want);
    snprintf(text, sizeof text, "%ld:%ld:x2", LONG_MAX, LONG_MAX);
    assert_sizes(text, want);
    snprintf(text, sizeof text, "%ld:%ld:%ld", LONG_MAX - 1, LONG_MAX, LONG_MAX);
    snprintf(want, sizeof want, "%ld", LONG_MAX - 1);
    assert_sizes(text, want);
}

/* Refused with one line that says why and at which place. */
static void assert_refused(const char *text, const char *why, int position) {
    size_t count = 0;
    char error[400] = "", at[40];
    struct size *sizes = sizes_parse(text, &count, error, sizeof error);
    if (sizes) fail_msg("'%s' is accepted", text);
    snprintf(at, sizeof at, "at position %d;", position);
    if (!strstr(error, why) || !strstr(error, at) || strchr(error, '\n'))
        fail_msg("'%s': \"%s\" lacks '%s' or '%s'", text, error, why, at);
    if (strlen(text) < 80 && !strstr(error, text)) fail_msg("\"%s\" lacks the text", error);
}

static void bad_text_is_refused_at_its_place(void **state) {
    (void)state;
    assert_refused("", "a number is expected", 1);
    assert_refused("abc", "a number is expected", 1);
    assert_refused(" 5", "a number is expected", 1);
    assert_refused("+5", "a number is expected", 1);
    assert_refused("100,", "a number is expected", 5);
    assert_refused("100,,200", "a number is expected", 5);
    assert_refused(",100", "a number is expected", 1);
    assert_refused("100 200", "',' is expected", 4);
    assert_refused("100;200", "',' is expected", 4);
    assert_refused("1.5", "',' is expected", 2);
    assert_refused("100q", "',' is expected", 4);
    assert_refused("100ki", "',' is expected", 5);
    assert_refused("100kk", "',' is expected", 5);
    assert_refused("100K", "',' is expected", 4);
    assert_refused("100:", "a number is expected", 5);
    assert_refused("100:200:", "a number is expected", 9);
    assert_refused("100:200:10:3", "',' is expected", 11);
    assert_refused(":200", "a number is expected", 1);
    assert_refused("5x", "a number is expected", 3);
    assert_refused("x5", "a number is expected", 1);
    assert_refused("1x2x3x4", "at most three extents", 6);
    assert_refused("1x2:5", "',' is expected", 4);
}

static void sizes_are_positive_and_ascend(void **state) {
    (void)state;
    assert_refused("0", "positive", 1);
    assert_refused("000", "positive", 1);
    assert_refused("-5", "positive", 1);
    assert_refused("100,-5", "positive", 5);
    assert_refused("5x0x7", "positive", 3);
    assert_refused("0:10", "positive", 1);
    assert_refused("0k", "positive", 1);
    assert_refused("10:20:0", "positive", 7);
    assert_refused("20:10:-5", "positive", 7);
    assert_refused("500:100", "descends", 5);
    assert_refused("1,500:100:10", "descends", 7);
    assert_refused("500:100:x2", "descends", 5);
}

static void factors_are_above_one(void **state) {
    (void)state;
    assert_refused("64:4096:x1", "a factor above 1", 10);
    assert_refused("64:4096:x0.5", "a factor above 1", 10);
    assert_refused("64:4096:x-2", "a factor above 1", 10);
    assert_refused("64:4096:x0", "a factor above 1", 10);
    assert_refused("64:4096:x", "a factor above 1", 10);
    assert_refused("64:4096:xtwo", "a factor above 1", 10);
    assert_refused("64:4096:xnan", "a factor above 1", 10);
    assert_refused("64:4096:xinf", "a factor above 1", 10);
    assert_refused("64:4096:x2x2", "',' is expected", 11);
}

static void numbers_have_limits(void **state) {
    (void)state;
    assert_refused("9223372036854775808", "too large", 1);
    assert_refused("5,99999999999999999999999", "too large", 3);
    assert_refused("9223372036854775807k", "too large", 1);
    assert_refused("1,8796093022208Mi", "too large", 3); /* 2^63 */
    assert_refused("1x9223372036854775Ki", "too large", 3);
    assert_sizes("8796093022207Mi", "9223372036853727232");
}

static void there_are_at_most_a_hundred_thousand(void **state) {
    (void)state;
    size_t count = 0;
    char error[400] = "";
    struct size *sizes = sizes_parse("1:100000", &count, error, sizeof error);
    assert_non_null(sizes);
    assert_int_equal(count, 100000);
    assert_int_equal(sizes[99999].extent[0], 100000);
    free(sizes);
    assert_refused("1:100001", "more than 100000 sizes", 9);
    assert_refused("1:9223372036854775807", "more than 100000 sizes", 22);
    assert_refused("1:100000,5", "more than 100000 sizes", 11);
}

/* However long the text and however short the buffer, the message is one terminated line. */
static void messages_fit_their_buffer(void **state) {
    (void)state;
    size_t count;
    char text[5000], error[400], tiny[10];
    memset(text, '1', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_null(sizes_parse(text, &count, error, sizeof error));
    assert_non_null(strstr(error, "too large at position 1;"));
    assert_null(sizes_parse("abc", &count, tiny, sizeof tiny));
    assert_int_equal(strlen(tiny), sizeof tiny - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_ranges_and_shapes),
        cmocka_unit_test(suffixes_are_powers),
        cmocka_unit_test(factors_may_be_fractions),
        cmocka_unit_test(large_numbers_do_not_overflow),
        cmocka_unit_test(bad_text_is_refused_at_its_place),
        cmocka_unit_test(sizes_are_positive_and_ascend),
        cmocka_unit_test(factors_are_above_one),
        cmocka_unit_test(numbers_have_limits),
        cmocka_unit_test(there_are_at_most_a_hundred_thousand),
        cmocka_unit_test(messages_fit_their_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
