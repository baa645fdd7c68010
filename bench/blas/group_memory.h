/* The operands of a group, for each device and type: what they need, and who goes without. */
#ifndef FLOPSTEP_BENCH_BLAS_GROUP_MEMORY_H
#define FLOPSTEP_BENCH_BLAS_GROUP_MEMORY_H

#include "bench/blas/group.h"

struct group_memory {
    struct blas_operands of[MOST_DEVICES][SCALAR_COUNT]; /* by number of the device */
};

struct group_memory *group_memory_new(void);
void group_memory_free(struct group_memory *memory);

/* Works out what every device needs. Members that cannot run are skipped with the reason, but where
 * memory is too little for all types, they may fit one type after the other: false then. */
bool group_memory_plan(struct group_memory *memory, const struct blas_options *options,
                       struct member *members, size_t count, size_t lanes);

/* Allocates it, and sets what members tell of their operands. Members without memory are skipped.
 */
void group_memory_allocate(struct group_memory *memory, const struct blas_options *options,
                           struct member *members, size_t count, size_t lanes);

/* Ends members that were to run, with two parts of a reason: those of a device, or with NULL all;
 * of a type, or with SCALAR_COUNT all. */
void group_end(struct member *members, size_t count, const struct device *device, enum scalar type,
               enum member_status status, const char *what, const char *reason);

#endif
