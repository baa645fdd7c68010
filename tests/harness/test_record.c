/* Result files: never overwritten, one line a case, an end line or one that says why there is none,
 * null for what is unknown, and nothing lost when the disk is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <ftw.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/harness/columns.h"
#include "bench/harness/error.h"
#include "bench/harness/record.h"
#include "tests/harness/child.h"

static char folder[] = "/tmp/flopstep-record-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *info, int flag, struct FTW *ftw) {
    (void)info, (void)flag, (void)ftw;
    return remove(path);
}

static int remove_folder(void **state) {
    (void)state;
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A folder of this test's own, not there yet. */
static const char *new_out(void) {
    static char out[200];
    static int number;
    snprintf(out, sizeof out, "%s/%d/below", folder, number++);
    return out;
}

enum { MOST_LINES = 64 };

struct lines {
    json_t *line[MOST_LINES];
    size_t count;
};

/* Every line is a JSON object; duplicate keys are an error. */
static struct lines read_lines(const char *path) {
    struct lines lines = {.count = 0};
    FILE *file = fopen(path, "r");
    if (!file) fail_msg("%s is not there", path);
    char *text = NULL;
    size_t size = 0;
    while (getline(&text, &size, file) > 0) {
        json_error_t error;
        assert_true(lines.count < MOST_LINES);
        assert_non_null(strchr(text, '\n'));
        json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, &error);
        if (!line) fail_msg("%s: %s in %s", path, error.text, text);
        lines.line[lines.count++] = line;
    }
    free(text);
    fclose(file);
    return lines;
}

static void free_lines(struct lines *lines) {
    for (size_t i = 0; i < lines->count; i++) json_decref(lines->line[i]);
}

static const char *text_of(const json_t *line, const char *key) {
    const char *text = json_string_value(json_object_get(line, key));
    if (!text) fail_msg("no text '%s'", key);
    return text;
}

static json_int_t number_of(const json_t *line, const char *key) {
    assert_true(json_is_integer(json_object_get(line, key)));
    return json_integer_value(json_object_get(line, key));
}

static void a_run_is_provenance_cases_and_end(void **state) {
    (void)state;
    struct record record;
    const char *out = new_out();
    record_open(&record, "blas", out, FORMAT_TABLE, json_pack("{s:s}", "host", "here"));
    assert_int_equal(strncmp(record.path, out, strlen(out)), 0);
    assert_string_equal(record.path + strlen(out), "/blas.jsonl");
    /* Each line is there as soon as it is written. */
    struct lines lines = read_lines(record.path);
    assert_int_equal(lines.count, 1);
    assert_string_equal(text_of(lines.line[0], "record"), "provenance");
    assert_string_equal(text_of(lines.line[0], "command"), "blas");
    assert_string_equal(text_of(lines.line[0], "host"), "here");
    assert_string_equal(text_of(lines.line[0], "run"), record.run);
    free_lines(&lines);

    json_t *row =
        json_pack("{s:s, s:s, s:[f, f]}", "status", "ok", "kernel", "gemm", "samples_s", 1.5, 2.5);
    record_set_real(row, "median_s", 1.25);
    record_set_real(row, "low_s", NAN);
    record_set_real(row, "high_s", INFINITY);
    record_case(&record, row);
    lines = read_lines(record.path);
    assert_int_equal(lines.count, 2);
    const json_t *line = lines.line[1];
    assert_string_equal(text_of(line, "record"), "case");
    assert_string_equal(text_of(line, "run"), record.run);
    assert_string_equal(text_of(line, "command"), "blas");
    assert_string_equal(text_of(line, "kernel"), "gemm");
    assert_true(json_real_value(json_object_get(line, "median_s")) == 1.25);
    assert_true(json_is_null(json_object_get(line, "low_s"))); /* unknown is never 0 */
    assert_true(json_is_null(json_object_get(line, "high_s")));
    for (const char *const *column = columns_of("blas"); *column; column++)
        if (!json_object_get(line, *column)) fail_msg("no key for the column %s", *column);
    assert_true(json_is_null(json_object_get(line, "check_error")));
    assert_int_equal(json_array_size(json_object_get(line, "samples_s")), 2); /* beyond columns */
    free_lines(&lines);

    static const char *const status[] = {"ok", "failed", "skipped", "skipped", "invalid"};
    for (int i = 0; i < 5; i++) record_case(&record, json_pack("{s:s}", "status", status[i]));
    record_end(&record, json_pack("{s:i}", "more", 5));
    lines = read_lines(record.path);
    assert_int_equal(lines.count, 8);
    line = lines.line[7];
    assert_string_equal(text_of(line, "record"), "end");
    assert_int_equal(number_of(line, "cases"), 6);
    assert_int_equal(number_of(line, "ok"), 2);
    assert_int_equal(number_of(line, "failed"), 1);
    assert_int_equal(number_of(line, "skipped"), 2);
    assert_int_equal(number_of(line, "more"), 5);
    assert_true(json_real_value(json_object_get(line, "wall_s")) >= 0);
    free_lines(&lines);
}

