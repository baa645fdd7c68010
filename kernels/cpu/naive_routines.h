/* Textbook loops for one element type; included once for each with P(name) and REAL defined.
 * Column-major only, all other arguments as in CBLAS. Nothing here is tuned: this is the bottom
 * rung of the ladder. */

static void P(copy)(int n, const REAL *x, int incx, REAL *y, int incy) {
    x = first(n, incx, x), y = first(n, incy, y);
    for (long i = 0; i < n; i++) y[i * incy] = x[i * incx];
}

static void P(scal)(int n, REAL alpha, REAL *x, int incx) {
    for (long i = 0; i < n; i++) x[i * labs(incx)] *= alpha;
}

static void P(axpy)(int n, REAL alpha, const REAL *x, int incx, REAL *y, int incy) {
    x = first(n, incx, x), y = first(n, incy, y);
    for (long i = 0; i < n; i++) y[i * incy] += alpha * x[i * incx];
}

static REAL P(dot)(int n, const REAL *x, int incx, const REAL *y, int incy) {
    x = first(n, incx, x), y = first(n, incy, y);
    REAL sum = 0;
    for (long i = 0; i < n; i++) sum += x[i * incx] * y[i * incy];
    return sum;
}

static REAL P(nrm2)(int n, const REAL *x, int incx) {
    REAL sum = 0;
    for (long i = 0; i < n; i++) sum += x[i * labs(incx)] * x[i * labs(incx)];
    return (REAL)sqrt((double)sum);
}

static REAL P(asum)(int n, const REAL *x, int incx) {
    REAL sum = 0;
    for (long i = 0; i < n; i++)
        sum += x[i * labs(incx)] < 0 ? -x[i * labs(incx)] : x[i * labs(incx)];
    return sum;
}

/* y = beta y */
static void P(scale)(long n, REAL beta, REAL *y, long incy) {
    if (beta == 1) return;
    for (long i = 0; i < n; i++) y[i * incy] = beta == 0 ? 0 : beta * y[i * incy];
}

static void P(gemv)(int order, int trans, int m, int n, REAL alpha, const REAL *a, int lda,
                    const REAL *x, int incx, REAL beta, REAL *y, int incy) {
    (void)order;
    bool t = trans == CBLAS_TRANS;
    x = first(t ? m : n, incx, x), y = first(t ? n : m, incy, y);
    P(scale)(t ? n : m, beta, y, incy);
    for (long j = 0; j < n; j++)
        for (long i = 0; i < m; i++) {
            if (t)
                y[j * incy] += alpha * a[i + j * lda] * x[i * incx];
            else
                y[i * incy] += alpha * a[i + j * lda] * x[j * incx];
        }
}

static void P(ger)(int order, int m, int n, REAL alpha, const REAL *x, int incx, const REAL *y,
                   int incy, REAL *a, int lda) {
    (void)order;
    x = first(m, incx, x), y = first(n, incy, y);
    for (long j = 0; j < n; j++)
        for (long i = 0; i < m; i++) a[i + j * lda] += alpha * x[i * incx] * y[j * incy];
}

static void P(symv)(int order, int uplo, int n, REAL alpha, const REAL *a, int lda, const REAL *x,
                    int incx, REAL beta, REAL *y, int incy) {
    (void)order;
    x = first(n, incx, x), y = first(n, incy, y);
    P(scale)(n, beta, y, incy);
    for (long j = 0; j < n; j++)
        for (long i = 0; i < n; i++) y[i * incy] += alpha * a[held(uplo, i, j, lda)] * x[j * incx];
}

static void P(trsv)(int order, int uplo, int trans, int diag, int n, const REAL *a, int lda,
                    REAL *x, int incx) {
    (void)order, (void)diag;
    x = first(n, incx, x);
    bool t = trans == CBLAS_TRANS;
    bool forward = (uplo == CBLAS_LOWER) != t; /* first unknown first */
    for (long step = 0; step < n; step++) {
        long i = forward ? step : n - 1 - step;
        REAL sum = x[i * incx];
        for (long j = forward ? 0 : i + 1; j < (forward ? i : n); j++)
            sum -= (t ? a[j + i * lda] : a[i + j * lda]) * x[j * incx];
        x[i * incx] = sum / a[i + i * lda];
    }
}

