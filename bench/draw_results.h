/* Figures of results that were just written. */
#ifndef FLOPSTEP_BENCH_DRAW_RESULTS_H
#define FLOPSTEP_BENCH_DRAW_RESULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/harness/record.h"

/* Has `report` draw them in a process of its own, which says itself what it lacks. `figures` and
 * `reference` as its options take them, NULL: all, none. Returns whether all went well; `folder`
 * then holds where the results lie, figures/ below it. */
bool draw_results(const struct record *record, const char *figures, const char *reference,
                  char *folder, size_t size);

#endif
