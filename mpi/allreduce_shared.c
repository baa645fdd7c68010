/* Within a node: every rank lays what the others need of its array into memory that all of them
 * share, sums its own chunk from there in the order of the ranks, and takes the other chunks' sums.
 * In segments that stay in the caches. The bits depend on the numbers and on the number of ranks
 * alone, as those of the reproducible sum. */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mpi/add.h"
#include "mpi/allreduce_rows.h"
#include "mpi/chunks.h"
#include "mpi/lane.h"
#include "mpi/ranks.h"

/* A rank fills a slot while another one may still read the one before the last. */
enum { SLOT_BYTES = 128 * 1024, SLOTS = 3, SPINS = 2000, SPINS_SHARED_CORE = 20 };

/* One rank's part of the shared memory. The counters count segments since the lane was opened. */
struct part {
    _Atomic unsigned long filled;
    char own_line[64 - sizeof(unsigned long)]; /* so that counters share no cache line */
    _Atomic unsigned long summed;
    char next_line[64 - sizeof(unsigned long)];
    char slot[SLOTS][SLOT_BYTES];
};

struct shared_memory {
    MPI_Comm node;
    MPI_Win window;
    struct part **parts; /* of each rank of the lane */
    unsigned long segment;
    int spins;
};

/* What the ranks of the lane know of each other, the same on all: false with a reason. */
static bool agree(const struct lane *lane, bool fine, const char *why, char *reason, size_t size) {
    int all = fine;
    MPI_Allreduce(MPI_IN_PLACE, &all, 1, MPI_INT, MPI_MIN, lane->communicator);
    if (!all) snprintf(reason, size, "%s", why);
    return all;
}

static void close_shared(struct shared_memory *s) {
    if (s->window != MPI_WIN_NULL) {
        MPI_Win_unlock_all(s->window);
        MPI_Win_free(&s->window);
    }
    if (s->node != MPI_COMM_NULL) MPI_Comm_free(&s->node);
    free(s->parts);
    free(s);
}

static bool allocate(struct shared_memory *s) {
    MPI_Info info;
    void *own = NULL;
    MPI_Info_create(&info);
    MPI_Info_set(info, "alloc_shared_noncontig", "true"); /* each part where its rank runs */
    MPI_Comm_set_errhandler(s->node, MPI_ERRORS_RETURN);
    int error =
        MPI_Win_allocate_shared((MPI_Aint)sizeof(struct part), 1, info, s->node, &own, &s->window);
    MPI_Info_free(&info);
    if (error != MPI_SUCCESS) {
        s->window = MPI_WIN_NULL;
        return false;
    }
    MPI_Win_lock_all(MPI_MODE_NOCHECK, s->window);
    return true;
}

bool allreduce_shared_open(struct lane *lane, char *reason, size_t size) {
    if (lane->shared) return true;
    struct shared_memory *s = calloc(1, sizeof *s);
    if (s) {
        *s = (struct shared_memory){.node = MPI_COMM_NULL, .window = MPI_WIN_NULL};
        s->parts = calloc((size_t)lane->count, sizeof(struct part *));
    }
    if (!agree(lane, s && s->parts, "out of memory", reason, size)) {
        if (s) close_shared(s);
        return false;
    }
    int count;
    MPI_Comm_split_type(lane->communicator, MPI_COMM_TYPE_SHARED, lane->rank, MPI_INFO_NULL,
                        &s->node);
    MPI_Comm_size(s->node, &count);
    if (!agree(lane, count == lane->count, "the ranks are on several nodes, which share no memory",
               reason, size) ||
        !agree(lane, allocate(s), "the system gives no memory that processes share", reason,
               size)) {
        close_shared(s);
        return false;
    }
    for (int r = 0; r < lane->count; r++) {
        MPI_Aint bytes;
        int unit;
        MPI_Win_shared_query(s->window, r, &bytes, &unit, &s->parts[r]);
    }
    atomic_store(&s->parts[lane->rank]->filled, 0);
    atomic_store(&s->parts[lane->rank]->summed, 0);
    s->spins = ranks_table()[ranks_get()->rank].sharers > 1 ? SPINS_SHARED_CORE : SPINS;
    lane->shared = s;
    MPI_Barrier(s->node);
    return true;
}

