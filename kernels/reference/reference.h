/* The layer operations as their formulas say, loop by loop in double: slow and plain. Tests hold
 * every device against them. Shapes and layouts are those of kernels/layers.h. */
#ifndef FLOPSTEP_KERNELS_REFERENCE_REFERENCE_H
#define FLOPSTEP_KERNELS_REFERENCE_REFERENCE_H

#include <stdint.h>

#include "kernels/layers.h"

/* y = x w + b; dw = x^T dy, db = sum of dy over images; dx = dy w^T */
void reference_dense(const struct dense_shape *s, const double *x, const double *w, const double *b,
                     double *y);
void reference_dense_weight_gradient(const struct dense_shape *s, const double *x, const double *dy,
                                     double *dw, double *db);
void reference_dense_input_gradient(const struct dense_shape *s, const double *dy, const double *w,
                                    double *dx);

void reference_conv(const struct conv_shape *s, const double *x, const double *w, const double *b,
                    double *y);
void reference_conv_weight_gradient(const struct conv_shape *s, const double *x, const double *dy,
                                    double *dw, double *db);
void reference_conv_input_gradient(const struct conv_shape *s, const double *dy, const double *w,
                                   double *dx);

/* The gradient of the largest goes to the first of equals in x. */
void reference_max_pool(const struct pool_shape *s, const double *x, double *y);
void reference_max_pool_gradient(const struct pool_shape *s, const double *x, const double *dy,
                                 double *dx);
void reference_average_pool(const struct pool_shape *s, const double *x, double *y);
void reference_average_pool_gradient(const struct pool_shape *s, const double *dy, double *dx);

/* f(z) and f'(z), both of the sum z. */
double reference_activation(enum activation activation, double slope, double z);
double reference_derivative(enum activation activation, double slope, double z);
void reference_softmax(long rows, long n, const double *z, double *y);
/* dz from y = softmax(z) and dy */
void reference_softmax_gradient(long rows, long n, const double *y, const double *dy, double *dz);
void reference_maxout(long rows, long out, long pieces, const double *x, double *y);

/* The loss of outputs y (for LOSS_BINARY and LOSS_CATEGORICAL: of the sums z), targets t, both
 * [images][n]; its gradient by y (by z) into dy. */
double reference_loss(enum loss loss, long images, long n, const double *y, const double *t,
                      double *dy);

#endif
