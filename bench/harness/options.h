/* The command line of one command: a table of rows drives parsing and --help alike. */
#ifndef FLOPSTEP_BENCH_HARNESS_OPTIONS_H
#define FLOPSTEP_BENCH_HARNESS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct option_row {
    const char *name;     /* without dashes; NULL ends a table */
    const char *argument; /* what --help shows for the value; NULL: a switch without one */
    const char *help;
    /* Stores the value in `target`. Ends the process with EXIT_USAGE when it is bad. A switch gets
     * an empty string. */
    void (*take)(void *target, const char *name, const char *value);
};

struct usage {
    const char *command;                    /* "blas" */
    const char *operands;                   /* "[DIR...]", or NULL where the command takes none */
    const char *purpose;                    /* one sentence */
    const struct option_row *const *tables; /* NULL-terminated list of tables */
    const char *examples;                   /* lines, each indented by two spaces */
    void (*operand)(void *target, const char *value); /* NULL: operands are wrong usage */
};

/* Parses argv[1..] into target. --help prints the help and ends with 0; whatever is wrong ends with
 * EXIT_USAGE and one line. */
void options_parse(const struct usage *usage, int argc, char **argv, void *target);

/* Values. Each ends the process with EXIT_USAGE and one line that names the option. */
double option_real(const char *name, const char *value, double low, double high);
long option_integer(const char *name, const char *value, long low, long high);

/* A number of bytes with a suffix: 4096, 64k (thousand), 64Ki, 4Mi, 4MB, 1Gi. */
long option_bytes(const char *name, const char *value, long low, long high);

/* Splits "a,b,c" into a NULL-terminated array of strings (free with option_list_free). An empty
 * list or an empty entry is wrong usage. */
char **option_list(const char *name, const char *value);
void option_list_free(char **list);

/* The entry of a NULL-terminated list nearest to `word` in spelling, or NULL where none is near. */
const char *option_nearest(const char *word, const char *const *known);

#endif
