#include "bench/train/step_case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/harness/clock.h"
#include "bench/harness/together.h"
#include "mpi/ranks.h"

static bool load_images(struct step_group *g, struct images *images, struct queue *queue) {
    const struct device *device = queue->device;
    struct dataset data;
    size_t n = (size_t)extent_size(g->architecture.in);
    long outputs = extent_size(g->architecture.layers[g->architecture.count - 1].out);
    if (images->x) return true;
    images->x_bytes = SYNTHETIC_IMAGES * n * scalar_bytes(queue->type);
    images->label_bytes = SYNTHETIC_IMAGES * sizeof(int32_t);
    if (images->x_bytes + SYNTHETIC_IMAGES * n > device->memory_available(device)) return false;
    if (!dataset_random(&data, SYNTHETIC_IMAGES, g->architecture.in, outputs > 1 ? outputs : 2,
                        g->options->common.seed))
        return false;
    images->x = device->allocate(device, images->x_bytes);
    images->labels = device->allocate(device, images->label_bytes);
    if (images->x && images->labels) {
        device->layers->gather(queue, SYNTHETIC_IMAGES, (long)n, data.train.pixels, NULL, NULL, 0,
                               images->x);
        device->copy_in(device, images->labels, data.train.labels, images->label_bytes);
    }
    dataset_free(&data);
    return images->x && images->labels;
}

static void free_resident(struct step_case *c) {
    c->device->event_free(c->device, c->from);
    c->device->event_free(c->device, c->to);
    free(c->host);
    c->host = NULL;
}

/* On a device with memory of its own a step gathers its images from the bytes there. */
static bool load_resident(struct step_group *g, struct step_case *c) {
    long outputs = extent_size(g->architecture.layers[g->architecture.count - 1].out);
    if (!g->data.train.count &&
        !dataset_random(&g->data, SYNTHETIC_IMAGES, g->architecture.in, outputs > 1 ? outputs : 2,
                        g->options->common.seed)) {
        snprintf(c->reason, sizeof c->reason, "not enough memory for the synthetic images");
        return false;
    }
    c->from = c->device->event_new(c->device);
    c->to = c->device->event_new(c->device);
    c->host = calloc(MOST_HOST_TIMES, sizeof *c->host);
    if (c->host && training_begin_part(&c->training, &c->network, &c->optimizer, &g->data,
                                       SAMPLING_ORDER, c->reduce ? c->global_batch : c->batch, 1,
                                       c->reduce ? rank_part() : (struct part){0}, c->reason,
                                       sizeof c->reason))
        return true;
    free_resident(c);
    return false;
}

static void plan_here(struct step_group *g, const struct session *session, struct step_case *c) {
    c->queue = session_queue(session, c->device, c->type, c->threads);
    if (c->rung) {
        c->queue.conv = c->rung->conv;
        c->queue.dense = c->rung->dense;
        c->queue.without = c->rung->without;
    }
    bool resident = c->device->own_memory;
    const char *error = c->device->error ? c->device->error(c->device) : NULL;
    if (error) {
        snprintf(c->reason, sizeof c->reason, "%s is lost: %s", c->device->name, error);
        return;
    }
    if (!c->device->layers->accepts(&c->queue, c->reason, sizeof c->reason)) return;
    c->device->queue_enter(&c->queue);
    c->images = &g->images[c->type];
    if (!resident && !load_images(g, &g->images[c->type], &c->queue)) {
        snprintf(c->reason, sizeof c->reason, "not enough memory for the synthetic images");
        return;
    }
    if (!network_plan(&c->network, &g->architecture, &c->queue, c->batch, g->loss, true, c->reason,
                      sizeof c->reason))
        return;
    if (!optimizer_plan(&c->optimizer, &g->optimizer, &c->queue, c->network.parameters)) {
        snprintf(c->reason, sizeof c->reason, "not enough memory for the optimizer");
        network_free(&c->network);
        return;
    }
    network_initialise(&c->network, INITIAL_GLOROT, g->options->common.seed);
    if (resident && !load_resident(g, c)) {
        optimizer_free(&c->optimizer);
        network_free(&c->network);
        return;
    }
    phases_begin(&c->phases, c->device);
    c->position = SYNTHETIC_IMAGES / ranks_get()->count * ranks_get()->rank;
    c->planned = true;
}

void step_case_plan(struct step_group *g, const struct session *session, struct step_case *c) {
    plan_here(g, session, c);
    bool everywhere = together_all(c->planned);
    if (everywhere && c->reduce)
        everywhere = together_all(rank_reducer_open(&c->reducer, &c->network, c->reduce, g->options,
                                                    c->reason, sizeof c->reason));
    if (everywhere || !c->planned) return;
    if (!c->reason[0])
        snprintf(c->reason, sizeof c->reason, "another rank has not enough memory for it");
    step_case_free(c);
    c->planned = false;
}

