/* The results of one command and run: a JSON Lines file that grows case by case, and the same on
 * standard output where asked for. Schema: docs/results.schema.json. */
#ifndef FLOPSTEP_BENCH_HARNESS_RECORD_H
#define FLOPSTEP_BENCH_HARNESS_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

enum record_format { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSONL };

struct record {
    const char *command;
    char run[96]; /* <host>-<UTC time>: the `run` column and the default folder's name */
    char path[4096];
    FILE *file;
    off_t kept; /* bytes of whole lines in it */
    enum record_format format;
    const char *const *columns;
    size_t cases, ok, failed, skipped;
    double begin; /* clock_seconds() */
};

/* Opens <out>/<command>.jsonl (a number is added where that exists: results are never overwritten)
 * and writes the provenance. `out` NULL: results/local/<run>. Ends the process with
 * EXIT_NOT_WRITTEN where that is impossible. Takes over `provenance`. */
void record_open(struct record *record, const char *command, const char *out,
                 enum record_format format, json_t *provenance);

/* Appends one case and flushes. Adds run, command, and NULL for every column that is missing. Takes
 * over `row`. */
void record_case(struct record *record, json_t *row);

/* Appends a line of another kind ("layer", "examples", …): `line` has its "record"; run is added.
 * Takes over `line`. */
void record_line(struct record *record, json_t *line);

/* Writes the last line. `extra` (may be NULL) is merged into it and taken over. */
void record_end(struct record *record, json_t *extra);

/* Marks the file as incomplete instead: no `end` line, but one that says why. */
void record_incomplete(struct record *record, const char *reason);

/* The text as JSON. Names of files and libraries need not be UTF-8: then bytes beyond ASCII become
 * '?', since a row must never be lost. */
json_t *record_string(const char *text);

/* Appends a flag to a list separated by semicolons, where it is set. */
void record_add_flag(char *flags, size_t size, bool set, const char *flag);

/* The same, or null where there is no text. */
json_t *record_text_or_null(const char *text);

/* Sets `key` to the count, or to null where it is negative. */
void record_set_count(json_t *row, const char *key, long value);

/* Sets `key` to the number, or to null where it is not finite: unknown is never 0. */
void record_set_real(json_t *row, const char *key, double value);

#endif
