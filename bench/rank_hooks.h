/* Ties the ranks of mpi/ to the harness: who prints, how decisions are shared, how all end. */
#ifndef FLOPSTEP_BENCH_RANK_HOOKS_H
#define FLOPSTEP_BENCH_RANK_HOOKS_H

#include <jansson.h>

#include "bench/harness/common.h"

/* At the start of main(). Ends the process where the launch is broken, or where the ranks were
 * started with different options or binaries. */
void rank_hooks_begin(int argc, char **argv);

/* At the end: the exit code of the run, the worst of all ranks. */
int rank_hooks_end(int code);

/* Tells the other ranks which device and how many threads this one has, and the watchdog how long
 * to wait; before anything that depends on it. Collective. */
void rank_hooks_tell(const struct common *common);

/* The same, and the ranks, for the provenance; null where there is one that no launcher started.
 * Collective. */
json_t *rank_hooks_provenance(const struct common *common);

/* Prints which ranks run where, and warns where they share cores. */
void rank_hooks_print(void);

#endif
