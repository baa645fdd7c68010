#include "bench/harness/interrupt.h"

#include <signal.h>
#include <stdlib.h>

#include "bench/harness/together.h"

static volatile sig_atomic_t here; /* what this process got */
static int agreed;                 /* what all processes know of */

/* Launchers pass SIGUSR1 on to all ranks, where on a SIGTERM of their own they kill them: it only
 * asks, beside a signal of the batch system it must not end the process. */
static void ask(int number) {
    if (!here) here = number;
}

static void remember(int number) {
    here = number;
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
    action.sa_handler = ask;
    sigaction(SIGUSR1, &action, NULL);
}

static int came(void) { return together_get()->count == 1 ? here : agreed; }

bool interrupt_came(void) { return came() != 0; }

int interrupt_here(void) { return here; }

void interrupt_agree(int number) { agreed = number; }

const char *interrupt_name(void) {
    int number = came();
    return number == SIGINT    ? "SIGINT"
           : number == SIGTERM ? "SIGTERM"
           : number == SIGHUP  ? "SIGHUP"
           : number == SIGUSR1 ? "SIGUSR1"
                               : "";
}

void interrupt_end(void) {
    int number = came();
    if (together_get()->end) together_get()->end();
    signal(number, SIG_DFL);
    raise(number);
    exit(128 + number);
}
