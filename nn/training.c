#include "nn/training.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/random.h"
#include "kernels/trace.h"

const char *const sampling_names[] = {"epochs", "replacement", "order", NULL};

/* Streams of random numbers; those of weights and masks are in network.c. */
enum { STREAM_SHUFFLE = 2000, STREAM_DRAW };

/* Where part `index` of `total` begins. */
static long part_begin(const struct part *p, int index, long total) {
    return p->count > 1 ? (long)((__int128)total * index / p->count) : index ? total : 0;
}

long training_share(long batch, const struct part *p) {
    return p->count > 1 ? (batch + p->count - 1) / p->count : batch;
}

static bool fits(const struct training *t, char *reason, size_t size) {
    const struct network *n = t->network;
    const struct dataset *data = t->data;
    long in = extent_size(n->architecture.in);
    if (t->batch > data->train.count) {
        snprintf(reason, size, "a batch of %ld, but %s has %ld training samples", t->batch,
                 data->name, data->train.count);
        return false;
    }
    long share = training_share(t->batch, &t->part);
    if (share > n->batch) {
        snprintf(reason, size, "a batch of %ld, but the network has room for %ld", share, n->batch);
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

/* A copy of `bytes` in the device's memory; NULL stays NULL. False where there is no room. */
static bool bring(const struct device *device, void **copy, const void *from, size_t bytes) {
    *copy = NULL;
    if (!from || !bytes) return true;
    *copy = device->allocate(device, bytes);
    if (*copy) device->copy_in(device, *copy, from, bytes);
    return *copy != NULL;
}

/* Bytes of the arrays of one part: pixels, numbers, labels, targets. */
static void part_bytes(const struct dataset *d, const struct samples *s, size_t bytes[4]) {
    size_t count = (size_t)s->count, n = (size_t)extent_size(d->extent);
    bytes[0] = count * n;
    bytes[1] = count * n * sizeof *s->numbers;
    bytes[2] = count * sizeof *s->labels;
    bytes[3] = count * (size_t)d->outputs * sizeof *s->targets;
}

static bool bring_part(const struct device *device, const struct dataset *d, struct samples *to,
                       const struct samples *from) {
    size_t bytes[4];
    part_bytes(d, from, bytes);
    to->count = from->count;
    return bring(device, (void **)&to->pixels, from->pixels, bytes[0]) &&
           bring(device, (void **)&to->numbers, from->numbers, bytes[1]) &&
           bring(device, (void **)&to->labels, from->labels, bytes[2]) &&
           bring(device, (void **)&to->targets, from->targets, bytes[3]);
}

static void take_part(const struct device *device, const struct dataset *d, struct samples *s) {
    size_t bytes[4];
    void *arrays[] = {s->pixels, s->numbers, s->labels, s->targets};
    part_bytes(d, s, bytes);
    for (int i = 0; i < 4; i++)
        if (arrays[i]) device->release(device, arrays[i], bytes[i]);
    *s = (struct samples){0};
}

/* The data as the device sees it: in its own memory, or where it lies. */
static bool bring_data(struct training *t) {
    const struct device *device = t->network->queue->device;
    const struct dataset *d = t->data;
    struct resident *r = &t->resident;
    if (!device->own_memory) {
        *r = (struct resident){d->train, d->validation, d->test, t->order};
        return true;
    }
    r->order = device->allocate(device, (size_t)d->train.count * sizeof *r->order);
    return r->order && bring_part(device, d, &r->train, &d->train) &&
           bring_part(device, d, &r->validation, &d->validation) &&
           bring_part(device, d, &r->test, &d->test);
}

static void take_data(struct training *t) {
    const struct device *device = t->network->queue->device;
    struct resident *r = &t->resident;
    if (r->order)
        device->release(device, r->order, (size_t)t->data->train.count * sizeof *r->order);
    take_part(device, t->data, &r->train);
    take_part(device, t->data, &r->validation);
    take_part(device, t->data, &r->test);
    r->order = NULL;
}

/* The part of the data that these samples are of, where the device can read it; NULL: none. */
static const struct samples *resident_part(const struct training *t,
                                           const struct samples *samples) {
    const struct samples *host[] = {&t->data->train, &t->data->validation, &t->data->test};
    const struct samples *there[] = {&t->resident.train, &t->resident.validation,
                                     &t->resident.test};
    for (int i = 0; i < 3; i++)
        if (host[i]->count && host[i]->pixels == samples->pixels &&
            host[i]->numbers == samples->numbers)
            return there[i];
    return NULL;
}

bool training_begin(struct training *t, struct network *network, struct optimizer *optimizer,
                    const struct dataset *data, enum sampling sampling, long batch, uint64_t seed,
                    char *reason, size_t size) {
    return training_begin_part(t, network, optimizer, data, sampling, batch, seed, (struct part){0},
                               reason, size);
}

bool training_begin_part(struct training *t, struct network *network, struct optimizer *optimizer,
                         const struct dataset *data, enum sampling sampling, long batch,
                         uint64_t seed, struct part part, char *reason, size_t size) {
    const struct device *device = network->queue->device;
    size_t element = scalar_bytes(network->queue->type);
    long room = network->batch;
    *t = (struct training){.part = part,
                           .network = network,
                           .optimizer = optimizer,
                           .data = data,
                           .sampling = sampling,
                           .batch = batch ? batch : data->train.count,
                           .seed = seed,
                           .ordered = -1};
    if (!fits(t, reason, size)) return false;
    t->per_epoch = (data->train.count + t->batch - 1) / t->batch;
    t->order = malloc((size_t)data->train.count * sizeof *t->order);
    t->x = device->allocate(device, (size_t)(room * extent_size(data->extent)) * element);
    t->numbers = device->allocate(device, (size_t)(room * network->outputs) * element);
    t->labels = device->allocate(device, (size_t)room * sizeof *t->labels);
    if (t->order && t->x && t->numbers && t->labels && bring_data(t)) return true;
    snprintf(reason, size, "%s has no memory left for the data and its batches", device->name);
    training_end(t);
    return false;
}

void training_end(struct training *t) {
    struct queue *q = t->network->queue;
    const struct device *device = q->device;
    size_t element = scalar_bytes(q->type);
    long room = t->network->batch;
    replay_free(&t->replay, q);
    if (t->x)
        device->release(device, t->x, (size_t)(room * extent_size(t->data->extent)) * element);
    if (t->numbers)
        device->release(device, t->numbers, (size_t)(room * t->network->outputs) * element);
    if (t->labels) device->release(device, t->labels, (size_t)room * sizeof *t->labels);
    if (device->own_memory) take_data(t);
    free(t->order);
    t->x = t->numbers = NULL;
    t->labels = NULL;
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

/* Draws that fit into order: with replacement some steps are drawn at once. */
static long draws_at_once(const struct training *t) {
    long most = t->data->train.count / t->batch;
    return most < 64 ? most : 64;
}

/* Makes order hold the rows of the coming step; returns where they begin in it. */
static long rows_of_step(struct training *t) {
    const struct device *device = t->network->queue->device;
    bool draws = t->sampling == SAMPLING_REPLACEMENT;
    long count = t->data->train.count, together = draws ? draws_at_once(t) : t->per_epoch;
    bool fixed = t->sampling == SAMPLING_ORDER; /* the same in every epoch */
    long wanted = draws ? t->step / together * together : fixed ? 0 : t->step / t->per_epoch;
    long first = t->step % together * t->batch;
    if (t->ordered == wanted) return first;
    if (t->sampling == SAMPLING_EPOCHS) shuffle(t->order, count, t->seed, wanted);
    for (long i = 0; fixed && i < count; i++) t->order[i] = i;
    for (long i = 0; draws && i < together * t->batch; i++)
        t->order[i] = (int64_t)random_below(t->seed, STREAM_DRAW, (uint64_t)(wanted + i / t->batch),
                                            (uint64_t)(i % t->batch), (uint64_t)count);
    if (device->own_memory)
        device->copy_in(device, t->resident.order, t->order, (size_t)count * sizeof *t->order);
    t->ordered = wanted;
    return first;
}

/* Inputs and targets of rows order[first ...] (order NULL: rows first ...) become the batch. */
static struct loss_targets load(struct training *t, const struct samples *samples,
                                const int64_t *order, long first, long images) {
    struct span span = {.operation = "gather",
                        .pass = "input",
                        .layer = "input",
                        .m = images,
                        .n = extent_size(t->data->extent),
                        .k = -1};
    struct queue *q = t->network->queue;
    const struct layer_operations *device = q->device->layers;
    const struct samples *part = resident_part(t, samples);
    struct samples s = part ? *part : *samples; /* else they lie where the device reads them */
    span_begin(&span);
    device->gather(q, images, extent_size(t->data->extent), s.pixels, s.numbers, order, first,
                   t->x);
    if (s.labels)
        device->gather_labels(q, images, s.labels, order, first, t->labels);
    else
        device->gather(q, images, t->data->outputs, NULL, s.targets, order, first, t->numbers);
    span_end(&span);
    return s.labels ? (struct loss_targets){t->labels, NULL}
                    : (struct loss_targets){NULL, t->numbers};
}

/* One step as it is issued: the same operations for every batch of that size. */
struct issue {
    struct training *t;
    const struct reducer *reducer;
    long first, images;  /* of this part */
    long before, in_all; /* images of the batch in the parts before it, and in all */
};

static void issue_step(void *context) {
    const struct issue *i = context;
    struct training *t = i->t;
    struct queue *q = t->network->queue;
    const struct layer_operations *device = q->device->layers;
    struct pass pass = training_pass(t->network, i->images, t->seed, (uint64_t)t->step, i->before);
    struct loss_targets targets = {NULL, NULL};
    pass.images_in_all = i->in_all;
    if (device->step_open) device->step_open(q);
    if (i->images) targets = load(t, &t->data->train, t->resident.order, i->first, i->images);
    train_step_issue(t->network, t->optimizer, &pass, t->x, &targets, i->reducer);
    if (device->step_close) device->step_close(q);
}

void training_issue(struct training *t, const struct reducer *reducer) {
    long images = training_images(t), before = part_begin(&t->part, t->part.index, images);
    long end = part_begin(&t->part, t->part.index + 1, images);
    struct issue issue = {t, reducer, rows_of_step(t) + before, end - before, before, images};
    t->first = issue.first;
    train_step_begin(t->network, t->optimizer, (uint64_t)t->step, issue.first);
    if (reducer || images != t->batch)
        issue_step(&issue);
    else
        replay_run(&t->replay, t->network->queue, issue_step, &issue);
    t->step++;
}

struct step_result training_step(struct training *t, const struct reducer *reducer) {
    training_issue(t, reducer);
    return train_step_result(t->network);
}

struct evaluation training_evaluate(struct training *t, const struct samples *samples) {
    struct network *n = t->network;
    struct evaluation result = {NAN, NAN};
    if (!samples->count) return result;
    struct tally tally;
    long end = part_begin(&t->part, t->part.index + 1, samples->count);
    n->queue->device->layers->tally_clear(n->queue);
    for (long begin = part_begin(&t->part, t->part.index, samples->count), images; begin < end;
         begin += images) {
        images = end - begin < n->batch ? end - begin : n->batch;
        struct loss_targets targets = load(t, samples, NULL, begin, images);
        struct pass pass = {.queue = n->queue, .images = images};
        network_forward(n, &pass, t->x);
        network_issue_loss(n, &pass, &targets, false);
    }
    n->queue->device->layers->tally(n->queue, &tally);
    n->queue->device->layers->tally_clear(n->queue);
    double sums[] = {tally.loss_sum, tally.weighted_sum, (double)tally.correct_sum};
    double count = (double)samples->count;
    if (t->part.sum) t->part.sum(t->part.context, sums, 3);
    result.loss = n->loss == LOSS_HALF_SUM ? sums[0] : sums[1] / count;
    if (samples->labels) result.accuracy = sums[2] / count;
    return result;
}

/* Sample `index` as the only one. */
static struct samples one_sample(const struct dataset *d, const struct samples *s, long index) {
    long n = extent_size(d->extent);
    return (struct samples){
        1, s->pixels ? s->pixels + index * n : NULL, s->numbers ? s->numbers + index * n : NULL,
        s->labels ? s->labels + index : NULL, s->targets ? s->targets + index * d->outputs : NULL};
}

void training_predict(struct training *t, const struct samples *samples, long index,
                      double *outputs) {
    struct network *n = t->network;
    const struct device *device = n->queue->device;
    struct samples there = {0};
    for (long j = 0; j < n->outputs; j++) outputs[j] = NAN;
    if (device->own_memory && !resident_part(t, samples)) { /* samples of the caller's */
        struct samples one = one_sample(t->data, samples, index);
        if (bring_part(device, t->data, &there, &one)) {
            load(t, &there, NULL, 0, 1);
            doubles_out(n->queue, n->outputs, network_predict(n, t->x, 1), outputs);
        }
        take_part(device, t->data, &there);
        return;
    }
    load(t, samples, NULL, index, 1);
    doubles_out(n->queue, n->outputs, network_predict(n, t->x, 1), outputs);
}
