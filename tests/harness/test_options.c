/* The command line of a command: parsing by a table, values, help, and what is said when it is
 * wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "bench/harness/error.h"
#include "bench/harness/options.h"
#include "tests/harness/child.h"

struct target {
    char seen[400]; /* "name=value;" for each option taken, operands alone */
    double real;
    long integer;
};

static void take_text(void *target, const char *name, const char *value) {
    struct target *t = target;
    size_t used = strlen(t->seen);
    snprintf(t->seen + used, sizeof t->seen - used, "%s=%s;", name, value);
}

static void take_real(void *target, const char *name, const char *value) {
    ((struct target *)target)->real = option_real(name, value, -2, 3);
}

static void take_integer(void *target, const char *name, const char *value) {
    ((struct target *)target)->integer = option_integer(name, value, 1, 10);
}

static void take_operand(void *target, const char *value) { take_text(target, "operand", value); }

static const struct option_row first_table[] = {{"sizes", "LIST", "the sizes", take_text},
                                                {"cold", NULL, "a switch", take_text},
                                                {NULL, NULL, NULL, NULL}};
static const struct option_row second_table[] = {{"real", "X", "a real number", take_real},
                                                 {"integer", "N", "a whole number", take_integer},
                                                 {NULL, NULL, NULL, NULL}};
static const struct option_row *const tables[] = {first_table, second_table, NULL};
static const struct usage usage = {.command = "demo",
                                   .purpose = "Shows how it is done.",
                                   .tables = tables,
                                   .examples = "  flopstep demo --sizes 5\n"};

enum { MOST_WORDS = 8 };

struct line {
    struct usage usage;
    char *words[MOST_WORDS + 1];
    struct target target;
};

static struct line line_of(const char *a, const char *b, const char *c, const char *d) {
    return (struct line){
        usage, {(char *)"demo", (char *)a, (char *)b, (char *)c, (char *)d, NULL}, {.seen = ""}};
}

static void parse(void *argument) {
    struct line *line = argument;
    int count = 0;
    while (line->words[count]) count++;
    options_parse(&line->usage, count, line->words, &line->target);
}

static void options_are_taken_in_order(void **state) {
    (void)state;
    struct line line = line_of("--sizes", "1,2", "--cold", "--sizes=3=4");
    parse(&line);
    assert_string_equal(line.target.seen, "sizes=1,2;cold=;sizes=3=4;");
    line = line_of("--real", "-1.5", "--integer=7", NULL); /* a value may begin with a dash */
    parse(&line);
    assert_true(line.target.real == -1.5);
    assert_int_equal(line.target.integer, 7);
    line = line_of(NULL, NULL, NULL, NULL);
    parse(&line);
    assert_string_equal(line.target.seen, "");
}

static void operands_are_taken_where_there_are_some(void **state) {
    (void)state;
    struct line line = line_of("here", "--cold", "there", "-");
    line.usage.operand = take_operand;
    parse(&line);
    assert_string_equal(line.target.seen, "operand=here;cold=;operand=there;operand=-;");
}

static void assert_dies(struct line line, const char *says) {
    struct ending ending = child_run(parse, &line);
    if (ending.code != EXIT_USAGE || !said_one_line(&ending) || !strstr(ending.err, says))
        fail_msg("ended with %d and \"%s\", which lacks \"%s\"", ending.code, ending.err, says);
    assert_string_equal(ending.out, "");
}

static void wrong_usage_gets_one_line(void **state) {
    (void)state;
    assert_dies(line_of("--size", "5", NULL, NULL), "did you mean --sizes?");
    assert_dies(line_of("--szies=5", NULL, NULL, NULL), "did you mean --sizes?");
    assert_dies(line_of("--hlp", NULL, NULL, NULL), "did you mean --help?");
    assert_dies(line_of("--frobnicate", NULL, NULL, NULL), "'flopstep demo --help' lists them");
    assert_dies(line_of("--", NULL, NULL, NULL), "demo has no option --");
    assert_dies(line_of("--=5", NULL, NULL, NULL), "demo has no option --");
    assert_dies(line_of("-s", "5", NULL, NULL), "options are written --name");
    assert_dies(line_of("stray", NULL, NULL, NULL), "demo takes no argument 'stray'");
    assert_dies(line_of("", NULL, NULL, NULL), "demo takes no argument ''");
    assert_dies(line_of("--sizes", NULL, NULL, NULL), "--sizes needs a value: --sizes LIST");
    assert_dies(line_of("--sizes", "", NULL, NULL), "--sizes has an empty value");
    assert_dies(line_of("--sizes=", NULL, NULL, NULL), "--sizes has an empty value");
    assert_dies(line_of("--cold=yes", NULL, NULL, NULL), "--cold takes no value");
    char name[5000] = "--"; /* a long name neither overruns nor breaks the line */
    memset(name + 2, 'x', sizeof name - 3);
    name[9] = '\n';
    assert_dies(line_of(name, NULL, NULL, NULL), "has no option --xxx");
}

