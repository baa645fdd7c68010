/* What the files of the CUDA device share: its state, its one stream, its errors. */
#ifndef FLOPSTEP_KERNELS_CUDA_CUDA_DEVICE_H
#define FLOPSTEP_KERNELS_CUDA_CUDA_DEVICE_H

#include <cublasLt.h>
#include <cublas_v2.h>
#include <cuda_runtime.h>

#include "kernels/device.h"

#ifdef FLOPSTEP_CUDA_ON_HOST
#define CUDA_DEVICE_NAME "cuda-emulated"
enum { CUDA_SQUARE_EXTENT = 128 };
#else
#define CUDA_DEVICE_NAME "cuda"
enum { CUDA_SQUARE_EXTENT = 4096 };
#endif

struct cuda_gemm_plans;
struct cuda_steps;

/* struct device's `state`. */
struct cuda_state {
    int index;
    int major, minor; /* compute capability */
    int multiprocessors;
    cudaStream_t stream; /* everything is issued here */
    cublasHandle_t cublas;
    cublasLtHandle_t cublaslt;
    void *workspace; /* of both */
    size_t workspace_bytes;
    struct cuda_gemm_plans *plans; /* cublasLt's, made once for each shape */
    struct cuda_steps *steps;      /* what differs from step to step, and the tally */
    double *result;                /* device memory: of the latest dot, nrm2, asum */
    bool result_single;
    bool failed;
    char error[256];
};

static inline struct cuda_state *cuda_state_of(const struct device *device) {
    return (struct cuda_state *)device->state;
}
static inline struct cuda_state *cuda_state_of(const struct queue *q) {
    return cuda_state_of(q->device);
}
static inline cudaStream_t cuda_stream(const struct queue *q) { return cuda_state_of(q)->stream; }

/* Keeps the first error, with what was being done ("allocating 12 bytes"); false where there is
 * one.
 */
bool cuda_check(struct cuda_state *state, cudaError_t error, const char *doing);
bool cuda_check(struct cuda_state *state, cublasStatus_t status, const char *doing);

/* Behind a kernel launch. */
static inline void cuda_launched(struct cuda_state *state, const char *kernel) {
    cuda_check(state, cudaGetLastError(), kernel);
}

/* Around operations that are recorded instead of run; the end gives what can be launched, NULL
 * after an error. `doing` as in cuda_check. */
void cuda_graph_begin(struct cuda_state *state, const char *doing);
cudaGraphExec_t cuda_graph_end(struct cuda_state *state, const char *doing);

/* Workspace that a shape of cublasLt may use. */
enum { CUDA_WORKSPACE_BYTES = 32 << 20 };

/* streams.cu: fills the device's functions of streams beside its own. */
void cuda_streams(struct device *device);

/* Tables that other files fill. */
extern const struct layer_operations cuda_layers;
blas_routine cuda_blas(const struct device *device, const char *name);
double cuda_blas_result(const struct device *device);
const struct device_probe *cuda_probes(const struct device *device, size_t *count);

/* steps.cu: memory of what differs from step to step. */
struct cuda_steps *cuda_steps_new(struct cuda_state *state);
void cuda_steps_free(struct cuda_steps *steps);
/* Inside a step the device's copy of its values, else NULL: kernels then take their arguments. */
const struct step_values *cuda_live_values(const struct queue *q);
/* The device's tally. */
struct tally *cuda_tally(const struct queue *q);

/* gemm_plans.cu */
struct cuda_gemm_plans *cuda_gemm_plans_new(void);
void cuda_gemm_plans_free(struct cuda_gemm_plans *plans);

/* Row-major C[m][n] = op(A) op(B) + beta C, + bias[n], then ReLU, in the queue's type and math;
 * lda, ldb, ldc are elements between rows. Bias and ReLU want trans_a and trans_b false and beta 0.
 */
struct cuda_product {
    bool trans_a, trans_b;
    long m, n, k;
    const void *a;
    long lda;
    const void *b;
    long ldb;
    double beta;
    void *c;
    long ldc;
    const void *bias; /* NULL: none */
    bool relu;
};
void cuda_product(const struct queue *q, const struct cuda_product *product);

#endif
