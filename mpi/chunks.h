/* Arrays in as many chunks as there are ranks; their sizes differ by one at most and may be 0. */
#ifndef FLOPSTEP_MPI_CHUNKS_H
#define FLOPSTEP_MPI_CHUNKS_H

#include <stddef.h>

/* Where chunk number `chunk` of `count` numbers begins; chunk == ranks: the end of the last one. */
static inline size_t chunk_begin(size_t count, int chunk, int ranks) {
    return count / (size_t)ranks * (size_t)chunk +
           count % (size_t)ranks * (size_t)chunk / (size_t)ranks;
}

#endif
