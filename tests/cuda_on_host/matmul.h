/* D = act(alpha op(A) op(B) + beta C + bias), in the number formats of the libraries. */
#ifndef FLOPSTEP_CUDA_ON_HOST_MATMUL_H
#define FLOPSTEP_CUDA_ON_HOST_MATMUL_H

#include <cublas_v2.h>

#include <cstddef>

namespace cuda_on_host {

/* Element (i, j) is at data[i * row + j * column], strides in elements. */
struct matrix {
    const void *data;
    cudaDataType type;
    long long row, column;
};

/* What is done to elements of A and B before they are multiplied. */
enum class rounding { none, tf32, bf16, half };

struct product {
    long long m, n, k;
    matrix a, b, c, d; /* c is not read where beta is 0; d may be c */
    rounding inputs;
    bool in_double;   /* sums, else in float */
    const void *bias; /* m elements of d's type, or NULL */
    bool relu;
};

size_t size_of(cudaDataType type); /* 0: not a type the emulation knows */

/* All in memory that can be read; the shapes have been checked. */
void multiply(const product &p, double alpha, double beta);

/* Adds 1 to an element. */
void spoil(void *element, cudaDataType type);

} // namespace cuda_on_host

#endif
