/* A convolution: each output pixel is the dot product of a window of the input with every filter.
 *   y[oy][ox][f] = b[f] + sum over ky, kx, c of x[oy S + ky - P][ox S + kx - P][c] w[ky][kx][c][f]
 *   dw[ky][kx][c][f] = sum over images, oy, ox of x[...][c] dy[oy][ox][f]
 *   dx[y][x][c] = sum over the windows that (y, x) lies in, and f, of dy[oy][ox][f] w[ky][kx][c][f]
 * Shapes: x [images][H][W][C], w [K][K][C][F], y [images][H'][W'][F], H' = (H + 2P - K) / S + 1. */
#include <limits.h>
#include <stdio.h>

#include "nn/layers.h"

static bool shape(struct layer *l, char *reason, size_t size) {
    long height = l->in.height + 2 * l->padding - l->kernel;
    long width = l->in.width + 2 * l->padding - l->kernel;
    if (height < 0 || width < 0) {
        snprintf(reason, size, "a %ldx%ld window does not fit into %ldx%ld", l->kernel, l->kernel,
                 l->in.height + 2 * l->padding, l->in.width + 2 * l->padding);
        return false;
    }
    double weights =
        (double)l->kernel * (double)l->kernel * (double)l->in.channels * (double)l->size;
    if (weights > INT_MAX) { /* whole numbers would overflow */
        snprintf(reason, size, "this layer is too large");
        return false;
    }
    l->out = (struct extent){height / l->stride + 1, width / l->stride + 1, l->size};
    l->weights = l->kernel * l->kernel * l->in.channels * l->size;
    l->biases = l->size;
    l->fan_in = l->kernel * l->kernel * l->in.channels;
    l->fan_out = l->kernel * l->kernel * l->size;
    return true;
}

static struct conv_shape dimensions(const struct layer *l, long images) {
    return (struct conv_shape){images,    l->in.height, l->in.width,   l->in.channels, l->kernel,
                               l->stride, l->padding,   l->out.height, l->out.width,   l->size};
}

static void forward(const struct pass *p, const struct layer *l) {
    struct conv_shape s = dimensions(l, p->images);
    p->queue->device->layers->conv_forward(p->queue, &s, l->x, l->w, l->b, layer_then(l), l->y);
}

static void backward(const struct pass *p, const struct layer *l) {
    struct conv_shape s = dimensions(l, p->images);
    const struct layer_operations *device = p->queue->device->layers;
    device->conv_weight_gradient(p->queue, &s, l->x, l->dy, p->add, l->dw, l->db);
    if (l->dx) device->conv_input_gradient(p->queue, &s, l->dy, l->w, layer_before(l), l->x, l->dx);
}

static size_t scratch(const struct layer *l, const struct queue *q, long batch) {
    struct conv_shape s = dimensions(l, batch);
    return q->device->layers->conv_scratch(q, &s);
}

static const char *path(const struct layer *l, const struct queue *q, long images,
                        const char *pass) {
    struct conv_shape s = dimensions(l, images);
    return q->device->layers->conv_path(q, &s, pass);
}

static double flops(const struct layer *l) {
    return 2.0 * (double)l->weights * (double)(l->out.height * l->out.width);
}

const struct layer_kind conv_kind = {
    .name = "conv",
    .notation = "convKxKxF[strideS][padP]",
    .what = "F filters of K x K pixels (stride 1, no padding)",
    .shape = shape,
    .forward = forward,
    .backward = backward,
    .scratch = scratch,
    .path = path,
    .flops = flops,
};
