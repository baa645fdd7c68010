/* How cublasLt multiplies matrices of a shape: asked of it once, kept while the device is open. */
#ifndef FLOPSTEP_KERNELS_CUDA_GEMM_PLANS_H
#define FLOPSTEP_KERNELS_CUDA_GEMM_PLANS_H

#include "kernels/cuda/cuda_device.h"

/* What an algorithm is chosen by. In cublasLt's terms, columns first: D[m][n] = op(A) op(B) + beta
 * C. Keys are compared byte by byte: zero one before it is filled. */
struct gemm_key {
    int64_t m, n, k, lda, ldb, ldd;
    int32_t trans_a, trans_b;
    int32_t type;     /* cudaDataType_t of all three matrices; alpha and beta are single */
    int32_t compute;  /* cublasComputeType_t */
    int32_t epilogue; /* cublasLtEpilogue_t */
    int32_t adds;     /* beta is not 0 */
    int32_t align_a, align_b,
        align_d; /* bytes that the addresses are multiples of; of d and bias */
};

struct gemm_plan {
    cublasLtMatmulDesc_t operation;
    cublasLtMatrixLayout_t a, b, d;
    cublasLtMatmulAlgo_t algorithm;
    size_t workspace_bytes;
};

/* NULL: cublasLt has no algorithm for that, or the device has failed. */
const struct gemm_plan *gemm_plan_find(struct cuda_state *state, const struct gemm_key *key);

/* The largest power of two that divides the address, 256 at most. */
int32_t gemm_alignment(const void *address);

/* D = alpha op(A) op(B) + beta D, issued; `bias` where the epilogue has one. False where there is
 * no plan: nothing was done. */
bool gemm_plan_run(struct cuda_state *state, const struct gemm_key *key, float alpha, const void *a,
                   const void *b, float beta, void *d, const void *bias);

#endif
