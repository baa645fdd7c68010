/* Ctrl-C and termination: the sweep ends after the sample at hand and what is measured stays. */
#ifndef FLOPSTEP_BENCH_HARNESS_INTERRUPT_H
#define FLOPSTEP_BENCH_HARNESS_INTERRUPT_H

#include <stdbool.h>

/* From now on SIGINT, SIGTERM and SIGHUP are remembered instead of ending the process; a second one
 * ends it at once. SIGUSR1 is remembered too, and never ends it at once. */
void interrupt_catch(void);

/* Whether one came. */
bool interrupt_came(void);

/* The name of the signal that came, e.g. "SIGINT". */
const char *interrupt_name(void);

/* Ends the process by the signal that came, so that its parent sees why. */
_Noreturn void interrupt_end(void);

/* The signal that this process got, 0: none, and what all processes of a run have agreed that one
 * of them got: interrupt_came() tells the latter, so that all leave their loops at the same place.
 */
int interrupt_here(void);
void interrupt_agree(int number);

#endif
