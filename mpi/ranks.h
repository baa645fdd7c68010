/* The ranks of a run. MPI is initialised only under a launcher; without one, or without MPI at
 * build time, there is one rank and every function here does what that means. */
#ifndef FLOPSTEP_MPI_RANKS_H
#define FLOPSTEP_MPI_RANKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RANK_TEXT = 96, RANK_REASON = 512 };

/* Where one rank runs. */
struct rank_place {
    int rank, node, local_rank; /* nodes are numbered by their lowest rank */
    int pid;
    int cores;              /* that it may use */
    int sharers;            /* ranks that use one of these cores too, itself among them */
    char host[RANK_TEXT];   /* as the system calls it */
    char bound[RANK_TEXT];  /* processors that the launcher bound it to, measured */
    char part[RANK_TEXT];   /* processors that it runs on: its part of those */
    char device[RANK_TEXT]; /* the first device of the command line, "" before ranks_tell_device */
    char bus_id[RANK_TEXT]; /* of a GPU, else "" */
    int threads;            /* at most, 0 before ranks_tell_device */
};

struct ranks {
    int rank, count;
    int local_rank, local_count; /* on this node */
    int node, nodes;
    bool parallel;             /* MPI is initialised (also with one rank) */
    bool threads_may_call;     /* MPI_THREAD_MULTIPLE was given */
    const char *launcher;      /* "mpirun", "srun", …; NULL: none */
    char library[RANK_REASON]; /* of MPI, with its version; "" where there is none */
    const char *thread_level;  /* "multiple", …; NULL without MPI */
};

/* As begun; before that, one rank. */
const struct ranks *ranks_get(void);

/* One row a rank. */
const struct rank_place *ranks_table(void);

/* At the start of main(), before threads and before anything reads the topology: initialises MPI
 * where a launcher started this process, and gives each rank of a node that was bound to the same
 * processors its own part of them. False with a reason where the launch is broken. */
bool ranks_begin(char *reason, size_t size);

/* The MPI that this was built with, "Open MPI v4.1.4"; "" without one. */
const char *ranks_built_with(void);

/* Ends MPI; waits for all ranks. */
void ranks_end(void);

/* Ends all ranks at once with this exit code. */
_Noreturn void ranks_abort(int code);

/* Fills device, bus id and threads of the table. Collective, like all that follows. */
void ranks_tell_device(const char *device, const char *bus_id, int threads);

/* In place, over all ranks: the largest, or the sum, of each value. NaN counts as the largest. The
 * sum is in the order of the ranks, so it is the same on all and in every run. */
void ranks_max(double *values, int count);
void ranks_sum(double *values, int count);

void ranks_barrier(void);

/* all[rank * count + i] = own[i] of each rank, on every rank. */
void ranks_gather(const double *own, int count, double *all);

/* The same for texts of `size` bytes with their zero. */
void ranks_gather_text(const char *own, int size, char *all);

/* The lowest rank whose number is not that of rank 0; -1: all have the same. */
int ranks_first_other(uint64_t number);

/* Rank 0's bytes become everybody's. */
void ranks_broadcast(void *memory, size_t bytes);

/* FNV-1a over 8 bytes at a time: for comparing what ranks hold, not against malice. */
uint64_t ranks_hash(const void *memory, size_t bytes);

#endif
