/* The tiles of every instruction set that this machine has, and the products made of them, against
 * plain loops in double.
 *
 * A sum of n products errs by gamma_n times the sum of their magnitudes at most (Higham, Accuracy
 * and Stability of Numerical Algorithms, 3.1); whole numbers must come out exactly. What an
 * operation must not use is NaN, and arrays end where the last number lies, so that the sanitizer
 * sees what is read beyond. */
#include "tests/nn/common.h"

#include <float.h>

#include "kernels/cpu/layers/cpu_layers.h"
#include "kernels/cpu/layers/tile.h"

static struct queue q;
static const struct tile_set *set_now;
static bool whole; /* numbers are */
static long tried; /* tiles and products, over all tests */

/* Runs a test for every instruction set, type and kind of numbers. */
static void everywhere(void (*body)(void)) {
    size_t count;
    const struct isa *table = isa_table(&count);
    tried = 0;
    for (size_t i = 0; i < count; i++)
        for (enum scalar type = SCALAR_S; type < SCALAR_CPU_COUNT; type++) {
            set_now = table[i].supported() ? tile_set_find(&table[i], type) : NULL;
            if (!set_now) continue;
            if (i == 0 && count > 1 && strcmp(table[1].name, set_now->isa) == 0)
                continue; /* same */
            q = make_queue("naive", type, 1);
            q.isa = &table[i];
            for (int kind = 0; kind < 2; kind++) {
                whole = kind;
                body();
            }
        }
    assert_true(tried > 0);
}

static double draw(uint32_t stream, long i) {
    double v = number_at_place(stream, i, -1, 1);
    return whole ? round(4 * v) : q.type == SCALAR_S ? (double)(float)v : v;
}

/* A choice of `count`, by place. */
static long choose(uint32_t stream, long i, long count) {
    return (long)number_at_place(stream, i, 0, (double)count);
}

static double bound(long terms) {
    double u = scalar_epsilon(q.type) / 2, n = (double)terms;
    return whole ? 0 : n * u / (1 - n * u) + n * DBL_EPSILON;
}

static bool is_near(double value, double expected, double magnitude, long terms) {
    return fabs(value - expected) <= bound(terms) * magnitude;
}

/* --- One tile, or tile_rows ---------------------------------------------------------------------
 */

enum { MOST_ROWS = 48, MOST_COLUMNS = 32 };

/* A tile on arrays of its own. */
struct bench {
    struct tile t;
    long rows;
    int vectors;
    void *a, *b, *c, *bias;
    long c_count;
    double before[MOST_ROWS][MOST_COLUMNS];
};

static long place_a(const struct tile *t, long i, long s, long l) {
    return i * t->a_row + s * t->a_segment + l * t->a_step;
}

/* `t` brings shape, distances and options. */
static struct bench bench_new(struct tile t, long rows, int vectors, bool biased) {
    struct bench w = {.rows = rows, .vectors = vectors};
    long width = vectors * set_now->lanes;
    bool any = t.segments && t.length;
    long last = place_a(&t, rows - 1, t.segments - 1, t.length - 1);
    long last_b = (t.segments - 1) * t.b_segment + (t.length - 1) * t.b_step + width;
    w.a = room(&q, any ? last + 1 : 0);
    w.b = room(&q, any ? last_b : 0);
    w.c_count = (rows - 1) * t.c_row + t.columns;
    w.c = room(&q, w.c_count);
    for (long s = 0; s < t.segments; s++)
        for (long l = 0; l < t.length; l++) {
            for (long i = 0; i < rows; i++) {
                long at = place_a(&t, i, s, l);
                set(&q, w.a, at, draw(1, at));
            }
            for (long j = 0; j < t.columns; j++) {
                long at = s * t.b_segment + l * t.b_step + j;
                set(&q, w.b, at, draw(2, at));
            }
        }
    for (long i = 0; i < rows; i++)
        for (long j = 0; j < t.columns; j++) {
            w.before[i][j] = t.add ? draw(3, i * t.columns + j) : NAN;
            set(&q, w.c, i * t.c_row + j, w.before[i][j]);
        }
    for (long i = 0; i < rows - 1; i++) /* between rows: what stays */
        for (long j = t.columns; j < t.c_row; j++) set(&q, w.c, i * t.c_row + j, 7777);
    if (biased) {
        w.bias = room(&q, t.columns);
        for (long j = 0; j < t.columns; j++) set(&q, w.bias, j, draw(4, j));
    }
    t.a = w.a, t.b = w.b, t.c = w.c, t.bias = w.bias;
    w.t = t;
    return w;
}

