/* Dropout: in training each output is 0 with probability `rate` and divided by 1 - rate otherwise;
 * the gradient likewise. Flatten lies here too: neither computes. */
#include "nn/layers.h"

static bool same_shape(struct layer *l, char *reason, size_t size) {
    (void)reason, (void)size;
    l->out = l->in;
    return true;
}

static void forward(const struct pass *p, const struct layer *l) {
    if (p->training && l->rate > 0)
        p->queue->device->layers->dropout_forward(p->queue, l->rate, p->draw, p->images,
                                                  extent_size(l->out), l->y, l->memory);
}

static void backward(const struct pass *p, const struct layer *l) {
    if (p->training && l->rate > 0)
        p->queue->device->layers->dropout_backward(p->queue, l->rate, p->images,
                                                   extent_size(l->out), l->memory, l->dy);
}

static size_t mask(const struct layer *l) { return (size_t)extent_size(l->out); }

const struct layer_kind dropout_kind = {
    .name = "dropout",
    .notation = "dropoutP",
    .what = "zeroes each output with probability P while training",
    .in_place = true,
    .shape = same_shape,
    .forward = forward,
    .backward = backward,
    .memory = mask,
};

static bool flat(struct layer *l, char *reason, size_t size) {
    (void)reason, (void)size;
    l->out = (struct extent){1, 1, extent_size(l->in)};
    return true;
}

static void nothing(const struct pass *p, const struct layer *l) { (void)p, (void)l; }

const struct layer_kind flatten_kind = {
    .name = "flatten",
    .notation = "flatten",
    .what = "an image as one row (dense layers do so by themselves)",
    .in_place = true,
    .shape = flat,
    .forward = nothing,
    .backward = nothing,
};
