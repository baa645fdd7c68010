/* Operations that are the same in every step: issued one by one, or, where the device can, recorded
 * once and replayed as a whole. */
#ifndef FLOPSTEP_NN_REPLAY_H
#define FLOPSTEP_NN_REPLAY_H

#include "kernels/device.h"

struct replay {
    void *recording; /* NULL: not recorded yet */
    long runs;
};

/* Has `issue` issue its operations, from the third run on as a replay of the second. The first one
 * goes by itself, so that libraries are ready. While spans are read nothing is replayed: a replay
 * has no spans. */
void replay_run(struct replay *replay, struct queue *queue, void (*issue)(void *context),
                void *context);

void replay_free(struct replay *replay, struct queue *queue);

#endif