static void bench_free(struct bench *w) {
    free(w->a), free(w->b), free(w->c), free(w->bias);
    tried++;
}

static void bench_check(const struct bench *w, const char *what) {
    const struct tile *t = &w->t;
    for (long i = 0; i < w->rows; i++)
        for (long j = 0; j < (i < w->rows - 1 ? t->c_row : t->columns); j++) {
            double value = get(&q, w->c, i * t->c_row + j), sum = 0, magnitude = 0;
            if (j >= t->columns) {
                if (value != 7777) fail_msg("%s: wrote behind row %ld", what, i);
                continue;
            }
            if (t->bias) sum += get(&q, t->bias, j);
            if (t->add) sum += w->before[i][j];
            magnitude =
                (t->bias ? fabs(get(&q, t->bias, j)) : 0) + (t->add ? fabs(w->before[i][j]) : 0);
            for (long s = 0; s < t->segments; s++)
                for (long l = 0; l < t->length; l++) {
                    double term = get(&q, t->a, place_a(t, i, s, l)) *
                                  get(&q, t->b, s * t->b_segment + l * t->b_step + j);
                    sum += term;
                    magnitude += fabs(term);
                }
            double expected = sum < t->floor ? t->floor : sum; /* NaN stays */
            if (isnan(expected) ? isnan(value)
                                : is_near(value, expected, magnitude, t->segments * t->length + 2))
                continue;
            fail_msg("%s, %s %s: %ld rows, %d vectors, %ld columns, %ld x %ld terms, a_row %ld "
                     "a_step %ld, add %d bias %d floor %g: C[%ld][%ld] is %.17g, not %.17g",
                     what, set_now->isa, scalar_name(q.type), w->rows, w->vectors, t->columns,
                     t->segments, t->length, t->a_row, t->a_step, t->add, t->bias != NULL, t->floor,
                     i, j, value, expected);
        }
}

/* A's distances: rows side by side, or steps; with gaps, or windows that overlap. */
static struct tile layout(bool adjacent, bool overlap, long rows, int vectors, long columns,
                          long segments, long length) {
    long width = vectors * set_now->lanes;
    struct tile t = {.columns = columns, .segments = segments, .length = length};
    if (adjacent) {
        t.a_row = 1;
        t.a_step = overlap ? 2 : rows + 3;
        t.a_segment = overlap ? 3 : length * t.a_step + 5;
    } else {
        t.a_step = 1;
        t.a_row = overlap ? 2 : length + 2;
        t.a_segment = overlap ? length : rows * t.a_row + 4;
    }
    t.b_step = overlap ? width : width + 3;
    t.b_segment = length * t.b_step + (overlap ? 0 : 5);
    t.c_row = overlap ? columns : columns + 3;
    return t;
}

static void one_tile(bool adjacent, bool overlap, long rows, int vectors, long columns,
                     long segments, long length, unsigned options) {
    struct tile t = layout(adjacent, overlap, rows, vectors, columns, segments, length);
    t.add = options & 1;
    t.floor = options & 4 ? whole ? 1 : 0 : -INFINITY;
    struct bench w = bench_new(t, rows, vectors, options & 2);
    set_now->run[rows][adjacent][vectors - 1](&w.t);
    bench_check(&w, "tile");
    bench_free(&w);
}

