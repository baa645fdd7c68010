/* Pooling: the largest, or the mean, of each window of a channel. The gradient goes to where the
 * largest was, or in equal parts to the whole window. Pixels that fill no window are left out. */
#include <stdio.h>

#include "nn/layers.h"

static bool shape(struct layer *l, char *reason, size_t size) {
    if (l->size > l->in.height || l->size > l->in.width) {
        snprintf(reason, size, "a %ldx%ld window does not fit into %ldx%ld", l->size, l->size,
                 l->in.height, l->in.width);
        return false;
    }
    l->out = (struct extent){(l->in.height - l->size) / l->stride + 1,
                             (l->in.width - l->size) / l->stride + 1, l->in.channels};
    return true;
}

static struct pool_shape dimensions(const struct pass *p, const struct layer *l) {
    return (struct pool_shape){p->images, l->in.height, l->in.width,   l->in.channels,
                               l->size,   l->stride,    l->out.height, l->out.width};
}

static void max_forward(const struct pass *p, const struct layer *l) {
    struct pool_shape s = dimensions(p, l);
    p->queue->device->layers->max_pool_forward(p->queue, &s, l->x, l->y, l->memory);
}

static void max_backward(const struct pass *p, const struct layer *l) {
    struct pool_shape s = dimensions(p, l);
    if (l->dx)
        p->queue->device->layers->max_pool_backward(p->queue, &s, l->dy, l->memory, layer_before(l),
                                                    l->y, l->dx);
}

static void average_forward(const struct pass *p, const struct layer *l) {
    struct pool_shape s = dimensions(p, l);
    p->queue->device->layers->average_pool_forward(p->queue, &s, l->x, l->y);
}

static void average_backward(const struct pass *p, const struct layer *l) {
    struct pool_shape s = dimensions(p, l);
    if (l->dx)
        p->queue->device->layers->average_pool_backward(p->queue, &s, l->dy, layer_before(l), l->x,
                                                        l->dx);
}

static size_t places(const struct layer *l) {
    return (size_t)extent_size(l->out) * sizeof(int32_t);
}

const struct layer_kind max_pool_kind = {
    .name = "maxpool",
    .notation = "maxpoolK[strideS]",
    .what = "the largest of each window of K x K (stride K)",
    .shape = shape,
    .forward = max_forward,
    .backward = max_backward,
    .memory = places,
};

const struct layer_kind average_pool_kind = {
    .name = "avgpool",
    .notation = "avgpoolK[strideS]",
    .what = "the mean of each window of K x K (stride K)",
    .shape = shape,
    .forward = average_forward,
    .backward = average_backward,
};
