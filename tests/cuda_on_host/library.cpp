/* Checks of arguments and the running of calls, for cuBLAS and cuBLASLt. */
#include "tests/cuda_on_host/library.h"

#include <cstdio>

namespace cuda_on_host {
namespace {

long calls = 0; /* that ran, guarded by access */

void spoil_when_asked(void *output, cudaDataType type) {
    calls++;
    if (options().wrong_after && calls >= options().wrong_after && output) spoil(output, type);
}

struct compute_row {
    cublasComputeType_t type;
    compute_mode mode;
};
const compute_row compute_types[] = {
    {CUBLAS_COMPUTE_32F, {rounding::none, false}},
    {CUBLAS_COMPUTE_32F_PEDANTIC, {rounding::none, false}},
    {CUBLAS_COMPUTE_32F_FAST_TF32, {rounding::tf32, false}},
    {CUBLAS_COMPUTE_32F_FAST_16BF, {rounding::bf16, false}},
    {CUBLAS_COMPUTE_32F_FAST_16F, {rounding::half, false}},
    {CUBLAS_COMPUTE_64F, {rounding::none, true}},
    {CUBLAS_COMPUTE_64F_PEDANTIC, {rounding::none, true}},
};

cublasStatus_t status_of(cudaError_t error) {
    return error ? CUBLAS_STATUS_EXECUTION_FAILED : CUBLAS_STATUS_SUCCESS;
}

} // namespace

void arguments::memory(const char *name, const void *at, long long elements, size_t element_bytes) {
    if (!good() || elements <= 0) return;
    if (is_reachable(at, (size_t)elements * element_bytes)) return;
    fprintf(stderr,
            "cuda emulation: %s: %s is not within device memory (%lld elements of %zu bytes at "
            "%p)\n",
            routine, name, elements, element_bytes, at);
    lose_device();
    synchronise();
    status = CUBLAS_STATUS_EXECUTION_FAILED;
}

scalar::scalar(arguments &check, const void *at, bool is_double, bool on_device)
    : in_double(is_double) {
    check.need(at != nullptr);
    if (!check.good()) return;
    if (on_device) {
        check.memory("a scalar", at, 1, is_double ? sizeof(double) : sizeof(float));
        device = at;
        return;
    }
    /* a device would not even be asked: the host reads it */
    if (is_device(at, 1)) {
        fprintf(stderr,
                "cuda emulation: %s: a scalar is in device memory, but the pointer mode "
                "is host\n",
                check.routine);
        check.need(false, CUBLAS_STATUS_EXECUTION_FAILED);
        return;
    }
    value = is_double ? *(const double *)at : (double)*(const float *)at;
}

double scalar::get() const {
    if (!device) return value;
    return in_double ? *(const double *)device : (double)*(const float *)device;
}

bool compute_of(cublasComputeType_t type, cublasMath_t math, compute_mode *mode) {
    for (const compute_row &row : compute_types)
        if (row.type == type) {
            *mode = row.mode;
            if (type == CUBLAS_COMPUTE_32F && (math & 15) == CUBLAS_TF32_TENSOR_OP_MATH)
                mode->inputs = rounding::tf32;
            return true;
        }
    return false;
}

bool types_go_together(const compute_mode &mode, cudaDataType a, cudaDataType b, cudaDataType c) {
    if (a != b) return false;
    if (mode.in_double) return a == CUDA_R_64F && c == CUDA_R_64F;
    if (a == CUDA_R_32F) return c == CUDA_R_32F;
    bool narrow = a == CUDA_R_16F || a == CUDA_R_16BF;
    return narrow && mode.inputs == rounding::none && (c == a || c == CUDA_R_32F);
}

cublasStatus_t run_library(cudaStream_t stream, std::function<void()> work, void *output,
                           cudaDataType output_type) {
    return status_of(issue(stream, [work = std::move(work), output, output_type] {
        if (!count_launch()) return;
        work();
        spoil_when_asked(output, output_type);
    }));
}

cublasStatus_t run_library_and_wait(cudaStream_t stream, std::function<void()> work, void *output,
                                    cudaDataType output_type) {
    if (stream_captures(stream))
        return status_of(spoil_capture(stream, cudaErrorStreamCaptureUnsupported));
    cublasStatus_t status = run_library(stream, std::move(work), output, output_type);
    run_late(stream);
    return status == CUBLAS_STATUS_SUCCESS ? status_of(synchronise()) : status;
}

} // namespace cuda_on_host