static const struct {
    long segments, length;
} sums[] = {{1, 1}, {0, 5}, {3, 0}, {1, 2}, {2, 3}, {1, 33}, {3, 1}, {5, 9}, {0, 0}, {2, 16}};

static void tiles_body(void) {
    long place = 0;
    assert_in_range(set_now->most_rows, 1, TILE_MOST_ROWS);
    assert_int_equal(set_now->element, scalar_bytes(q.type));
    for (long rows = 1; rows <= set_now->most_rows; rows++)
        for (int vectors = 1; vectors <= 2; vectors++)
            for (int adjacent = 0; adjacent < 2; adjacent++)
                for (long columns = 1; columns <= vectors * set_now->lanes; columns++)
                    for (unsigned options = 0; options < 8; options++, place++) {
                        long s = choose(30, place, COUNT(sums));
                        one_tile(adjacent, choose(31, place, 2), rows, vectors, columns,
                                 sums[s].segments, sums[s].length, options);
                    }
    for (size_t s = 0; s < COUNT(sums); s++) /* every sum of the smallest and largest tiles */
        for (int overlap = 0; overlap < 2; overlap++)
            for (int adjacent = 0; adjacent < 2; adjacent++)
                for (unsigned options = 0; options < 8; options++) {
                    one_tile(adjacent, overlap, 1, 1, 1, sums[s].segments, sums[s].length, options);
                    one_tile(adjacent, overlap, set_now->most_rows, 2, 2 * set_now->lanes,
                             sums[s].segments, sums[s].length, options);
                }
}

static void tiles(void **state) {
    (void)state;
    everywhere(tiles_body);
}

/* NaN in A, B, the bias and C arrives in its rows and columns, and nowhere else. */
static void nan_body(void) {
    const long most = set_now->most_rows, rows_of[] = {1, 2, most};
    for (size_t r = 0; r < COUNT(rows_of); r++)
        for (int where = 0; where < 4; where++)
            for (int vectors = 1; vectors <= 2; vectors++) {
                long rows = rows_of[r], columns = vectors * set_now->lanes - 1;
                struct tile t = layout(where & 1, false, rows, vectors, columns, 2, 3);
                t.add = true;
                t.floor = 0;
                struct bench w = bench_new(t, rows, vectors, true);
                long row = rows / 2, column = columns - 1;
                if (where == 0) set(&q, w.a, place_a(&t, row, 1, 1), NAN);
                if (where == 1) set(&q, w.b, t.b_segment + 2 * t.b_step + column, NAN);
                if (where == 2) set(&q, w.bias, column, NAN);
                if (where == 3) set(&q, w.c, row * t.c_row + column, w.before[row][column] = NAN);
                set_now->run[rows][where & 1][vectors - 1](&w.t);
                bench_check(&w, "NaN");
                bench_free(&w);
            }
}

static void nan_stays(void **state) {
    (void)state;
    everywhere(nan_body);
}

static void many_rows_body(void) {
    for (long rows = 1; rows <= MOST_ROWS; rows++) {
        long count = tile_count(set_now, rows), fewest = rows, most = 0, next = 0;
        for (long i = 0; i < count; i++) {
            long size = tile_begin(rows, count, i + 1) - tile_begin(rows, count, i);
            assert_int_equal(tile_begin(rows, count, i), next);
            next += size;
            fewest = size < fewest ? size : fewest;
            most = size > most ? size : most;
        }
        assert_int_equal(next, rows);
        assert_true(fewest >= 1 && most <= set_now->most_rows && most - fewest <= 1);
        for (int adjacent = 0; adjacent < 2; adjacent++)
            for (int k = 0; k < 4; k++) {
                long columns = 1 + choose(32, 8 * rows + 4 * adjacent + k, 2 * set_now->lanes);
                int vectors = tile_vectors(set_now, columns, 0);
                struct tile t = layout(adjacent, k & 1, rows, vectors, columns, 2, 5);
                t.add = k & 2;
                t.floor = k & 1 ? 0 : -INFINITY;
                struct bench w = bench_new(t, rows, vectors, k != 1);
                tile_rows(set_now, &w.t, rows);
                bench_check(&w, "tile_rows");
                bench_free(&w);
            }
    }
}

