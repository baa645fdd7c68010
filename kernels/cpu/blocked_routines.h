/* Cache and register blocking for one element type; included once for each with P(name), REAL and
 * WIDTH (elements in 16 bytes) defined. The structure is that of Goto and van de Geijn, "Anatomy of
 * high-performance matrix multiplication", ACM TOMS 34(3), 2008. */

/* op(A) or op(B) as "element (row, column) lies at data[row * down + column * right]". */
struct P(view) {
    const REAL *data;
    long down, right;
};

static struct P(view) P(view_of)(const REAL *data, long ld, bool transposed) {
    return (struct P(view)){data, transposed ? ld : 1, transposed ? 1 : ld};
}

static struct P(view) P(view_at)(struct P(view) v, long row, long column) {
    v.data += row * v.down + column * v.right;
    return v;
}

/* Copies rows x depth of A into panels of MR rows, zero-padded, so that the tile kernel reads
 * memory in one stream. */
static void P(pack_rows)(struct P(view) a, long rows, long depth, REAL *packed) {
    for (long i0 = 0; i0 < rows; i0 += 2 * WIDTH)
        for (long p = 0; p < depth; p++)
            for (long i = i0; i < i0 + 2 * WIDTH; i++)
                *packed++ = i < rows ? a.data[i * a.down + p * a.right] : 0;
}

/* Copies depth x columns of B into panels of NR columns, zero-padded. */
static void P(pack_columns)(struct P(view) b, long depth, long columns, REAL *packed) {
    for (long j0 = 0; j0 < columns; j0 += NR)
        for (long p = 0; p < depth; p++)
            for (long j = j0; j < j0 + NR; j++)
                *packed++ = j < columns ? b.data[p * b.down + j * b.right] : 0;
}

/* c (MR x NR, column-major in tile) = sum over depth of a panel times b panel: the accumulators
 * stay in registers. */
static void P(tile)(long depth, const REAL *restrict a, const REAL *restrict b, REAL *tile) {
    typedef REAL vector __attribute__((vector_size(16), may_alias));
    vector c00 = {0}, c10 = {0}, c01 = {0}, c11 = {0}, c02 = {0}, c12 = {0}, c03 = {0}, c13 = {0};
    for (long p = 0; p < depth; p++, a += 2 * WIDTH, b += NR) {
        vector a0 = ((const vector *)a)[0], a1 = ((const vector *)a)[1];
        c00 += a0 * b[0], c10 += a1 * b[0];
        c01 += a0 * b[1], c11 += a1 * b[1];
        c02 += a0 * b[2], c12 += a1 * b[2];
        c03 += a0 * b[3], c13 += a1 * b[3];
    }
    vector *out = (vector *)tile;
    out[0] = c00, out[1] = c10, out[2] = c01, out[3] = c11;
    out[4] = c02, out[5] = c12, out[6] = c03, out[7] = c13;
}

/* c += alpha * packed_a * packed_b; where `triangle` is CBLAS_LOWER or CBLAS_UPPER, only elements
 * with row + down >= column (or <=) are written. */
static void P(block)(long m, long n, long depth, REAL alpha, const REAL *packed_a,
                     const REAL *packed_b, REAL *c, long ldc, int triangle, long down) {
    REAL tile[2 * WIDTH * NR] __attribute__((aligned(64)));
    for (long j0 = 0; j0 < n; j0 += NR)
        for (long i0 = 0; i0 < m; i0 += 2 * WIDTH) {
            if (triangle == CBLAS_LOWER && i0 + 2 * WIDTH - 1 + down < j0) continue;
            if (triangle == CBLAS_UPPER && i0 + down > j0 + NR - 1) continue;
            P(tile)(depth, packed_a + i0 * depth, packed_b + j0 * depth, tile);
            for (long j = j0; j < n && j < j0 + NR; j++)
                for (long i = i0; i < m && i < i0 + 2 * WIDTH; i++) {
                    if (triangle == CBLAS_LOWER && i + down < j) continue;
                    if (triangle == CBLAS_UPPER && i + down > j) continue;
                    c[i + j * ldc] += alpha * tile[(i - i0) + (j - j0) * 2 * WIDTH];
                }
        }
}

static void P(scale_matrix)(long m, long n, REAL beta, REAL *c, long ldc, int triangle) {
    for (long j = 0; j < n; j++)
        for (long i = 0; i < m; i++) {
            if (triangle == CBLAS_LOWER && i < j) continue;
            if (triangle == CBLAS_UPPER && i > j) continue;
            c[i + j * ldc] = beta == 0 ? 0 : beta * c[i + j * ldc];
        }
}

/* C += alpha A B for views: the three blocking loops. */
static void P(product)(long m, long n, long k, REAL alpha, struct P(view) a, struct P(view) b,
                       REAL *c, long ldc, int triangle) {
    size_t depth_held = (size_t)(k < KC ? k : KC);
    REAL *packed_a = workspace(sizeof(REAL) * (size_t)((m < MC ? m : MC) + 2 * WIDTH) * depth_held);
    REAL *packed_b = workspace(sizeof(REAL) * (size_t)((n < NC ? n : NC) + NR) * depth_held);
    for (long j = 0; j < n; j += NC) {
        long columns = n - j < NC ? n - j : NC;
        for (long p = 0; p < k; p += KC) {
            long depth = k - p < KC ? k - p : KC;
            P(pack_columns)(P(view_at)(b, p, j), depth, columns, packed_b);
            for (long i = 0; i < m; i += MC) {
                long rows = m - i < MC ? m - i : MC;
                P(pack_rows)(P(view_at)(a, i, p), rows, depth, packed_a);
                P(block)
                (rows, columns, depth, alpha, packed_a, packed_b, c + i + j * ldc, ldc, triangle,
                 i - j);
            }
        }
    }
    free(packed_a);
    free(packed_b);
}

