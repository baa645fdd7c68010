/* Which library a product takes. */
#ifndef FLOPSTEP_KERNELS_CUDA_PRODUCT_H
#define FLOPSTEP_KERNELS_CUDA_PRODUCT_H

#include "kernels/cuda/cuda_device.h"

/* "cublaslt" or "cublas", for matrices at addresses as allocate() gives them. */
const char *cuda_product_library(const struct queue *q, const struct cuda_product *product);

#endif
