/* What differs from one training step to the next, the tally of losses, and recording of steps as
 * CUDA graphs. The host writes the values of a step into a ring of pinned memory that the device
 * reads; a step begins with a kernel that takes the next ones. So the host may run far ahead, and a
 * recorded step needs no change from one replay to the next. */
#include <cstdio>
#include <cstdlib>

#include "kernels/cuda/cuda_device.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/layers/cuda_layers.h"

/* Steps that may be issued before the first of them has begun. */
enum { RING = 1024, SEGMENTS = 4, SEGMENT = RING / SEGMENTS };

/* In the device's memory. */
struct device_steps {
    struct step_values now;
    unsigned next; /* place in the ring of the coming step */
    struct tally tally;
};

struct cuda_steps {
    struct step_values *ring, *ring_on_device; /* the same pinned memory */
    struct device_steps *device;
    unsigned long issued;       /* steps whose values are written */
    cudaEvent_t done[SEGMENTS]; /* behind the last step of a segment */
};

static __global__ void take_values(struct device_steps *s, const struct step_values *ring) {
    s->now = ring[s->next];
    s->next = s->next + 1 == RING ? 0 : s->next + 1;
}

static __global__ void clear_tally(struct tally *t) {
    struct tally empty = {};
    empty.correct = -1;
    *t = empty;
}

struct cuda_steps *cuda_steps_new(struct cuda_state *s) {
    struct cuda_steps *steps = (struct cuda_steps *)calloc(1, sizeof *steps);
    if (!steps) {
        cuda_check(s, cudaErrorMemoryAllocation, "allocating");
        return NULL;
    }
    bool good =
        cuda_check(
            s,
            cudaHostAlloc((void **)&steps->ring, RING * sizeof *steps->ring, cudaHostAllocMapped),
            "allocating pinned memory") &&
        cuda_check(s, cudaHostGetDevicePointer((void **)&steps->ring_on_device, steps->ring, 0),
                   "mapping pinned memory") &&
        cuda_check(s, cudaMalloc((void **)&steps->device, sizeof *steps->device), "allocating") &&
        cuda_check(s, cudaMemsetAsync(steps->device, 0, sizeof *steps->device, s->stream),
                   "zeroing memory");
    for (int i = 0; i < SEGMENTS && good; i++)
        good = cuda_check(s, cudaEventCreateWithFlags(&steps->done[i], cudaEventDisableTiming),
                          "creating an event");
    if (!good) {
        cuda_steps_free(steps);
        return NULL;
    }
    LAUNCH(clear_tally, 1, 1, 0, s->stream, &steps->device->tally);
    cuda_launched(s, "clear_tally");
    return steps;
}

void cuda_steps_free(struct cuda_steps *steps) {
    for (int i = 0; i < SEGMENTS; i++)
        if (steps->done[i]) cudaEventDestroy(steps->done[i]);
    if (steps->device) cudaFree(steps->device);
    if (steps->ring) cudaFreeHost(steps->ring);
    free(steps);
}

const struct step_values *cuda_live_values(const struct queue *q) {
    return q->in_step ? &cuda_state_of(q)->steps->device->now : NULL;
}

struct tally *cuda_tally(const struct queue *q) {
    return &cuda_state_of(q)->steps->device->tally;
}

void cuda_tally_clear(struct queue *q) {
    LAUNCH(clear_tally, 1, 1, 0, cuda_stream(q), cuda_tally(q));
    cuda_launched(cuda_state_of(q), "clear_tally");
}

/* NaN where the device has failed: all bytes are 1 then. */
void cuda_tally_read(struct queue *q, struct tally *tally) {
    q->device->copy_out(q->device, tally, cuda_tally(q), sizeof *tally);
}

/* A segment of the ring is written again when its steps have run. */
void cuda_step_values(struct queue *q, const struct step_values *values) {
    struct cuda_state *s = cuda_state_of(q);
    struct cuda_steps *steps = s->steps;
    unsigned place = (unsigned)(steps->issued % RING), segment = place / SEGMENT;
    if (s->failed) return;
    if (place % SEGMENT == 0 && steps->issued > 0) {
        unsigned before = (segment + SEGMENTS - 1) % SEGMENTS;
        cuda_check(s, cudaEventRecord(steps->done[before], s->stream), "an event");
    }
    if (place % SEGMENT == 0 && steps->issued >= RING)
        cuda_check(s, cudaEventSynchronize(steps->done[segment]), "running on the device");
    steps->ring[place] = *values;
    steps->issued++;
}

void cuda_step_open(struct queue *q) {
    struct cuda_state *s = cuda_state_of(q);
    LAUNCH(take_values, 1, 1, 0, s->stream, s->steps->device, s->steps->ring_on_device);
    cuda_launched(s, "take_values");
    q->in_step = true;
}

void cuda_step_close(struct queue *q) { q->in_step = false; }

void cuda_record_begin(struct queue *q) { cuda_graph_begin(cuda_state_of(q), "recording a step"); }

void *cuda_record_end(struct queue *q) {
    return cuda_graph_end(cuda_state_of(q), "recording a step");
}

void cuda_replay(struct queue *q, void *recording) {
    struct cuda_state *s = cuda_state_of(q);
    if (s->failed) return;
    cuda_check(s, cudaGraphLaunch((cudaGraphExec_t)recording, s->stream), "replaying a step");
}

/* Not while it runs. */
void cuda_recording_free(struct queue *q, void *recording) {
    q->device->synchronise(q->device);
    cudaGraphExecDestroy((cudaGraphExec_t)recording);
}
