/* cuBLAS: products by matmul.cpp, everything else by the project's textbook library. */
#include "tests/cuda_on_host/library.h"

#include <cstdio>
#include <cstring>
#include <set>
#include <string>
#include <vector>

extern "C" {
#include "kernels/cblas.h"
#include "kernels/cpu/builtin.h"
}

struct cublasContext {
    int device = cuda_on_host::current_device();
    cudaStream_t stream = nullptr;
    cublasPointerMode_t pointers = CUBLAS_POINTER_MODE_HOST;
    cublasMath_t math = CUBLAS_DEFAULT_MATH;
};

namespace cuda_on_host {
namespace {

std::set<cublasHandle_t> &handles() {
    static std::set<cublasHandle_t> *known = new std::set<cublasHandle_t>;
    return *known;
}

/* The textbook routine for T, e.g. textbook<T, void (*)(int, T, T *, int)>("scal"). */
template <class T, class F> F textbook(const char *name) {
    std::string wanted = std::string("cblas_") + (type_of<T>() == CUDA_R_64F ? "d" : "s") + name;
    for (const builtin_routine *row = naive_library.routines; row->name; row++)
        if (wanted == row->name) return (F)(void (*)(void))row->routine;
    die("the textbook library has no %s", wanted.c_str());
}

int cblas_of(cublasOperation_t trans) {
    return trans == CUBLAS_OP_N ? CBLAS_NO_TRANS : CBLAS_TRANS;
}
int cblas_of(cublasFillMode_t uplo) {
    return uplo == CUBLAS_FILL_MODE_LOWER ? CBLAS_LOWER : CBLAS_UPPER;
}

/* One call: who asks, and what is wrong with the arguments. */
struct request : access, arguments {
    cublasHandle_t handle;

