/* Operands: where their elements lie, which values they get, and that a write anywhere else is
 * noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <limits.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "kernels/operand.h"

struct form {
    enum operand_kind kind;
    char uplo;
    long rows, columns, stride;
};

static const struct form forms[] = {
    {OPERAND_VECTOR, 'l', 1, 1, 1},      {OPERAND_VECTOR, 'l', 7, 1, 1},
    {OPERAND_VECTOR, 'l', 7, 1, 2},      {OPERAND_VECTOR, 'l', 8, 1, -1},
    {OPERAND_VECTOR, 'l', 5, 1, -3},     {OPERAND_GENERAL, 'l', 1, 1, 1},
    {OPERAND_GENERAL, 'l', 3, 5, 3},     {OPERAND_GENERAL, 'l', 5, 3, 6},
    {OPERAND_GENERAL, 'l', 4, 4, 11},    {OPERAND_SYMMETRIC, 'l', 1, 1, 1},
    {OPERAND_SYMMETRIC, 'l', 5, 5, 5},   {OPERAND_SYMMETRIC, 'u', 6, 6, 7},
    {OPERAND_TRIANGULAR, 'l', 5, 5, 12}, {OPERAND_TRIANGULAR, 'u', 6, 6, 6},
};
enum { FORMS = sizeof forms / sizeof *forms };

static const struct operand_values ordinary = {1, 0, -1, 1, false};

static struct operand new_operand(const struct form *form, enum scalar type) {
    struct operand o = {.type = type, .uplo = form->uplo, .stride = form->stride};
    operand_set(&o, form->kind, form->rows, form->columns, true, true);
    size_t bytes;
    assert_true(operand_bytes(&o, &bytes));
    o.storage = malloc(bytes);
    assert_non_null(o.storage);
    memset(o.storage, 0, bytes);
    return o;
}

static size_t places(const struct operand *o) { /* elements of storage, guards included */
    long steps = o->kind == OPERAND_VECTOR ? o->rows : o->columns;
    return (size_t)(steps * labs(o->stride)) + 2 * OPERAND_GUARD;
}

static double get(const struct operand *o, size_t place) {
    if (o->type == SCALAR_D) return ((double *)o->storage)[place];
    if (o->type == SCALAR_H) return (double)half_to_single(((uint16_t *)o->storage)[place]);
    if (o->type == SCALAR_BF16) return (double)bf16_to_single(((uint16_t *)o->storage)[place]);
    return (double)((float *)o->storage)[place];
}

static void put(struct operand *o, size_t place, double value) {
    if (o->type == SCALAR_D) ((double *)o->storage)[place] = value;
    if (o->type == SCALAR_H) ((uint16_t *)o->storage)[place] = half_from(value);
    if (o->type == SCALAR_BF16) ((uint16_t *)o->storage)[place] = bf16_from(value);
    if (scalar_bytes(o->type) == 4) ((float *)o->storage)[place] = (float)value;
}

/* Marks the places that are elements, worked out from BLAS's own rules. */
static void mark_elements(const struct operand *o, bool *element) {
    memset(element, 0, places(o) * sizeof *element);
    for (long j = 0; j < o->columns; j++)
        for (long i = 0; i < o->rows; i++) {
            bool triangle = o->kind == OPERAND_SYMMETRIC || o->kind == OPERAND_TRIANGULAR;
            if (triangle && (o->uplo == 'l' ? i < j : i > j)) continue;
            long at = i + j * o->stride;
            if (o->kind == OPERAND_VECTOR)
                at = o->stride > 0 ? i * o->stride : (o->rows - 1 - i) * -o->stride;
            element[OPERAND_GUARD + at] = true;
        }
}