static void many_rows(void **state) {
    (void)state;
    everywhere(many_rows_body);
}

/* --- Packing ------------------------------------------------------------------------------------
 */

/* from[i][j] of `rows` rows, `ld` apart, is its place; NaN between them. */
static void *matrix(long rows, long columns, long ld) {
    void *m = room(&q, rows ? (rows - 1) * ld + columns : 0);
    for (long i = 0; i < rows; i++)
        for (long j = 0; j < columns; j++) set(&q, m, i * ld + j, (double)(1 + i * 100 + j));
    return m;
}

/* Columns of B beyond those of the panel belong to others: they may be packed or not. */
static void one_pack(long k, long columns, int vectors, long gap) {
    long width = vectors * set_now->lanes;
    for (int transposed = 0; transposed < 2; transposed++) {
        long ld = (transposed ? k : columns) + gap;
        void *from = transposed ? matrix(columns, k, ld) : matrix(k, columns, ld);
        void *to = room(&q, k * width);
        (transposed ? set_now->pack_transposed : set_now->pack)(from, ld, k, columns, vectors, to);
        for (long i = 0; i < k; i++)
            for (long j = 0; j < width; j++) {
                double value = get(&q, to, i * width + j);
                double expected = j >= columns ? 0
                                  : transposed ? (double)(1 + j * 100 + i)
                                               : (double)(1 + i * 100 + j);
                if (value != expected)
                    fail_msg("%s %s, pack%s k %ld, %ld columns, %d vectors: [%ld][%ld] is %g",
                             set_now->isa, scalar_name(q.type), transposed ? "_transposed" : "", k,
                             columns, vectors, i, j, value);
            }
        free(from), free(to);
        tried++;
    }
}

static void pack_body(void) {
    if (whole) return; /* places are whole anyway */
    for (long k = 0; k <= 2 * set_now->lanes + 1; k++)
        for (int vectors = 1; vectors <= 2; vectors++)
            for (long columns = 1; columns <= vectors * set_now->lanes + (vectors == 2) * 3;
                 columns++)
                one_pack(k, columns, vectors, (k + columns) % 3);
}

static void pack(void **state) {
    (void)state;
    everywhere(pack_body);
}

/* --- Products -----------------------------------------------------------------------------------
 */

static double *numbers_of(const void *array, long count, bool magnitude) {
    double *numbers = malloc((size_t)count * sizeof *numbers);
    assert_non_null(numbers);
    for (long i = 0; i < count; i++) {
        numbers[i] = get(&q, array, i);
        if (magnitude) numbers[i] = fabs(numbers[i]);
    }
    return numbers;
}

/* c += op(a) op(b), in whatever is the fastest order. */
static void multiply(const struct product *p, const double *a, const double *b, double *c) {
    for (long i = 0; i < p->m; i++)
        for (long l = 0; l < p->k; l++) {
            double left = a[p->trans_a ? l * p->lda + i : i * p->lda + l];
            for (long j = 0; j < p->n; j++)
                c[i * p->n + j] += left * b[p->trans_b ? j * p->ldb + l : l * p->ldb + j];
        }
}

static void *random_matrix(uint32_t stream, long rows, long columns, long ld, long *count) {
    *count = (rows - 1) * ld + columns;
    void *m = room(&q, *count);
    for (long i = 0; i < rows; i++)
        for (long j = 0; j < columns; j++) set(&q, m, i * ld + j, draw(stream, i * columns + j));
    return m;
}

