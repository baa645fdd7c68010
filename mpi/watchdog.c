#include "mpi/watchdog.h"

#include <math.h>
#include <mpi.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mpi/ranks.h"
#include "mpi/ranks_mpi.h"

/* What a rank tells the next one. */
struct beat {
    long moves; /* grows whenever it does something else */
    int waits;  /* for other ranks */
    char what[128];
};

static struct watchdog {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool runs, ends;
    MPI_Comm communicator;
    int next, before; /* whom it tells, whom it hears */
    struct beat out;  /* under way: not to be touched before it has arrived */
    MPI_Request sent;
} dog = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static _Atomic double timeout;
static _Atomic(const char *) doing = "starting", waiting;
static atomic_long moves, doing_number = -1;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void watchdog_timeout(double timeout_s) { timeout = timeout_s; }

void watchdog_doing(const char *what, long number) {
    doing = what;
    doing_number = number;
    atomic_fetch_add_explicit(&moves, 1, memory_order_relaxed);
}

void watchdog_waits(const char *what) {
    waiting = what;
    atomic_fetch_add_explicit(&moves, 1, memory_order_relaxed);
}

void watchdog_goes_on(void) { watchdog_waits(NULL); }

static struct beat own_beat(void) {
    struct beat b = {.moves = moves};
    const char *waits = waiting, *does = doing;
    long number = doing_number;
    b.waits = waits != NULL;
    if (number >= 0)
        snprintf(b.what, sizeof b.what, "%s %ld%s%s", does, number, waits ? ", " : "",
                 waits ? waits : "");
    else
        snprintf(b.what, sizeof b.what, "%s%s%s", does, waits ? ", " : "", waits ? waits : "");
    return b;
}

static void tell(void) {
    int arrived;
    MPI_Test(&dog.sent, &arrived, MPI_STATUS_IGNORE);
    if (!arrived) return; /* the next rank does not take it: it is not this one that will say so */
    dog.out = own_beat();
    MPI_Isend(&dog.out, sizeof dog.out, MPI_BYTE, dog.next, 0, dog.communicator, &dog.sent);
}

static bool hear(struct beat *beat) {
    int there;
    bool heard = false;
    for (;;) {
        MPI_Iprobe(dog.before, 0, dog.communicator, &there, MPI_STATUS_IGNORE);
        if (!there) return heard;
        MPI_Recv(beat, sizeof *beat, MPI_BYTE, dog.before, 0, dog.communicator, MPI_STATUS_IGNORE);
        heard = true;
    }
}

static _Noreturn void give_up(int rank, const char *how, double seconds, const char *what) {
    const struct rank_place *p = &ranks_table()[rank];
    fprintf(stderr,
            "flopstep: rank %d (%s, process %d) %s for %.0f s; the last known of it: %s; all ranks "
            "are ended, what was measured before is kept (--timeout sets the seconds)\n",
            rank, p->host, p->pid, how, seconds, what);
    fflush(stderr);
    ranks_abort(3);
}

/* Of the rank before: when it was heard, and when it last did something else. */
static void judge(const struct beat *beat, double heard, double moved, double own_moved) {
    double limit = timeout, at = now();
    if (limit <= 0) return;
    if (at - heard > limit) give_up(dog.before, "has not answered", at - heard, beat->what);
    /* Later than the above: a rank that does not answer holds up others in their calls. */
    if (!beat->waits && at - moved > 1.5 * limit)
        give_up(dog.before, "has not got on", at - moved, beat->what);
    /* Everybody waits for everybody: it is nobody's fault that can be named. */
    if (waiting && at - own_moved > 3 * limit)
        give_up(ranks_get()->rank, "waits", at - own_moved, own_beat().what);
}

static void sleep_for(double seconds) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    double end = (double)until.tv_sec + (double)until.tv_nsec * 1e-9 + seconds;
    until.tv_sec = (time_t)floor(end);
    until.tv_nsec = (long)((end - floor(end)) * 1e9);
    pthread_mutex_lock(&dog.lock);
    if (!dog.ends) pthread_cond_timedwait(&dog.wake, &dog.lock, &until);
    pthread_mutex_unlock(&dog.lock);
}

static bool ends(void) {
    pthread_mutex_lock(&dog.lock);
    bool end = dog.ends;
    pthread_mutex_unlock(&dog.lock);
    return end;
}

static void *watch(void *argument) {
    (void)argument;
    struct beat beat = {.what = "starting"};
    double heard = now(), moved = heard, own_moved = heard;
    long own = -1;
    while (!ends()) {
        struct beat latest = beat;
        double woke = now();
        tell();
        if (hear(&latest)) heard = now();
        if (latest.moves != beat.moves || latest.waits != beat.waits) moved = now();
        beat = latest;
        if (own != moves) own_moved = now();
        own = moves;
        judge(&beat, heard, moved, own_moved);
        double limit = timeout, period = limit > 0 ? fmin(fmax(limit / 10, 0.05), 0.2) : 0.2;
        sleep_for(period);
        /* Stopped itself, starved, or told another limit: what it did not hear meanwhile is not the
         * other's fault. */
        if (now() - woke > 3 * period + 1 || limit != timeout) heard = moved = own_moved = now();
    }
    return NULL;
}

void watchdog_begin(double timeout_s) {
    const struct ranks *r = ranks_get();
    timeout = timeout_s;
    if (r->count == 1 || !r->threads_may_call) return;
    MPI_Comm_dup(ranks_communicator(), &dog.communicator);
    dog.next = (r->rank + 1) % r->count;
    dog.before = (r->rank + r->count - 1) % r->count;
    dog.sent = MPI_REQUEST_NULL;
    dog.ends = false;
    dog.runs = pthread_create(&dog.thread, NULL, watch, NULL) == 0;
}

/* What is under way arrives before MPI ends. */
static void take_the_rest(void) {
    struct beat beat;
    int arrived = 0;
    while (!arrived) {
        hear(&beat);
        MPI_Test(&dog.sent, &arrived, MPI_STATUS_IGNORE);
    }
    MPI_Barrier(dog.communicator);
    hear(&beat);
}

void watchdog_end(void) {
    if (!dog.runs) return;
    pthread_mutex_lock(&dog.lock);
    dog.ends = true;
    pthread_cond_signal(&dog.wake);
    pthread_mutex_unlock(&dog.lock);
    pthread_join(dog.thread, NULL);
    dog.runs = false;
    MPI_Barrier(dog.communicator);
    take_the_rest();
    MPI_Comm_free(&dog.communicator);
}
