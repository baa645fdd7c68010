#include "bench/harness/together.h"

#include <string.h>

#include "bench/harness/interrupt.h"

static struct together now = {.count = 1, .name = "flopstep"};

void together_set(const struct together *functions) { now = *functions; }

const struct together *together_get(void) { return &now; }

bool together_leads(void) { return now.rank == 0; }

void together_slowest(double *values, int count) {
    enum { MOST = 16 };
    double all[MOST + 1];
    if (now.count == 1) return;
    for (int at = 0; at < count; at += MOST) {
        int some = count - at < MOST ? count - at : MOST;
        memcpy(all, values + at, (size_t)some * sizeof *all);
        all[some] = interrupt_here();
        now.max(all, some + 1);
        memcpy(values + at, all, (size_t)some * sizeof *all);
        interrupt_agree((int)all[some]);
    }
}

bool together_all(bool holds) {
    double fails = !holds;
    together_slowest(&fails, 1);
    return fails == 0;
}