    request(const char *name, cublasHandle_t asks) : arguments(name), handle(asks) {
        need(handle && handles().count(handle), CUBLAS_STATUS_NOT_INITIALIZED);
        need(ready() == cudaSuccess, CUBLAS_STATUS_EXECUTION_FAILED);
        need(!good() || stream_exists(handle->stream), CUBLAS_STATUS_EXECUTION_FAILED);
        need(!good() || handle->device == current_device(), CUBLAS_STATUS_EXECUTION_FAILED);
    }
    bool on_device() const { return good() && handle->pointers == CUBLAS_POINTER_MODE_DEVICE; }
    template <class T> scalar read(const T *at) {
        return scalar(*this, at, std::is_same<T, double>::value, on_device());
    }
    void operation(cublasOperation_t trans) {
        need(trans == CUBLAS_OP_N || trans == CUBLAS_OP_T || trans == CUBLAS_OP_C);
    }
    void triangle(cublasFillMode_t uplo) {
        need(uplo == CUBLAS_FILL_MODE_LOWER || uplo == CUBLAS_FILL_MODE_UPPER);
    }
    /* The textbook library knows left sides and stored diagonals only. */
    void left(cublasSideMode_t side) {
        need(side == CUBLAS_SIDE_LEFT || side == CUBLAS_SIDE_RIGHT);
        need(side == CUBLAS_SIDE_LEFT, CUBLAS_STATUS_NOT_SUPPORTED);
    }
    void stored(cublasDiagType_t diag) {
        need(diag == CUBLAS_DIAG_NON_UNIT || diag == CUBLAS_DIAG_UNIT);
        need(diag == CUBLAS_DIAG_NON_UNIT, CUBLAS_STATUS_NOT_SUPPORTED);
    }
    template <class T, class W> cublasStatus_t run(bool anything, T *output, W work) {
        if (!good() || !anything) return status;
        return run_library(handle->stream, work, output, type_of<T>());
    }
};

template <class T>
cublasStatus_t copy(const char *name, cublasHandle_t handle, int n, const T *x, int incx, T *y,
                    int incy) {
    request r(name, handle);
    r.vector("x", x, n, incx, sizeof *x), r.vector("y", y, n, incy, sizeof *y);
    return r.run(n > 0, y, [=] {
        textbook<T, void (*)(int, const T *, int, T *, int)>("copy")(n, x, incx, y, incy);
    });
}

template <class T>
cublasStatus_t swap(const char *name, cublasHandle_t handle, int n, T *x, int incx, T *y,
                    int incy) {
    request r(name, handle);
    r.vector("x", x, n, incx, sizeof *x), r.vector("y", y, n, incy, sizeof *y);
    return r.run(n > 0, y, [=] {
        T *from = incx < 0 ? x + (long)(1 - n) * incx : x;
        T *to = incy < 0 ? y + (long)(1 - n) * incy : y;
        for (long i = 0; i < n; i++) std::swap(from[i * incx], to[i * incy]);
    });
}

template <class T>
cublasStatus_t scal(const char *name, cublasHandle_t handle, int n, const T *alpha, T *x,
                    int incx) {
    request r(name, handle);
    scalar a = r.read(alpha);
    r.vector("x", x, n, incx, sizeof *x);
    return r.run(n > 0 && incx > 0, x,
                 [=] { textbook<T, void (*)(int, T, T *, int)>("scal")(n, (T)a.get(), x, incx); });
}

template <class T>
cublasStatus_t axpy(const char *name, cublasHandle_t handle, int n, const T *alpha, const T *x,
                    int incx, T *y, int incy) {
    request r(name, handle);
    scalar a = r.read(alpha);
    r.vector("x", x, n, incx, sizeof *x), r.vector("y", y, n, incy, sizeof *y);
    return r.run(n > 0, y, [=] {
        textbook<T, void (*)(int, T, const T *, int, T *, int)>("axpy")(n, (T)a.get(), x, incx, y,
                                                                        incy);
    });
}

/* Leaves a number on the host, where it waits, or on the device. */
template <class T, class W> cublasStatus_t reduce(request &r, T *result, W work) {
    r.need(result != nullptr);
    if (r.on_device()) r.memory("the result", result, 1, sizeof *result);
    if (!r.good()) return r.status;
    auto store = [=] { *result = work(); };
    if (r.on_device()) return run_library(r.handle->stream, store, result, type_of<T>());
    return run_library_and_wait(r.handle->stream, store, result, type_of<T>());
}

template <class T>
cublasStatus_t dot(const char *name, cublasHandle_t handle, int n, const T *x, int incx, const T *y,
                   int incy, T *result) {
    request r(name, handle);
    r.vector("x", x, n, incx, sizeof *x), r.vector("y", y, n, incy, sizeof *y);
    return reduce(r, result, [=]() -> T {
        return n < 1 ? 0
                     : textbook<T, T (*)(int, const T *, int, const T *, int)>("dot")(n, x, incx, y,
                                                                                      incy);
    });
}

template <class T>
cublasStatus_t norm(const char *name, const char *routine, cublasHandle_t handle, int n, const T *x,
                    int incx, T *result) {
    request r(name, handle);
    r.vector("x", x, n, incx, sizeof *x);
    return reduce(r, result, [=]() -> T {
        return n < 1 || incx < 1 ? 0 : textbook<T, T (*)(int, const T *, int)>(routine)(n, x, incx);
    });
}

template <class T>
cublasStatus_t gemv(const char *name, cublasHandle_t handle, cublasOperation_t trans, int m, int n,
                    const T *alpha, const T *a, int lda, const T *x, int incx, const T *beta, T *y,
                    int incy) {
    request r(name, handle);
    scalar s = r.read(alpha), t = r.read(beta);
    r.operation(trans);
    r.dense("A", a, m, n, lda, sizeof *a);
    r.vector("x", x, trans == CUBLAS_OP_N ? n : m, incx, sizeof *x);
    r.vector("y", y, trans == CUBLAS_OP_N ? m : n, incy, sizeof *y);
    return r.run(m > 0 && n > 0, y, [=] {
        textbook<T, void (*)(int, int, int, int, T, const T *, int, const T *, int, T, T *, int)>(
            "gemv")(CBLAS_COL_MAJOR, cblas_of(trans), m, n, (T)s.get(), a, lda, x, incx, (T)t.get(),
                    y, incy);
    });
}

template <class T>
cublasStatus_t ger(const char *name, cublasHandle_t handle, int m, int n, const T *alpha,
                   const T *x, int incx, const T *y, int incy, T *a, int lda) {
    request r(name, handle);
    scalar s = r.read(alpha);
    r.dense("A", a, m, n, lda, sizeof *a);
    r.vector("x", x, m, incx, sizeof *x), r.vector("y", y, n, incy, sizeof *y);
    return r.run(m > 0 && n > 0, a, [=] {
        textbook<T, void (*)(int, int, int, T, const T *, int, const T *, int, T *, int)>("ger")(
            CBLAS_COL_MAJOR, m, n, (T)s.get(), x, incx, y, incy, a, lda);
    });
}

template <class T>
cublasStatus_t symv(const char *name, cublasHandle_t handle, cublasFillMode_t uplo, int n,
                    const T *alpha, const T *a, int lda, const T *x, int incx, const T *beta, T *y,
                    int incy) {
    request r(name, handle);
    scalar s = r.read(alpha), t = r.read(beta);
    r.triangle(uplo);
    r.dense("A", a, n, n, lda, sizeof *a);
    r.vector("x", x, n, incx, sizeof *x), r.vector("y", y, n, incy, sizeof *y);
    return r.run(n > 0, y, [=] {
        textbook<T, void (*)(int, int, int, T, const T *, int, const T *, int, T, T *, int)>(
            "symv")(CBLAS_COL_MAJOR, cblas_of(uplo), n, (T)s.get(), a, lda, x, incx, (T)t.get(), y,
                    incy);
    });
}

template <class T>
cublasStatus_t trsv(const char *name, cublasHandle_t handle, cublasFillMode_t uplo,
                    cublasOperation_t trans, cublasDiagType_t diag, int n, const T *a, int lda,
                    T *x, int incx) {
    request r(name, handle);
    r.triangle(uplo), r.operation(trans), r.stored(diag);
    r.dense("A", a, n, n, lda, sizeof *a);
    r.vector("x", x, n, incx, sizeof *x);
    return r.run(n > 0, x, [=] {
        textbook<T, void (*)(int, int, int, int, int, const T *, int, T *, int)>("trsv")(
            CBLAS_COL_MAJOR, cblas_of(uplo), cblas_of(trans), CBLAS_NON_UNIT, n, a, lda, x, incx);
    });
}

template <class T>
void triangle_times(cublasFillMode_t uplo, cublasOperation_t trans, int m, int n, T alpha,
                    const T *a, int lda, T *b, int ldb) {
    textbook<T, void (*)(int, int, int, int, int, int, int, T, const T *, int, T *, int)>("trmm")(
        CBLAS_COL_MAJOR, CBLAS_LEFT, cblas_of(uplo), cblas_of(trans), CBLAS_NON_UNIT, m, n, alpha,
        a, lda, b, ldb);
}

/* As a product with a matrix of one column. */
template <class T>
cublasStatus_t trmv(const char *name, cublasHandle_t handle, cublasFillMode_t uplo,
                    cublasOperation_t trans, cublasDiagType_t diag, int n, const T *a, int lda,
                    T *x, int incx) {
    request r(name, handle);
    r.triangle(uplo), r.operation(trans), r.stored(diag);
    r.dense("A", a, n, n, lda, sizeof *a);
    r.vector("x", x, n, incx, sizeof *x);
    return r.run(n > 0, x, [=] {
        T *first = incx < 0 ? x + (long)(1 - n) * incx : x;
        std::vector<T> column((size_t)n);
        for (long i = 0; i < n; i++) column[(size_t)i] = first[i * incx];
        triangle_times<T>(uplo, trans, n, 1, 1, a, lda, column.data(), n);
        for (long i = 0; i < n; i++) first[i * incx] = column[(size_t)i];
    });
}

template <class T>
cublasStatus_t symm(const char *name, cublasHandle_t handle, cublasSideMode_t side,
                    cublasFillMode_t uplo, int m, int n, const T *alpha, const T *a, int lda,
                    const T *b, int ldb, const T *beta, T *c, int ldc) {
    request r(name, handle);
    scalar s = r.read(alpha), t = r.read(beta);
    r.left(side), r.triangle(uplo);
    r.dense("A", a, m, m, lda, sizeof *a), r.dense("B", b, m, n, ldb, sizeof *b);
    r.dense("C", c, m, n, ldc, sizeof *c);
    return r.run(m > 0 && n > 0, c, [=] {
        textbook<T, void (*)(int, int, int, int, int, T, const T *, int, const T *, int, T, T *,
                             int)>("symm")(CBLAS_COL_MAJOR, CBLAS_LEFT, cblas_of(uplo), m, n,
                                           (T)s.get(), a, lda, b, ldb, (T)t.get(), c, ldc);
    });
}

template <class T>
cublasStatus_t syrk(const char *name, cublasHandle_t handle, cublasFillMode_t uplo,
                    cublasOperation_t trans, int n, int k, const T *alpha, const T *a, int lda,
                    const T *beta, T *c, int ldc) {
    request r(name, handle);
    scalar s = r.read(alpha), t = r.read(beta);
    r.triangle(uplo), r.operation(trans);
    bool plain = trans == CUBLAS_OP_N;
    r.dense("A", a, plain ? n : k, plain ? k : n, lda, sizeof *a);
    r.dense("C", c, n, n, ldc, sizeof *c);
    return r.run(n > 0, c, [=] {
        textbook<T, void (*)(int, int, int, int, int, T, const T *, int, T, T *, int)>("syrk")(
            CBLAS_COL_MAJOR, cblas_of(uplo), cblas_of(trans), n, k, (T)s.get(), a, lda, (T)t.get(),
            c, ldc);
    });
}

template <class T>
cublasStatus_t trmm(const char *name, cublasHandle_t handle, cublasSideMode_t side,
                    cublasFillMode_t uplo, cublasOperation_t trans, cublasDiagType_t diag, int m,
                    int n, const T *alpha, const T *a, int lda, const T *b, int ldb, T *c,
                    int ldc) {
    request r(name, handle);
    scalar s = r.read(alpha);
    r.left(side), r.triangle(uplo), r.operation(trans), r.stored(diag);
    r.dense("A", a, m, m, lda, sizeof *a), r.dense("B", b, m, n, ldb, sizeof *b);
    r.dense("C", c, m, n, ldc, sizeof *c);
    r.need(b != c || ldb == ldc);
    return r.run(m > 0 && n > 0, c, [=] {
        for (long j = 0; b != c && j < n; j++)
            memcpy(c + j * ldc, b + j * ldb, (size_t)m * sizeof *c);
        triangle_times(uplo, trans, m, n, (T)s.get(), a, lda, c, ldc);
    });
}

template <class T>
cublasStatus_t trsm(const char *name, cublasHandle_t handle, cublasSideMode_t side,
                    cublasFillMode_t uplo, cublasOperation_t trans, cublasDiagType_t diag, int m,
                    int n, const T *alpha, const T *a, int lda, T *b, int ldb) {
    request r(name, handle);
    scalar s = r.read(alpha);
    r.left(side), r.triangle(uplo), r.operation(trans), r.stored(diag);
    r.dense("A", a, m, m, lda, sizeof *a), r.dense("B", b, m, n, ldb, sizeof *b);
    return r.run(m > 0 && n > 0, b, [=] {
        textbook<T, void (*)(int, int, int, int, int, int, int, T, const T *, int, T *, int)>(
            "trsm")(CBLAS_COL_MAJOR, CBLAS_LEFT, cblas_of(uplo), cblas_of(trans), CBLAS_NON_UNIT, m,
                    n, (T)s.get(), a, lda, b, ldb);
    });
}

/* An operand of a product: its type, leading dimension, and distance between those of a batch. */
struct operand {
    const void *data;
    cudaDataType type;
    int ld;
    long long stride;
};

matrix view(const operand &x, bool transposed, long long index) {
    const char *begin = (const char *)x.data + index * x.stride * (long long)size_of(x.type);
    return {begin, x.type, transposed ? x.ld : 1, transposed ? 1 : x.ld};
}

/* All of cuBLAS's products. */
cublasStatus_t gemm(const char *name, cublasHandle_t handle, cublasOperation_t transa,
                    cublasOperation_t transb, int m, int n, int k, const void *alpha, operand a,
                    operand b, const void *beta, operand c, int batch,
                    cublasComputeType_t compute) {
    request r(name, handle);
    r.operation(transa), r.operation(transb);
    r.need(m >= 0 && n >= 0 && k >= 0 && batch >= 0);
    compute_mode mode = {rounding::none, false};
    r.need(!r.good() || (compute_of(compute, handle->math, &mode) &&
                         types_go_together(mode, a.type, b.type, c.type)),
           CUBLAS_STATUS_NOT_SUPPORTED);
    scalar s(r, alpha, mode.in_double, r.on_device()), t(r, beta, mode.in_double, r.on_device());
    bool ta = transa != CUBLAS_OP_N, tb = transb != CUBLAS_OP_N;
    for (long long i = 0; i < batch && r.good(); i++) {
        r.dense("A", view(a, ta, i).data, ta ? k : m, ta ? m : k, a.ld, size_of(a.type));
        r.dense("B", view(b, tb, i).data, tb ? n : k, tb ? k : n, b.ld, size_of(b.type));
        r.dense("C", view(c, false, i).data, m, n, c.ld, size_of(c.type));
    }
    if (!r.good() || !m || !n || !batch) return r.status;
    auto work = [=] {
        for (long long i = 0; i < batch; i++) {
            matrix to = view(c, false, i);
            multiply({m, n, k, view(a, ta, i), view(b, tb, i), to, to, mode.inputs, mode.in_double,
                      nullptr, false},
                     s.get(), t.get());
        }
    };
    return run_library(handle->stream, work, (void *)c.data, c.type);
}

template <class T> constexpr cublasComputeType_t compute_for() {
    return std::is_same<T, double>::value ? CUBLAS_COMPUTE_64F : CUBLAS_COMPUTE_32F;
}

} // namespace
} // namespace cuda_on_host

