/* Perceptrons: y = step(w x + b), 1 where the sum is 0 or more. Networks with weights set by hand;
 * W is [in][out]. */
#include "bench/train/exercise_tools.h"

/* Bit i of a number as input i, the first input being the highest of `count` bits. */
static int bit(int number, int i, int count) { return number >> (count - 1 - i) & 1; }

/* Weights 6, 2, 2 against a threshold: b = -threshold. */
static void add_cinema(struct exercise_rows *r, double threshold, int (*expected)(int, int, int)) {
    struct exercise_network e;
    exercise_open(&e, "3-1step", 1, LOSS_HALF_SUM);
    exercise_set(&e, 0, (const double[]){6, 2, 2}, (const double[]){-threshold});
    for (int number = 0; number < 8; number++) {
        int a = bit(number, 0, 3), b = bit(number, 1, 3), c = bit(number, 2, 3);
        const double x[3] = {a, b, c};
        exercise_derived(r, expected(a, b, c), exercise_predict(&e, x, 1)[0], 0,
                         "cinema, threshold %g: %d %d %d", threshold, a, b, c);
    }
    exercise_close(&e);
}

static int first_decides(int a, int b, int c) {
    (void)b, (void)c;
    return a;
}

static int first_or_both_others(int a, int b, int c) { return a || (b && c); }

static void add_gate(struct exercise_rows *r, const char *name, double w, double b,
                     const int table[4]) {
    struct exercise_network e;
    exercise_open(&e, "2-1step", 1, LOSS_HALF_SUM);
    exercise_set(&e, 0, (const double[]){w, w}, &b);
    for (int number = 0; number < 4; number++) {
        const double x[2] = {bit(number, 0, 2), bit(number, 1, 2)};
        exercise_reported(r, table[number], exercise_predict(&e, x, 1)[0], 0, "%s: %g %g", name,
                          x[0], x[1]);
    }
    exercise_close(&e);
}

/* sum = NAND(NAND(a, n), NAND(b, n)), carry = NAND(n, n), n = NAND(a, b). A NAND is (-2, -2), 3;
 * what a layer hands on unchanged goes through step(2 x - 1). */
static void add_half_adder(struct exercise_rows *r) {
    struct exercise_network e;
    exercise_open(&e, "2-3step-3step-2step", 1, LOSS_HALF_SUM);
    exercise_set(&e, 0, (const double[]){2, 0, -2, /* a to: a, b, n */ 0, 2, -2},
                 (const double[]){-1, -1, 3});
    /* a, b, n to NAND(a, n), NAND(b, n), n */
    exercise_set(&e, 2, (const double[]){-2, 0, 0, 0, -2, 0, -2, -2, 2},
                 (const double[]){3, 3, -1});
    /* those to sum and carry; NAND(n, n) has both weights on n */
    exercise_set(&e, 4, (const double[]){-2, 0, -2, 0, 0, -4}, (const double[]){3, 3});
    for (int number = 0; number < 4; number++) {
        int a = bit(number, 0, 2), b = bit(number, 1, 2);
        const double x[2] = {a, b}, *y = exercise_predict(&e, x, 1);
        exercise_reported(r, a ^ b, y[0], 0, "half adder: sum of %d and %d", a, b);
        exercise_reported(r, a & b, y[1], 0, "half adder: carry of %d and %d", a, b);
    }
    exercise_close(&e);
}

/* sign(w x + b) with sign(0) = 1 */
static double sign_of(struct exercise_network *e, const double *x) {
    return 2 * exercise_predict(e, x, 1)[0] - 1;
}

/* AND of -1 and 1, with weights that the perceptron rule finds from 0: w += t x, b += t wherever
 * the sign is wrong (F. Rosenblatt, 1958), until a pass makes no mistake. */
static void add_sign(struct exercise_rows *r) {
    static const double x[4][2] = {{-1, -1}, {-1, 1}, {1, -1}, {1, 1}}, t[4] = {-1, -1, -1, 1};
    double w[2] = {0, 0}, b = 0;
    int mistakes = 0, before;
    struct exercise_network e;
    exercise_open(&e, "2-1step", 1, LOSS_HALF_SUM);
    do {
        before = mistakes;
        for (int i = 0; i < 4; i++) {
            exercise_set(&e, 0, w, &b);
            if (sign_of(&e, x[i]) == t[i]) continue;
            mistakes++;
            w[0] += t[i] * x[i][0];
            w[1] += t[i] * x[i][1];
            b += t[i];
        }
    } while (mistakes != before && mistakes < 100);
    exercise_derived(r, 1, mistakes, 0, "perceptron rule: mistakes before none is left");
    exercise_derived(r, 1, w[0], 0, "perceptron rule: w1");
    exercise_derived(r, 1, w[1], 0, "perceptron rule: w2");
    exercise_derived(r, -1, b, 0, "perceptron rule: b");
    for (int i = 0; i < 4; i++)
        exercise_derived(r, t[i], sign_of(&e, x[i]), 0, "sign(w x + b): %g %g", x[i][0], x[i][1]);
    exercise_close(&e);
}

int exercise_perceptrons(struct exercise_row *rows, int most) {
    struct exercise_rows r = {rows, most, 0};
    add_cinema(&r, 5, first_decides);
    add_cinema(&r, 3, first_or_both_others);
    add_gate(&r, "AND", 2, -3, (const int[]){0, 0, 0, 1});
    add_gate(&r, "OR", 2, -1, (const int[]){0, 1, 1, 1});
    add_gate(&r, "NAND", -2, 3, (const int[]){1, 1, 1, 0});
    add_half_adder(&r);
    add_sign(&r);
    return r.count;
}
