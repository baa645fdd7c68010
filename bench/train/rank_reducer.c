#include "bench/train/rank_reducer.h"

#include <stdio.h>
#include <string.h>

#include "bench/harness/interrupt.h"
#include "bench/harness/record.h"
#include "bench/harness/together.h"
#include "mpi/ranks.h"

/* A signal that one rank got ends the training of all at the same step. */
static void vote(void *context, bool fine) {
    struct rank_reducer *r = context;
    gradients_vote(r->gradients, (fine ? 0 : VOTE_NOT_FINITE) | (interrupt_here() ? VOTE_STOP : 0));
}

static void ready(void *context, void *gradient, long count) {
    gradients_ready(((struct rank_reducer *)context)->gradients, gradient, count);
}

static void progress(void *context) {
    gradients_progress(((struct rank_reducer *)context)->gradients);
}

static const void *finish(void *context) {
    struct rank_reducer *r = context;
    int bits;
    const void *sums = gradients_finish(r->gradients, &bits);
    if (bits & VOTE_NOT_FINITE) r->not_finite = true;
    if (bits & VOTE_STOP) together_all(true); /* tells everybody which signal it was */
    return bits & VOTE_NOT_FINITE ? NULL : sums;
}

/* Each text once. */
static void note_transport(const struct gradients *gradients, bool quiet) {
    static char said[1024];
    const char *note = gradients_note(gradients);
    if (!*note || quiet || !together_leads() || strcmp(note, said) == 0) return;
    snprintf(said, sizeof said, "%s", note);
    fprintf(stderr, "note: gradients go by --gpu-reduce %s; %s\n", gradients_transport(gradients),
            note);
}

bool rank_reducer_open(struct rank_reducer *r, const struct network *n, const char *mode,
                       const struct train_options *options, char *reason, size_t size) {
    size_t borders[MOST_LAYERS], border_count = 0;
    for (int i = 0; i < n->count; i++)
        if (n->layers[i].weights) borders[border_count++] = (size_t)layer_offset(n, &n->layers[i]);
    struct gradients_plan plan = {.device = n->queue->device,
                                  .type = n->queue->type,
                                  .arena = n->gradient.memory,
                                  .count = (size_t)n->parameters,
                                  .bucket_bytes = options->bucket_bytes,
                                  .borders = borders,
                                  .border_count = border_count,
                                  .mode = reduce_mode_find(mode),
                                  .transport = options->gpu_reduce};
    r->mode = mode;
    r->gradients = gradients_open(&plan, reason, size);
    if (r->gradients) note_transport(r->gradients, options->common.quiet);
    r->reducer = (struct reducer){vote, ready, progress, finish, r};
    return r->gradients != NULL;
}

void rank_reducer_close(struct rank_reducer *r) {
    gradients_close(r->gradients);
    *r = (struct rank_reducer){0};
}

json_t *rank_reducer_provenance(const struct train_options *o) {
    struct transport_state rows[MOST_TRANSPORTS];
    const struct device *device = NULL;
    for (size_t i = o->common.device_count; i > 0; i--)
        if (o->common.devices[i - 1]->own_memory) device = o->common.devices[i - 1];
    if (!device || ranks_get()->count == 1) return NULL;
    size_t count = gradients_transports(device, rows);
    json_t *ways = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(ways, json_pack("{s:s, s:b, s:o, s:o}", "name", rows[i].name,
                                              "usable", !rows[i].reason[0], "reason",
                                              record_text_or_null(rows[i].reason), "version",
                                              record_text_or_null(rows[i].version)));
    return json_pack("{s:s, s:o}", "asked", o->gpu_reduce ? o->gpu_reduce : "auto", "ways", ways);
}

static void sum(void *context, double *values, int count) {
    (void)context;
    ranks_sum(values, count);
}

struct part rank_part(void) {
    const struct ranks *r = ranks_get();
    if (r->count == 1) return (struct part){0};
    return (struct part){r->rank, r->count, sum, NULL};
}