static void each_form(void (*body)(struct operand *o, const bool *element)) {
    for (size_t f = 0; f < FORMS; f++)
        for (enum scalar type = 0; type < SCALAR_COUNT; type++) {
            bool solves = forms[f].kind == OPERAND_TRIANGULAR;
            if (solves && scalar_is_mixed(type)) continue; /* products of general ones alone */
            struct operand o = new_operand(&forms[f], type);
            bool *element = malloc(places(&o) * sizeof *element);
            assert_non_null(element);
            mark_elements(&o, element);
            body(&o, element);
            free(element);
            free(o.storage);
        }
}

static void storage_holds_guards(struct operand *o, const bool *element) {
    (void)element;
    size_t bytes;
    assert_true(operand_bytes(o, &bytes));
    assert_int_equal(bytes, places(o) * scalar_bytes(o->type));
    size_t ahead = (size_t)((char *)operand_data(o) - (char *)o->storage);
    assert_int_equal(ahead, OPERAND_GUARD * scalar_bytes(o->type));
    assert_int_equal(ahead % (scalar_bytes(o->type) < 4 ? 32 : 64),
                     0); /* aligned storage means aligned data */
}

static void fill_writes_elements_only(struct operand *o, const bool *element) {
    for (size_t at = 0; at < places(o); at++) put(o, at, 42);
    operand_fill(o, &ordinary);
    for (size_t at = 0; at < places(o); at++) {
        double value = get(o, at);
        if (!element[at])
            assert_true(value == 42);
        else
            assert_true(fabs(value) <= (o->kind == OPERAND_TRIANGULAR ? 1.5 : 1) && value != 0);
    }
}

static void poison_surrounds_elements(struct operand *o, const bool *element) {
    operand_fill(o, &ordinary);
    assert_false(operand_poison_intact(o));
    operand_poison(o, false);
    for (size_t at = 0; at < places(o); at++) assert_true(isnan(get(o, at)) == !element[at]);
    assert_true(operand_poison_intact(o));
    for (size_t at = 0; at < places(o); at++) {
        double before = get(o, at);
        put(o, at, 1); /* one write is noticed exactly where it is outside */
        assert_true(operand_poison_intact(o) == element[at]);
        operand_poison(o, false);
        if (element[at]) put(o, at, before);
        put(o, at, get(o, at) + 1); /* a sum that is NaN again */
        assert_true(operand_poison_intact(o) == element[at]);
        operand_poison(o, false);
    }
    assert_true(operand_poison_intact(o));
}

static void poison_of_outputs_covers_elements(struct operand *o, const bool *element) {
    (void)element;
    operand_fill(o, &ordinary);
    operand_poison(o, true);
    for (size_t at = 0; at < places(o); at++) assert_true(isnan(get(o, at)));
    operand_fill(o, &ordinary);
    assert_true(operand_poison_intact(o)); /* writing elements is no fault */
}

static void unpoison_leaves_ordinary_numbers(struct operand *o, const bool *element) {
    operand_fill(o, &ordinary);
    double *before = malloc(places(o) * sizeof *before);
    assert_non_null(before);
    for (size_t at = 0; at < places(o); at++) before[at] = get(o, at);
    operand_poison(o, false);
    operand_unpoison(o);
    for (size_t at = 0; at < places(o); at++) {
        if (element[at])
            assert_true(get(o, at) == before[at]);
        else
            assert_true(fpclassify(get(o, at)) == FP_NORMAL);
    }
    free(before);
}

static void elements_are_found(struct operand *o, const bool *element) {
    (void)element;
    /* Every place says where it is; what lies outside must not be seen. */
    for (size_t at = 0; at < places(o); at++) put(o, at, (double)at - OPERAND_GUARD);
    for (long j = 0; j < o->columns; j++)
        for (long i = 0; i < o->rows; i++) {
            double want = (double)(i + j * o->stride);
            bool above = i<j, below = i> j;
            if (o->kind == OPERAND_VECTOR)
                want = (double)(o->stride > 0 ? i * o->stride : (o->rows - 1 - i) * -o->stride);
            if ((o->uplo == 'l' && above) || (o->uplo == 'u' && below)) {
                if (o->kind == OPERAND_TRIANGULAR) want = 0;
                if (o->kind == OPERAND_SYMMETRIC) want = (double)(j + i * o->stride);
            }
            assert_true(operand_at(o, i, j) == want);
        }
}

