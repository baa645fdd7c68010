/* What fast paths without products promise: the error of vector exp, tanh and their like in units
 * in the last place, special numbers, bits that do not depend on an element's place, masks that are
 * those of kernels/random.h, and pools that give what the plain ones give. */
#include "tests/nn/common.h"

#include <float.h>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/layers/philox.h"

static struct queue q;

static void everywhere(void (*body)(void)) {
    for (enum scalar type = SCALAR_S; type < SCALAR_CPU_COUNT; type++)
        for (int threads = 1; threads <= 3; threads += 2)
            for (int without = 0; without < 2; without++) { /* all measures, or none */
                q = make_queue("naive", type, threads);
                q.without = without ? (1U << MEASURE_COUNT) - 1 : 0;
                q.device->queue_enter(&q);
                body();
            }
}

static void apply(const struct elementwise *f, long count, void *y) {
    q.device->layers->activation_forward(&q, f, count, y);
}

/* --- Errors ------------------------------------------------------------------------------------
 */

static long double exact(enum activation a, long double z) {
    if (a == ACTIVATION_SIGMOID) return 1 / (1 + expl(-z));
    return a == ACTIVATION_TANH ? tanhl(z) : z > 0 ? z : expm1l(z);
}

/* Units of the type in the last place of `expected`; below the normal numbers, which may be
 * flushed, the last place is that of the least normal one. */
static double units_off(double value, long double expected) {
    int digits = q.type == SCALAR_S ? FLT_MANT_DIG : DBL_MANT_DIG, exponent;
    int least = q.type == SCALAR_S ? FLT_MIN_EXP : DBL_MIN_EXP;
    frexpl(expected, &exponent);
    if (exponent < least && value == 0) return 0; /* flushed */
    return (double)(fabsl(value - expected) /
                    ldexpl(1, (exponent < least ? least : exponent) - digits));
}

enum { N = 4096 + 5 };

/* Element i of block `block`: all binades of either sign in turn, or where the functions bend. */
static double argument(int block, long i) {
    double fraction = number_at_place(7, block * (long)N + i, 0, 1);
    if (block % 2) return 200 * fraction - 100; /* exp(-104) is the last float above 0 */
    int most = q.type == SCALAR_S ? 127 : 1022;
    int exponent = (int)((double)(2 * most) * number_at_place(8, block * (long)N + i, 0, 1)) - most;
    return ldexp(i % 2 ? 1 + fraction : -1 - fraction, exponent);
}

/* libmvec promises less than 4 units; a sigmoid adds a sum and a quotient. */
static void errors_body(void) {
    static const enum activation dear[] = {ACTIVATION_SIGMOID, ACTIVATION_TANH, ACTIVATION_ELU};
    void *z = room(&q, N), *y = room(&q, N);
    for (size_t a = 0; a < COUNT(dear); a++) {
        double worst = 0, at = 0, bound = dear[a] == ACTIVATION_SIGMOID ? 6 : 4;
        for (int block = 0; block < 12; block++) {
            for (long i = 0; i < N; i++) {
                set(&q, z, i, argument(block, i));
                set(&q, y, i, get(&q, z, i));
            }
            apply(&(struct elementwise){dear[a], 1}, N, y);
            for (long i = 0; i < N; i++) {
                double off = units_off(get(&q, y, i), exact(dear[a], get(&q, z, i)));
                if (!(off <= worst)) worst = off, at = get(&q, z, i);
            }
        }
        if (!(worst < bound))
            fail_msg("activation %d, %s: %g units off at %.17g", (int)dear[a], scalar_name(q.type),
                     worst, at);
    }
    free(z), free(y);
}

static void errors(void **state) {
    (void)state;
    everywhere(errors_body);
}

static void specials_body(void) {
    static const double numbers[] = {NAN, INFINITY, -INFINITY, 0, -0.0, 1e4, -1e4};
    static const enum activation dear[] = {ACTIVATION_SIGMOID, ACTIVATION_TANH, ACTIVATION_ELU};
    static const double expected[3][COUNT(numbers)] = {
        {NAN, 1, 0, 0.5, 0.5, 1, 0}, {NAN, 1, -1, 0, 0, 1, -1}, {NAN, INFINITY, -2, 0, 0, 1e4, -2}};
    enum { SOME = 40 };
    void *y = room(&q, SOME);
    for (size_t a = 0; a < COUNT(dear); a++)
        for (size_t k = 0; k < COUNT(numbers); k++)
            for (long place = 0; place < SOME;
                 place++) { /* in a vector, and in what is left over */
                for (long i = 0; i < SOME; i++) set(&q, y, i, i == place ? numbers[k] : 0.25);
                apply(&(struct elementwise){dear[a], 2}, SOME, y);
                for (long i = 0; i < SOME; i++) {
                    double value = get(&q, y, i), right = expected[a][k];
                    if (i == place ? !(isnan(right) ? isnan(value) : value == right)
                                   : !(value > 0 && value < 1)) /* its neighbours are not touched */
                        fail_msg("activation %d of %g is %g at %ld of %ld", (int)dear[a],
                                 numbers[k], value, i, place);
                }
            }
    free(y);
}