static void results_are_never_overwritten(void **state) {
    (void)state;
    const char *out = new_out();
    struct record records[3];
    static const char *const ends[] = {"/blas.jsonl", "/blas-2.jsonl", "/blas-3.jsonl"};
    for (int i = 0; i < 3; i++) {
        record_open(&records[i], "blas", out, FORMAT_TABLE, json_pack("{s:i}", "number", i));
        assert_string_equal(records[i].path + strlen(out), ends[i]);
    }
    struct record other; /* another command has a file of its own */
    record_open(&other, "peak", out, FORMAT_TABLE, json_object());
    assert_string_equal(other.path + strlen(out), "/peak.jsonl");
    for (int i = 2; i >= 0; i--) record_end(&records[i], NULL);
    record_end(&other, NULL);
    for (int i = 0; i < 3; i++) {
        struct lines lines = read_lines(records[i].path);
        assert_int_equal(lines.count, 2);
        assert_int_equal(number_of(lines.line[0], "number"), i);
        free_lines(&lines);
    }
}

static void an_incomplete_file_says_why(void **state) {
    (void)state;
    struct record record;
    record_open(&record, "peak", new_out(), FORMAT_TABLE, json_object());
    record_case(&record, json_pack("{s:s}", "status", "ok"));
    record_incomplete(&record, "ended by SIGINT");
    struct lines lines = read_lines(record.path);
    assert_int_equal(lines.count, 3);
    assert_string_equal(text_of(lines.line[2], "record"), "incomplete");
    assert_string_equal(text_of(lines.line[2], "status"), "incomplete");
    assert_string_equal(text_of(lines.line[2], "reason"), "ended by SIGINT");
    assert_int_equal(number_of(lines.line[2], "cases"), 1);
    free_lines(&lines);
}

/* Bytes that are no UTF-8 do not lose a row. */
static void text_is_kept_whatever_it_is(void **state) {
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"plain", "plain"}, {"caf\xc3\xa9", "caf\xc3\xa9"}, {"caf\xe9", "caf?"}, {"\xff\xfe", "??"},
        {"", ""},           {"a\nb\"c", "a\nb\"c"}};
    struct record record;
    record_open(&record, "blas", new_out(), FORMAT_TABLE, json_object());
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        record_case(&record, json_pack("{s:s, s:o}", "status", "ok", "library",
                                       record_string(cases[i].text)));
    record_end(&record, NULL);
    struct lines lines = read_lines(record.path);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(text_of(lines.line[1 + i], "library"), cases[i].want);
    free_lines(&lines);
}

static void flags_are_listed(void **state) {
    (void)state;
    char flags[16] = "";
    record_add_flag(flags, sizeof flags, false, "cold");
    assert_string_equal(flags, "");
    record_add_flag(flags, sizeof flags, true, "noisy");
    record_add_flag(flags, sizeof flags, false, "cold");
    record_add_flag(flags, sizeof flags, true, "stolen");
    assert_string_equal(flags, "noisy;stolen");
    record_add_flag(flags, sizeof flags, true, "unpinned"); /* cut, not overrun */
    assert_int_equal(strlen(flags), sizeof flags - 1);
}

struct printing {
    enum record_format format;
    const char *out;
};

static void print_two(void *argument) {
    const struct printing *p = argument;
    struct record record;
    record_open(&record, "peak", p->out, p->format, json_pack("{s:s}", "host", "a,b"));
    record_case(&record, json_pack("{s:s, s:s}", "status", "ok", "probe", "fma"));
    record_case(&record, json_pack("{s:s, s:s}", "status", "skipped", "reason", "no, \"really\""));
    record_end(&record, NULL);
}

