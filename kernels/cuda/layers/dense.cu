/* Dense layers: products of the library, and what it does not do in the same pass. */
#include "kernels/cuda/layers/cuda_layers.h"
#include "kernels/cuda/product.h"

/* Without `then` biases are added in the product. cublasLt's ReLU is max(x, 0), of which its manual
 * does not say what becomes of NaN; a diverging training must show, so ReLU takes the pass that the
 * other activations take. */
void cuda_product_then(const struct queue *q, const struct cuda_product *product, const void *b,
                       const struct elementwise *then) {
    struct cuda_product p = *product;
    p.bias = then ? NULL : b;
    p.relu = false;
    cuda_product(q, &p);
    if (then) cuda_bias_activate(q, p.m, p.n, b, then, p.c);
}

static struct cuda_product forward_product(const struct dense_shape *s, const void *x,
                                           const void *w, void *y) {
    struct cuda_product p = {};
    p.m = s->images, p.n = s->out, p.k = s->in;
    p.a = x, p.lda = s->in;
    p.b = w, p.ldb = s->out;
    p.c = y, p.ldc = s->out;
    return p;
}

static struct cuda_product weight_product(const struct dense_shape *s, const void *x,
                                          const void *dy, void *dw) {
    struct cuda_product p = {};
    p.trans_a = true;
    p.m = s->in, p.n = s->out, p.k = s->images;
    p.a = x, p.lda = s->in;
    p.b = dy, p.ldb = s->out;
    p.c = dw, p.ldc = s->out;
    return p;
}

static struct cuda_product input_product(const struct dense_shape *s, const void *dy, const void *w,
                                         void *dx) {
    struct cuda_product p = {};
    p.trans_b = true;
    p.m = s->images, p.n = s->in, p.k = s->out;
    p.a = dy, p.lda = s->out;
    p.b = w, p.ldb = s->out;
    p.c = dx, p.ldc = s->in;
    return p;
}

const char *cuda_dense_path(const struct queue *q, const struct dense_shape *s, const char *pass) {
    struct cuda_product p =
        pass[0] == 'f' ? forward_product(s, NULL, NULL, NULL) : weight_product(s, NULL, NULL, NULL);
    return cuda_product_library(q, &p);
}

void cuda_dense_forward(struct queue *q, const struct dense_shape *s, const void *x, const void *w,
                        const void *b, const struct elementwise *then, void *y) {
    struct cuda_product p = forward_product(s, x, w, y);
    cuda_product_then(q, &p, b, then);
}

void cuda_dense_weight_gradient(struct queue *q, const struct dense_shape *s, const void *x,
                                const void *dy, void *dw, void *db) {
    struct cuda_product p = weight_product(s, x, dy, dw);
    if (s->images <= 0) { /* an empty sum */
        q->device->zero(q->device, dw, (size_t)(s->in * s->out) * scalar_bytes(q->type));
        q->device->zero(q->device, db, (size_t)s->out * scalar_bytes(q->type));
        return;
    }
    cuda_product(q, &p);
    cuda_sum_rows(q, s->images, s->out, dy, false, db);
}

void cuda_dense_input_gradient(struct queue *q, const struct dense_shape *s, const void *dy,
                               const void *w, const struct elementwise *before, const void *x,
                               void *dx) {
    struct cuda_product p = input_product(s, dy, w, dx);
    cuda_product(q, &p);
    if (before) cuda_activation_backward(q, before, s->images * s->in, x, dx);
}
