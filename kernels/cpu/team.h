/* A team of pinned threads: thread i of every team runs on core i. */
#ifndef FLOPSTEP_KERNELS_CPU_TEAM_H
#define FLOPSTEP_KERNELS_CPU_TEAM_H

/* Runs body(thread, threads, argument) on `threads` threads and waits for all. Thread 0 is the
 * caller. Built on OpenMP, so that an OpenMP BLAS in this process uses the same threads. */
void team_run(int threads, void (*body)(int thread, int threads, void *argument), void *argument);

/* The most threads a team can have (OMP_THREAD_LIMIT). An OpenMP library told to use more would
 * wait for threads that never come. */
int team_limit(void);

/* Pins thread i of a team of `threads` to core i, for all later teams and for OpenMP libraries.
 * Returns 0, or -1 where the system does not permit it (then everything runs unpinned). */
int team_pin(int threads);

/* Lets the threads of a team of `threads` run anywhere the process may. */
void team_unpin(int threads);

#endif
