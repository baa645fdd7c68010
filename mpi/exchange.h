/* Sums over all ranks that go on beside their caller's work, whenever it looks after them. */
#ifndef FLOPSTEP_MPI_EXCHANGE_H
#define FLOPSTEP_MPI_EXCHANGE_H

#include "mpi/allreduce.h"

/* of `count` numbers of s or d: to[i] = sum over the lane's ranks of their from[i]. */
struct exchange_plan {
    struct lane *lane;
    const void *from;
    void *to; /* does not overlap from */
    size_t count;
    enum scalar type;
    int number; /* of the sums that the lane has under way at a time; the same on all ranks */
};

/* NULL: out of memory. The plan's arrays stay where they are until exchange_close. */
struct exchange *exchange_open(const struct exchange_plan *plan);
void exchange_close(struct exchange *exchange);

/* `from` is left alone until the end. Ranks may differ in which sum gets on first. */
void exchange_start(struct exchange *exchange);
/* Whether it has ended; if not, it gets on as far as it can without waiting. */
bool exchange_test(struct exchange *exchange);

#endif
