#include "kernels/cuda/gemm_plans.h"

#include <string.h>

#include <new>
#include <unordered_map>

struct key_hash {
    size_t operator()(const struct gemm_key &key) const { /* FNV-1a */
        const unsigned char *bytes = (const unsigned char *)&key;
        uint64_t hash = 0xcbf29ce484222325U;
        for (size_t i = 0; i < sizeof key; i++) hash = (hash ^ bytes[i]) * 0x100000001b3U;
        return (size_t)hash;
    }
};
struct key_equal {
    bool operator()(const struct gemm_key &a, const struct gemm_key &b) const {
        return memcmp(&a, &b, sizeof a) == 0; /* zeroed first. NOLINT(bugprone-*) */
    }
};

/* A shape that cublasLt does not take is kept as well: it is not asked again. */
struct entry {
    struct gemm_plan plan;
    bool usable;
};

struct cuda_gemm_plans {
    std::unordered_map<struct gemm_key, struct entry, key_hash, key_equal> entries;
};

struct cuda_gemm_plans *cuda_gemm_plans_new(void) {
    return new (std::nothrow) cuda_gemm_plans;
}

static void plan_free(struct gemm_plan *plan) {
    if (plan->operation) cublasLtMatmulDescDestroy(plan->operation);
    if (plan->a) cublasLtMatrixLayoutDestroy(plan->a);
    if (plan->b) cublasLtMatrixLayoutDestroy(plan->b);
    if (plan->d) cublasLtMatrixLayoutDestroy(plan->d);
    memset(plan, 0, sizeof *plan);
}

void cuda_gemm_plans_free(struct cuda_gemm_plans *plans) {
    if (!plans) return;
    for (auto &pair : plans->entries) plan_free(&pair.second.plan);
    delete plans;
}

static bool good(cublasStatus_t status) { return status == CUBLAS_STATUS_SUCCESS; }

static bool set(cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t what,
                int32_t value) {
    return good(cublasLtMatmulDescSetAttribute(operation, what, &value, sizeof value));
}

static bool describe(const struct gemm_key *k, struct gemm_plan *plan) {
    const int32_t n = CUBLAS_OP_N, t = CUBLAS_OP_T;
    return good(cublasLtMatmulDescCreate(&plan->operation, (cublasComputeType_t)k->compute,
                                         CUDA_R_32F)) &&
           set(plan->operation, CUBLASLT_MATMUL_DESC_TRANSA, k->trans_a ? t : n) &&
           set(plan->operation, CUBLASLT_MATMUL_DESC_TRANSB, k->trans_b ? t : n) &&
           set(plan->operation, CUBLASLT_MATMUL_DESC_EPILOGUE, k->epilogue) &&
           good(cublasLtMatrixLayoutCreate(&plan->a, (cudaDataType_t)k->type,
                                           (uint64_t)(k->trans_a ? k->k : k->m),
                                           (uint64_t)(k->trans_a ? k->m : k->k), k->lda)) &&
           good(cublasLtMatrixLayoutCreate(&plan->b, (cudaDataType_t)k->type,
                                           (uint64_t)(k->trans_b ? k->n : k->k),
                                           (uint64_t)(k->trans_b ? k->k : k->n), k->ldb)) &&
           good(cublasLtMatrixLayoutCreate(&plan->d, (cudaDataType_t)k->type, (uint64_t)k->m,
                                           (uint64_t)k->n, k->ldd));
}

static bool limit(cublasLtMatmulPreference_t preference, const struct gemm_key *k,
                  size_t workspace_bytes) {
    uint64_t most = workspace_bytes;
    bool set = good(cublasLtMatmulPreferenceSetAttribute(
        preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most, sizeof most));
#ifndef FLOPSTEP_CUDA_ON_HOST
    /* It takes 256 for granted. */
    const struct {
        cublasLtMatmulPreferenceAttributes_t what;
        uint32_t bytes;
    } alignments[] = {
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, (uint32_t)k->align_a},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, (uint32_t)k->align_b},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, (uint32_t)k->align_d},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, (uint32_t)k->align_d},
    };
    for (const auto &a : alignments)
        set = set && good(cublasLtMatmulPreferenceSetAttribute(preference, a.what, &a.bytes,
                                                               sizeof a.bytes));
#else
    (void)k;
#endif
    return set;
}

/* The first of the heuristic's choices. */
static bool choose(struct cuda_state *state, const struct gemm_key *k, struct gemm_plan *plan) {
    cublasLtMatmulPreference_t preference = NULL;
    cublasLtMatmulHeuristicResult_t result;
    int found = 0;
    memset(&result, 0, sizeof result);
    bool chosen =
        good(cublasLtMatmulPreferenceCreate(&preference)) &&
        limit(preference, k, state->workspace_bytes) &&
        good(cublasLtMatmulAlgoGetHeuristic(state->cublaslt, plan->operation, plan->a, plan->b,
                                            plan->d, plan->d, preference, 1, &result, &found)) &&
        found > 0 && good(result.state);
    if (preference) cublasLtMatmulPreferenceDestroy(preference);
    plan->algorithm = result.algo;
    plan->workspace_bytes = result.workspaceSize;
    return chosen && result.workspaceSize <= state->workspace_bytes;
}

const struct gemm_plan *gemm_plan_find(struct cuda_state *state, const struct gemm_key *key) {
    if (state->failed || !state->plans) return NULL;
    auto &entries = state->plans->entries;
    auto at = entries.find(*key);
    if (at == entries.end()) {
        struct entry made;
        memset(&made, 0, sizeof made);
        made.usable = describe(key, &made.plan) && choose(state, key, &made.plan);
        if (!made.usable) plan_free(&made.plan);
        at = entries.emplace(*key, made).first; /* elements keep their addresses */
    }
    return at->second.usable ? &at->second.plan : NULL;
}

int32_t gemm_alignment(const void *address) {
    int32_t bytes = 256;
    while (bytes > 1 && (uintptr_t)address % (uintptr_t)bytes) bytes /= 2;
    return bytes;
}

bool gemm_plan_run(struct cuda_state *state, const struct gemm_key *key, float alpha, const void *a,
                   const void *b, float beta, void *d, const void *bias) {
    const struct gemm_plan *plan = gemm_plan_find(state, key);
    if (!plan) return false;
    if (bias)
        cuda_check(state,
                   cublasLtMatmulDescSetAttribute(
                       plan->operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias),
                   "setting the biases of a product");
    cuda_check(state,
               cublasLtMatmul(state->cublaslt, plan->operation, &alpha, a, plan->a, b, plan->b,
                              &beta, d, plan->d, d, plan->d, &plan->algorithm, state->workspace,
                              plan->workspace_bytes, state->stream),
               "cublasLtMatmul");
    return true;
}
