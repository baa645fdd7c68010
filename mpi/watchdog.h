/* Names a rank that does not get on, and ends all. Every rank tells the next one what it does; who
 * hears nothing for too long, or hears that nothing moves, says so. What a rank waits for is not
 * its fault: a rank that waits for others is never named while another one can be. */
#ifndef FLOPSTEP_MPI_WATCHDOG_H
#define FLOPSTEP_MPI_WATCHDOG_H

/* Collective. Without MPI_THREAD_MULTIPLE, or with one rank, nothing is watched. */
void watchdog_begin(double timeout_s);
void watchdog_end(void);

/* Seconds without a sign of life; 0: for ever. The same on all ranks. */
void watchdog_timeout(double timeout_s);

/* What this rank does from now on: a constant text with a number, "training step" 12; -1: none. */
void watchdog_doing(const char *what, long number);

/* Around calls that wait for other ranks. */
void watchdog_waits(const char *what);
void watchdog_goes_on(void);

#endif
