#include "bench/harness/interrupt.h"

#include <signal.h>
#include <stdlib.h>

static volatile sig_atomic_t came;

static void remember(int number) {
    came = number;
    signal(SIGINT, SIG_DFL); /* the next one of any kind ends the process at once */
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
}

void interrupt_catch(void) {
    struct sigaction action = {.sa_handler = remember, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

bool interrupt_came(void) { return came != 0; }

const char *interrupt_name(void) {
    return came == SIGINT ? "SIGINT" : came == SIGTERM ? "SIGTERM" : came == SIGHUP ? "SIGHUP" : "";
}

void interrupt_end(void) {
    signal(came, SIG_DFL);
    raise(came);
    exit(128 + came);
}
