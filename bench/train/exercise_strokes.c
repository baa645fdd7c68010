/* Strokes of pixels +1 on -1, told apart by 2 x 2 filters. */
#include <math.h>

#include "bench/train/exercise_tools.h"

enum { PIXELS_2X2 = 4, PIXELS_3X3 = 9, SIGNS = 4 };

static const double slash[PIXELS_2X2] = {-1, 1, 1, -1}, backslash[PIXELS_2X2] = {1, -1, -1, 1};

static double score(struct exercise_network *e, const double *filter, const double *image) {
    exercise_set(e, 0, filter, NULL);
    return exercise_predict(e, image, 1)[0];
}

/* All 16 filters of -1 and 1: the best is the one with the widest gap between the two strokes. */
static void add_search(struct exercise_rows *r, struct exercise_network *e) {
    double best[PIXELS_2X2] = {0}, widest = -INFINITY;
    int as_wide = 0, separate = 0;
    for (int number = 0; number < 16; number++) {
        double filter[PIXELS_2X2];
        for (int i = 0; i < PIXELS_2X2; i++) filter[i] = number >> i & 1 ? 1 : -1;
        double gap = score(e, filter, slash) - score(e, filter, backslash);
        separate += gap > 0;
        if (gap == widest) as_wide++;
        if (gap <= widest) continue;
        widest = gap;
        as_wide = 1;
        for (int i = 0; i < PIXELS_2X2; i++) best[i] = filter[i];
    }
    exercise_derived(r, 5, separate, 0, "search: filters of 16 that score / above \\");
    exercise_derived(r, 8, widest, 0, "search: widest gap between / and \\");
    exercise_derived(r, 1, as_wide, 0, "search: filters that have it");
    for (int i = 0; i < PIXELS_2X2; i++)
        exercise_derived(r, slash[i], best[i], 0, "search: best filter, row %d column %d",
                         i / 2 + 1, i % 2 + 1);
}

/* The score s is to be 4 for / and -4 for \, loss 1/2 mean (s - t)^2, the filter 0 at first. It is
 * a times the deck's filter at every step, with a <- a - lr (4 a - 4): 1 - a shrinks by 1 - 4 lr.
 */
static void add_descent(struct exercise_rows *r) {
    const double images[2][PIXELS_2X2] = {{-1, 1, 1, -1}, {1, -1, -1, 1}};
    const double targets[2] = {4, -4};
    const struct loss_targets wanted = {.numbers = targets};
    struct exercise_network e;
    exercise_open(&e, "2x2x1 conv2x2x1", 2, LOSS_HALF_MEAN);
    const double *filter = e.network.layers[0].w, *bias = e.network.layers[0].b;
    exercise_train(&e, "sgd:lr=0.2", 1, images[0], &wanted, 2);
    exercise_derived(r, 3.2, exercise_predict(&e, slash, 1)[0], exercise_rounding(4),
                     "descent: score of / after 1 step");
    exercise_train(&e, "sgd:lr=0.2", 1, images[0], &wanted, 2);
    exercise_derived(r, 3.84, exercise_predict(&e, slash, 1)[0], exercise_rounding(4),
                     "descent: score of / after 2 steps");
    exercise_train(&e, "sgd:lr=0.2", 28, images[0], &wanted, 2);
    for (int i = 0; i < PIXELS_2X2; i++)
        exercise_derived(r, slash[i], filter[i], exercise_rounding(1),
                         "descent: filter after 30 steps, row %d column %d", i / 2 + 1, i % 2 + 1);
    exercise_derived(r, 0, bias[0], exercise_rounding(1), "descent: bias after 30 steps");
    exercise_derived(r, -4, exercise_predict(&e, backslash, 1)[0], exercise_rounding(4),
                     "descent: score of \\ after 30 steps");
    exercise_close(&e);
}

