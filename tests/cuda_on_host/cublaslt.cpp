/* cuBLASLt: products with an epilogue. There is one algorithm, which needs no workspace. */
#include <cublasLt.h>

#include "tests/cuda_on_host/library.h"

#include <cstdint>
#include <cstring>

/* What the opaque descriptors hold here. */
struct cublasLtContext {
    int unused;
};

namespace cuda_on_host {
namespace {

struct operation {
    cublasComputeType_t compute;
    cudaDataType_t scale;
    int32_t pointers = CUBLASLT_POINTER_MODE_HOST;
    int32_t transa = CUBLAS_OP_N, transb = CUBLAS_OP_N;
    uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
    const void *bias = nullptr;
};

struct layout {
    cudaDataType type;
    uint64_t rows, columns;
    int64_t ld;
    int32_t order = CUBLASLT_ORDER_COL, batch = 1;
    int64_t stride = 0;
};

struct preference {
    uint64_t workspace = 0;
};

/* One attribute of a descriptor: where its value is held. */
struct attribute {
    int name;
    void *value;
    size_t bytes;
};

template <size_t N>
cublasStatus_t set(const attribute (&table)[N], int name, const void *value, size_t bytes) {
    for (const attribute &row : table) {
        if (row.name != name) continue;
        if (!value || row.bytes != bytes) return CUBLAS_STATUS_INVALID_VALUE;
        memcpy(row.value, value, bytes);
        return CUBLAS_STATUS_SUCCESS;
    }
    return CUBLAS_STATUS_INVALID_VALUE;
}

operation *held(cublasLtMatmulDesc_t x) { return (operation *)(void *)x; }
layout *held(cublasLtMatrixLayout_t x) { return (layout *)(void *)x; }
preference *held(cublasLtMatmulPreference_t x) { return (preference *)(void *)x; }

template <class Own, class Handle> cublasStatus_t destroy(Handle handle) {
    delete (Own *)(void *)handle;
    return CUBLAS_STATUS_SUCCESS;
}

/* Element `index` of the batch, transposed where asked. */
matrix view(const layout &x, const void *data, bool transposed, long long index) {
    const char *begin = (const char *)data + index * x.stride * (long long)size_of(x.type);
    long long row = x.order == CUBLASLT_ORDER_COL ? 1 : x.ld;
    long long column = x.order == CUBLASLT_ORDER_COL ? x.ld : 1;
    return {begin, x.type, transposed ? column : row, transposed ? row : column};
}

struct shapes {
    long long m, n, k;
    bool transa, transb;
    compute_mode mode;
};

void check_shapes(arguments &check, const operation *op, const layout *a, const layout *b,
                  const layout *c, const layout *d, shapes *s) {
    check.need(op && a && b && c && d);
    if (!check.good()) return;
    s->transa = op->transa != CUBLAS_OP_N, s->transb = op->transb != CUBLAS_OP_N;
    s->m = (long long)(s->transa ? a->columns : a->rows);
    s->k = (long long)(s->transa ? a->rows : a->columns);
    s->n = (long long)(s->transb ? b->rows : b->columns);
    check.need((long long)(s->transb ? b->columns : b->rows) == s->k);
    for (const layout *x : {c, d})
        check.need((long long)x->rows == s->m && (long long)x->columns == s->n);
    check.need(c->order == d->order && c->type == d->type);
    for (const layout *x : {a, b, c, d}) {
        uint64_t length = x->order == CUBLASLT_ORDER_COL ? x->rows : x->columns;
        check.need(x->rows && x->columns && x->ld >= (int64_t)length);
        check.need(x->batch == d->batch && x->batch > 0);
        check.need(x->order == CUBLASLT_ORDER_COL || x->order == CUBLASLT_ORDER_ROW,
                   CUBLAS_STATUS_NOT_SUPPORTED);
    }
    bool known = compute_of(op->compute, CUBLAS_DEFAULT_MATH, &s->mode) &&
                 op->scale == (s->mode.in_double ? CUDA_R_64F : CUDA_R_32F) &&
                 types_go_together(s->mode, a->type, b->type, d->type);
    check.need(known, CUBLAS_STATUS_NOT_SUPPORTED);
    uint32_t e = op->epilogue;
    check.need(e == CUBLASLT_EPILOGUE_DEFAULT || e == CUBLASLT_EPILOGUE_RELU ||
                   e == CUBLASLT_EPILOGUE_BIAS || e == CUBLASLT_EPILOGUE_RELU_BIAS,
               CUBLAS_STATUS_NOT_SUPPORTED);
    check.need(op->pointers == CUBLASLT_POINTER_MODE_HOST ||
                   op->pointers == CUBLASLT_POINTER_MODE_DEVICE,
               CUBLAS_STATUS_NOT_SUPPORTED);
}

void check_memory(arguments &check, const char *name, const layout &x, const void *data) {
    bool by_columns = x.order == CUBLASLT_ORDER_COL;
    for (int i = 0; i < x.batch && check.good(); i++)
        check.dense(name, view(x, data, false, i).data,
                    (long long)(by_columns ? x.rows : x.columns),
                    (long long)(by_columns ? x.columns : x.rows), x.ld, size_of(x.type));
}

} // namespace
} // namespace cuda_on_host