static void P(gemm)(int order, int transa, int transb, int m, int n, int k, REAL alpha,
                    const REAL *a, int lda, const REAL *b, int ldb, REAL beta, REAL *c, int ldc) {
    (void)order;
    if (beta != 1) P(scale_matrix)(m, n, beta, c, ldc, 0);
    P(product)
    (m, n, k, alpha, P(view_of)(a, lda, transa == CBLAS_TRANS),
     P(view_of)(b, ldb, transb == CBLAS_TRANS), c, ldc, 0);
}

static void P(gemm_batch_strided)(int order, int transa, int transb, int m, int n, int k,
                                  REAL alpha, const REAL *a, int lda, int next_a, const REAL *b,
                                  int ldb, int next_b, REAL beta, REAL *c, int ldc, int next_c,
                                  int batch) {
    for (long i = 0; i < batch; i++) P(gemm)
    (order, transa, transb, m, n, k, alpha, a + i * next_a, lda, b + i * next_b, ldb, beta,
     c + i * next_c, ldc);
}

static void P(syrk)(int order, int uplo, int trans, int n, int k, REAL alpha, const REAL *a,
                    int lda, REAL beta, REAL *c, int ldc) {
    (void)order;
    bool t = trans == CBLAS_TRANS;
    if (beta != 1) P(scale_matrix)(n, n, beta, c, ldc, uplo);
    P(product)(n, n, k, alpha, P(view_of)(a, lda, t), P(view_of)(a, lda, !t), c, ldc, uplo);
}

/* Symmetric times general: the held triangle is mirrored into a full block first. */
static void P(symm)(int order, int side, int uplo, int m, int n, REAL alpha, const REAL *a, int lda,
                    const REAL *b, int ldb, REAL beta, REAL *c, int ldc) {
    (void)order, (void)side; /* left */
    REAL *full = workspace(sizeof(REAL) * KC * KC);
    if (beta != 1) P(scale_matrix)(m, n, beta, c, ldc, 0);
    for (long i0 = 0; i0 < m; i0 += KC)
        for (long p0 = 0; p0 < m; p0 += KC) {
            long rows = m - i0 < KC ? m - i0 : KC, depth = m - p0 < KC ? m - p0 : KC;
            for (long p = 0; p < depth; p++)
                for (long i = 0; i < rows; i++) {
                    bool held = (uplo == CBLAS_LOWER) == (i0 + i >= p0 + p);
                    long row = held ? i0 + i : p0 + p, column = held ? p0 + p : i0 + i;
                    full[i + p * KC] = a[row + column * lda];
                }
            P(product)
            (rows, n, depth, alpha, P(view_of)(full, KC, false), P(view_of)(b + p0, ldb, false),
             c + i0, ldc, 0);
        }
    free(full);
}

/* Blocks of op(A) on and off the diagonal. On it, TB rows at a time, plain loops; off it, the
 * blocked product. `solve`: B = op(A)^-1 B, else B = op(A) B. */
static void P(triangular)(bool solve, bool t, bool lower, long m, long n, const REAL *a, long lda,
                          REAL *b, long ldb) {
    struct P(view) view = P(view_of)(a, lda, t);
    long blocks = (m + TB - 1) / TB;
    bool upwards = lower == solve; /* from the first row to the last */
    for (long step = 0; step < blocks; step++) {
        long i0 = (upwards ? step : blocks - 1 - step) * TB;
        long rows = m - i0 < TB ? m - i0 : TB;
        long p0 = lower ? 0 : i0 + rows, depth = lower ? i0 : m - p0;
        if (solve) P(product)
        (rows, n, depth, -1, P(view_at)(view, i0, p0), P(view_of)(b + p0, ldb, false), b + i0, ldb,
         0);
        for (long j = 0; j < n; j++)
            for (long s = 0; s < rows; s++) {
                long i = i0 + (upwards ? s : rows - 1 - s);
                const REAL *row = view.data + i * view.down;
                REAL sum = solve ? b[i + j * ldb] : row[i * view.right] * b[i + j * ldb];
                long from = lower ? i0 : i + 1, to = lower ? i : i0 + rows;
                for (long p = from; p < to; p++) {
                    REAL term = row[p * view.right] * b[p + j * ldb];
                    sum += solve ? -term : term;
                }
                b[i + j * ldb] = solve ? sum / row[i * view.right] : sum;
            }
        if (!solve) P(product)
        (rows, n, depth, 1, P(view_at)(view, i0, p0), P(view_of)(b + p0, ldb, false), b + i0, ldb,
         0);
    }
}

static void P(trmm)(int order, int side, int uplo, int trans, int diag, int m, int n, REAL alpha,
                    const REAL *a, int lda, REAL *b, int ldb) {
    (void)order, (void)side, (void)diag;
    bool t = trans == CBLAS_TRANS;
    if (alpha != 1) P(scale_matrix)(m, n, alpha, b, ldb, 0);
    P(triangular)(false, t, (uplo == CBLAS_LOWER) != t, m, n, a, lda, b, ldb);
}

static void P(trsm)(int order, int side, int uplo, int trans, int diag, int m, int n, REAL alpha,
                    const REAL *a, int lda, REAL *b, int ldb) {
    (void)order, (void)side, (void)diag;
    bool t = trans == CBLAS_TRANS;
    if (alpha != 1) P(scale_matrix)(m, n, alpha, b, ldb, 0);
    P(triangular)(true, t, (uplo == CBLAS_LOWER) != t, m, n, a, lda, b, ldb);
}
