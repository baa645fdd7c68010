/* The host clock of all measurements (CLOCK_MONOTONIC), and what it can resolve. */
#ifndef FLOPSTEP_BENCH_HARNESS_CLOCK_H
#define FLOPSTEP_BENCH_HARNESS_CLOCK_H

/* Seconds since an arbitrary start. */
double clock_seconds(void);

/* The larger of the clock's smallest step and the cost of reading it, in seconds, measured once. */
double clock_resolution(void);

/* The shortest region worth timing: 1000 resolutions, so that the clock adds at most 0.1 %. */
double clock_shortest_region(void);

#endif
