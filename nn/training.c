#include "nn/training.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/random.h"
#include "kernels/trace.h"

const char *const sampling_names[] = {"epochs", "replacement", "order", NULL};

/* Streams of random numbers; those of weights and masks are in network.c. */
enum { STREAM_SHUFFLE = 2000, STREAM_DRAW };

static bool fits(const struct training *t, char *reason, size_t size) {
    const struct network *n = t->network;
    const struct dataset *data = t->data;
    long in = extent_size(n->architecture.in);
    if (t->batch > data->train.count) {
        snprintf(reason, size, "a batch of %ld, but %s has %ld training samples", t->batch,
                 data->name, data->train.count);
        return false;
    }
    if (t->batch > n->batch) {
        snprintf(reason, size, "a batch of %ld, but the network has room for %ld", t->batch,
                 n->batch);
        return false;
    }
    if (in != extent_size(data->extent)) {
        snprintf(reason, size, "the network takes %ld numbers, but an input of %s has %ld", in,
                 data->name, extent_size(data->extent));
        return false;
    }
    bool one_of_two = data->classes == 2 && n->outputs == 1;
    if (data->outputs == n->outputs || one_of_two) return true;
    snprintf(reason, size, "the network has %ld outputs, but %s has %ld %s", n->outputs, data->name,
             data->outputs, data->classes ? "classes" : "numbers in a target");
    return false;
}

bool training_begin(struct training *t, struct network *network, struct optimizer *optimizer,
                    const struct dataset *data, enum sampling sampling, long batch, uint64_t seed,
                    char *reason, size_t size) {
    const struct device *device = network->queue->device;
    size_t element = scalar_bytes(network->queue->type);
    long room = network->batch;
    *t = (struct training){.network = network,
                           .optimizer = optimizer,
                           .data = data,
                           .sampling = sampling,
                           .batch = batch ? batch : data->train.count,
                           .seed = seed,
                           .ordered = -1};
    if (!fits(t, reason, size)) return false;
    t->per_epoch = (data->train.count + t->batch - 1) / t->batch;
    t->order = malloc((size_t)data->train.count * sizeof *t->order);
    t->x = device->allocate((size_t)(room * extent_size(data->extent)) * element);
    t->numbers = device->allocate((size_t)(room * network->outputs) * element);
    t->labels = device->allocate((size_t)room * sizeof *t->labels);
    t->labels_host = malloc((size_t)room * sizeof *t->labels_host);
    if (t->order && t->x && t->numbers && t->labels && t->labels_host) return true;
    snprintf(reason, size, "out of memory for the batches");
    training_end(t);
    return false;
}

void training_end(struct training *t) {
    const struct device *device = t->network->queue->device;
    size_t element = scalar_bytes(t->network->queue->type);
    long room = t->network->batch;
    if (t->x) device->release(t->x, (size_t)(room * extent_size(t->data->extent)) * element);
    if (t->numbers) device->release(t->numbers, (size_t)(room * t->network->outputs) * element);
    if (t->labels) device->release(t->labels, (size_t)room * sizeof *t->labels);
    free(t->order);
    free(t->labels_host);
    t->x = t->numbers = NULL;
    t->labels = t->labels_host = NULL;
    t->order = NULL;
}

