/* A dense layer: y = x w + b. With the gradient dy of the loss by y:
 *   dw = x^T dy,  db = sum of dy over images,  dx = dy w^T
 * Shapes: x [images][in], w [in][out], b [out], y [images][out]. */
#include "nn/layers.h"

static bool shape(struct layer *l, char *reason, size_t size) {
    (void)reason, (void)size;
    long in = extent_size(l->in);
    l->out = (struct extent){1, 1, l->size};
    l->weights = in * l->size;
    l->biases = l->size;
    l->fan_in = in;
    l->fan_out = l->size;
    return true;
}

static struct dense_shape dimensions(const struct pass *p, const struct layer *l) {
    return (struct dense_shape){p->images, extent_size(l->in), l->size};
}

static void forward(const struct pass *p, const struct layer *l) {
    struct dense_shape s = dimensions(p, l);
    p->queue->device->layers->dense_forward(p->queue, &s, l->x, l->w, l->b, layer_then(l), l->y);
}

static void backward(const struct pass *p, const struct layer *l) {
    struct dense_shape s = dimensions(p, l);
    const struct layer_operations *device = p->queue->device->layers;
    device->dense_weight_gradient(p->queue, &s, l->x, l->dy, l->dw, l->db);
    if (l->dx)
        device->dense_input_gradient(p->queue, &s, l->dy, l->w, layer_before(l), l->x, l->dx);
}

static const char *path(const struct layer *l, const struct queue *q, long images,
                        const char *pass) {
    struct dense_shape s = {images, extent_size(l->in), l->size};
    return q->device->layers->dense_path(q, &s, pass);
}

static double flops(const struct layer *l) { return 2.0 * (double)l->weights; }

const struct layer_kind dense_kind = {
    .name = "dense",
    .notation = "denseN, or N alone",
    .what = "N units, each connected with every input",
    .shape = shape,
    .forward = forward,
    .backward = backward,
    .path = path,
    .flops = flops,
};