/* bits of `options`: A, B transposed, beta, bias, ReLU; bit 5: rows lie apart. */
static void one_product(long m, long n, long k, unsigned options) {
    long gap = options & 32 ? 3 : 0, a_count, b_count, c_count;
    bool ta = options & 1, tb = options & 2;
    struct product p = {.trans_a = ta, .trans_b = tb, .m = m, .n = n, .k = k};
    p.lda = (ta ? m : k) + gap;
    p.ldb = (tb ? k : n) + gap;
    p.ldc = n + gap;
    p.beta = options & 4 ? 1 : 0;
    p.relu = options & 16;
    void *a = random_matrix(1, ta ? k : m, ta ? m : k, p.lda, &a_count);
    void *b = random_matrix(2, tb ? n : k, tb ? k : n, p.ldb, &b_count);
    void *c = random_matrix(3, m, n, p.ldc, &c_count), *bias = room(&q, n);
    for (long i = 0; i < m; i++)
        for (long j = 0; j < p.ldc && i * p.ldc + j < c_count; j++)
            if (j >= n)
                set(&q, c, i * p.ldc + j, 7777);
            else if (p.beta == 0)
                set(&q, c, i * p.ldc + j, NAN);
    for (long j = 0; j < n; j++) set(&q, bias, j, draw(4, j));
    p.a = a, p.b = b, p.c = c;
    p.bias = options & 8 ? bias : NULL;

    double *sum = malloc((size_t)(m * n) * sizeof *sum),
           *size = malloc((size_t)(m * n) * sizeof *size);
    for (long i = 0; i < m * n; i++) {
        double start = p.bias ? get(&q, bias, i % n) : 0;
        double old = p.beta != 0 ? get(&q, c, i / n * p.ldc + i % n) : 0;
        sum[i] = start + old;
        size[i] = fabs(start) + fabs(old);
    }
    for (int magnitude = 0; magnitude < 2; magnitude++) {
        double *left = numbers_of(a, a_count, magnitude),
               *right = numbers_of(b, b_count, magnitude);
        multiply(&p, left, right, magnitude ? size : sum);
        free(left), free(right);
    }
    cpu_own_product(&q, 0, &p);
    for (long i = 0; i < c_count; i++) {
        long row = i / p.ldc, column = i % p.ldc;
        double value = get(&q, c, i), expected = 7777, magnitude = 0;
        if (column < n) {
            expected = sum[row * n + column];
            magnitude = size[row * n + column];
            if (p.relu && expected < 0) expected = 0;
        }
        if (!is_near(value, expected, magnitude, k + 2))
            fail_msg("%s %s: product %ld x %ld x %ld, options %u: [%ld][%ld] is %.17g, not %.17g",
                     q.isa->name, scalar_name(q.type), m, n, k, options, row, column, value,
                     expected);
    }
    free(a), free(b), free(c), free(bias), free(sum), free(size);
    tried++;
}

/* Of a panel of B. */
static long panel_depth(int vectors) {
    return 131072 / (vectors * set_now->lanes * (long)set_now->element);
}