static void P(gemm)(int order, int transa, int transb, int m, int n, int k, REAL alpha,
                    const REAL *a, int lda, const REAL *b, int ldb, REAL beta, REAL *c, int ldc) {
    (void)order;
    bool ta = transa == CBLAS_TRANS, tb = transb == CBLAS_TRANS;
    for (long i = 0; i < m; i++)
        for (long j = 0; j < n; j++) {
            REAL sum = 0;
            for (long p = 0; p < k; p++)
                sum +=
                    (ta ? a[p + i * lda] : a[i + p * lda]) * (tb ? b[j + p * ldb] : b[p + j * ldb]);
            c[i + j * ldc] = alpha * sum + (beta == 0 ? 0 : beta * c[i + j * ldc]);
        }
}

static void P(gemm_batch_strided)(int order, int transa, int transb, int m, int n, int k,
                                  REAL alpha, const REAL *a, int lda, int next_a, const REAL *b,
                                  int ldb, int next_b, REAL beta, REAL *c, int ldc, int next_c,
                                  int batch) {
    for (long i = 0; i < batch; i++) P(gemm)
    (order, transa, transb, m, n, k, alpha, a + i * next_a, lda, b + i * next_b, ldb, beta,
     c + i * next_c, ldc);
}

static void P(symm)(int order, int side, int uplo, int m, int n, REAL alpha, const REAL *a, int lda,
                    const REAL *b, int ldb, REAL beta, REAL *c, int ldc) {
    (void)order, (void)side; /* left */
    for (long i = 0; i < m; i++)
        for (long j = 0; j < n; j++) {
            REAL sum = 0;
            for (long p = 0; p < m; p++) sum += a[held(uplo, i, p, lda)] * b[p + j * ldb];
            c[i + j * ldc] = alpha * sum + (beta == 0 ? 0 : beta * c[i + j * ldc]);
        }
}

static void P(syrk)(int order, int uplo, int trans, int n, int k, REAL alpha, const REAL *a,
                    int lda, REAL beta, REAL *c, int ldc) {
    (void)order;
    bool t = trans == CBLAS_TRANS;
    for (long i = 0; i < n; i++)
        for (long j = uplo == CBLAS_LOWER ? 0 : i; j < (uplo == CBLAS_LOWER ? i + 1 : n); j++) {
            REAL sum = 0;
            for (long p = 0; p < k; p++)
                sum += t ? a[p + i * lda] * a[p + j * lda] : a[i + p * lda] * a[j + p * lda];
            c[i + j * ldc] = alpha * sum + (beta == 0 ? 0 : beta * c[i + j * ldc]);
        }
}

/* Rows of op(A) in the order that reads each element of B before it is overwritten. */
static void P(trmm)(int order, int side, int uplo, int trans, int diag, int m, int n, REAL alpha,
                    const REAL *a, int lda, REAL *b, int ldb) {
    (void)order, (void)side, (void)diag;
    bool t = trans == CBLAS_TRANS;
    bool lower = (uplo == CBLAS_LOWER) != t; /* op(A) is lower triangular */
    for (long j = 0; j < n; j++)
        for (long step = 0; step < m; step++) {
            long i = lower ? m - 1 - step : step;
            REAL sum = 0;
            for (long p = lower ? 0 : i; p < (lower ? i + 1 : m); p++)
                sum += (t ? a[p + i * lda] : a[i + p * lda]) * b[p + j * ldb];
            b[i + j * ldb] = alpha * sum;
        }
}

static void P(trsm)(int order, int side, int uplo, int trans, int diag, int m, int n, REAL alpha,
                    const REAL *a, int lda, REAL *b, int ldb) {
    (void)side;
    for (long j = 0; j < n; j++) {
        P(scale)(m, alpha, b + j * ldb, 1);
        P(trsv)(order, uplo, trans, diag, m, a, lda, b + j * ldb, 1);
    }
}
