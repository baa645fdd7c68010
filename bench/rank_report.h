/* Finds the slow node: what the cases of a run say of each rank. */
#ifndef FLOPSTEP_BENCH_RANK_REPORT_H
#define FLOPSTEP_BENCH_RANK_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "bench/harness/record.h"

struct rank_report; /* NULL: there is one rank */

/* NULL with one rank, which is allowed below and does nothing. */
struct rank_report *rank_report_new(void);

/* Takes in a row that rank_rows_set() has seen; one without times of the ranks is passed over.
 * `name`: of the case in messages, "dgemm nn 2048". */
void rank_report_add(struct rank_report *report, const json_t *row, const char *name);

/* "rank 3 takes 1.31 x", or "" where no rank is slow in the case of a row. Static text. */
const char *rank_report_note(const json_t *row);

/* Writes a line "rank" for each rank, prints the table of ranks where `table`, and who is slow
 * where `verdict`; frees the report. Before the end of the record. */
void rank_report_end(struct rank_report *report, struct record *record, bool table, bool verdict);

#endif