static void product_body(void) {
    long lanes = set_now->lanes, depth = panel_depth(2), place = 0;
    const long rows[] = {1,
                         2,
                         set_now->most_rows - 1,
                         set_now->most_rows,
                         set_now->most_rows + 1,
                         3 * set_now->most_rows + 2};
    const long columns[] = {1,         lanes - 1,     lanes,         lanes + 1,     2 * lanes - 1,
                            2 * lanes, 2 * lanes + 1, 3 * lanes - 1, 4 * lanes + 2, 5 * lanes};
    const long sums_of[] = {1, 2, lanes - 1, lanes, lanes + 1, 37};
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t j = 0; j < COUNT(columns); j++)
            for (size_t l = 0; l < COUNT(sums_of); l++)
                for (unsigned trans = 0; trans < 4; trans++, place++)
                    one_product(rows[i], columns[j] > 0 ? columns[j] : 1,
                                sums_of[l] > 0 ? sums_of[l] : 1,
                                trans | (unsigned)choose(33, place, 16) << 2);
    const long large[][3] = {{251, lanes, 3},
                             {196, lanes + 1, 3},
                             {253, 2 * lanes + 1, 3},
                             {505, 2 * lanes, 2},
                             {2, 2 * lanes, depth - 1},
                             {3, lanes - 1, depth},
                             {5, 2 * lanes + 1, depth + 1},
                             {17, lanes + 1, 2 * depth + 1},
                             {1, 3 * lanes, 3 * depth - 1},
                             {2, lanes, 2 * depth - 1},
                             {2, 1, 2 * depth},
                             {2, lanes - 1, 4 * depth + 1},
                             {17, 530, 520}, /* B of more than a megabyte */
                             {197, 2 * lanes + 1, depth + 1}};
    for (size_t i = 0; i < COUNT(large); i++)
        for (unsigned trans = 0; trans < 4; trans++)
            for (int k = 0; k < (large[i][0] * large[i][1] * large[i][2] > 1000000 ? 1 : 8);
                 k++, place++)
                one_product(large[i][0], large[i][1] > 0 ? large[i][1] : 1, large[i][2],
                            trans | (unsigned)choose(33, place, 16) << 2);
    for (unsigned options = 0; options < 64;
         options++) { /* all of them, ReLU after the last layer */
        one_product(4, lanes + 1, 5, options);
        one_product(15, 2 * lanes + 3, depth + 3, options);
    }
}

static void products(void **state) {
    (void)state;
    everywhere(product_body);
}

/* Sums in layers of the depth: those before the last one must not be cut off at 0. */
static void relu_sees_the_whole_sum_body(void) {
    if (!whole) return;
    const long columns[] = {1, 2 * set_now->lanes}, k = 4 * panel_depth(2);
    for (size_t i = 0; i < COUNT(columns); i++) {
        long n = columns[i];
        void *a = room(&q, k), *b = room(&q, k * n), *c = room(&q, n);
        for (long l = 0; l < k; l++) set(&q, a, l, l < k / 2 ? -1 : 1);
        for (long l = 0; l < k * n; l++) set(&q, b, l, l < (k - 1) * n ? 1 : 3);
        struct product p = {.m = 1, .n = n, .k = k, .a = a, .lda = k, .b = b, .ldb = n};
        p.c = c;
        p.ldc = n;
        p.relu = true;
        cpu_own_product(&q, 0, &p);
        for (long j = 0; j < n; j++) assert_true(get(&q, c, j) == 2);
        for (long j = 0; j < n; j++) set(&q, b, j, 4); /* now -1 */
        cpu_own_product(&q, 0, &p);
        for (long j = 0; j < n; j++) assert_true(get(&q, c, j) == 0);
        free(a), free(b), free(c);
        tried++;
    }
}

static void relu_sees_the_whole_sum(void **state) {
    (void)state;
    everywhere(relu_sees_the_whole_sum_body);
}

/* The widest where nothing is said, its own otherwise, none of another architecture. */
static void sets_are_found(void **state) {
    (void)state;
    size_t count;
    const struct isa *table = isa_table(&count);
    for (enum scalar type = SCALAR_S; type < SCALAR_CPU_COUNT; type++) {
        assert_ptr_equal(tile_set_find(NULL, type), tile_set_find(isa_best(), type));
        for (size_t i = 0; i < count; i++) {
            const struct tile_set *found = tile_set_find(&table[i], type);
            if (!table[i].supported()) continue;
            assert_non_null(found);
            assert_int_equal(found->lanes * (long)scalar_bytes(type), table[i].vector_bytes);
            if (strcmp(table[i].name, "generic") != 0)
                assert_string_equal(found->isa, table[i].name);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_are_found),
        cmocka_unit_test(tiles),
        cmocka_unit_test(nan_stays),
        cmocka_unit_test(many_rows),
        cmocka_unit_test(pack),
        cmocka_unit_test(products),
        cmocka_unit_test(relu_sees_the_whole_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