static void specials(void **state) {
    (void)state;
    everywhere(specials_body);
}

/* --- Places ------------------------------------------------------------------------------------
 */

/* Every count and every offset gives an element the same bits. */
static void places_body(void) {
    static const enum activation dear[] = {ACTIVATION_SIGMOID, ACTIVATION_TANH, ACTIVATION_ELU};
    enum { MOST = 70 };
    size_t element = scalar_bytes(q.type);
    for (size_t a = 0; a < COUNT(dear); a++) {
        char *all = room(&q, MOST);
        for (long i = 0; i < MOST; i++) set(&q, all, i, number_at_place(3, i, -6, 6));
        apply(&(struct elementwise){dear[a], 1}, MOST, all);
        for (long from = 0; from < 20; from++)
            for (long count = 0; count <= MOST - from; count++) {
                char *y = room(&q, count ? count : 1);
                for (long i = 0; i < count; i++) set(&q, y, i, number_at_place(3, from + i, -6, 6));
                apply(&(struct elementwise){dear[a], 1}, count, y);
                assert_memory_equal(y, all + (size_t)from * element, (size_t)count * element);
                free(y);
            }
        free(all);
    }
}

static void places(void **state) {
    (void)state;
    everywhere(places_body);
}

/* Rows of every length: an image's loss and probabilities are those it has alone, on any number of
 * threads. */
static void rows_body(void) {
    static const long lengths[] = {1, 2, 3, 10, 15, 16, 17, 100, 2048, 2049};
    enum { ROWS = 7 };
    for (size_t k = 0; k < COUNT(lengths); k++)
        for (enum loss loss = LOSS_BINARY; loss <= LOSS_CATEGORICAL; loss++) {
            long n = lengths[k], correct, right = 0;
            if (n == 1 && loss == LOSS_CATEGORICAL) continue;
            char *y = room(&q, ROWS * n), *dy = room(&q, ROWS * n), *one = room(&q, n);
            int32_t labels[ROWS];
            size_t row = (size_t)n * scalar_bytes(q.type);
            q.scratch_bytes = q.device->layers->loss_scratch(&q, ROWS);
            q.scratch = malloc(q.scratch_bytes);
            for (long i = 0; i < ROWS * n; i++) set(&q, y, i, number_at_place(4, i, -9, 9));
            for (long i = 0; i < ROWS; i++) labels[i] = (int32_t)(i * 5 % (n > 1 ? n : 2));
            struct loss_targets targets = {labels, NULL};
            double sum = 0, together = layer_loss(&q, loss, ROWS, n, y, &targets, dy, &correct);
            for (long i = 0; i < ROWS; i++) {
                long this;
                for (long j = 0; j < n; j++) set(&q, one, j, number_at_place(4, i * n + j, -9, 9));
                targets.labels = labels + i;
                sum += layer_loss(&q, loss, 1, n, one, &targets, NULL, &this);
                right += this;
                assert_memory_equal(one, y + (size_t)i * row, row);
            }
            assert_int_equal(right, correct);
            assert_true(fabs(sum / ROWS - together) <= 1e-12 * together);
            free(y), free(dy), free(one), free(q.scratch);
        }
}

static void rows(void **state) {
    (void)state;
    everywhere(rows_body);
}

/* --- Masks -------------------------------------------------------------------------------------
 */

