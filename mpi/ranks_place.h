/* Filling in where this rank runs; shared by the sources with and without MPI. */
#ifndef FLOPSTEP_MPI_RANKS_PLACE_H
#define FLOPSTEP_MPI_RANKS_PLACE_H

#include "mpi/ranks.h"

/* Host, process, and the processors this process is bound to. */
void rank_place_measure(struct rank_place *place);

/* Cores and the part, after parts were taken. */
void rank_place_settle(struct rank_place *place);

/* Counts the sharers of every row: ranks of the same node with a processor in common. */
void rank_places_compare(struct rank_place *table, int count);

#endif
