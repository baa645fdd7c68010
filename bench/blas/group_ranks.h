/* Members of a group on several ranks: what one rank cannot run, or gets wrong, is so on all of
 * them, since all measure the same cases at the same time. Collective; nothing with one rank. */
#ifndef FLOPSTEP_BENCH_BLAS_GROUP_RANKS_H
#define FLOPSTEP_BENCH_BLAS_GROUP_RANKS_H

#include "bench/blas/group.h"

/* Every member's status becomes the worst of all ranks, its reason that of the first rank with this
 * status, which is named unless all say the same. */
void group_agree(struct member *members, size_t count);

/* Every member's check error becomes the largest of all ranks. */
void group_agree_checks(struct member *members, size_t count);

/* What spoils a member on one rank is told of all: unpinned threads, stolen time. */
void group_agree_conditions(struct member *members, size_t count);

/* Ends the command where ranks would run other cases. */
void group_require_same(const struct blas_options *options, const struct blas_targets *targets,
                        const struct blas_shape *shapes, size_t shape_count);

#endif