static void masks(void **state) {
    (void)state;
    static const uint64_t starts[] = {0, 1, 0xfffffff0, 0x123456789abcULL};
    static const uint32_t leasts[] = {0, 1, 1U << 30, 1U << 31, 0xffffffff};
    enum { MOST = 150 };
    size_t count;
    const struct isa *table = isa_table(&count);
    for (size_t set = 0; set < count; set++)
        for (size_t s = 0; table[set].supported() && s < COUNT(starts); s++)
            for (long n = 0; n <= MOST; n += n < 70 ? 1 : 40) {
                uint8_t *mask = malloc((size_t)(4 * n + 1)); /* no more is written */
                uint32_t least = leasts[(size_t)n % COUNT(leasts)];
                mask[4 * n] = 77;
                philox_masks(&table[set], 0x0123456789abcdefULL, 5, 9, starts[s], n, least, mask);
                for (long i = 0; i < n; i++) {
                    struct random_bits bits =
                        random_at(0x0123456789abcdefULL, 5, 9, starts[s] + (uint64_t)i);
                    for (int w = 0; w < 4; w++)
                        if (mask[4 * i + w] != (bits.v[w] >= least))
                            fail_msg("%s: word %d of place %ld of %ld", table[set].name, w, i, n);
                }
                assert_int_equal(mask[4 * n], 77);
                free(mask);
            }
}

/* --- Pools -------------------------------------------------------------------------------------
 */

/* The fast and the plain path agree: maxima in all bits, averages up to the order of sums. Equal
 * numbers, NaN and pixels that no window has are among them. */
static void one_pool(long size, long channels, long window, const struct elementwise *before) {
    struct pool_shape s = {3,      size,   size + 1,      channels,
                           window, window, size / window, (size + 1) / window};
    long in = s.images * s.height * s.width * channels;
    long out = s.images * s.out_height * s.out_width * channels;
    const struct layer_operations *o = q.device->layers;
    void *x = room(&q, in), *dy = room(&q, out), *y[2], *dx[2], *average[2], *back[2];
    for (long i = 0; i < in; i++) set(&q, x, i, round(number_at_place(5, i, -3, 3)) / 4);
    for (long i = 0; i < out; i++) set(&q, dy, i, number_at_place(6, i, -1, 1));
    for (int k = 0; k < 2; k++) {
        int32_t *where = malloc((size_t)out * sizeof *where);
        q.without = k ? 1U << MEASURE_BYTE_POOLS : 0;
        y[k] = room(&q, out), dx[k] = room(&q, in);
        average[k] = room(&q, out), back[k] = room(&q, in);
        o->average_pool_forward(&q, &s, x, average[k]);
        o->average_pool_backward(&q, &s, dy, before, x, back[k]);
        double first = get(&q, x, 0);
        set(&q, x, 0, NAN);
        o->max_pool_forward(&q, &s, x, y[k], where);
        o->max_pool_backward(&q, &s, dy, where, before, y[k], dx[k]);
        set(&q, x, 0, first);
        free(where);
    }
    assert_true(isnan(get(&q, y[0], 0)));
    for (long i = 0; i < out; i++) {
        assert_true(i == 0 || get(&q, y[0], i) == get(&q, y[1], i));
        double a = get(&q, average[0], i), b = get(&q, average[1], i);
        assert_true(fabs(a - b) <= 300 * scalar_epsilon(q.type));
    }
    for (long i = 0; i < in; i++) {
        double a = get(&q, dx[0], i), b = get(&q, dx[1], i);
        if (!(a == b || (isnan(a) && isnan(b))))
            fail_msg("size %ld, %ld channels, window %ld: dx[%ld] is %g, not %g", size, channels,
                     window, i, a, b);
        assert_true(get(&q, back[0], i) == get(&q, back[1], i));
    }
    for (int k = 0; k < 2; k++) free(y[k]), free(dx[k]), free(average[k]), free(back[k]);
    free(x), free(dy);
}

static void pools(void **state) {
    (void)state;
    static const long channels[] = {1, 3, 6, 8, 15, 16, 17, 32, 40};
    static const struct elementwise functions[] = {{ACTIVATION_RELU, 0}, {ACTIVATION_TANH, 0}};
    for (enum scalar type = SCALAR_S; type < SCALAR_CPU_COUNT; type++)
        for (int threads = 1; threads <= 3; threads += 2) {
            q = make_queue("naive", type, threads);
            for (size_t c = 0; c < COUNT(channels); c++)
                for (size_t f = 0; f <= COUNT(functions); f++) {
                    const struct elementwise *before = f < COUNT(functions) ? &functions[f] : NULL;
                    for (long size = 2; size <= 9; size++) one_pool(size, channels[c], 2, before);
                    one_pool(7, channels[c], 3, before);
                    one_pool(17, channels[c], 16, before); /* the largest whose places fit a byte */
                    one_pool(17, channels[c], 17, before);
                }
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors), cmocka_unit_test(specials), cmocka_unit_test(places),
        cmocka_unit_test(rows),   cmocka_unit_test(masks),    cmocka_unit_test(pools),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
