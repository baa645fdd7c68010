#include "bench/harness/options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"

static const struct option_row *find(const struct usage *usage, const char *name, size_t length) {
    for (const struct option_row *const *table = usage->tables; *table; table++)
        for (const struct option_row *row = *table; row->name; row++)
            if (strlen(row->name) == length && strncmp(row->name, name, length) == 0) return row;
    return NULL;
}

static void print_help(const struct usage *usage) {
    printf("Usage: flopstep %s [options]%s%s\n\n%s\n\nOptions:\n", usage->command,
           usage->operands ? " " : "", usage->operands ? usage->operands : "", usage->purpose);
    for (const struct option_row *const *table = usage->tables; *table; table++)
        for (const struct option_row *row = *table; row->name; row++) {
            char left[64];
            snprintf(left, sizeof left, "--%s%s%s", row->name, row->argument ? " " : "",
                     row->argument ? row->argument : "");
            printf("  %-24s %s\n", left, row->help);
        }
    printf("  %-24s %s\n", "--help", "show this help and end");
    if (usage->examples) printf("\nExamples:\n%s", usage->examples);
}

_Noreturn static void die_unknown(const struct usage *usage, const char *name, size_t length) {
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)(length < 60 ? length : 60), name);
    const char *known[128];
    size_t count = 0;
    for (const struct option_row *const *table = usage->tables; *table; table++)
        for (const struct option_row *row = *table; row->name && count < 126; row++)
            known[count++] = row->name;
    known[count++] = "help";
    known[count] = NULL;
    const char *near = option_nearest(word, known);
    if (near)
        die(EXIT_USAGE, "%s has no option --%s; did you mean --%s?", usage->command, word, near);
    die(EXIT_USAGE, "%s has no option --%s; 'flopstep %s --help' lists them", usage->command, word,
        usage->command);
}

void options_parse(const struct usage *usage, int argc, char **argv, void *target) {
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            print_help(usage);
            exit(EXIT_DONE);
        }
        if (word[0] != '-' || strcmp(word, "-") == 0) {
            if (!usage->operand)
                die(EXIT_USAGE, "%s takes no argument '%s'; options begin with --", usage->command,
                    word);
            usage->operand(target, word);
            continue;
        }
        if (word[1] != '-')
            die(EXIT_USAGE, "%s has no option %s; options are written --name", usage->command,
                word);
        const char *name = word + 2;
        const char *equals = strchr(name, '=');
        size_t length = equals ? (size_t)(equals - name) : strlen(name);
        if (equals && length == 4 && strncmp(name, "help", 4) == 0)
            die(EXIT_USAGE, "--help takes no value");
        const struct option_row *row = find(usage, name, length);
        if (!row) die_unknown(usage, name, length);
        if (!row->argument) {
            if (equals) die(EXIT_USAGE, "--%s takes no value", row->name);
            row->take(target, row->name, "");
            continue;
        }
        const char *value = equals ? equals + 1 : NULL;
        if (!value) {
            if (i + 1 >= argc)
                die(EXIT_USAGE, "--%s needs a value: --%s %s", row->name, row->name, row->argument);
            value = argv[++i];
        }
        if (!*value) die(EXIT_USAGE, "--%s has an empty value", row->name);
        row->take(target, row->name, value);
    }
}

double option_real(const char *name, const char *value, double low, double high) {
    char *end;
    errno = 0;
    double number = strtod(value, &end);
    if (end == value || *end || errno == ERANGE || !isfinite(number))
        die(EXIT_USAGE, "--%s '%s' is not a number", name, value);
    if (number < low || number > high)
        die(EXIT_USAGE, "--%s %s is outside %g to %g", name, value, low, high);
    return number;
}

long option_integer(const char *name, const char *value, long low, long high) {
    char *end;
    errno = 0;
    long number = strtol(value, &end, 10);
    if (end == value || *end || errno == ERANGE)
        die(EXIT_USAGE, "--%s '%s' is not a whole number", name, value);
    if (number < low || number > high)
        die(EXIT_USAGE, "--%s %s is outside %ld to %ld", name, value, low, high);
    return number;
}

char **option_list(const char *name, const char *value) {
    size_t entries = 1;
    for (const char *c = value; *c; c++) entries += *c == ',';
    char **list = calloc(entries + 1, sizeof *list);
    if (!list) die(EXIT_MISSING, "out of memory");
    const char *begin = value;
    for (size_t i = 0; i < entries; i++) {
        size_t length = strcspn(begin, ",");
        if (!length) die(EXIT_USAGE, "--%s '%s' has an empty entry", name, value);
        list[i] = strndup(begin, length);
        if (!list[i]) die(EXIT_MISSING, "out of memory");
        begin += length + 1;
    }
    return list;
}

void option_list_free(char **list) {
    for (char **entry = list; entry && *entry; entry++) free(*entry);
    free(list);
}

/* Levenshtein distance of two short words. */
static size_t distance(const char *a, const char *b) {
    size_t row[65];
    size_t columns = strlen(b);
    if (columns > 64) return 64;
    for (size_t j = 0; j <= columns; j++) row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            size_t insert = row[j - 1] + 1, delete = row[j] + 1;
            row[j] = change < insert ? change : insert;
            if (delete < row[j]) row[j] = delete;
        }
    }
    return row[columns];
}

const char *option_nearest(const char *word, const char *const *known) {
    const char *best = NULL;
    size_t best_distance = strlen(word) / 3 + 1;
    for (; *known; known++) {
        size_t d = distance(word, *known);
        if (d <= best_distance && (!best || d < best_distance)) {
            best = *known;
            best_distance = d;
        }
    }
    return best;
}

long option_bytes(const char *name, const char *value, long low, long high) {
    static const struct {
        const char *suffix;
        double factor;
    } known[] = {{"", 1},     {"B", 1},           {"k", 1e3},         {"K", 1e3},
                 {"kB", 1e3}, {"Ki", 1024},       {"KiB", 1024},      {"M", 1e6},
                 {"MB", 1e6}, {"Mi", 1048576},    {"MiB", 1048576},   {"G", 1e9},
                 {"GB", 1e9}, {"Gi", 1073741824}, {"GiB", 1073741824}};
    char *end;
    errno = 0;
    double number = strtod(value, &end);
    bool written = (*value >= '0' && *value <= '9') && !errno;
    for (size_t i = 0; written && i < sizeof known / sizeof *known; i++) {
        double bytes = number * known[i].factor;
        if (strcmp(end, known[i].suffix) != 0) continue;
        if (bytes < (double)low || bytes > (double)high || bytes != floor(bytes))
            die(EXIT_USAGE, "--%s %s: write a whole number of bytes from %ld to %ld", name, value,
                low, high);
        return (long)bytes;
    }
    die(EXIT_USAGE, "--%s '%s' is no number of bytes; write for example 4096, 64Ki or 4Mi", name,
        value);
}
