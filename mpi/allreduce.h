/* Algorithms that sum an array over all ranks: one row each, one source file each. */
#ifndef FLOPSTEP_MPI_ALLREDUCE_H
#define FLOPSTEP_MPI_ALLREDUCE_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/scalar.h"

/* A communicator of its own for a caller that reduces; made and freed by all ranks together. */
struct lane;
struct lane *lane_open(void);

/* The same of some ranks, in their order; NULL on the others. All ranks call it together. */
struct lane *lane_open_part(bool member);
void lane_close(struct lane *lane);

/* Sums of `count` numbers: to[i] = sum over ranks of their from[i]. `work` holds work_bytes(count,
 * type, ranks) bytes. from and to do not overlap. Blocking. */
struct allreduce_call {
    struct lane *lane;
    const void *from;
    void *to, *work;
    size_t count;
    enum scalar type; /* s or d */
};

struct allreduce_algorithm {
    const char *name; /* the `algorithm` column */
    const char *what; /* one line, for people */
    /* NULL: none are needed. */
    size_t (*work_bytes)(size_t count, enum scalar type, int ranks);
    void (*run)(const struct allreduce_call *call);
    /* Makes the lane ready for it, once, before the first run; lane_close() undoes it. Collective.
     * False with a reason, alike on all its ranks, where it cannot run there. NULL: it always can.
     */
    bool (*open)(struct lane *lane, char *reason, size_t size);
};

/* Ends with a NULL name; empty where flopstep is built without MPI. */
extern const struct allreduce_algorithm allreduce_table[];
const struct allreduce_algorithm *allreduce_find(const char *name);

#endif
