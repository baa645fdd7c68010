/* Activations: y = f(z), dz = dy f'(z). All but maxout work in place, so f' is written in terms of
 * the output:
 *   step        1 where z >= 0           0
 *   sigmoid     1 / (1 + e^-z)           y (1 - y)
 *   tanh        tanh z                   1 - y^2
 *   relu        max(z, 0)                1 where y > 0
 *   leakyrelu   z where z > 0, else s z  1 where y > 0, else s
 *   elu         z, else s (e^z - 1)      1 where y > 0, else y + s
 *   softmax     e^z / sum of e^z         dz = y (dy - sum of dy y)
 *   maxout      largest of k sums        1 where it was the largest */
#include <stdio.h>

#include "nn/layers.h"

static bool same_shape(struct layer *l, char *reason, size_t size) {
    (void)reason, (void)size;
    l->out = l->in;
    return true;
}

static void forward(const struct pass *p, const struct layer *l) {
    struct elementwise f = layer_function(l);
    p->queue->device->layers->activation_forward(p->queue, &f, p->images * extent_size(l->out),
                                                 l->y);
}

static void backward(const struct pass *p, const struct layer *l) {
    struct elementwise f = layer_function(l);
    p->queue->device->layers->activation_backward(p->queue, &f, p->images * extent_size(l->out),
                                                  l->y, l->dy);
}

#define ELEMENTWISE(row, called, written, told, id, slope_or_0)                                    \
    const struct layer_kind row = {                                                                \
        .name = called,                                                                            \
        .notation = written,                                                                       \
        .what = told,                                                                              \
        .in_place = true,                                                                          \
        .elementwise = true,                                                                       \
        .activation = id,                                                                          \
        .slope = slope_or_0,                                                                       \
        .shape = same_shape,                                                                       \
        .forward = forward,                                                                        \
        .backward = backward,                                                                      \
    }

ELEMENTWISE(step_kind, "step", "step", "1 where z >= 0, else 0", ACTIVATION_STEP, 0);
ELEMENTWISE(sigmoid_kind, "sigmoid", "sigmoid", "1 / (1 + exp -z)", ACTIVATION_SIGMOID, 0);
ELEMENTWISE(tanh_kind, "tanh", "tanh", "tanh z", ACTIVATION_TANH, 0);
ELEMENTWISE(relu_kind, "relu", "relu", "max(z, 0)", ACTIVATION_RELU, 0);
ELEMENTWISE(leaky_relu_kind, "leakyrelu", "leakyrelu[S]", "z where z > 0, else S z (S 0.1)",
            ACTIVATION_LEAKY_RELU, 0.1);
ELEMENTWISE(elu_kind, "elu", "elu[S]", "z where z > 0, else S (exp z - 1) (S 1)", ACTIVATION_ELU,
            1);

static void softmax_forward(const struct pass *p, const struct layer *l) {
    p->queue->device->layers->softmax_forward(p->queue, p->images, extent_size(l->out), l->y);
}

static void softmax_backward(const struct pass *p, const struct layer *l) {
    p->queue->device->layers->softmax_backward(p->queue, p->images, extent_size(l->out), l->y,
                                               l->dy);
}

const struct layer_kind softmax_kind = {
    .name = "softmax",
    .notation = "softmax",
    .what = "exp z / sum of exp z over an image's outputs",
    .in_place = true,
    .shape = same_shape,
    .forward = softmax_forward,
    .backward = softmax_backward,
};

static bool maxout_shape(struct layer *l, char *reason, size_t size) {
    if (l->in.channels % l->size) {
        snprintf(reason, size, "%ld sums do not make groups of %ld", l->in.channels, l->size);
        return false;
    }
    l->out = (struct extent){l->in.height, l->in.width, l->in.channels / l->size};
    return true;
}

static void maxout_forward(const struct pass *p, const struct layer *l) {
    p->queue->device->layers->maxout_forward(p->queue, p->images, extent_size(l->out), l->size,
                                             l->x, l->y, l->memory);
}

static void maxout_backward(const struct pass *p, const struct layer *l) {
    if (l->dx)
        p->queue->device->layers->maxout_backward(p->queue, p->images, extent_size(l->out), l->size,
                                                  l->dy, l->memory, l->dx);
}

static size_t maxout_memory(const struct layer *l) {
    return (size_t)extent_size(l->out) * sizeof(int32_t);
}

const struct layer_kind maxout_kind = {
    .name = "maxout",
    .notation = "maxoutK",
    .what = "the largest of each group of K neighbours",
    .shape = maxout_shape,
    .forward = maxout_forward,
    .backward = maxout_backward,
    .memory = maxout_memory,
};
