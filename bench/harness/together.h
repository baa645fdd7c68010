/* Several processes that measure the same thing at the same time. The harness knows nothing of MPI:
 * who does sets these functions (bench/rank_hooks.c); until then there is one process. Everything
 * that decides what is done next goes through together_slowest and together_all, so that all
 * processes decide alike. Collective: every process makes the same calls in the same order. */
#ifndef FLOPSTEP_BENCH_HARNESS_TOGETHER_H
#define FLOPSTEP_BENCH_HARNESS_TOGETHER_H

#include <stdbool.h>

struct together {
    int rank, count;
    int local_rank;                         /* among those of this machine */
    const char *name;                       /* of this one in messages: "rank 3 (node7)" */
    void (*max)(double *values, int count); /* in place; NaN counts as the largest */
    void (*barrier)(void);
    void (*gather)(const double *own, int count, double *all); /* all[rank * count + i] */
    void (*end)(void);       /* before the process ends in good order */
    void (*abort)(int code); /* ends all processes at once; does not return */
};

void together_set(const struct together *functions);
const struct together *together_get(void);

/* Whether this is the process that prints and writes. */
bool together_leads(void);

/* The largest of each over all processes; also spreads a signal that one of them got. */
void together_slowest(double *values, int count);

/* Whether it holds on every process. */
bool together_all(bool holds);

#endif
