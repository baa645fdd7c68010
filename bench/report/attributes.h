/* What tells cases apart: a curve's name holds those that differ within it. */
#ifndef FLOPSTEP_BENCH_REPORT_ATTRIBUTES_H
#define FLOPSTEP_BENCH_REPORT_ATTRIBUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/report/results.h"

struct attribute {
    const char *name;
    void (*say)(const struct row *row, char *text, size_t size);
    /* What stands for "" beside cases that have it; may be NULL. */
    void (*say_absent)(const struct row *row, char *text, size_t size);
    bool in_subtitle; /* said there where all cases agree */
    bool last_resort; /* appended only where a curve would hold two cases of one size */
};

extern const struct attribute attributes[]; /* ends with a NULL say */

#endif