/* Fisher and Yates, with numbers that depend on the seed and the epoch alone. */
static void shuffle(int64_t *order, long count, uint64_t seed, long epoch) {
    for (long i = 0; i < count; i++) order[i] = i;
    for (long i = count - 1; i > 0; i--) {
        uint64_t j =
            random_below(seed, STREAM_SHUFFLE, (uint64_t)epoch, (uint64_t)i, (uint64_t)i + 1);
        int64_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

long training_images(const struct training *t) {
    if (t->sampling == SAMPLING_REPLACEMENT) return t->batch;
    long begin = t->step % t->per_epoch * t->batch, rest = t->data->train.count - begin;
    return rest < t->batch ? rest : t->batch;
}

/* Rows of the coming step. */
static const int64_t *rows_of_step(struct training *t) {
    long epoch = t->step / t->per_epoch, count = t->data->train.count;
    if (t->sampling == SAMPLING_REPLACEMENT) {
        for (long i = 0; i < t->batch; i++)
            t->order[i] = (int64_t)random_below(t->seed, STREAM_DRAW, (uint64_t)t->step,
                                                (uint64_t)i, (uint64_t)count);
        return t->order;
    }
    if (t->ordered != epoch) {
        if (t->sampling == SAMPLING_EPOCHS) shuffle(t->order, count, t->seed, epoch);
        if (t->sampling == SAMPLING_ORDER && t->ordered < 0)
            for (long i = 0; i < count; i++) t->order[i] = i;
        t->ordered = epoch;
    }
    return t->order + t->step % t->per_epoch * t->batch;
}

/* Inputs and targets of these rows become the batch; `first` is added to each row. */
static struct loss_targets load(struct training *t, const struct samples *samples,
                                const int64_t *rows, long first, long images) {
    struct span span = {.operation = "gather",
                        .pass = "input",
                        .layer = "input",
                        .m = images,
                        .n = extent_size(t->data->extent),
                        .k = -1};
    struct queue *q = t->network->queue;
    long n = extent_size(t->data->extent), outputs = t->data->outputs;
    span_begin(&span);
    const uint8_t *pixels = samples->pixels ? samples->pixels + first * n : NULL;
    const double *numbers = samples->numbers ? samples->numbers + first * n : NULL;
    q->device->layers->gather(q, images, n, pixels, numbers, rows, t->x);
    if (samples->labels) {
        for (long i = 0; i < images; i++)
            t->labels_host[i] = samples->labels[rows ? rows[i] : first + i];
        q->device->copy_in(t->labels, t->labels_host, (size_t)images * sizeof *t->labels);
    } else {
        q->device->layers->gather(q, images, outputs, NULL, samples->targets + first * outputs,
                                  rows, t->numbers);
    }
    span_end(&span);
    return samples->labels ? (struct loss_targets){t->labels, NULL}
                           : (struct loss_targets){NULL, t->numbers};
}

struct step_result training_step(struct training *t, const struct reducer *reducer) {
    long images = training_images(t);
    struct loss_targets targets = load(t, &t->data->train, rows_of_step(t), 0, images);
    struct pass pass = training_pass(t->network, images, t->seed, (uint64_t)t->step, 0);
    struct step_result result =
        train_step(t->network, t->optimizer, &pass, t->x, &targets, reducer);
    t->step++;
    return result;
}

struct evaluation training_evaluate(struct training *t, const struct samples *samples) {
    struct network *n = t->network;
    struct evaluation result = {NAN, NAN};
    if (!samples->count) return result;
    double loss = 0;
    long correct = 0;
    for (long begin = 0; begin < samples->count; begin += n->batch) {
        long images = samples->count - begin < n->batch ? samples->count - begin : n->batch;
        struct loss_targets targets = load(t, samples, NULL, begin, images);
        struct pass pass = {.queue = n->queue, .images = images};
        network_forward(n, &pass, t->x);
        struct step_result part = network_loss(n, &pass, &targets, false);
        loss += n->loss == LOSS_HALF_SUM ? part.loss : part.loss * (double)images;
        correct += part.correct;
    }
    result.loss = n->loss == LOSS_HALF_SUM ? loss : loss / (double)samples->count;
    if (samples->labels) result.accuracy = (double)correct / (double)samples->count;
    return result;
}

void training_predict(struct training *t, const struct samples *samples, long index,
                      double *outputs) {
    struct network *n = t->network;
    size_t element = scalar_bytes(n->queue->type);
    load(t, samples, NULL, index, 1);
    const char *y = network_predict(n, t->x, 1);
    for (long j = 0; j < n->outputs; j++) {
        float single;
        if (n->queue->type == SCALAR_D) {
            n->queue->device->copy_out(&outputs[j], y + (size_t)j * element, element);
        } else {
            n->queue->device->copy_out(&single, y + (size_t)j * element, element);
            outputs[j] = (double)single;
        }
    }
}
