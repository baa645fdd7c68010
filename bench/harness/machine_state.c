#include "bench/harness/machine_state.h"

#include <math.h>
#include <stdio.h>

#include "bench/harness/clock.h"
#include "kernels/probes/core_clock.h"

double machine_state_clock(void) {
    enum {
        CHAINS = 4,
        ADDS = 1600 * CORE_CLOCK_BLOCK
    }; /* about 30 us each: an interrupt spoils one, not all */
    double best = 0;
    for (int i = 0; i < CHAINS; i++) {
        double begin = clock_seconds();
        core_clock_chain(ADDS);
        double rate = ADDS / (clock_seconds() - begin);
        if (rate > best) best = rate;
    }
    return best * 1e-9;
}

static void read_jiffies(struct machine_state *state) {
    FILE *file = fopen("/proc/stat", "r");
    if (!file) return;
    unsigned long long t[8] = {0}; /* user nice system idle iowait irq softirq steal */
    if (fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", t, t + 1, t + 2, t + 3, t + 4,
               t + 5, t + 6, t + 7) == 8) {
        state->stolen = t[7];
        for (int i = 0; i < 8; i++) state->jiffies += t[i];
    }
    fclose(file);
}

struct machine_state machine_state_now(void) {
    struct machine_state state = {.clock_ghz = machine_state_clock(), .load = NAN};
    read_jiffies(&state);
    FILE *file = fopen("/proc/loadavg", "r");
    if (file) {
        if (fscanf(file, "%lf", &state.load) != 1) state.load = NAN;
        fclose(file);
    }
    return state;
}

double machine_state_stolen(const struct machine_state *before, const struct machine_state *after) {
    if (after->jiffies <= before->jiffies) return NAN;
    if (after->stolen < before->stolen) return NAN; /* some hypervisors set it back */
    return (double)(after->stolen - before->stolen) / (double)(after->jiffies - before->jiffies);
}
