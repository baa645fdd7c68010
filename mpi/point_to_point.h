/* A message there and back: what a link takes. */
#ifndef FLOPSTEP_MPI_POINT_TO_POINT_H
#define FLOPSTEP_MPI_POINT_TO_POINT_H

#include "mpi/allreduce.h"

/* Of a lane of two ranks: the first sends `count` numbers of `from`, the second receives them into
 * its `to` and sends them back, into the first one's `to`. Returns when both have theirs; a message
 * takes half of that time. */
void point_to_point(const struct lane *lane, const void *from, void *to, size_t count,
                    enum scalar type);

#endif
