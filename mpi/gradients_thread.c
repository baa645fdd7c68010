/* Buckets are summed by a thread of its own while the backward pass goes on. Where the threads that
 * compute leave it a core it calls MPI_Allreduce, which looks for messages all the time. Else it
 * looks after the sums in short moments and sleeps between them, until nothing computes any more.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kernels/cpu/topology.h"
#include "mpi/gradients_start.h"
#include "mpi/gradients_state.h"
#include "mpi/ranks.h"

enum { NAP_NS = 50000, SLACK_NS = 1000, SLICE_NS = 100000 };

struct worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more, done;
    size_t asked, finished; /* buckets, and the vote as the last */
    bool ends, started;
    bool naps;           /* it shares a core with the threads that compute */
    atomic_bool awaited; /* they are done */
};

/* Returns when `jobs` of them are finished, or when more may have been asked for. */
static void look_after(struct gradients *g, size_t jobs) {
    struct worker *w = g->state;
    const struct timespec nap = {0, NAP_NS};
    size_t buckets = jobs < g->bucket_count ? jobs : g->bucket_count;
    while (g->started < buckets && gradients_arrived(g, g->started)) gradients_start(g, g->started);
    bool none = gradients_test(g) && g->started == buckets;
    if (none && jobs > g->bucket_count) gradients_sum_votes(g);
    pthread_mutex_lock(&w->lock);
    w->finished = none ? jobs : g->ended;
    pthread_cond_signal(&w->done);
    pthread_mutex_unlock(&w->lock);
    if (!none && !atomic_load(&w->awaited)) clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
}

static void sum_one(struct gradients *g, size_t job) {
    struct worker *w = g->state;
    if (job < g->bucket_count)
        gradients_sum(g, job);
    else
        gradients_sum_votes(g);
    pthread_mutex_lock(&w->lock);
    w->finished++;
    pthread_cond_signal(&w->done);
    pthread_mutex_unlock(&w->lock);
}

/* Naps as short as asked, and the core at their end: from Linux 6.12 on, who asks for a short slice
 * does not wait until another one's is over. Older ones ignore it. */
static void wake_quickly(void) {
    struct { /* sched_attr(2), which glibc does not declare */
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } wish = {.size = sizeof wish, .nice = getpriority(PRIO_PROCESS, 0), .runtime = SLICE_NS};
    prctl(PR_SET_TIMERSLACK, (unsigned long)SLACK_NS, 0UL, 0UL, 0UL);
    syscall(SYS_sched_setattr, 0, &wish, 0U);
}

static void *work(void *argument) {
    struct gradients *g = argument;
    struct worker *w = g->state;
    topology_unpin(0); /* beside the threads that compute, not on the first one's core */
    if (w->naps) wake_quickly();
    pthread_mutex_lock(&w->lock);
    while (!w->ends) {
        if (w->finished == w->asked) {
            pthread_cond_wait(&w->more, &w->lock);
            continue;
        }
        size_t asked = w->asked, job = w->finished;
        pthread_mutex_unlock(&w->lock);
        if (w->naps)
            look_after(g, asked);
        else
            sum_one(g, job);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* Whether a rank's thread does: all sum in the same manner. */
static bool shares_core(void) {
    const struct rank_place *table = ranks_table();
    for (int r = 0; r < ranks_get()->count; r++)
        if (table[r].threads >= table[r].cores || table[r].sharers > 1) return true;
    return false;
}

/* Sums of ours read and write memory of the host. */
static bool in_host_memory(const struct gradients *g) {
    return !g->plan.device->own_memory || g->from != (char *)g->plan.arena;
}

static bool open_mode(struct gradients *g) {
    struct worker *w = g->state = calloc(1, sizeof *w);
    if (!w) return false;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, NULL);
    pthread_cond_init(&w->done, NULL);
    w->naps = shares_core() && in_host_memory(g);
    if (w->naps && !gradients_start_open(g)) return false;
    w->started = pthread_create(&w->thread, NULL, work, g) == 0;
    return w->started;
}

static void close_mode(struct gradients *g) {
    struct worker *w = g->state;
    if (!w) return;
    pthread_mutex_lock(&w->lock);
    w->ends = true;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
    if (w->started) pthread_join(w->thread, NULL);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->more);
    pthread_cond_destroy(&w->done);
    gradients_start_close(g);
    free(w);
}

static void ask(struct worker *w) {
    pthread_mutex_lock(&w->lock);
    w->asked++;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
}

static void launch(struct gradients *g, size_t bucket) {
    (void)bucket; /* they come in order */
    ask(g->state);
}

static void complete(struct gradients *g) {
    struct worker *w = g->state;
    atomic_store(&w->awaited, true);
    ask(w);
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i <= g->bucket_count; i++) {
        while (w->finished <= i) pthread_cond_wait(&w->done, &w->lock);
        pthread_mutex_unlock(&w->lock);
        if (i < g->bucket_count) gradients_in(g, i);
        pthread_mutex_lock(&w->lock);
    }
    w->finished = w->asked = 0;
    g->ended = g->started = 0; /* the thread has nothing to look after */
    atomic_store(&w->awaited, false);
    pthread_mutex_unlock(&w->lock);
}

const struct reduce_mode reduce_thread = {
    .name = "thread",
    .open = open_mode,
    .close = close_mode,
    .launch = launch,
    .complete = complete,
};