static size_t count_lines(const char *text) {
    size_t count = 0;
    for (; *text; text++) count += *text == '\n';
    return count;
}

static void standard_output_gets_the_format_asked_for(void **state) {
    (void)state;
    struct printing p = {FORMAT_TABLE, new_out()};
    struct ending ending = child_run(print_two, &p);
    assert_int_equal(ending.code, CHILD_RETURNED);
    assert_string_equal(ending.out, ""); /* the table is the command's own */

    p = (struct printing){FORMAT_CSV, new_out()};
    ending = child_run(print_two, &p);
    assert_int_equal(count_lines(ending.out), 3); /* the header and two cases, nothing else */
    assert_int_equal(strncmp(ending.out, "run,command,device,", 19), 0);
    assert_non_null(strstr(ending.out, "\"no, \"\"really\"\"\""));
    assert_null(strstr(ending.out, "host"));

    p = (struct printing){FORMAT_JSONL, new_out()};
    ending = child_run(print_two, &p);
    char path[300], file[sizeof ending.out];
    snprintf(path, sizeof path, "%s/peak.jsonl", p.out);
    FILE *written = fopen(path, "r");
    assert_non_null(written);
    child_read(written, file, sizeof file);
    assert_string_equal(ending.out, file); /* line for line what the file holds */
    assert_int_equal(count_lines(file), 4);
}

static void open_in(void *out) {
    struct record record;
    record_open(&record, "blas", out, FORMAT_TABLE, json_object());
}

static void assert_not_written(const char *out) {
    struct ending ending = child_run(open_in, (void *)out);
    if (ending.code != EXIT_NOT_WRITTEN || !said_one_line(&ending))
        fail_msg("--out %.80s ended with %d: %s", out, ending.code, ending.err);
}

static void folders_that_cannot_be_written_end_it(void **state) {
    (void)state;
    assert_not_written("/dev/null");
    assert_not_written("/dev/null/below");
    assert_not_written("/proc/flopstep");
    char path[300];
    snprintf(path, sizeof path, "%s/file", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_not_written(path); /* a file, no folder */
    char deep[6000];
    memset(deep, 'x', sizeof deep);
    deep[sizeof deep - 1] = '\0';
    assert_not_written(deep);
    for (size_t i = 0; i < sizeof deep - 1; i += 100) deep[i] = '/';
    assert_not_written(deep);
}

/* A full disk, as a limit on the size of files. */
static void fill_the_disk(void *out) {
    struct rlimit limit = {8192, 8192};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    struct record record;
    record_open(&record, "blas", out, FORMAT_TABLE, json_object());
    for (int i = 0; i < 1000; i++)
        record_case(&record, json_pack("{s:s, s:i}", "status", "ok", "n", i));
}

static void a_full_disk_keeps_what_was_written(void **state) {
    (void)state;
    const char *out = new_out();
    struct ending ending = child_run(fill_the_disk, (void *)out);
    assert_int_equal(ending.code, EXIT_NOT_WRITTEN);
    assert_non_null(strstr(ending.err, "cannot write"));
    char path[300];
    snprintf(path, sizeof path, "%s/blas.jsonl", out);
    struct lines lines = read_lines(path); /* whole lines only */
    assert_true(lines.count > 2);
    for (size_t i = 1; i < lines.count; i++)
        assert_int_equal(number_of(lines.line[i], "n"), (json_int_t)i - 1);
    char says[40];
    snprintf(says, sizeof says, "the %zu cases before", lines.count - 1);
    assert_non_null(strstr(ending.err, says));
    free_lines(&lines);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_is_provenance_cases_and_end),
        cmocka_unit_test(results_are_never_overwritten),
        cmocka_unit_test(an_incomplete_file_says_why),
        cmocka_unit_test(text_is_kept_whatever_it_is),
        cmocka_unit_test(flags_are_listed),
        cmocka_unit_test(standard_output_gets_the_format_asked_for),
        cmocka_unit_test(folders_that_cannot_be_written_end_it),
        cmocka_unit_test(a_full_disk_keeps_what_was_written),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