static void times_and_norm_are_right(struct operand *o, const bool *element) {
    (void)element;
    operand_fill(o, &ordinary);
    operand_poison(o, false); /* what is no element must not count */
    double t[16], out[16];
    long double square = 0;
    for (int i = 0; i < 16; i++) t[i] = cos(i);
    for (long j = 0; j < o->columns; j++)
        for (long i = 0; i < o->rows; i++)
            square += (long double)operand_at(o, i, j) * operand_at(o, i, j);
    assert_true(fabs(operand_norm(o) - (double)sqrtl(square)) <= 1e-15 * operand_norm(o));
    for (int trans = 0; trans < 2; trans++) {
        long rows = trans ? o->columns : o->rows, inner = trans ? o->rows : o->columns;
        operand_times(o, trans ? 't' : 'n', t, out);
        for (long i = 0; i < rows; i++) {
            long double sum = 0;
            for (long q = 0; q < inner; q++)
                sum += (long double)(trans ? operand_at(o, q, i) : operand_at(o, i, q)) * t[q];
            assert_true(fabs(out[i] - (double)sum) <= 1e-15);
        }
    }
    if (o->kind != OPERAND_VECTOR) return;
    double *values = operand_values_of(o);
    for (long i = 0; i < o->rows; i++) assert_true(values[i] == operand_at(o, i, 0));
    free(values);
}

static void assert_same_values(const struct operand *a, const struct operand *b) {
    for (long j = 0; j < a->columns; j++)
        for (long i = 0; i < a->rows; i++) assert_true(operand_at(a, i, j) == operand_at(b, i, j));
}

static void values_depend_on_nothing_else(void **state) {
    (void)state;
    static const long vector_strides[] = {2, -1, -3}, pads[] = {1, 7, 64};
    static const int threads[] = {2, 3, 5};
    int before = omp_get_max_threads();
    for (int kind = OPERAND_VECTOR; kind <= OPERAND_TRIANGULAR; kind++)
        for (int v = 0; v < 3; v++) {
            bool vector = kind == OPERAND_VECTOR;
            struct form plain = {(enum operand_kind)kind, 'u', 101, vector ? 1 : 101,
                                 vector ? 1 : 101};
            struct form spaced = plain;
            spaced.stride = vector ? vector_strides[v] : plain.rows + pads[v];
            struct operand a = new_operand(&plain, SCALAR_D), b = new_operand(&spaced, SCALAR_D);
            omp_set_num_threads(1);
            operand_fill(&a, &ordinary);
            double norm = operand_norm(&a);
            omp_set_num_threads(threads[v]);
            operand_fill(&b, &ordinary);
            assert_same_values(&a, &b);
            assert_true(operand_norm(&b) == norm); /* to the last bit */
            free(a.storage);
            free(b.storage);
        }
    omp_set_num_threads(before);
}

/* Single precision gets the same numbers, rounded. */
static void types_get_the_same_values(void **state) {
    (void)state;
    struct form form = {OPERAND_GENERAL, 'l', 33, 9, 40};
    struct operand s = new_operand(&form, SCALAR_S), d = new_operand(&form, SCALAR_D);
    operand_fill(&s, &ordinary);
    operand_fill(&d, &ordinary);
    for (long j = 0; j < 9; j++)
        for (long i = 0; i < 33; i++)
            assert_true(operand_at(&s, i, j) == (double)(float)operand_at(&d, i, j));
    free(s.storage);
    free(d.storage);
}