int exercise_strokes_2x2(struct exercise_row *rows, int most) {
    struct exercise_rows r = {rows, most, 0};
    static const struct {
        const char *name;
        double image[PIXELS_2X2], score;
    } images[] = {
        {"/", {-1, 1, 1, -1}, 4},
        {"\\", {1, -1, -1, 1}, -4},
        {"/ without its lower pixel", {-1, 1, -1, -1}, 2},
        {"/ without its upper pixel", {-1, -1, 1, -1}, 2},
        {"\\ without its lower pixel", {1, -1, -1, -1}, -2},
        {"\\ without its upper pixel", {-1, -1, -1, 1}, -2},
        {"a horizontal stroke", {1, 1, -1, -1}, 0},
        {"a vertical stroke", {1, -1, 1, -1}, 0},
    };
    struct exercise_network e;
    exercise_open(&e, "2x2x1 conv2x2x1", 1, LOSS_HALF_SUM);
    for (size_t i = 0; i < sizeof images / sizeof *images; i++)
        exercise_reported(&r, images[i].score, score(&e, slash, images[i].image), 0, "score of %s",
                          images[i].name);
    add_search(&r, &e);
    exercise_close(&e);
    add_descent(&r);
    return r.count;
}

static const double signs[SIGNS][PIXELS_3X3] = {
    {-1, -1, 1, -1, 1, -1, 1, -1, -1},
    {1, -1, -1, -1, 1, -1, -1, -1, 1},
    {1, -1, 1, -1, 1, -1, 1, -1, 1},
    {1, 1, 1, 1, -1, 1, 1, 1, 1},
};
static const char sign_name[SIGNS] = {'/', '\\', 'X', 'O'};

/* With the two filters of the 2 x 2 strokes the largest scores already tell the four apart. */
static void add_features(struct exercise_rows *r) {
    static const double expected[SIGNS][2] = {{4, 2}, {2, 4}, {4, 4}, {2, 2}};
    double filters[PIXELS_2X2][2];
    struct exercise_network e;
    exercise_open(&e, "3x3x1 conv2x2x2 relu maxpool2", 1, LOSS_HALF_SUM);
    for (int i = 0; i < PIXELS_2X2; i++) {
        filters[i][0] = slash[i];
        filters[i][1] = backslash[i];
    }
    exercise_set(&e, 0, filters[0], NULL);
    for (int s = 0; s < SIGNS; s++) {
        const double *y = exercise_predict(&e, signs[s], 1);
        for (int f = 0; f < 2; f++)
            exercise_derived(r, expected[s][f], y[f], 0, "%c: largest score of the filter %c",
                             sign_name[s], sign_name[f]);
    }
    exercise_close(&e);
}

/* Signs whose right output is the largest; *least: the least of the right outputs. */
static int count_right(struct exercise_network *e, double *least) {
    const double *y = exercise_predict(e, signs[0], SIGNS);
    int right = 0;
    *least = 1;
    for (int s = 0; s < SIGNS; s++, y += SIGNS) {
        int largest = 0;
        for (int j = 1; j < SIGNS; j++)
            if (y[j] > y[largest]) largest = j;
        right += largest == s;
        *least = fmin(*least, y[s]);
    }
    return right;
}

/* Filters learned from each of several initial weights. Four filters: two are enough to tell the
 * signs apart, but from some weights descent ends where two signs still look the same. */
static void add_learned(struct exercise_rows *r) {
    enum { SEEDS = 10 };
    static const int32_t labels[SIGNS] = {0, 1, 2, 3};
    const struct loss_targets wanted = {.labels = labels};
    struct exercise_network e;
    int all_right = 0;
    exercise_open(&e, "3x3x1 conv2x2x4 relu maxpool2 dense4 softmax", SIGNS, LOSS_CATEGORICAL);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        double least;
        network_initialise(&e.network, INITIAL_HE, seed);
        exercise_train(&e, "momentum:lr=0.05", 1000, signs[0], &wanted, SIGNS);
        int right = count_right(&e, &least);
        all_right += right == SIGNS;
        if (seed > 1) continue;
        exercise_reported(r, SIGNS, right, 0, "learned filters: signs told apart, of 4");
        exercise_derived(r, 1.00, least, 0.005, "learned filters: least probability of a sign");
    }
    exercise_derived(r, SEEDS, all_right, 0,
                     "learned filters: of %d initial weights all right from", SEEDS);
    exercise_close(&e);
}

int exercise_strokes_3x3(struct exercise_row *rows, int most) {
    struct exercise_rows r = {rows, most, 0};
    add_features(&r);
    add_learned(&r);
    return r.count;
}
