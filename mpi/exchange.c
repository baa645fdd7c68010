/* In two steps, as in allreduce_reproducible.c: everybody's chunk r to rank r, which adds them in
 * the order of the ranks, then the sums to all. MPI_Iallreduce moves twice as much where Open MPI
 * takes a binomial tree for it, which it does for up to 3 ranks: the whole array to rank 0, then
 * back. */
#include "mpi/exchange.h"

#include <stdlib.h>

#include "mpi/add.h"
#include "mpi/chunks.h"
#include "mpi/lane.h"
#include "mpi/ranks_mpi.h"

/* Beyond, so many messages cost more than they save, and libraries take a ring. */
enum { MOST_RANKS = 32 };

enum stage { ENDED, SCATTERING, GATHERING };

struct exchange {
    struct exchange_plan plan;
    enum stage stage;
    MPI_Datatype type;
    int others; /* ranks; of each step there are as many receives, then as many sends */
    MPI_Request *requests, *scatter, *gather;
    int pending;  /* requests of the second step */
    char *chunks; /* this rank's, as the others have it, in the order of the ranks */
};

static bool by_library(const struct exchange *x) {
    return x->plan.lane->count > MOST_RANKS || x->plan.lane->count < 2;
}

static size_t begin_of(const struct exchange *x, int rank) {
    return chunk_begin(x->plan.count, rank, x->plan.lane->count);
}

static int size_of(const struct exchange *x, int rank) {
    return (int)(begin_of(x, rank + 1) - begin_of(x, rank));
}

static void *number_at(const struct exchange *x, const void *array, size_t number) {
    return (char *)array + number * scalar_bytes(x->plan.type);
}

/* Every rank begins with another one. */
static int other(const struct exchange *x, int i) {
    return (x->plan.lane->rank + 1 + i) % x->plan.lane->count;
}

struct exchange *exchange_open(const struct exchange_plan *plan) {
    struct exchange *x = calloc(1, sizeof *x);
    if (!x) return NULL;
    x->plan = *plan;
    x->type = ranks_type(plan->type);
    x->others = plan->lane->count - 1;
    size_t ranks = (size_t)plan->lane->count;
    x->requests = calloc(4 * ranks, sizeof(MPI_Request));
    if (!by_library(x))
        x->chunks = malloc((plan->count / ranks + 1) * ranks * scalar_bytes(plan->type));
    if (!x->requests || (!by_library(x) && !x->chunks)) {
        exchange_close(x);
        return NULL;
    }
    x->scatter = x->requests;
    x->gather = x->requests + 2 * x->others;
    return x;
}

void exchange_close(struct exchange *x) {
    if (!x) return;
    free(x->requests);
    free(x->chunks);
    free(x);
}

/* Where what another rank has of this one's chunk is received. */
static void *slot_of(const struct exchange *x, int rank) {
    return number_at(x, x->chunks, (size_t)rank * (size_t)size_of(x, x->plan.lane->rank));
}

void exchange_start(struct exchange *x) {
    const struct exchange_plan *p = &x->plan;
    const MPI_Comm c = p->lane->communicator;
    const int tag = 2 * p->number, own = size_of(x, p->lane->rank);
    if (by_library(x)) {
        x->stage = GATHERING;
        MPI_Iallreduce(p->from, p->to, (int)p->count, x->type, MPI_SUM, c, x->gather);
        x->pending = 1;
        return;
    }
    x->stage = SCATTERING;
    for (int i = x->others - 1; i >= 0; i--)
        MPI_Irecv(slot_of(x, other(x, i)), own, x->type, other(x, i), tag, c, &x->scatter[i]);
    for (int i = 0; i < x->others; i++)
        MPI_Isend(number_at(x, p->from, begin_of(x, other(x, i))), size_of(x, other(x, i)), x->type,
                  other(x, i), tag, c, &x->scatter[x->others + i]);
    for (int i = x->others - 1; i >= 0; i--)
        MPI_Irecv(number_at(x, p->to, begin_of(x, other(x, i))), size_of(x, other(x, i)), x->type,
                  other(x, i), tag + 1, c, &x->gather[i]);
}

static const void *part_of(const struct exchange *x, int rank) {
    return rank == x->plan.lane->rank ? number_at(x, x->plan.from, begin_of(x, rank))
                                      : slot_of(x, rank);
}

static void add_and_gather(struct exchange *x) {
    const struct exchange_plan *p = &x->plan;
    const int own = size_of(x, p->lane->rank);
    char *sum = number_at(x, p->to, begin_of(x, p->lane->rank));
    add_arrays(p->type, sum, part_of(x, 0), part_of(x, 1), (size_t)own);
    for (int r = 2; r <= x->others; r++) add_into(p->type, sum, part_of(x, r), (size_t)own);
    x->stage = GATHERING;
    for (int i = 0; i < x->others; i++)
        MPI_Isend(sum, own, x->type, other(x, i), 2 * p->number + 1, p->lane->communicator,
                  &x->gather[x->others + i]);
    x->pending = 2 * x->others;
}

bool exchange_test(struct exchange *x) {
    int done = 0;
    if (x->stage == SCATTERING) {
        MPI_Testall(2 * x->others, x->scatter, &done, MPI_STATUSES_IGNORE);
        if (done) add_and_gather(x);
    }
    if (x->stage == GATHERING) {
        MPI_Testall(x->pending, x->gather, &done, MPI_STATUSES_IGNORE);
        if (done) x->stage = ENDED;
    }
    return x->stage == ENDED;
}