static size_t equal_values(const struct operand_values *x, const struct operand_values *y) {
    struct form form = {OPERAND_VECTOR, 'l', 1000, 1, 1};
    struct operand a = new_operand(&form, SCALAR_D), b = new_operand(&form, SCALAR_D);
    operand_fill(&a, x);
    operand_fill(&b, y);
    size_t equal = 0;
    for (long i = 0; i < 1000; i++) equal += operand_at(&a, i, 0) == operand_at(&b, i, 0);
    free(a.storage);
    free(b.storage);
    return equal;
}

static void seeds_and_streams_differ(void **state) {
    (void)state;
    struct operand_values seed = ordinary, high = ordinary, stream = ordinary;
    seed.seed = 2;
    high.seed = (uint64_t)1 << 32 | 1; /* the upper half counts too */
    stream.stream = 1;
    assert_int_equal(equal_values(&ordinary, &ordinary), 1000);
    assert_int_equal(equal_values(&ordinary, &seed), 0);
    assert_int_equal(equal_values(&ordinary, &high), 0);
    assert_int_equal(equal_values(&ordinary, &stream), 0);
    assert_int_equal(equal_values(&seed, &stream), 0);
}

static void assert_uniform(const double *x, long n, double low, double high) {
    double mean = 0, variance = 0, neighbours = 0, middle = (low + high) / 2;
    double width = high - low, error = 6 / sqrt((double)n); /* six standard errors and more */
    long tenth[10] = {0};
    for (long i = 0; i < n; i++) {
        assert_true(x[i] >= low && x[i] <= high);
        mean += (x[i] - middle) / width;
        variance += pow((x[i] - middle) / width, 2);
        if (i) neighbours += (x[i] - middle) * (x[i - 1] - middle) / width / width;
        long bin = (long)(10 * (x[i] - low) / width);
        tenth[bin < 10 ? bin : 9]++;
    }
    double count = (double)n;
    assert_true(fabs(mean / count) < error * sqrt(1. / 12));
    assert_true(fabs(variance / count - 1. / 12) < error / 12);
    assert_true(fabs(neighbours / count) < error / 12);
    for (int b = 0; b < 10; b++) assert_true(fabs((double)tenth[b] / count - 0.1) < error * 0.3);
}

static void values_are_uniform(void **state) {
    (void)state;
    struct form vector = {OPERAND_VECTOR, 'l', 100000, 1, 1};
    struct form matrix = {OPERAND_GENERAL, 'l', 313, 317, 313}; /* an odd number of rows */
    struct operand_values shifted = {7, 3, 2, 6, false};
    struct operand v = new_operand(&vector, SCALAR_D), m = new_operand(&matrix, SCALAR_D);
    operand_fill(&v, &ordinary);
    assert_uniform(operand_data(&v), 100000, -1, 1);
    operand_fill(&v, &shifted);
    assert_uniform(operand_data(&v), 100000, 2, 6);
    operand_fill(&m, &ordinary);
    assert_uniform(operand_data(&m), 313 * 317, -1, 1);
    for (long j = 1; j < 317; j++) assert_true(operand_at(&m, 0, j) != operand_at(&m, 0, j - 1));
    for (long i = 1; i < 313; i++) assert_true(operand_at(&m, i, 0) != operand_at(&m, i - 1, 0));
    free(v.storage);
    free(m.storage);
}

static void triangular_matrices_are_dominated_by_their_diagonal(void **state) {
    (void)state;
    for (int u = 0; u < 2; u++) {
        struct form form = {OPERAND_TRIANGULAR, u ? 'u' : 'l', 64, 64, 64};
        struct operand o = new_operand(&form, SCALAR_D);
        operand_fill(&o, &ordinary);
        int negative = 0;
        for (long i = 0; i < 64; i++) {
            double sum = 0, diagonal = fabs(operand_at(&o, i, i));
            for (long j = 0; j < 64; j++) sum += j == i ? 0 : fabs(operand_at(&o, i, j));
            assert_true(diagonal >= 1 && diagonal <= 1.5 && sum < diagonal);
            negative += operand_at(&o, i, i) < 0;
        }
        assert_true(negative > 8 && negative < 56);
        free(o.storage);
    }
}

