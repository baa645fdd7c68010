/* The layer operations of the CUDA device, a file each; cuda_layers.cu lists them in its table. */
#ifndef FLOPSTEP_KERNELS_CUDA_LAYERS_CUDA_LAYERS_H
#define FLOPSTEP_KERNELS_CUDA_LAYERS_CUDA_LAYERS_H

#include "kernels/cuda/cuda_device.h"

void cuda_dense_forward(struct queue *, const struct dense_shape *, const void *x, const void *w,
                        const void *b, const struct elementwise *then, void *y);
void cuda_dense_weight_gradient(struct queue *, const struct dense_shape *, const void *x,
                                const void *dy, void *dw, void *db);
void cuda_dense_input_gradient(struct queue *, const struct dense_shape *, const void *dy,
                               const void *w, const struct elementwise *before, const void *x,
                               void *dx);
const char *cuda_dense_path(const struct queue *, const struct dense_shape *, const char *pass);

void cuda_conv_forward(struct queue *, const struct conv_shape *, const void *x, const void *w,
                       const void *b, const struct elementwise *then, void *y);
void cuda_conv_weight_gradient(struct queue *, const struct conv_shape *, const void *x,
                               const void *dy, bool add, void *dw, void *db);
void cuda_conv_input_gradient(struct queue *, const struct conv_shape *, const void *dy,
                              const void *w, const struct elementwise *before, const void *x,
                              void *dx);
size_t cuda_conv_scratch(const struct queue *, const struct conv_shape *);
const char *cuda_conv_path(const struct queue *, const struct conv_shape *, const char *pass);

void cuda_max_pool_forward(struct queue *, const struct pool_shape *, const void *x, void *y,
                           void *where);
void cuda_max_pool_backward(struct queue *, const struct pool_shape *, const void *dy,
                            const void *where, const struct elementwise *before, const void *y,
                            void *dx);
void cuda_average_pool_forward(struct queue *, const struct pool_shape *, const void *x, void *y);
void cuda_average_pool_backward(struct queue *, const struct pool_shape *, const void *dy,
                                const struct elementwise *before, const void *x, void *dx);

void cuda_activation_forward(struct queue *, const struct elementwise *, long count, void *y);
void cuda_activation_backward(struct queue *, const struct elementwise *, long count, const void *y,
                              void *dy);
void cuda_maxout_forward(struct queue *, long rows, long out, long pieces, const void *x, void *y,
                         int32_t *where);
void cuda_maxout_backward(struct queue *, long rows, long out, long pieces, const void *dy,
                          const int32_t *where, void *dx);
void cuda_softmax_forward(struct queue *, long rows, long n, void *y);
void cuda_softmax_backward(struct queue *, long rows, long n, const void *y, void *dy);

void cuda_dropout_forward(struct queue *, double rate, struct dropout_place, long images, long n,
                          void *y, uint8_t *mask);
void cuda_dropout_backward(struct queue *, double rate, long images, long n, const uint8_t *mask,
                           void *dy);

void cuda_loss(struct queue *, enum loss, long images, long outputs, void *y,
               const struct loss_targets *, void *dy);
size_t cuda_loss_scratch(const struct queue *, long images);

void cuda_update(struct queue *, enum update_rule, const struct update_numbers *, long count,
                 void *w, const void *g, void *slot0, void *slot1);

void cuda_gather(struct queue *, long count, long n, const uint8_t *pixels, const double *numbers,
                 const int64_t *order, long first, void *x);
void cuda_gather_labels(struct queue *, long count, const int32_t *labels, const int64_t *order,
                        long first, int32_t *to);

/* steps.cu */
void cuda_tally_read(struct queue *, struct tally *);
void cuda_tally_clear(struct queue *);
void cuda_step_values(struct queue *, const struct step_values *);
void cuda_step_open(struct queue *);
void cuda_step_close(struct queue *);
void cuda_record_begin(struct queue *);
void *cuda_record_end(struct queue *);
void cuda_replay(struct queue *, void *recording);
void cuda_recording_free(struct queue *, void *recording);

/* What several of them share.
 * y[rows][columns] = then(y + b); `then` NULL: none. */
void cuda_bias_activate(const struct queue *, long rows, long columns, const void *b,
                        const struct elementwise *then, void *y);
/* The product, then + b and `then` in as few passes as there can be; C is dense: ldc is n. */
void cuda_product_then(const struct queue *, const struct cuda_product *, const void *b,
                       const struct elementwise *then);
/* db[columns] = sum over rows of dy[rows][columns], or + that. Uses the device's workspace. */
void cuda_sum_rows(const struct queue *, long rows, long columns, const void *dy, bool add,
                   void *db);

/* Address of element i. */
static inline void *element_at(const struct queue *q, const void *array, long i) {
    return (char *)array + (size_t)i * scalar_bytes(q->type);
}

#endif
