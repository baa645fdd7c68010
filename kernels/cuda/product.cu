/* Products of matrices: cublasLt for single numbers, where it has an algorithm, since it adds
 * biases in the same pass; cuBLAS for the rest. Both number columns first, so what is computed is
 * C^T = op(B)^T op(A)^T. */
#include "kernels/cuda/product.h"

#include <limits.h>
#include <string.h>

#include "kernels/cuda/gemm_plans.h"
#include "kernels/cuda/layers/cuda_layers.h"

/* By enum math. */
static const cublasComputeType_t compute_types[] = {
    CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_32F_FAST_TF32, CUBLAS_COMPUTE_32F_FAST_16BF};

static struct gemm_key key_of(const struct queue *q, const struct cuda_product *p) {
    struct gemm_key key;
    memset(&key, 0, sizeof key);
    key.m = p->n;
    key.n = p->m;
    key.k = p->k;
    key.lda = p->ldb;
    key.ldb = p->lda;
    key.ldd = p->ldc;
    key.trans_a = p->trans_b;
    key.trans_b = p->trans_a;
    key.type = CUDA_R_32F;
    key.compute = compute_types[q->math];
    key.epilogue = CUBLASLT_EPILOGUE_DEFAULT;
    if (p->bias) key.epilogue = p->relu ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_BIAS;
    key.adds = p->beta != 0;
    key.align_a = gemm_alignment(p->b);
    key.align_b = gemm_alignment(p->a);
    key.align_d = gemm_alignment(p->c);
    int32_t bias = gemm_alignment(p->bias); /* NULL: of anything */
    if (bias < key.align_d) key.align_d = bias;
    return key;
}

const char *cuda_product_library(const struct queue *q, const struct cuda_product *product) {
    if (q->type != SCALAR_S) return "cublas";
    struct gemm_key key = key_of(q, product);
    return gemm_plan_find(cuda_state_of(q), &key) ? "cublaslt" : "cublas";
}

/* false: cublasLt does not take it. */
static bool by_cublaslt(const struct queue *q, const struct cuda_product *p) {
    struct gemm_key key = key_of(q, p);
    return gemm_plan_run(cuda_state_of(q), &key, 1, p->b, p->a, (float)p->beta, p->c, p->bias);
}

static void by_cublas(const struct queue *q, const struct cuda_product *p) {
    struct cuda_state *state = cuda_state_of(q);
    cublasOperation_t op_a = p->trans_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    cublasOperation_t op_b = p->trans_a ? CUBLAS_OP_T : CUBLAS_OP_N;
    if (p->m > INT_MAX || p->n > INT_MAX || p->k > INT_MAX || p->lda > INT_MAX ||
        p->ldb > INT_MAX || p->ldc > INT_MAX) {
        cuda_check(state, cudaErrorInvalidValue, "a product too large for cuBLAS: smaller batches");
        return;
    }
    int m = (int)p->n, n = (int)p->m, k = (int)p->k;
    int lda = (int)p->ldb, ldb = (int)p->lda, ldc = (int)p->ldc;
    if (q->type == SCALAR_D) {
        const double alpha = 1, beta = p->beta;
        cuda_check(state,
                   cublasDgemm(state->cublas, op_a, op_b, m, n, k, &alpha, (const double *)p->b,
                               lda, (const double *)p->a, ldb, &beta, (double *)p->c, ldc),
                   "cublasDgemm");
    } else {
        const float alpha = 1, beta = (float)p->beta;
        cuda_check(state,
                   cublasGemmEx(state->cublas, op_a, op_b, m, n, k, &alpha, p->b, CUDA_R_32F, lda,
                                p->a, CUDA_R_32F, ldb, &beta, p->c, CUDA_R_32F, ldc,
                                compute_types[q->math], CUBLAS_GEMM_DEFAULT),
                   "cublasGemmEx");
    }
    struct elementwise relu = {ACTIVATION_RELU, 0};
    if (p->bias) cuda_bias_activate(q, p->m, p->n, p->bias, p->relu ? &relu : NULL, p->c);
}

void cuda_product(const struct queue *q, const struct cuda_product *p) {
    if (cuda_state_of(q)->failed || p->m <= 0 || p->n <= 0 || p->k <= 0) return;
    if (q->type == SCALAR_S && by_cublaslt(q, p)) return;
    by_cublas(q, p);
}
