/* The arrays that allreduce sums, and the check of the sums: right ones pass, every sort of wrong
 * one is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mpi/add.h"
#include "mpi/allreduce_check.h"

enum { COUNT = 1003, SEED = 5 };

static int members[4096];

static void *filled(enum scalar type, int rank, int ranks) {
    void *array = malloc(COUNT * scalar_bytes(type));
    assert_non_null(array);
    allreduce_fill(type, array, COUNT, SEED, rank, ranks);
    return array;
}

/* The sum over the ranks first .. first + number - 1, in this or the opposite order. */
static void *summed(enum scalar type, int first, int number, int ranks, bool backwards) {
    void *sum = filled(type, backwards ? first + number - 1 : first, ranks);
    for (int r = 1; r < number; r++) {
        void *other = filled(type, backwards ? first + number - 1 - r : first + r, ranks);
        add_into(type, sum, other, COUNT);
        free(other);
    }
    return sum;
}

static double error_of(enum scalar type, const void *sum, int first, int number, int ranks) {
    for (int i = 0; i < number; i++) members[i] = first + i;
    return allreduce_error(type, sum, COUNT, SEED, members, number, ranks);
}

static void test_right_sums_are_exact(void **unused) {
    (void)unused;
    static const int numbers[] = {1, 2, 3, 4, 7, 64, 4096};
    for (enum scalar type = SCALAR_S; type <= SCALAR_D; type++)
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
            for (int backwards = 0; backwards < 2; backwards++) {
                void *sum = summed(type, 0, numbers[i], numbers[i], backwards);
                assert_true(error_of(type, sum, 0, numbers[i], numbers[i]) == 0);
                free(sum);
            }
    void *part = summed(SCALAR_S, 2, 2, 7, false); /* some of the ranks */
    assert_true(error_of(SCALAR_S, part, 2, 2, 7) == 0);
    assert_true(error_of(SCALAR_S, part, 1, 2, 7) > 0);
    free(part);
}

static void test_wrong_sums_are_found(void **unused) {
    (void)unused;
    float *sum = summed(SCALAR_S, 0, 4, 4, false), *copy = malloc(COUNT * sizeof *copy);
    assert_non_null(copy);
#define RESET memcpy(copy, sum, COUNT * sizeof *copy)
#define FOUND assert_true(error_of(SCALAR_S, copy, 0, 4, 4) > 0)
    for (int i = 0; i < COUNT; i++) { /* one element off by the least that is possible */
        RESET;
        copy[i] = nextafterf(copy[i], INFINITY);
        FOUND;
    }
    RESET;
    memmove(copy, copy + 1, (COUNT - 1) * sizeof *copy); /* shifted by one */
    FOUND;
    RESET;
    memcpy(copy, sum + 250, 250 * sizeof *copy); /* two chunks swapped */
    memcpy(copy + 250, sum, 250 * sizeof *copy);
    FOUND;
    for (int r = 0; r < 4; r++) { /* a rank left out, or twice, in one chunk */
        float *rank = filled(SCALAR_S, r, 4);
        RESET;
        for (int i = 250; i < 500; i++) copy[i] -= rank[i];
        FOUND;
        RESET;
        add_into(SCALAR_S, copy + 500, rank + 500, 250);
        FOUND;
        for (int other = 0; other < 4; other++) { /* one in another's place */
            float *array = filled(SCALAR_S, other, 4);
            RESET;
            for (int i = 0; i < 250; i++) copy[i] += array[i] - rank[i];
            if (other != r) FOUND;
            free(array);
        }
        free(rank);
    }
    RESET;
    allreduce_spoil(SCALAR_S, copy + COUNT - 1, 1); /* the last element never written */
    assert_true(isnan(error_of(SCALAR_S, copy, 0, 4, 4)));
    free(sum);
    free(copy);
}

static void test_adding(void **unused) {
    (void)unused;
    double a[5] = {1, 2, 3, 4, 5}, b[5] = {10, 20, 30, 40, 50}, to[5] = {0};
    add_arrays(SCALAR_D, to, a, b, 4);
    assert_true(to[0] == 11 && to[3] == 44 && to[4] == 0);
    add_into(SCALAR_D, to, a, 5);
    assert_true(to[0] == 12 && to[4] == 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_sums_are_exact),
        cmocka_unit_test(test_wrong_sums_are_found),
        cmocka_unit_test(test_adding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
