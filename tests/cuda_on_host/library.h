/* What the emulations of cuBLAS and cuBLASLt share: checks of arguments, and how a call is run. */
#ifndef FLOPSTEP_CUDA_ON_HOST_LIBRARY_H
#define FLOPSTEP_CUDA_ON_HOST_LIBRARY_H

#include "tests/cuda_on_host/host_device.h"
#include "tests/cuda_on_host/matmul.h"

#include <cstdlib>
#include <type_traits>

namespace cuda_on_host {

/* Collects the first thing that is wrong with the arguments of one call. */
struct arguments {
    const char *routine;
    cublasStatus_t status = CUBLAS_STATUS_SUCCESS;

    explicit arguments(const char *name) : routine(name) {}
    void need(bool good, cublasStatus_t otherwise = CUBLAS_STATUS_INVALID_VALUE) {
        if (!good && status == CUBLAS_STATUS_SUCCESS) status = otherwise;
    }
    /* The device would fail on it with an illegal address: so does this, and says which. */
    void memory(const char *name, const void *at, long long elements, size_t element_bytes);
    /* n elements, `increment` apart */
    void vector(const char *name, const void *x, long long n, long long increment, size_t size) {
        need(increment != 0);
        if (n > 0) memory(name, x, 1 + (n - 1) * std::llabs(increment), size);
    }
    /* column-major; held only where there is something in it */
    void dense(const char *name, const void *x, long long rows, long long columns, long long ld,
               size_t size) {
        need(rows >= 0 && columns >= 0 && ld >= (rows > 1 ? rows : 1));
        if (rows > 0 && columns > 0) memory(name, x, (columns - 1) * ld + rows, size);
    }
    bool good() const { return status == CUBLAS_STATUS_SUCCESS; }
};

/* alpha, beta: a value of the host is read at the call, one of the device when the work runs. */
struct scalar {
    double value = 0;
    const void *device = nullptr;
    bool in_double = false;

    scalar() = default;
    scalar(arguments &check, const void *at, bool is_double, bool on_device);
    double get() const;
};

/* What a compute type does; false: not one of the emulation's. */
struct compute_mode {
    rounding inputs;
    bool in_double;
};
bool compute_of(cublasComputeType_t type, cublasMath_t math, compute_mode *mode);
/* Whether A and B of that type may be multiplied into C. */
bool types_go_together(const compute_mode &mode, cudaDataType a, cudaDataType b, cudaDataType c);

template <class T> constexpr cudaDataType type_of() {
    return std::is_same<T, double>::value ? CUDA_R_64F : CUDA_R_32F;
}

/* Issues work in the stream; its first output element is for wrong-after. */
cublasStatus_t run_library(cudaStream_t stream, std::function<void()> work, void *output,
                           cudaDataType output_type);
/* The same for work that leaves a result on the host: it waits. */
cublasStatus_t run_library_and_wait(cudaStream_t stream, std::function<void()> work, void *output,
                                    cudaDataType output_type);

} // namespace cuda_on_host

#endif