using namespace cuda_on_host;

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle) {
    call hold;
    if (!handle) return CUBLAS_STATUS_INVALID_VALUE;
    *handle = nullptr;
    if (ready()) return CUBLAS_STATUS_NOT_INITIALIZED;
    *handle = new cublasLtContext();
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
    delete handle;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *created, cublasComputeType_t compute,
                                        cudaDataType_t scale) {
    if (!created) return CUBLAS_STATUS_INVALID_VALUE;
    operation *made = new operation;
    made->compute = compute, made->scale = scale;
    *created = (cublasLtMatmulDesc_t)(void *)made;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t handle,
                                              cublasLtMatmulDescAttributes_t name,
                                              const void *value, size_t bytes) {
    operation *op = held(handle);
    if (!op) return CUBLAS_STATUS_INVALID_VALUE;
    const attribute table[] = {
        {CUBLASLT_MATMUL_DESC_POINTER_MODE, &op->pointers, sizeof op->pointers},
        {CUBLASLT_MATMUL_DESC_TRANSA, &op->transa, sizeof op->transa},
        {CUBLASLT_MATMUL_DESC_TRANSB, &op->transb, sizeof op->transb},
        {CUBLASLT_MATMUL_DESC_EPILOGUE, &op->epilogue, sizeof op->epilogue},
        {CUBLASLT_MATMUL_DESC_BIAS_POINTER, &op->bias, sizeof op->bias},
    };
    return set(table, name, value, bytes);
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t handle) {
    return destroy<operation>(handle);
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *created, cudaDataType type,
                                          uint64_t rows, uint64_t columns, int64_t ld) {
    if (!created) return CUBLAS_STATUS_INVALID_VALUE;
    layout *made = new layout;
    made->type = type, made->rows = rows, made->columns = columns, made->ld = ld;
    *created = (cublasLtMatrixLayout_t)(void *)made;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t handle,
                                                cublasLtMatrixLayoutAttribute_t name,
                                                const void *value, size_t bytes) {
    layout *x = held(handle);
    if (!x) return CUBLAS_STATUS_INVALID_VALUE;
    const attribute table[] = {
        {CUBLASLT_MATRIX_LAYOUT_ORDER, &x->order, sizeof x->order},
        {CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &x->batch, sizeof x->batch},
        {CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &x->stride, sizeof x->stride},
    };
    return set(table, name, value, bytes);
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t handle) {
    return destroy<layout>(handle);
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *created) {
    if (!created) return CUBLAS_STATUS_INVALID_VALUE;
    *created = (cublasLtMatmulPreference_t)(void *)new preference;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t handle,
                                                    cublasLtMatmulPreferenceAttributes_t name,
                                                    const void *value, size_t bytes) {
    preference *p = held(handle);
    if (!p) return CUBLAS_STATUS_INVALID_VALUE;
    const attribute table[] = {
        {CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &p->workspace, sizeof p->workspace},
    };
    return set(table, name, value, bytes);
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t handle) {
    return destroy<preference>(handle);
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t op,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preferred, int requested,
                                              cublasLtMatmulHeuristicResult_t results[],
                                              int *found) {
    call hold;
    arguments check("cublasLtMatmulAlgoGetHeuristic");
    if (found) *found = 0;
    check.need(handle != nullptr, CUBLAS_STATUS_NOT_INITIALIZED);
    check.need(preferred && found && results && requested > 0);
    shapes s;
    check_shapes(check, held(op), held(a), held(b), held(c), held(d), &s);
    if (!check.good()) return check.status;
    memset(&results[0], 0, sizeof results[0]);
    results[0].state = CUBLAS_STATUS_SUCCESS;
    results[0].wavesCount = 1;
    *found = 1;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t described,
                              const void *alpha, const void *a, cublasLtMatrixLayout_t layout_a,
                              const void *b, cublasLtMatrixLayout_t layout_b, const void *beta,
                              const void *c, cublasLtMatrixLayout_t layout_c, void *d,
                              cublasLtMatrixLayout_t layout_d, const cublasLtMatmulAlgo_t *,
                              void *workspace, size_t workspace_bytes, cudaStream_t stream) {
    access hold;
    arguments check("cublasLtMatmul");
    check.need(handle != nullptr, CUBLAS_STATUS_NOT_INITIALIZED);
    check.need(ready() == cudaSuccess, CUBLAS_STATUS_EXECUTION_FAILED);
    shapes s = {};
    check_shapes(check, held(described), held(layout_a), held(layout_b), held(layout_c),
                 held(layout_d), &s);
    if (!check.good()) return check.status;
    operation op = *held(described);
    layout la = *held(layout_a), lb = *held(layout_b), lc = *held(layout_c), ld = *held(layout_d);
    bool on_device = op.pointers == CUBLASLT_POINTER_MODE_DEVICE;
    scalar alpha_of(check, alpha, s.mode.in_double, on_device);
    scalar beta_of(check, beta, s.mode.in_double, on_device);
    check_memory(check, "A", la, a), check_memory(check, "B", lb, b);
    if (on_device || beta_of.value != 0) check_memory(check, "C", lc, c);
    check_memory(check, "D", ld, d);
    check.memory("the workspace", workspace, (long long)workspace_bytes, 1);
    const void *bias = op.epilogue & CUBLASLT_EPILOGUE_BIAS ? op.bias : nullptr;
    if (op.epilogue & CUBLASLT_EPILOGUE_BIAS) check.memory("the bias", bias, s.m, size_of(ld.type));
    if (!check.good()) return check.status;
    bool relu = op.epilogue & CUBLASLT_EPILOGUE_RELU;
    auto work = [=] {
        for (int i = 0; i < ld.batch; i++)
            multiply({s.m, s.n, s.k, view(la, a, s.transa, i), view(lb, b, s.transb, i),
                      view(lc, c, false, i), view(ld, d, false, i), s.mode.inputs, s.mode.in_double,
                      bias, relu},
                     alpha_of.get(), beta_of.get());
    };
    return run_library(stream, work, d, ld.type);
}
