/* cuBLAS as CBLAS routines on the device's memory: the rows of kernels/blas*.c call them as they
 * call any library. Column-major, as they ask for. Everything is issued in the device's stream. A
 * CBLAS call names no device, so the one that cuda_blas() was last asked for is meant: one thread
 * drives one device at a time and asks again when it turns to another one. */
#include <cmath>
#include <cstring>

#include "kernels/cblas.h"
#include "kernels/cuda/cuda_device.h"
#include "kernels/cuda/gemm_plans.h"

static struct cuda_state *current;

static cublasOperation_t op(int trans) { return trans == CBLAS_TRANS ? CUBLAS_OP_T : CUBLAS_OP_N; }

static cublasFillMode_t triangle(int uplo) {
    return uplo == CBLAS_UPPER ? CUBLAS_FILL_MODE_UPPER : CUBLAS_FILL_MODE_LOWER;
}

/* Issues a routine of cuBLAS in single or double precision, by the type of its coefficients.
 * Default math: single precision is not rounded to TF32. */
#define CUBLAS(REAL, routine, ...)                                                                 \
    ISSUE("cublas" #routine, by_type<REAL>::choose(cublasS##routine, cublasD##routine), __VA_ARGS__)

/* After an error nothing is issued any more. */
#define ISSUE(name, routine, ...)                                                                  \
    do {                                                                                           \
        if (!current->failed) cuda_check(current, (routine)(current->cublas, __VA_ARGS__), name);  \
    } while (0)

template <typename REAL> struct by_type;
template <> struct by_type<float> {
    template <typename S, typename D> static S *choose(S *single, D *) { return single; }
};
template <> struct by_type<double> {
    template <typename S, typename D> static D *choose(S *, D *twice) { return twice; }
};

/* ---- level 1 ---- */

template <typename REAL> static void copy(int n, const REAL *x, int incx, REAL *y, int incy) {
    CUBLAS(REAL, copy, n, x, incx, y, incy);
}

template <typename REAL> static void scal(int n, REAL alpha, REAL *x, int incx) {
    CUBLAS(REAL, scal, n, &alpha, x, incx);
}

template <typename REAL>
static void axpy(int n, REAL alpha, const REAL *x, int incx, REAL *y, int incy) {
    CUBLAS(REAL, axpy, n, &alpha, x, incx, y, incy);
}

/* Results of reductions stay on the device, so that the host does not wait for each: what these
 * return says that it is not yet known. */
template <typename REAL> static REAL *reduction_begins() {
    current->result_single = sizeof(REAL) == sizeof(float);
    cublasSetPointerMode(current->cublas, CUBLAS_POINTER_MODE_DEVICE);
    return (REAL *)current->result;
}

template <typename REAL> static REAL reduction_issued() {
    cublasSetPointerMode(current->cublas, CUBLAS_POINTER_MODE_HOST);
    return (REAL)NAN;
}

template <typename REAL> static REAL dot(int n, const REAL *x, int incx, const REAL *y, int incy) {
    REAL *result = reduction_begins<REAL>();
    CUBLAS(REAL, dot, n, x, incx, y, incy, result);
    return reduction_issued<REAL>();
}

template <typename REAL> static REAL nrm2(int n, const REAL *x, int incx) {
    REAL *result = reduction_begins<REAL>();
    CUBLAS(REAL, nrm2, n, x, incx, result);
    return reduction_issued<REAL>();
}

template <typename REAL> static REAL asum(int n, const REAL *x, int incx) {
    REAL *result = reduction_begins<REAL>();
    CUBLAS(REAL, asum, n, x, incx, result);
    return reduction_issued<REAL>();
}

double cuda_blas_result(const struct device *device) {
    struct cuda_state *s = cuda_state_of(device);
    float single = NAN;
    double twice = NAN;
    if (s->result_single)
        device->copy_out(device, &single, s->result, sizeof single);
    else
        device->copy_out(device, &twice, s->result, sizeof twice);
    if (s->failed) return NAN;
    return s->result_single ? (double)single : twice;
}

/* ---- level 2 ---- */

template <typename REAL>
static void gemv(int, int trans, int m, int n, REAL alpha, const REAL *a, int lda, const REAL *x,
                 int incx, REAL beta, REAL *y, int incy) {
    CUBLAS(REAL, gemv, op(trans), m, n, &alpha, a, lda, x, incx, &beta, y, incy);
}

template <typename REAL>
static void ger(int, int m, int n, REAL alpha, const REAL *x, int incx, const REAL *y, int incy,
                REAL *a, int lda) {
    CUBLAS(REAL, ger, m, n, &alpha, x, incx, y, incy, a, lda);
}

template <typename REAL>
static void symv(int, int uplo, int n, REAL alpha, const REAL *a, int lda, const REAL *x, int incx,
                 REAL beta, REAL *y, int incy) {
    CUBLAS(REAL, symv, triangle(uplo), n, &alpha, a, lda, x, incx, &beta, y, incy);
}

template <typename REAL>
static void trsv(int, int uplo, int trans, int, int n, const REAL *a, int lda, REAL *x, int incx) {
    CUBLAS(REAL, trsv, triangle(uplo), op(trans), CUBLAS_DIAG_NON_UNIT, n, a, lda, x, incx);
}

/* ---- level 3 ---- */

template <typename REAL>
static void gemm(int, int transa, int transb, int m, int n, int k, REAL alpha, const REAL *a,
                 int lda, const REAL *b, int ldb, REAL beta, REAL *c, int ldc) {
    CUBLAS(REAL, gemm, op(transa), op(transb), m, n, k, &alpha, a, lda, b, ldb, &beta, c, ldc);
}

template <typename REAL>
static void gemm_batch_strided(int, int transa, int transb, int m, int n, int k, REAL alpha,
                               const REAL *a, int lda, int next_a, const REAL *b, int ldb,
                               int next_b, REAL beta, REAL *c, int ldc, int next_c, int batch) {
    CUBLAS(REAL, gemmStridedBatched, op(transa), op(transb), m, n, k, &alpha, a, lda, next_a, b,
           ldb, next_b, &beta, c, ldc, next_c, batch);
}

template <typename REAL>
static void symm(int, int, int uplo, int m, int n, REAL alpha, const REAL *a, int lda,
                 const REAL *b, int ldb, REAL beta, REAL *c, int ldc) {
    CUBLAS(REAL, symm, CUBLAS_SIDE_LEFT, triangle(uplo), m, n, &alpha, a, lda, b, ldb, &beta, c,
           ldc);
}

template <typename REAL>
static void syrk(int, int uplo, int trans, int n, int k, REAL alpha, const REAL *a, int lda,
                 REAL beta, REAL *c, int ldc) {
    CUBLAS(REAL, syrk, triangle(uplo), op(trans), n, k, &alpha, a, lda, &beta, c, ldc);
}

/* cuBLAS's has an output of its own, which may be its input. */
template <typename REAL>
static void trmm(int, int, int uplo, int trans, int, int m, int n, REAL alpha, const REAL *a,
                 int lda, REAL *b, int ldb) {
    CUBLAS(REAL, trmm, CUBLAS_SIDE_LEFT, triangle(uplo), op(trans), CUBLAS_DIAG_NON_UNIT, m, n,
           &alpha, a, lda, b, ldb, b, ldb);
}

template <typename REAL>
static void trsm(int, int, int uplo, int trans, int, int m, int n, REAL alpha, const REAL *a,
                 int lda, REAL *b, int ldb) {
    CUBLAS(REAL, trsm, CUBLAS_SIDE_LEFT, triangle(uplo), op(trans), CUBLAS_DIAG_NON_UNIT, m, n,
           &alpha, a, lda, b, ldb);
}

/* ---- products of few bits, summed in single precision ---- */

struct h {
    static constexpr cudaDataType_t stored = CUDA_R_16F;
    static constexpr cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
};
struct bf16 {
    static constexpr cudaDataType_t stored = CUDA_R_16BF;
    static constexpr cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
};
struct tf32 {
    static constexpr cudaDataType_t stored = CUDA_R_32F;
    static constexpr cublasComputeType_t compute = CUBLAS_COMPUTE_32F_FAST_TF32;
};

/* By cublasLt, whose choice for a shape is kept; by cuBLAS where it has none. */
template <typename MIXED>
static void mixed_gemm(int, int transa, int transb, int m, int n, int k, float alpha, const void *a,
                       int lda, const void *b, int ldb, float beta, void *c, int ldc) {
    struct gemm_key key;
    memset(&key, 0, sizeof key);
    key.m = m, key.n = n, key.k = k;
    key.lda = lda, key.ldb = ldb, key.ldd = ldc;
    key.trans_a = transa == CBLAS_TRANS, key.trans_b = transb == CBLAS_TRANS;
    key.type = MIXED::stored;
    key.compute = MIXED::compute;
    key.epilogue = CUBLASLT_EPILOGUE_DEFAULT;
    key.adds = beta != 0;
    key.align_a = gemm_alignment(a), key.align_b = gemm_alignment(b);
    key.align_d = gemm_alignment(c);
    if (current->failed || gemm_plan_run(current, &key, alpha, a, b, beta, c, NULL)) return;
    ISSUE("cublasGemmEx", cublasGemmEx, op(transa), op(transb), m, n, k, &alpha, a, MIXED::stored,
          lda, b, MIXED::stored, ldb, &beta, c, MIXED::stored, ldc, MIXED::compute,
          CUBLAS_GEMM_DEFAULT);
}

template <typename MIXED>
static void mixed_gemm_batch_strided(int, int transa, int transb, int m, int n, int k, float alpha,
                                     const void *a, int lda, int next_a, const void *b, int ldb,
                                     int next_b, float beta, void *c, int ldc, int next_c,
                                     int batch) {
    ISSUE("cublasGemmStridedBatchedEx", cublasGemmStridedBatchedEx, op(transa), op(transb), m, n, k,
          &alpha, a, MIXED::stored, lda, next_a, b, MIXED::stored, ldb, next_b, &beta, c,
          MIXED::stored, ldc, next_c, batch, MIXED::compute, CUBLAS_GEMM_DEFAULT);
}

/* ---- by name ---- */

#define BOTH(name)                                                                                 \
    {"cblas_s" #name, (blas_routine)name<float>}, { "cblas_d" #name, (blas_routine)name<double> }
#define MIXED(type)                                                                                \
    {"cblas_" #type "gemm", (blas_routine)mixed_gemm<type>}, {                                     \
        "cblas_" #type "gemm_batch_strided", (blas_routine)mixed_gemm_batch_strided<type>          \
    }

static const struct {
    const char *name;
    blas_routine routine;
} routines[] = {BOTH(copy), BOTH(scal),  BOTH(axpy), BOTH(dot),
                BOTH(nrm2), BOTH(asum),  BOTH(gemv), BOTH(ger),
                BOTH(symv), BOTH(trsv),  BOTH(gemm), BOTH(gemm_batch_strided),
                BOTH(symm), BOTH(syrk),  BOTH(trmm), BOTH(trsm),
                MIXED(h),   MIXED(bf16), MIXED(tf32)};

blas_routine cuda_blas(const struct device *device, const char *name) {
    current = cuda_state_of(device);
    if (!current->failed) cuda_check(current, cudaSetDevice(current->index), "choosing the device");
    for (const auto &row : routines)
        if (strcmp(row.name, name) == 0) return row.routine;
    return NULL;
}
