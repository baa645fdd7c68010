/* The GPUs of a group while its rounds run. */
#ifndef FLOPSTEP_BENCH_BLAS_GROUP_WATCH_H
#define FLOPSTEP_BENCH_BLAS_GROUP_WATCH_H

#include "bench/blas/group.h"
#include "bench/harness/rounds.h"

struct group_watch;

/* Begins to watch every GPU that has a member to measure. */
struct group_watch *group_watch_begin(const struct blas_options *options,
                                      const struct member *members, size_t count);

/* Takes the last readings and ends the watch. */
void group_watch_end(struct group_watch *watch);

/* Fills in m->gpu, and which of its samples were taken while its card was throttled. The energy is
 * that of a member only where it was measured `alone`. */
void group_watch_tell(const struct group_watch *watch, struct member *m,
                      const struct sampler *sampler, bool alone);

void group_watch_free(struct group_watch *watch);

#endif