static void values_are_checked(void **state) {
    (void)state;
    static const char *const not_real[] = {"abc", "1.5x", "nan", "inf", "-inf", "1e999", "1,5"};
    for (size_t i = 0; i < sizeof not_real / sizeof *not_real; i++)
        assert_dies(line_of("--real", not_real[i], NULL, NULL), "is not a number");
    assert_dies(line_of("--real", "3.1", NULL, NULL), "--real 3.1 is outside -2 to 3");
    assert_dies(line_of("--real", "-2.1", NULL, NULL), "outside");
    static const char *const not_whole[] = {"abc", "1.5", "5x", "99999999999999999999", "1e3"};
    for (size_t i = 0; i < sizeof not_whole / sizeof *not_whole; i++)
        assert_dies(line_of("--integer", not_whole[i], NULL, NULL), "is not a whole number");
    assert_dies(line_of("--integer", "0", NULL, NULL), "--integer 0 is outside 1 to 10");
    assert_dies(line_of("--integer", "11", NULL, NULL), "outside");
    assert_dies(line_of("--integer", "-1", NULL, NULL), "outside");
}

static void help_lists_every_option(void **state) {
    (void)state;
    static const char *const words[] = {"--help", "-h"};
    for (int i = 0; i < 2; i++) {
        struct line line = line_of("--cold", words[i], "--nonsense", NULL);
        struct ending ending = child_run(parse, &line);
        assert_int_equal(ending.code, EXIT_DONE);
        assert_string_equal(ending.err, "");
        static const char *const parts[] = {"Usage: flopstep demo [options]\n",
                                            "Shows how it is done.",
                                            "--sizes LIST",
                                            "the sizes",
                                            "--cold ",
                                            "--real X",
                                            "--integer N",
                                            "--help",
                                            "  flopstep demo --sizes 5\n"};
        for (size_t p = 0; p < sizeof parts / sizeof *parts; p++)
            if (!strstr(ending.out, parts[p])) fail_msg("the help lacks \"%s\"", parts[p]);
        assert_null(strstr(ending.out, "--cold NULL"));
    }
}

static void lists_are_split(void **state) {
    (void)state;
    char **list = option_list("blas", "a,bc,d");
    assert_string_equal(list[0], "a");
    assert_string_equal(list[1], "bc");
    assert_string_equal(list[2], "d");
    assert_null(list[3]);
    option_list_free(list);
    list = option_list("blas", "/a b/libx.so.1");
    assert_string_equal(list[0], "/a b/libx.so.1");
    assert_null(list[1]);
    option_list_free(list);
    option_list_free(NULL);
}

static void split(void *text) { option_list_free(option_list("blas", text)); }

static void lists_have_no_empty_entry(void **state) {
    (void)state;
    static const char *const bad[] = {"", ",", "a,", ",a", "a,,b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ending ending = child_run(split, (void *)bad[i]);
        assert_int_equal(ending.code, EXIT_USAGE);
        assert_true(said_one_line(&ending));
        assert_non_null(strstr(ending.err, "--blas"));
        assert_non_null(strstr(ending.err, "empty entry"));
    }
}

static void the_nearest_word_is_found(void **state) {
    (void)state;
    static const char *const known[] = {"sizes", "types", "threads", "uplo", NULL};
    static const char *const none[] = {NULL};
    assert_string_equal(option_nearest("sizes", known), "sizes");
    assert_string_equal(option_nearest("size", known), "sizes");
    assert_string_equal(option_nearest("sizse", known), "sizes");
    assert_string_equal(option_nearest("thread", known), "threads");
    assert_string_equal(option_nearest("type", known), "types");
    assert_string_equal(option_nearest("upto", known), "uplo");
    assert_null(option_nearest("frobnicate", known));
    assert_null(option_nearest("cold", known));
    assert_null(option_nearest("", known));
    assert_null(option_nearest("sizes", none));
    char longer[300];
    memset(longer, 's', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    const char *const long_known[] = {longer, "s", NULL};
    assert_null(option_nearest("sizes", long_known));
    assert_null(option_nearest(longer, known));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_taken_in_order),
        cmocka_unit_test(operands_are_taken_where_there_are_some),
        cmocka_unit_test(wrong_usage_gets_one_line),
        cmocka_unit_test(values_are_checked),
        cmocka_unit_test(help_lists_every_option),
        cmocka_unit_test(lists_are_split),
        cmocka_unit_test(lists_have_no_empty_entry),
        cmocka_unit_test(the_nearest_word_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
