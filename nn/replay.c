#include "nn/replay.h"

#include "kernels/trace.h"

void replay_run(struct replay *r, struct queue *q, void (*issue)(void *context), void *context) {
    const struct layer_operations *device = q->device->layers;
    bool plain = !device->record_begin || !queue_uses(q, MEASURE_GRAPH) || trace_current;
    if (plain || r->runs == 0) {
        issue(context);
        if (!plain) r->runs++;
        return;
    }
    if (!r->recording) {
        device->record_begin(q);
        issue(context);
        r->recording = device->record_end(q);
    }
    if (r->recording) device->replay(q, r->recording);
    r->runs++;
}

void replay_free(struct replay *r, struct queue *q) {
    if (r->recording) q->device->layers->recording_free(q, r->recording);
    *r = (struct replay){0};
}
