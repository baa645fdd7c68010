/* The layer operations of the CPU, a file each; cpu_layers.c lists them in the device's table. */
#ifndef FLOPSTEP_KERNELS_CPU_LAYERS_CPU_LAYERS_H
#define FLOPSTEP_KERNELS_CPU_LAYERS_CPU_LAYERS_H

#include <stdbool.h>

#include "kernels/layers.h"

extern const struct layer_operations cpu_layers;

/* Pins the team, sets the BLAS to one thread (each of the team calls it by itself) and flushes
 * denormal numbers to zero in every thread: they slow training several times. */
void cpu_queue_enter(struct queue *queue);

/* Runs body on parts of [0, count), one part a thread. The parts depend on count, grain and the
 * queue's threads alone; none but the last is smaller than `grain`. */
typedef void (*range_body)(long begin, long end, int thread, const void *task);
void cpu_queue_for(const struct queue *queue, long count, long grain, range_body body,
                   const void *task);

/* Elements below which another thread costs more than it saves. */
enum { ELEMENT_GRAIN = 8192 };

/* Row-major C[m][n] = op(A) op(B) + beta C, + bias[n], then ReLU; lda, ldb, ldc are elements
 * between rows. */
struct product {
    bool trans_a, trans_b;
    long m, n, k;
    const void *a;
    long lda;
    const void *b;
    long ldb;
    double beta; /* 0 or 1 */
    void *c;
    long ldc;
    const void *bias; /* NULL: none */
    bool relu;
};
/* By the queue's CBLAS; by own tiles; by what the queue says. All may be called by any thread of
 * the team. */
void cpu_cblas_product(const struct queue *queue, int thread, const struct product *product);
void cpu_own_product(const struct queue *queue, int thread, const struct product *product);
void cpu_product(const struct queue *queue, int thread, const struct product *product);

/* On the calling thread: y = f(y); dy = dy f' of the output y. NULL: nothing. */
void cpu_activate(const struct queue *q, const struct elementwise *then, long count, void *y);
void cpu_differentiate(const struct queue *q, const struct elementwise *before, long count,
                       const void *y, void *dy);

/* Whether `then` is what a tile does by itself. */
static inline bool is_relu(const struct elementwise *then) {
    return then && then->activation == ACTIVATION_RELU;
}

/* Address of element i. */
static inline void *element_at(const struct queue *q, const void *array, long i) {
    return (char *)array + (size_t)i * scalar_bytes(q->type);
}

/* y[rows][columns] += b; rows are ld apart. */
void cpu_add_bias(const struct queue *q, long rows, long columns, long ld, const void *b, void *y);

void cpu_dense_forward(struct queue *, const struct dense_shape *, const void *x, const void *w,
                       const void *b, const struct elementwise *then, void *y);
void cpu_dense_weight_gradient(struct queue *, const struct dense_shape *, const void *x,
                               const void *dy, void *dw, void *db);
void cpu_dense_input_gradient(struct queue *, const struct dense_shape *, const void *dy,
                              const void *w, const struct elementwise *before, const void *x,
                              void *dx);
const char *cpu_dense_path(const struct queue *, const struct dense_shape *, const char *pass);

void cpu_conv_forward(struct queue *, const struct conv_shape *, const void *x, const void *w,
                      const void *b, const struct elementwise *then, void *y);
void cpu_conv_weight_gradient(struct queue *, const struct conv_shape *, const void *x,
                              const void *dy, bool add, void *dw, void *db);
void cpu_conv_input_gradient(struct queue *, const struct conv_shape *, const void *dy,
                             const void *w, const struct elementwise *before, const void *x,
                             void *dx);
size_t cpu_conv_scratch(const struct queue *, const struct conv_shape *);
const char *cpu_conv_path(const struct queue *, const struct conv_shape *, const char *pass);

void cpu_max_pool_forward(struct queue *, const struct pool_shape *, const void *x, void *y,
                          void *where);
void cpu_max_pool_backward(struct queue *, const struct pool_shape *, const void *dy,
                           const void *where, const struct elementwise *before, const void *y,
                           void *dx);
void cpu_average_pool_forward(struct queue *, const struct pool_shape *, const void *x, void *y);
void cpu_average_pool_backward(struct queue *, const struct pool_shape *, const void *dy,
                               const struct elementwise *before, const void *x, void *dx);

void cpu_activation_forward(struct queue *, const struct elementwise *, long count, void *y);
void cpu_activation_backward(struct queue *, const struct elementwise *, long count, const void *y,
                             void *dy);
void cpu_maxout_forward(struct queue *, long rows, long out, long pieces, const void *x, void *y,
                        int32_t *where);
void cpu_maxout_backward(struct queue *, long rows, long out, long pieces, const void *dy,
                         const int32_t *where, void *dx);
void cpu_softmax_forward(struct queue *, long rows, long n, void *y);
void cpu_softmax_backward(struct queue *, long rows, long n, const void *y, void *dy);

void cpu_dropout_forward(struct queue *, double rate, struct dropout_place, long images, long n,
                         void *y, uint8_t *mask);
void cpu_dropout_backward(struct queue *, double rate, long images, long n, const uint8_t *mask,
                          void *dy);

void cpu_loss(struct queue *, enum loss, long images, long outputs, void *y,
              const struct loss_targets *, void *dy);
void cpu_tally(struct queue *, struct tally *);
void cpu_tally_clear(struct queue *);
size_t cpu_loss_scratch(const struct queue *, long images);

void cpu_update(struct queue *, enum update_rule, const struct update_numbers *, long count,
                void *w, const void *g, void *slot0, void *slot1);

void cpu_gather(struct queue *, long count, long n, const uint8_t *pixels, const double *numbers,
                const int64_t *order, long first, void *x);
void cpu_gather_labels(struct queue *, long count, const int32_t *labels, const int64_t *order,
                       long first, int32_t *to);

#endif
