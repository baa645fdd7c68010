/* The ceilings that the members of a group are held against, measured in the same rounds: one for
 * each device, type and number of threads. */
#ifndef FLOPSTEP_BENCH_BLAS_GROUP_CEILINGS_H
#define FLOPSTEP_BENCH_BLAS_GROUP_CEILINGS_H

#include "bench/blas/group.h"
#include "bench/harness/rounds.h"

struct group_ceilings;

/* Adds the ceilings that the members need to the subjects, from number *used on: at most one for
 * each member. Free with group_ceilings_free(). */
struct group_ceilings *group_ceilings_add(const struct blas_options *options,
                                          const struct member *members, size_t count,
                                          struct subject *subjects, size_t *used);

/* Sets the member's ceiling and its share of it; before the samplers are freed. */
void group_ceilings_read(const struct group_ceilings *ceilings, struct member *member);

void group_ceilings_free(struct group_ceilings *ceilings);

#endif