void step_case_free(struct step_case *c) {
    if (c->reducer.gradients) rank_reducer_close(&c->reducer);
    phases_free(&c->phases);
    if (c->device->own_memory) {
        training_end(&c->training);
        free_resident(c);
    }
    optimizer_free(&c->optimizer);
    network_free(&c->network);
}

static void one_step(struct step_case *c) {
    const struct reducer *reducer = c->reduce ? &c->reducer.reducer : NULL;
    if (c->device->own_memory) {
        struct training *t = &c->training;
        if (training_images(t) != t->batch) t->step += t->per_epoch - t->step % t->per_epoch;
        training_issue(t, reducer);
        return;
    }
    if (c->position + c->batch > SYNTHETIC_IMAGES) c->position = 0;
    size_t n = (size_t)extent_size(c->network.architecture.in) * scalar_bytes(c->type);
    struct pass pass = training_pass(&c->network, c->batch, 1, (uint64_t)c->step++, c->first_image);
    if (reducer) pass.images_in_all = c->global_batch;
    struct loss_targets targets = {c->images->labels + c->position, NULL};
    const void *x = (const char *)c->images->x + (size_t)c->position * n;
    struct step_result result = train_step(&c->network, &c->optimizer, &pass, x, &targets, reducer);
    if (!isfinite(result.loss)) c->diverged = true; /* such a step has no backward pass */
    c->position += c->batch;
}

static void enter(void *context) {
    struct step_case *c = context;
    c->device->queue_enter(&c->queue);
}

static void run_plain(void *context, long repetitions) {
    for (long i = 0; i < repetitions; i++) one_step(context);
}

/* By events, with the host's time to issue beside it. Cases share the device's tally, so what came
 * of these steps is asked at once. */
static double time_plain(void *context, long repetitions) {
    struct step_case *c = context;
    struct tally tally;
    c->device->layers->tally_clear(&c->queue);
    c->device->event_record(c->device, c->from);
    double begin = clock_seconds();
    run_plain(c, repetitions);
    double host = clock_seconds() - begin;
    c->device->event_record(c->device, c->to);
    double seconds = c->device->event_seconds(c->device, c->from, c->to);
    c->device->layers->tally(&c->queue, &tally);
    if (tally.fine < tally.calls) c->diverged = true;
    if (c->reduce) return seconds; /* the host's time is that of waiting for others */
    if (repetitions == c->plain->repetitions && queue_uses(&c->queue, MEASURE_GRAPH))
        c->host[c->host_count++ % MOST_HOST_TIMES] = host / (double)repetitions;
    return seconds;
}

/* The same steps, each operation launched by itself. */
static double time_unrecorded(void *context, long repetitions) {
    struct step_case *c = context;
    unsigned without = c->queue.without;
    c->queue.without |= 1U << MEASURE_GRAPH;
    double seconds = time_plain(c, repetitions);
    c->queue.without = without;
    return seconds;
}

static void run_watched(void *context, long repetitions) {
    struct step_case *c = context;
    for (long i = 0; i < repetitions; i++) {
        phases_step_begin(&c->phases);
        one_step(c);
        phases_step_end(&c->phases);
    }
}

size_t step_case_silent_subject(struct step_case *c, struct subject *subjects, size_t used) {
    c->plain = &subjects[used];
    subjects[used++] = (struct subject){.context = c,
                                        .enter = enter,
                                        .run = run_plain,
                                        .timed = c->device->runs_behind ? time_unrecorded : NULL,
                                        .companion = true};
    return used;
}

size_t step_case_subjects(struct step_case *c, struct subject *subjects, size_t used) {
    bool behind = c->device->runs_behind;
    c->plain = &subjects[used];
    subjects[used++] = (struct subject){
        .context = c, .enter = enter, .run = run_plain, .timed = behind ? time_plain : NULL};
    subjects[used++] =
        (struct subject){.context = c, .enter = enter, .run = run_watched, .companion = true};
    if (c->reduce) return used; /* such steps are not recorded */
    if (!behind || !queue_uses(&c->queue, MEASURE_GRAPH)) return used;
    c->unrecorded = &subjects[used];
    subjects[used++] = (struct subject){.context = c,
                                        .enter = enter,
                                        .run = run_plain,
                                        .timed = time_unrecorded,
                                        .companion = true};
    return used;
}
