/* What the machine was doing while a case was measured: time stolen by the hypervisor, load, and
 * the clock that the core really had. */
#ifndef FLOPSTEP_BENCH_HARNESS_MACHINE_STATE_H
#define FLOPSTEP_BENCH_HARNESS_MACHINE_STATE_H

struct machine_state {
    double clock_ghz;           /* effective, by a chain of dependent adds; NaN: unknown */
    double load;                /* of the last minute; NaN: unknown */
    unsigned long long stolen;  /* jiffies since boot, all processors */
    unsigned long long jiffies; /* all kinds together */
};

/* Takes about a quarter of a millisecond. */
struct machine_state machine_state_now(void);

/* Share of the processors' time between two states that the hypervisor took; NaN where the system
 * does not say or the time between was too short to tell. */
double machine_state_stolen(const struct machine_state *before, const struct machine_state *after);

/* Effective clock of the calling thread's core in GHz, the best of a few short chains. */
double machine_state_clock(void);

#endif