using namespace cuda_on_host;

cublasStatus_t cublasCreate_v2(cublasHandle_t *handle) {
    call hold;
    if (!handle) return CUBLAS_STATUS_INVALID_VALUE;
    *handle = nullptr;
    if (ready()) return CUBLAS_STATUS_NOT_INITIALIZED;
    *handle = new cublasContext;
    handles().insert(*handle);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
    call hold;
    if (!handles().erase(handle)) return CUBLAS_STATUS_NOT_INITIALIZED;
    delete handle;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetVersion_v2(cublasHandle_t, int *version) {
    if (!version) return CUBLAS_STATUS_INVALID_VALUE;
    *version = CUBLAS_VER_MAJOR * 10000 + CUBLAS_VER_MINOR * 100 + CUBLAS_VER_PATCH;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetProperty(libraryPropertyType type, int *value) {
    static const int parts[] = {CUBLAS_VER_MAJOR, CUBLAS_VER_MINOR, CUBLAS_VER_PATCH};
    if (!value || (unsigned)type >= sizeof parts / sizeof *parts)
        return CUBLAS_STATUS_INVALID_VALUE;
    *value = parts[type];
    return CUBLAS_STATUS_SUCCESS;
}

/* Sets one property of a handle, if both are good. */
template <class T>
static cublasStatus_t set(cublasHandle_t handle, T cublasContext::*property, T value, bool good) {
    call hold;
    if (!handles().count(handle)) return CUBLAS_STATUS_NOT_INITIALIZED;
    if (!good) return CUBLAS_STATUS_INVALID_VALUE;
    handle->*property = value;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
    call hold;
    return set(handle, &cublasContext::stream, stream, stream_exists(stream));
}

cublasStatus_t cublasSetPointerMode_v2(cublasHandle_t handle, cublasPointerMode_t mode) {
    return set(handle, &cublasContext::pointers, mode,
               mode == CUBLAS_POINTER_MODE_HOST || mode == CUBLAS_POINTER_MODE_DEVICE);
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
    int base = mode & ~CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION;
    return set(handle, &cublasContext::math, mode,
               base == CUBLAS_DEFAULT_MATH || base == CUBLAS_PEDANTIC_MATH ||
                   base == CUBLAS_TF32_TENSOR_OP_MATH);
}

/* In newer headers, where sources may use them behind a guard. */
#if CUDART_VERSION >= 11020
cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void *workspace, size_t bytes) {
    request r("cublasSetWorkspace", handle);
    if (workspace) r.memory("the workspace", workspace, (long long)bytes, 1);
    return r.status;
}
#endif
#if CUDART_VERSION >= 12000
cublasStatus_t cublasGetMathMode(cublasHandle_t handle, cublasMath_t *mode) {
    call hold;
    if (!handles().count(handle)) return CUBLAS_STATUS_NOT_INITIALIZED;
    if (!mode) return CUBLAS_STATUS_INVALID_VALUE;
    *mode = handle->math;
    return CUBLAS_STATUS_SUCCESS;
}
#endif

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t transa,
                                          cublasOperation_t transb, int m, int n, int k,
                                          const void *alpha, const void *a, cudaDataType type_a,
                                          int lda, long long stride_a, const void *b,
                                          cudaDataType type_b, int ldb, long long stride_b,
                                          const void *beta, void *c, cudaDataType type_c, int ldc,
                                          long long stride_c, int batch,
                                          cublasComputeType_t compute, cublasGemmAlgo_t) {
    return gemm("cublasGemmStridedBatchedEx", handle, transa, transb, m, n, k, alpha,
                {a, type_a, lda, stride_a}, {b, type_b, ldb, stride_b}, beta,
                {c, type_c, ldc, stride_c}, batch, compute);
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t transa,
                            cublasOperation_t transb, int m, int n, int k, const void *alpha,
                            const void *a, cudaDataType type_a, int lda, const void *b,
                            cudaDataType type_b, int ldb, const void *beta, void *c,
                            cudaDataType type_c, int ldc, cublasComputeType_t compute,
                            cublasGemmAlgo_t) {
    return gemm("cublasGemmEx", handle, transa, transb, m, n, k, alpha, {a, type_a, lda, 0},
                {b, type_b, ldb, 0}, beta, {c, type_c, ldc, 0}, 1, compute);
}

