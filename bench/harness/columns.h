/* The columns of the results: the keys in JSON Lines and the header of the CSV derived from them.
 */
#ifndef FLOPSTEP_BENCH_HARNESS_COLUMNS_H
#define FLOPSTEP_BENCH_HARNESS_COLUMNS_H

#include <jansson.h>
#include <stdio.h>

/* NULL-terminated column names of a command's CSV, or NULL for a command that has none. */
const char *const *columns_of(const char *command);

/* Writes the header line, and one record as a CSV line (RFC 4180 quoting; null or absent: empty;
 * reals with 12 significant digits at most, like the JSON Lines, without trailing zeros). */
void columns_write_header(FILE *file, const char *const *columns);
void columns_write_row(FILE *file, const char *const *columns, const json_t *record);

#endif
