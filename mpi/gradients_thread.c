/* MPI_Allreduce of each bucket in a thread of its own while the backward pass goes on. */
#include <pthread.h>
#include <stdlib.h>

#include "kernels/cpu/topology.h"
#include "mpi/gradients_state.h"
#include "mpi/lane.h"
#include "mpi/ranks_mpi.h"

struct worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more, done;
    size_t asked, finished; /* buckets, and the vote as the last */
    bool ends, started;
};

static void reduce(struct gradients *g, size_t job) {
    if (job == g->bucket_count) {
        MPI_Allreduce(&g->vote, &g->votes, 1, MPI_INT, MPI_BOR, g->lane->communicator);
        return;
    }
    const struct bucket *b = &g->buckets[job];
    MPI_Allreduce(gradients_at(g, g->from, b->first), gradients_at(g, g->to, b->first),
                  (int)b->count, ranks_type(g->plan.type), MPI_SUM, g->lane->communicator);
}

static void *work(void *argument) {
    struct gradients *g = argument;
    struct worker *w = g->state;
    topology_unpin(0); /* beside the threads that compute, not on the first one's core */
    pthread_mutex_lock(&w->lock);
    while (!w->ends) {
        if (w->finished == w->asked) {
            pthread_cond_wait(&w->more, &w->lock);
            continue;
        }
        size_t job = w->finished;
        pthread_mutex_unlock(&w->lock);
        reduce(g, job);
        pthread_mutex_lock(&w->lock);
        w->finished++;
        pthread_cond_signal(&w->done);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static bool open_mode(struct gradients *g) {
    struct worker *w = g->state = calloc(1, sizeof *w);
    if (!w) return false;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, NULL);
    pthread_cond_init(&w->done, NULL);
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
    ask(w);
    pthread_mutex_lock(&w->lock);
    while (w->finished < w->asked) pthread_cond_wait(&w->done, &w->lock);
    w->finished = w->asked = 0;
    pthread_mutex_unlock(&w->lock);
}

const struct reduce_mode reduce_thread = {
    .name = "thread",
    .open = open_mode,
    .close = close_mode,
    .launch = launch,
    .complete = complete,
};
