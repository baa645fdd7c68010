#include "kernels/cpu/team.h"

#include <omp.h>

#include "kernels/cpu/topology.h"

void team_run(int threads, void (*body)(int thread, int threads, void *argument), void *argument) {
    if (threads == 1) {
        body(0, 1, argument);
        return;
    }
#pragma omp parallel num_threads(threads)
    body(omp_get_thread_num(), threads, argument);
}

int team_limit(void) { return omp_get_thread_limit(); }

static void pin_one(int thread, int threads, void *argument) {
    (void)threads;
    if (topology_pin(0, thread)) *(int *)argument = -1; /* every writer writes the same */
}

int team_pin(int threads) {
    int result = 0;
    topology_get(); /* reads the start mask before it is changed */
    omp_set_dynamic(0);
    omp_set_num_threads(threads);
    team_run(threads, pin_one, &result);
    return result;
}

static void unpin_one(int thread, int threads, void *argument) {
    (void)thread, (void)threads, (void)argument;
    topology_unpin(0);
}

void team_unpin(int threads) {
    omp_set_dynamic(0);
    omp_set_num_threads(threads);
    team_run(threads, unpin_one, NULL);
}
