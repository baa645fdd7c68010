/* CSV: header, quoting (RFC 4180), empty for null, and numbers that read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "bench/harness/columns.h"

/* What the functions print, as text to be freed. */
static char *row_text(const char *const *columns, json_t *record) {
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    if (record)
        columns_write_row(file, columns, record);
    else
        columns_write_header(file, columns);
    fclose(file);
    json_decref(record);
    return text;
}

static void assert_row(const char *const *columns, json_t *record, const char *want) {
    char *text = row_text(columns, record);
    assert_string_equal(text, want);
    free(text);
}

static const char *const one[] = {"a", NULL};
static const char *const three[] = {"a", "b", "c", NULL};

static void the_header_names_the_columns(void **state) {
    (void)state;
    assert_row(one, NULL, "a\n");
    assert_row(three, NULL, "a,b,c\n");
}

static bool has(const char *const *columns, const char *name) {
    for (; *columns; columns++)
        if (strcmp(*columns, name) == 0) return true;
    return false;
}

/* The columns that the design promises to keep. */
static void promised_columns_are_there(void **state) {
    (void)state;
    static const char *const common[] = {
        "run",    "command",      "device",        "library",        "threads", "ranks",  "type",
        "status", "reason",       "samples",       "median_s",       "low_s",   "high_s", "min_s",
        "gflops", "gbytes_per_s", "peak_fraction", "sheet_fraction", "flags"};
    static const char *const blas[] = {"kernel", "level",       "trans",       "m",       "n",
                                       "k",      "check_error", "check_bound", "transfer"};
    static const char *const peak[] = {"probe", "isa", "working_set_bytes"};
    assert_non_null(columns_of("blas"));
    assert_non_null(columns_of("peak"));
    assert_null(columns_of("info"));
    assert_null(columns_of(""));
    for (size_t i = 0; i < sizeof common / sizeof *common; i++) {
        assert_string_equal(columns_of("blas")[i], common[i]); /* first, in this order */
        assert_string_equal(columns_of("peak")[i], common[i]);
    }
    for (size_t i = 0; i < sizeof blas / sizeof *blas; i++)
        assert_true(has(columns_of("blas"), blas[i]));
    for (size_t i = 0; i < sizeof peak / sizeof *peak; i++)
        assert_true(has(columns_of("peak"), peak[i]));
    static const char *const commands[] = {"blas", "peak"};
    for (int c = 0; c < 2; c++) {
        const char *const *columns = columns_of(commands[c]);
        for (size_t i = 0; columns[i]; i++) assert_false(has(columns + i + 1, columns[i]));
    }
}

static void text_is_quoted_where_it_must_be(void **state) {
    (void)state;
    static const struct {
        const char *text, *csv;
    } cases[] = {
        {"plain", "plain\n"},
        {"", "\n"},
        {"two words", "two words\n"},
        {"a,b", "\"a,b\"\n"},
        {"say \"so\"", "\"say \"\"so\"\"\"\n"},
        {"\"", "\"\"\"\"\n"},
        {"line\nbreak", "\"line\nbreak\"\n"},
        {"line\r\nbreak", "\"line\r\nbreak\"\n"},
        {"caf\xc3\xa9", "caf\xc3\xa9\n"},
        {"it's; so", "it's; so\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_row(one, json_pack("{s:s}", "a", cases[i].text), cases[i].csv);
    assert_row(three, json_pack("{s:s, s:s, s:s}", "c", "x", "a", "1,2", "b", "y"),
               "\"1,2\",y,x\n");
}

static void unknown_stays_empty(void **state) {
    (void)state;
    assert_row(one, json_pack("{s:n}", "a"), "\n");
    assert_row(three, json_object(), ",,\n");
    assert_row(three, json_pack("{s:i, s:n, s:s}", "a", 0, "b", "other", "not a column"), "0,,\n");
    assert_row(three, json_pack("{s:[i]}", "b", 1), ",,\n"); /* lists are for JSON Lines only */
}

static void whole_numbers_and_switches(void **state) {
    (void)state;
    assert_row(three, json_pack("{s:i, s:I, s:i}", "a", -1, "b", (json_int_t)INT64_MAX, "c", 0),
               "-1,9223372036854775807,0\n");
    assert_row(three, json_pack("{s:b, s:b}", "a", 1, "b", 0), "true,false,\n");
}

static void reals_are_short_and_read_back(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *csv;
    } cases[] = {{0.1, "0.1\n"},
                 {2, "2\n"},
                 {-0.5, "-0.5\n"},
                 {1e-9, "1e-09\n"},
                 {0, "0\n"},
                 {123456789, "123456789\n"},
                 {2.5e11, "2.5e+11\n"},
                 {1. / 3, "0.333333333333\n"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_row(one, json_pack("{s:f}", "a", cases[i].value), cases[i].csv);
    double value = 1.2345678901234e-7;
    for (int i = 0; i < 2000; i++, value *= -1.037) {
        char *text = row_text(one, json_pack("{s:f}", "a", value));
        char *end;
        double read = strtod(text, &end);
        assert_string_equal(end, "\n");
        assert_true(fabs(read - value) <= 0.51e-11 * fabs(value)); /* 12 digits */
        /* A number that was read from such a row is written the same way again. */
        char *again = row_text(one, json_pack("{s:f}", "a", read));
        assert_string_equal(again, text);
        free(again);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_names_the_columns),
        cmocka_unit_test(promised_columns_are_there),
        cmocka_unit_test(text_is_quoted_where_it_must_be),
        cmocka_unit_test(unknown_stays_empty),
        cmocka_unit_test(whole_numbers_and_switches),
        cmocka_unit_test(reals_are_short_and_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
