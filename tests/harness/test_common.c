/* The options that every measuring command has: defaults, values, and what is wrong with others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "bench/harness/common.h"
#include "bench/harness/error.h"
#include "kernels/cpu/topology.h"
#include "tests/harness/child.h"

static const struct option_row *const tables[] = {common_options, NULL};
static const struct usage usage = {.command = "demo", .purpose = "", .tables = tables};

struct line {
    const char *option, *value;
    struct common common;
};

static void parse(void *argument) {
    struct line *line = argument;
    char *words[] = {(char *)"demo", (char *)line->option, (char *)line->value, NULL};
    options_parse(&usage, line->value ? 3 : 2, words, &line->common);
}

static struct common with(const char *option, const char *value) {
    struct line line = {option, value, common_defaults()};
    parse(&line);
    return line.common;
}

static void assert_dies(const char *option, const char *value, int code, const char *says) {
    struct line line = {option, value, common_defaults()};
    struct ending ending = child_run(parse, &line);
    if (ending.code != code || !said_one_line(&ending) || !strstr(ending.err, says))
        fail_msg("%s %s ended with %d and \"%s\", which lacks \"%s\"", option, value, ending.code,
                 ending.err, says);
}

static void defaults_are_those_of_the_design(void **state) {
    (void)state;
    struct common c = common_defaults();
    assert_string_equal(c.device->name, "cpu");
    assert_int_equal(c.device_count, 1);
    assert_ptr_equal(c.devices[0], c.device);
    assert_int_equal(c.thread_counts, 0);
    assert_int_equal(c.type_count, 1);
    assert_int_equal(c.types[0], SCALAR_D);
    assert_true(c.seed == 1);
    assert_null(c.out);
    assert_int_equal(c.format, FORMAT_TABLE);
    assert_true(c.limits.precision == 0.02 && c.limits.budget == 1);
    assert_int_equal(c.limits.max_samples, 0);
    assert_true(c.check && !c.cold && !c.quiet && !c.dry_run);
    assert_int_equal(common_most_threads(&c), 1);
}

static void every_promised_option_is_there(void **state) {
    (void)state;
    static const char *const names[] = {
        "device",    "threads",     "types", "seed",     "out",   "format", "time-budget",
        "precision", "max-samples", "cold",  "no-check", "quiet", "dry-run"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool found = false;
        for (const struct option_row *row = common_options; row->name; row++)
            found = found || strcmp(row->name, names[i]) == 0;
        if (!found) fail_msg("no option --%s", names[i]);
    }
}

static void switches(void **state) {
    (void)state;
    assert_true(with("--cold", NULL).cold);
    assert_false(with("--no-check", NULL).check);
    assert_true(with("--quiet", NULL).quiet);
    assert_true(with("--dry-run", NULL).dry_run);
}

static void devices(void **state) {
    (void)state;
    setenv("FLOPSTEP_CUDA_MODULE", "/nowhere/flopstep_cuda.so", 1); /* as on a machine without */
    assert_string_equal(with("--device", "cpu").device->name, "cpu");
    struct common all = with("--device", "all"); /* what there is */
    assert_string_equal(all.device->name, "cpu");
    assert_int_equal(all.device_count, 1);
    assert_null(device_find("cuda:1"));
    assert_dies("--device", "cuda", EXIT_MISSING,
                "'/nowhere/flopstep_cuda.so', which is not there");
    assert_dies("--device", "cuda:1", EXIT_MISSING, "--device cpu");
    assert_dies("--device", "gpu", EXIT_USAGE, "no device is called 'gpu'");
    assert_dies("--device", "CPU", EXIT_USAGE, "no device is called 'CPU'");
    assert_dies("--device", "cuda:", EXIT_USAGE, "no device is called 'cuda:'");
    assert_dies("--device", "cuda:-1", EXIT_USAGE, "no device is called 'cuda:-1'");
}

