/* Products by the queue's CBLAS. */
#include "kernels/cblas.h"
#include "kernels/cpu/layers/cpu_layers.h"
#include "kernels/trace.h"

typedef void (*sgemm)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                      const float *a, int lda, const float *b, int ldb, float beta, float *c,
                      int ldc);
typedef void (*dgemm)(int order, int trans_a, int trans_b, int m, int n, int k, double alpha,
                      const double *a, int lda, const double *b, int ldb, double beta, double *c,
                      int ldc);

static const struct elementwise relu = {ACTIVATION_RELU, 0};

/* Row-major C is column-major C^T = op(B)^T op(A)^T: every library knows that order, the built-in
 * ones no other. */
void cpu_cblas_product(const struct queue *queue, int thread, const struct product *p) {
    struct span span = {.operation = "gemm", .m = p->m, .n = p->n, .k = p->k, .thread = thread};
    int ta = p->trans_a ? CBLAS_TRANS : CBLAS_NO_TRANS;
    int tb = p->trans_b ? CBLAS_TRANS : CBLAS_NO_TRANS;
    int m = (int)p->m, n = (int)p->n, k = (int)p->k;
    span_begin(&span);
    if (queue->type == SCALAR_S)
        ((sgemm)queue->gemm)(CBLAS_COL_MAJOR, tb, ta, n, m, k, 1, p->b, (int)p->ldb, p->a,
                             (int)p->lda, (float)p->beta, p->c, (int)p->ldc);
    else
        ((dgemm)queue->gemm)(CBLAS_COL_MAJOR, tb, ta, n, m, k, 1, p->b, (int)p->ldb, p->a,
                             (int)p->lda, p->beta, p->c, (int)p->ldc);
    if (p->bias) cpu_add_bias(queue, p->m, p->n, p->ldc, p->bias, p->c);
    for (long i = 0; p->relu && i < p->m; i++)
        cpu_activate(queue, &relu, p->n, element_at(queue, p->c, i * p->ldc));
    span_end(&span);
}
