/* Reduce-scatter, then allgather, around a ring (Patarasuk and Yuan 2009): 2(p-1) steps, in each of
 * which a rank sends one chunk to the next rank and receives one from the rank before. Chunks go in
 * segments, and a segment is sent on as soon as it is summed, so that adding, sending and receiving
 * overlap within a step and across steps. */
#include <string.h>

#include "mpi/add.h"
#include "mpi/allreduce_rows.h"
#include "mpi/chunks.h"
#include "mpi/lane.h"
#include "mpi/ranks_mpi.h"

enum { SEGMENT_BYTES = 128 * 1024, MOST_SENDS = 16, MOST_RECEIVES = 12 };

struct ring {
    const struct allreduce_call *call;
    MPI_Datatype type;
    size_t element;
    int ranks, rank;
    size_t segment;         /* numbers in a segment, of the largest chunk */
    size_t segments;        /* of a chunk: the same number on all ranks, some of them empty */
    size_t messages;        /* of the whole sum, in each direction */
    size_t scatters;        /* of these in the reduce-scatter */
    size_t sends, receives; /* under way at most: never as many as a chunk has, so that no array is
                               received while it may still be sent */
    MPI_Request send[MOST_SENDS], receive[MOST_RECEIVES];
};

struct piece {
    size_t first, count;
};

/* What message `m` carries of chunk rank - step - `behind`. */
static struct piece piece_of(const struct ring *r, size_t m, int behind) {
    int step = (int)(m / r->segments);
    int chunk = ((r->rank - step - behind) % r->ranks + r->ranks) % r->ranks;
    size_t begin = chunk_begin(r->call->count, chunk, r->ranks);
    size_t end = chunk_begin(r->call->count, chunk + 1, r->ranks);
    size_t first = begin + m % r->segments * r->segment;
    if (first >= end) return (struct piece){end, 0};
    return (struct piece){first, end - first < r->segment ? end - first : r->segment};
}

static char *slot_of(const struct ring *r, size_t m) {
    return (char *)r->call->work + m % MOST_RECEIVES * SEGMENT_BYTES;
}

static void post_receive(struct ring *r, size_t m) {
    struct piece p = piece_of(r, m, 1);
    MPI_Request *request = &r->receive[m % r->receives];
    void *to =
        m < r->scatters ? slot_of(r, m % r->receives) : (char *)r->call->to + p.first * r->element;
    *request = MPI_REQUEST_NULL;
    if (p.count)
        MPI_Irecv(to, (int)p.count, r->type, (r->rank + r->ranks - 1) % r->ranks, 0,
                  r->call->lane->communicator, request);
}

static void post_send(struct ring *r, size_t m) {
    struct piece p = piece_of(r, m, 0);
    MPI_Request *request = &r->send[m % r->sends];
    if (m >= r->sends) MPI_Wait(request, MPI_STATUS_IGNORE);
    const char *from = m < r->segments ? r->call->from : r->call->to; /* first step: unsummed */
    *request = MPI_REQUEST_NULL;
    if (p.count)
        MPI_Isend(from + p.first * r->element, (int)p.count, r->type, (r->rank + 1) % r->ranks, 0,
                  r->call->lane->communicator, request);
}

static void take(struct ring *r, size_t m) {
    MPI_Wait(&r->receive[m % r->receives], MPI_STATUS_IGNORE);
    if (m >= r->scatters) return;
    struct piece p = piece_of(r, m, 1);
    add_arrays(r->call->type, (char *)r->call->to + p.first * r->element,
               (const char *)r->call->from + p.first * r->element, slot_of(r, m % r->receives),
               p.count);
}

size_t allreduce_ring_bytes(size_t count, enum scalar type, int ranks) {
    (void)count, (void)type, (void)ranks;
    return (size_t)MOST_RECEIVES * SEGMENT_BYTES;
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

void allreduce_ring(const struct allreduce_call *c) {
    struct ring r = {.call = c,
                     .type = ranks_type(c->type),
                     .element = scalar_bytes(c->type),
                     .ranks = c->lane->count,
                     .rank = c->lane->rank};
    size_t chunk = (c->count + (size_t)r.ranks - 1) / (size_t)r.ranks;
    r.segment = SEGMENT_BYTES / r.element;
    r.segments = (chunk + r.segment - 1) / r.segment;
    if (!r.segments) return;
    if (r.ranks == 1) memcpy(c->to, c->from, c->count * r.element);
    r.scatters = (size_t)(r.ranks - 1) * r.segments;
    r.messages = 2 * r.scatters;
    r.sends = least(MOST_SENDS, r.segments);
    r.receives = least(MOST_RECEIVES, r.segments);
    size_t sent = 0, posted = 0;
    for (size_t done = 0; done < r.messages; done++) {
        for (; posted < r.messages && posted < done + r.receives; posted++)
            post_receive(&r, posted);
        /* a message of a later step is what was received a step before */
        for (; sent < r.messages && sent < done + r.sends; sent++) post_send(&r, sent);
        take(&r, done);
    }
    for (size_t i = 0; i < r.sends; i++)
        if (i < sent) MPI_Wait(&r.send[i], MPI_STATUS_IGNORE);
}