static void repeatable_matrices_are_their_own_inverse(void **state) {
    (void)state;
    static const long orders[] = {1, 2, 3, 24, 65};
    struct operand_values repeatable = ordinary;
    repeatable.repeatable = true;
    for (int u = 0; u < 2; u++)
        for (size_t s = 0; s < sizeof orders / sizeof *orders; s++) {
            long n = orders[s];
            struct form form = {OPERAND_TRIANGULAR, u ? 'u' : 'l', n, n, n};
            struct operand o = new_operand(&form, SCALAR_D);
            operand_fill(&o, &repeatable);
            for (long j = 0; j < n; j++)
                for (long i = 0; i < n; i++) {
                    double sum = 0;
                    for (long q = 0; q < n; q++) sum += operand_at(&o, i, q) * operand_at(&o, q, j);
                    assert_true(fabs(sum - (i == j)) < 1e-5);
                    if (operand_holds(&o, i, j)) assert_true(operand_at(&o, i, j) != 0);
                }
            free(o.storage);
        }
}

static bool fits(enum operand_kind kind, enum scalar type, long rows, long columns, long stride) {
    struct operand o = {.type = type, .stride = stride};
    operand_set(&o, kind, rows, columns, true, true);
    size_t bytes;
    return operand_bytes(&o, &bytes);
}

static void sizes_that_overflow_are_noticed(void **state) {
    (void)state;
    assert_true(fits(OPERAND_VECTOR, SCALAR_D, 1000000, 1, -1000));
    assert_true(fits(OPERAND_VECTOR, SCALAR_S, 1L << 60, 1, 1));
    assert_false(fits(OPERAND_VECTOR, SCALAR_D, 1L << 61, 1, 1)); /* 2^64 bytes */
    assert_false(fits(OPERAND_VECTOR, SCALAR_S, LONG_MAX, 1, 2)); /* elements and guards */
    assert_false(fits(OPERAND_VECTOR, SCALAR_D, 1L << 40, 1, 1L << 24));
    assert_false(fits(OPERAND_VECTOR, SCALAR_D, 1L << 40, 1, -(1L << 24)));
    assert_false(fits(OPERAND_GENERAL, SCALAR_D, 1L << 31, 1L << 31, 1L << 31));
    assert_false(fits(OPERAND_GENERAL, SCALAR_S, 10, 1L << 33, 1L << 31));
    assert_true(fits(OPERAND_GENERAL, SCALAR_S, 2147483647, 2147483647, 2147483647));
}

#define EACH_FORM(name)                                                                            \
    static void test_##name(void **state) {                                                        \
        (void)state;                                                                               \
        each_form(name);                                                                           \
    }
EACH_FORM(storage_holds_guards)
EACH_FORM(fill_writes_elements_only)
EACH_FORM(poison_surrounds_elements)
EACH_FORM(poison_of_outputs_covers_elements)
EACH_FORM(unpoison_leaves_ordinary_numbers)
EACH_FORM(elements_are_found)
EACH_FORM(times_and_norm_are_right)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storage_holds_guards),
        cmocka_unit_test(test_fill_writes_elements_only),
        cmocka_unit_test(test_poison_surrounds_elements),
        cmocka_unit_test(test_poison_of_outputs_covers_elements),
        cmocka_unit_test(test_unpoison_leaves_ordinary_numbers),
        cmocka_unit_test(test_elements_are_found),
        cmocka_unit_test(test_times_and_norm_are_right),
        cmocka_unit_test(values_depend_on_nothing_else),
        cmocka_unit_test(types_get_the_same_values),
        cmocka_unit_test(seeds_and_streams_differ),
        cmocka_unit_test(values_are_uniform),
        cmocka_unit_test(triangular_matrices_are_dominated_by_their_diagonal),
        cmocka_unit_test(repeatable_matrices_are_their_own_inverse),
        cmocka_unit_test(sizes_that_overflow_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