/* The names of the interface, for float (S) and double (D). */
#define ROUTINES(S, T)                                                                             \
    cublasStatus_t cublas##S##copy_v2(cublasHandle_t h, int n, const T *x, int incx, T *y,         \
                                      int incy) {                                                  \
        return copy("cublas" #S "copy", h, n, x, incx, y, incy);                                   \
    }                                                                                              \
    cublasStatus_t cublas##S##swap_v2(cublasHandle_t h, int n, T *x, int incx, T *y, int incy) {   \
        return cuda_on_host::swap("cublas" #S "swap", h, n, x, incx, y, incy);                     \
    }                                                                                              \
    cublasStatus_t cublas##S##scal_v2(cublasHandle_t h, int n, const T *alpha, T *x, int incx) {   \
        return scal("cublas" #S "scal", h, n, alpha, x, incx);                                     \
    }                                                                                              \
    cublasStatus_t cublas##S##axpy_v2(cublasHandle_t h, int n, const T *alpha, const T *x,         \
                                      int incx, T *y, int incy) {                                  \
        return axpy("cublas" #S "axpy", h, n, alpha, x, incx, y, incy);                            \
    }                                                                                              \
    cublasStatus_t cublas##S##dot_v2(cublasHandle_t h, int n, const T *x, int incx, const T *y,    \
                                     int incy, T *result) {                                        \
        return dot("cublas" #S "dot", h, n, x, incx, y, incy, result);                             \
    }                                                                                              \
    cublasStatus_t cublas##S##nrm2_v2(cublasHandle_t h, int n, const T *x, int incx, T *result) {  \
        return norm("cublas" #S "nrm2", "nrm2", h, n, x, incx, result);                            \
    }                                                                                              \
    cublasStatus_t cublas##S##asum_v2(cublasHandle_t h, int n, const T *x, int incx, T *result) {  \
        return norm("cublas" #S "asum", "asum", h, n, x, incx, result);                            \
    }                                                                                              \
    cublasStatus_t cublas##S##gemv_v2(cublasHandle_t h, cublasOperation_t trans, int m, int n,     \
                                      const T *alpha, const T *a, int lda, const T *x, int incx,   \
                                      const T *beta, T *y, int incy) {                             \
        return gemv("cublas" #S "gemv", h, trans, m, n, alpha, a, lda, x, incx, beta, y, incy);    \
    }                                                                                              \
    cublasStatus_t cublas##S##ger_v2(cublasHandle_t h, int m, int n, const T *alpha, const T *x,   \
                                     int incx, const T *y, int incy, T *a, int lda) {              \
        return ger("cublas" #S "ger", h, m, n, alpha, x, incx, y, incy, a, lda);                   \
    }                                                                                              \
    cublasStatus_t cublas##S##symv_v2(cublasHandle_t h, cublasFillMode_t uplo, int n,              \
                                      const T *alpha, const T *a, int lda, const T *x, int incx,   \
                                      const T *beta, T *y, int incy) {                             \
        return symv("cublas" #S "symv", h, uplo, n, alpha, a, lda, x, incx, beta, y, incy);        \
    }                                                                                              \
    cublasStatus_t cublas##S##trsv_v2(cublasHandle_t h, cublasFillMode_t uplo,                     \
                                      cublasOperation_t trans, cublasDiagType_t diag, int n,       \
                                      const T *a, int lda, T *x, int incx) {                       \
        return trsv("cublas" #S "trsv", h, uplo, trans, diag, n, a, lda, x, incx);                 \
    }                                                                                              \
    cublasStatus_t cublas##S##trmv_v2(cublasHandle_t h, cublasFillMode_t uplo,                     \
                                      cublasOperation_t trans, cublasDiagType_t diag, int n,       \
                                      const T *a, int lda, T *x, int incx) {                       \
        return trmv("cublas" #S "trmv", h, uplo, trans, diag, n, a, lda, x, incx);                 \
    }                                                                                              \
    cublasStatus_t cublas##S##gemm_v2(                                                             \
        cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k,         \
        const T *alpha, const T *a, int lda, const T *b, int ldb, const T *beta, T *c, int ldc) {  \
        return gemm("cublas" #S "gemm", h, ta, tb, m, n, k, alpha, {a, type_of<T>(), lda, 0},      \
                    {b, type_of<T>(), ldb, 0}, beta, {c, type_of<T>(), ldc, 0}, 1,                 \
                    compute_for<T>());                                                             \
    }                                                                                              \
    cublasStatus_t cublas##S##symm_v2(                                                             \
        cublasHandle_t h, cublasSideMode_t side, cublasFillMode_t uplo, int m, int n,              \
        const T *alpha, const T *a, int lda, const T *b, int ldb, const T *beta, T *c, int ldc) {  \
        return symm("cublas" #S "symm", h, side, uplo, m, n, alpha, a, lda, b, ldb, beta, c, ldc); \
    }                                                                                              \
    cublasStatus_t cublas##S##syrk_v2(cublasHandle_t h, cublasFillMode_t uplo,                     \
                                      cublasOperation_t trans, int n, int k, const T *alpha,       \
                                      const T *a, int lda, const T *beta, T *c, int ldc) {         \
        return syrk("cublas" #S "syrk", h, uplo, trans, n, k, alpha, a, lda, beta, c, ldc);        \
    }                                                                                              \
    cublasStatus_t cublas##S##trmm_v2(cublasHandle_t h, cublasSideMode_t side,                     \
                                      cublasFillMode_t uplo, cublasOperation_t trans,              \
                                      cublasDiagType_t diag, int m, int n, const T *alpha,         \
                                      const T *a, int lda, const T *b, int ldb, T *c, int ldc) {   \
        return trmm("cublas" #S "trmm", h, side, uplo, trans, diag, m, n, alpha, a, lda, b, ldb,   \
                    c, ldc);                                                                       \
    }                                                                                              \
    cublasStatus_t cublas##S##trsm_v2(                                                             \
        cublasHandle_t h, cublasSideMode_t side, cublasFillMode_t uplo, cublasOperation_t trans,   \
        cublasDiagType_t diag, int m, int n, const T *alpha, const T *a, int lda, T *b, int ldb) { \
        return trsm("cublas" #S "trsm", h, side, uplo, trans, diag, m, n, alpha, a, lda, b, ldb);  \
    }                                                                                              \
    cublasStatus_t cublas##S##gemmStridedBatched(                                                  \
        cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k,         \
        const T *alpha, const T *a, int lda, long long stride_a, const T *b, int ldb,              \
        long long stride_b, const T *beta, T *c, int ldc, long long stride_c, int batch) {         \
        return gemm("cublas" #S "gemmStridedBatched", h, ta, tb, m, n, k, alpha,                   \
                    {a, type_of<T>(), lda, stride_a}, {b, type_of<T>(), ldb, stride_b}, beta,      \
                    {c, type_of<T>(), ldc, stride_c}, batch, compute_for<T>());                    \
    }
ROUTINES(S, float)
ROUTINES(D, double)