static void threads(void **state) {
    (void)state;
    int most = topology_get()->hardware_threads;
    struct common c = with("--threads", "1");
    assert_int_equal(c.thread_counts, 1);
    assert_int_equal(c.threads[0], 1);
    char text[64];
    snprintf(text, sizeof text, "%d", most);
    c = with("--threads", text);
    assert_int_equal(c.threads[0], most);
    assert_int_equal(common_most_threads(&c), most);
    snprintf(text, sizeof text, "--threads=%d", most + 1);
    assert_dies(text, NULL, EXIT_USAGE, "this process may use");
    static const char *const bad[] = {"0",   "-1",   "1,0", "two",
                                      "1.5", "1,,1", "1,",  "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_dies("--threads", bad[i], EXIT_USAGE, "--threads");
    char many[2 * MOST_THREAD_COUNTS + 2] = "1";
    for (size_t i = 0; i < MOST_THREAD_COUNTS; i++) memcpy(many + 1 + 2 * i, ",1", 3);
    c = with("--threads", many); /* the same number once more is no other case */
    assert_int_equal(c.thread_counts, 1);
}

static void types(void **state) {
    (void)state;
    struct common c = with("--types", "s,d");
    assert_int_equal(c.type_count, 2);
    assert_int_equal(c.types[0], SCALAR_S);
    assert_int_equal(c.types[1], SCALAR_D);
    c = with("--types", "d,s"); /* in the order asked for */
    assert_int_equal(c.types[0], SCALAR_D);
    c = with("--types", "s,s,s");
    assert_int_equal(c.type_count, 1);
    c = with("--types",
             "tf32,h,bf16"); /* known; whether a device has them is asked when all is read */
    assert_int_equal(c.type_count, 3);
    assert_int_equal(c.types[0], SCALAR_TF32);
    assert_int_equal(c.types[1], SCALAR_H);
    assert_int_equal(c.types[2], SCALAR_BF16);
    static const char *const bad[] = {"x", "double", "D", "s,", "sd"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_dies("--types", bad[i], EXIT_USAGE, "--types");
}

static void parse_and_check(void *argument) {
    struct line *line = argument;
    parse(line);
    common_check_types(&line->common);
}

static void check_for_networks(void *argument) {
    struct line *line = argument;
    line->common.devices[0] = line->common.device = line->common.devices[1];
    parse(line);
    common_check_cpu_types(&line->common);
}

static bool has_all(const struct device *device, enum scalar type) {
    (void)device, (void)type;
    return true;
}

static void types_that_no_device_has(void **state) {
    (void)state;
    static const char *const elsewhere[] = {"h", "bf16", "tf32", "s,h"};
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        struct line line = {"--types", elsewhere[i], common_defaults()};
        struct ending ending = child_run(parse_and_check, &line);
        assert_int_equal(ending.code, EXIT_MISSING);
        assert_true(said_one_line(&ending));
        assert_non_null(strstr(ending.err, "no device here has this type; cpu has s and d"));
    }
    struct line fine = {"--types", "s,d", common_defaults()};
    parse_and_check(&fine);
    /* A network's steps are computed in s and d, whatever the device has. */
    struct device able = {.name = "able", .has_type = has_all};
    struct line line = {"--types", "h", common_defaults()};
    line.common.devices[1] = &able;
    struct ending ending = child_run(check_for_networks, &line);
    assert_int_equal(ending.code, EXIT_USAGE);
    assert_true(said_one_line(&ending));
    assert_non_null(strstr(ending.err, "--types h: this command computes in s and d"));
}

static void seeds(void **state) {
    (void)state;
    assert_true(with("--seed", "0").seed == 0);
    assert_true(with("--seed", "12345").seed == 12345);
    assert_true(with("--seed", "9223372036854775807").seed == INT64_MAX);
    static const char *const bad[] = {"-1", " -1", "abc", "1.5", "9223372036854775808", "5x", " 5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_dies("--seed", bad[i], EXIT_USAGE, "is not a whole number from 0 to");
}

static void formats_and_folders(void **state) {
    (void)state;
    assert_int_equal(with("--format", "table").format, FORMAT_TABLE);
    assert_int_equal(with("--format", "csv").format, FORMAT_CSV);
    assert_int_equal(with("--format", "jsonl").format, FORMAT_JSONL);
    assert_string_equal(with("--out", "some/where").out, "some/where");
    assert_dies("--format", "json", EXIT_USAGE, "there are table, csv and jsonl");
    assert_dies("--format", "CSV", EXIT_USAGE, "no format is called 'CSV'");
    assert_dies("--out", "", EXIT_USAGE, "--out has an empty value");
}

static void limits(void **state) {
    (void)state;
    assert_true(with("--time-budget", "0.5").limits.budget == 0.5);
    assert_true(with("--precision", "0").limits.precision == 0); /* the whole budget */
    assert_true(with("--precision", "0.1").limits.precision == 0.1);
    assert_int_equal(with("--max-samples", "7").limits.max_samples, 7);
    static const char *const bad_budgets[] = {"0", "-1", "nan", "inf", "soon", "1s"};
    for (size_t i = 0; i < sizeof bad_budgets / sizeof *bad_budgets; i++)
        assert_dies("--time-budget", bad_budgets[i], EXIT_USAGE, "--time-budget");
    static const char *const bad_precisions[] = {"-0.1", "1.1", "nan", "2%"};
    for (size_t i = 0; i < sizeof bad_precisions / sizeof *bad_precisions; i++)
        assert_dies("--precision", bad_precisions[i], EXIT_USAGE, "--precision");
    static const char *const bad_samples[] = {"0", "-3", "1e3", "many", "1000000000000"};
    for (size_t i = 0; i < sizeof bad_samples / sizeof *bad_samples; i++)
        assert_dies("--max-samples", bad_samples[i], EXIT_USAGE, "--max-samples");
}

static void most_threads_are_the_largest_number(void **state) {
    (void)state;
    struct common c = {.threads = {2, 8, 4}, .thread_counts = 3};
    assert_int_equal(common_most_threads(&c), 8);
    c.thread_counts = 1;
    assert_int_equal(common_most_threads(&c), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_design),
        cmocka_unit_test(every_promised_option_is_there),
        cmocka_unit_test(switches),
        cmocka_unit_test(devices),
        cmocka_unit_test(threads),
        cmocka_unit_test(types),
        cmocka_unit_test(types_that_no_device_has),
        cmocka_unit_test(seeds),
        cmocka_unit_test(formats_and_folders),
        cmocka_unit_test(limits),
        cmocka_unit_test(most_threads_are_the_largest_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