void allreduce_shared_close(struct lane *lane) {
    if (lane->shared) close_shared(lane->shared);
    lane->shared = NULL;
}

static void relax(void) {
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#endif
}

/* Ranks that share a core must let each other run. */
static void await(const struct shared_memory *s, _Atomic unsigned long *counter,
                  unsigned long number) {
    for (int spins = 0; atomic_load_explicit(counter, memory_order_acquire) < number; spins++) {
        if (spins < s->spins)
            relax();
        else
            sched_yield();
    }
}

struct sum {
    const struct allreduce_call *call;
    struct shared_memory *memory;
    size_t element, step; /* bytes of a number, numbers of a segment */
    int ranks, rank;
};

/* The chunk of rank r in the segment that begins at `first`. */
struct extent {
    size_t begin, count; /* numbers, from the beginning of the segment */
};

static struct extent chunk_of(const struct sum *s, size_t first, int r) {
    size_t left = s->call->count - first, size = left < s->step ? left : s->step;
    size_t begin = chunk_begin(size, r, s->ranks);
    return (struct extent){begin, chunk_begin(size, r + 1, s->ranks) - begin};
}

static char *slot_of(const struct sum *s, int r, unsigned long segment) {
    return s->memory->parts[r]->slot[segment % SLOTS];
}

/* What the others sum: all chunks but one's own. */
static void fill(const struct sum *s, size_t first, unsigned long segment) {
    struct extent own = chunk_of(s, first, s->rank), last = chunk_of(s, first, s->ranks - 1);
    const char *from = (const char *)s->call->from + first * s->element;
    char *to = slot_of(s, s->rank, segment);
    size_t behind = own.begin + own.count, end = last.begin + last.count;
    memcpy(to, from, own.begin * s->element);
    memcpy(to + behind * s->element, from + behind * s->element, (end - behind) * s->element);
    atomic_store_explicit(&s->memory->parts[s->rank]->filled, segment, memory_order_release);
}

static const char *addend(const struct sum *s, size_t first, size_t begin, int r,
                          unsigned long segment) {
    const char *array =
        r == s->rank ? (const char *)s->call->from + first * s->element : slot_of(s, r, segment);
    return array + begin * s->element;
}

/* One's own chunk, into the place that fill() left free. */
static void sum_chunk(const struct sum *s, size_t first, unsigned long segment) {
    struct extent own = chunk_of(s, first, s->rank);
    char *to = slot_of(s, s->rank, segment) + own.begin * s->element;
    for (int r = 0; r < s->ranks; r++) await(s->memory, &s->memory->parts[r]->filled, segment);
    if (s->ranks == 1)
        memcpy(to, addend(s, first, own.begin, 0, segment), own.count * s->element);
    else
        add_arrays(s->call->type, to, addend(s, first, own.begin, 0, segment),
                   addend(s, first, own.begin, 1, segment), own.count);
    for (int r = 2; r < s->ranks; r++)
        add_into(s->call->type, to, addend(s, first, own.begin, r, segment), own.count);
    atomic_store_explicit(&s->memory->parts[s->rank]->summed, segment, memory_order_release);
}

static void collect(const struct sum *s, size_t first, unsigned long segment) {
    for (int i = 0; i < s->ranks; i++) {
        int r = (s->rank + i) % s->ranks; /* one's own is there already */
        struct extent chunk = chunk_of(s, first, r);
        await(s->memory, &s->memory->parts[r]->summed, segment);
        memcpy((char *)s->call->to + (first + chunk.begin) * s->element,
               slot_of(s, r, segment) + chunk.begin * s->element, chunk.count * s->element);
    }
}

/* Who has filled segment s + 1 has collected segment s - 1, so its slot may be filled anew when
 * that was seen: hence the three. */
void allreduce_shared(const struct allreduce_call *c) {
    struct shared_memory *memory = c->lane->shared;
    size_t element = scalar_bytes(c->type), step = SLOT_BYTES / element;
    struct sum s = {c, memory, element, step, c->lane->count, c->lane->rank};
    if (!c->count) return;
    fill(&s, 0, ++memory->segment);
    for (size_t first = 0; first < c->count; first += step) {
        unsigned long segment = memory->segment;
        sum_chunk(&s, first, segment);
        if (c->count - first > step) fill(&s, first + step, ++memory->segment);
        collect(&s, first, segment);
    }
}
