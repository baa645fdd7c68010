/* What a training step takes where nothing is summed: the part of a prediction that is measured.
 * All ranks compute at the same time, so what they take from each other is in it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/allreduce/session.h"
#include "bench/harness/error.h"
#include "bench/harness/rounds.h"
#include "bench/rank_agree.h"
#include "kernels/kernel.h"
#include "nn/notation.h"
#include "nn/step.h"

enum { IMAGES = 16384 }; /* walked in order: never one batch that lies in the caches */

struct stepping {
    struct queue queue;
    struct network network;
    struct optimizer optimizer;
    bool planned;
    long batch, position, step;
    void *x;
    int32_t *labels;
    size_t image_bytes, x_bytes;
};

static bool load_images(struct stepping *st, const struct architecture *a, uint64_t seed) {
    const struct device *device = st->queue.device;
    long outputs = extent_size(a->layers[a->count - 1].out);
    struct dataset data;
    size_t n = (size_t)extent_size(a->in);
    st->image_bytes = n * scalar_bytes(st->queue.type);
    st->x_bytes = IMAGES * st->image_bytes;
    if (2 * st->x_bytes > device->memory_available(device)) return false;
    if (!dataset_random(&data, IMAGES, a->in, outputs > 1 ? outputs : 2, seed)) return false;
    st->x = device->allocate(device, st->x_bytes);
    st->labels = malloc(IMAGES * sizeof *st->labels);
    if (st->x && st->labels) {
        device->layers->gather(&st->queue, IMAGES, (long)n, data.train.pixels, NULL, NULL, 0,
                               st->x);
        memcpy(st->labels, data.train.labels, IMAGES * sizeof *st->labels);
    }
    dataset_free(&data);
    return st->x && st->labels;
}

static bool plan(struct stepping *st, const struct session *s, const struct model_network *n,
                 char *reason, size_t size) {
    const struct common *c = &s->options->common;
    const struct named_network *named = named_network_find(n->name);
    struct optimizer_settings settings;
    st->batch = s->options->batch;
    st->queue =
        (struct queue){.device = &cpu_device,
                       .type = c->types[0],
                       .threads = c->threads[0],
                       .library = s->library,
                       .gemm = blas_library_routine(s->library, kernel_find("gemm"), c->types[0])};
    cpu_device.queue_enter(&st->queue);
    if (!load_images(st, &n->architecture, c->seed)) {
        snprintf(reason, size, "not enough memory for the synthetic images");
        return false;
    }
    if (!network_plan(&st->network, &n->architecture, &st->queue, st->batch,
                      named ? named->loss : network_usual_loss(&n->architecture), true, reason,
                      size))
        return false;
    if (!optimizer_parse(&settings, named ? named->optimizer : "sgd:lr=0.01", reason, size) ||
        !optimizer_plan(&st->optimizer, &settings, &st->queue, st->network.parameters)) {
        network_free(&st->network);
        snprintf(reason, size, "not enough memory for the optimizer");
        return false;
    }
    network_initialise(&st->network, INITIAL_GLOROT, c->seed);
    return st->planned = true;
}

static void unplan(struct stepping *st) {
    if (st->planned) {
        optimizer_free(&st->optimizer);
        network_free(&st->network);
    }
    cpu_device.release(&cpu_device, st->x, st->x_bytes);
    free(st->labels);
}

static void enter(void *context) {
    struct stepping *st = context;
    cpu_device.queue_enter(&st->queue);
}

static const void *next_batch(struct stepping *st, struct loss_targets *targets) {
    if (st->position + st->batch > IMAGES) st->position = 0;
    const void *x = (const char *)st->x + (size_t)st->position * st->image_bytes;
    *targets = (struct loss_targets){st->labels + st->position, NULL};
    st->position += st->batch;
    return x;
}

static void run_steps(void *context, long repetitions) {
    struct stepping *st = context;
    struct loss_targets targets;
    for (long i = 0; i < repetitions; i++) {
        const void *x = next_batch(st, &targets);
        struct pass pass = training_pass(&st->network, st->batch, 1, (uint64_t)st->step++, 0);
        train_step(&st->network, &st->optimizer, &pass, x, &targets, NULL);
    }
}

/* Before this there is no gradient to sum. */
static void run_forward(void *context, long repetitions) {
    struct stepping *st = context;
    struct loss_targets targets;
    for (long i = 0; i < repetitions; i++) {
        const void *x = next_batch(st, &targets);
        struct pass pass = training_pass(&st->network, st->batch, 1, (uint64_t)st->step++, 0);
        network_forward(&st->network, &pass, x);
        network_loss(&st->network, &pass, &targets, true);
    }
}

struct step_time allreduce_step_time(const struct session *s, const struct model_network *n,
                                     char *reason, size_t size) {
    struct stepping *st = calloc(1, sizeof *st);
    struct step_time times = {NAN, NAN};
    if (!st) die(EXIT_MISSING, "out of memory");
    reason[0] = '\0';
    bool planned = plan(st, s, n, reason, size);
    if (rank_agree(planned, reason, size)) {
        struct subject subjects[2] = {{.context = st, .enter = enter, .run = run_steps},
                                      {.context = st, .enter = enter, .run = run_forward}};
        struct rounds_options options = {s->options->common.limits, NULL, NULL};
        bool noisy, complete = rounds_run(subjects, 2, &options);
        if (complete) {
            times.step = sampler_result(&subjects[0].sampler, &noisy).median;
            times.forward = sampler_result(&subjects[1].sampler, &noisy).median;
        }
        for (int i = 0; i < 2; i++) sampler_free(&subjects[i].sampler);
    }
    unplan(st);
    free(st);
    return times;
}
