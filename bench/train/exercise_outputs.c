/* Activations, softmax and cross-entropy on a few numbers, by the device's operations. */
#include <math.h>

#include "bench/train/exercise_tools.h"

/* Eight decimals each; the first and the last are known from the deck. */
static void add_row(struct exercise_rows *r, const char *what, int n, const double *known,
                    const double *ours) {
    const double half = 0.5e-8;
    for (int i = 0; i < n; i++)
        if (i == 0 || i == n - 1)
            exercise_reported(r, known[i], ours[i], half, "%s, at %d", what, i + 1);
        else
            exercise_derived(r, known[i], ours[i], half, "%s, at %d", what, i + 1);
}

int exercise_activations(struct exercise_row *rows, int most) {
    struct exercise_rows r = {rows, most, 0};
    enum { N = 6 };
    static const double sigmoid[N] = {0.73105858, 0.88079708, 0.95257413,
                                      0.98201379, 0.99330715, 0.99752738};
    static const double softmax[N] = {0.00426978, 0.01160646, 0.03154963,
                                      0.08576079, 0.23312201, 0.63369132};
    double y[3][N];
    struct queue q = exercise_queue();
    const struct layer_operations *device = q.device->layers;
    for (int i = 0; i < N; i++) y[0][i] = y[1][i] = y[2][i] = i + 1;
    device->activation_forward(&q, &(struct elementwise){ACTIVATION_SIGMOID, 0}, N, y[0]);
    device->softmax_forward(&q, 1, N, y[1]); /* the whole matrix is one row */
    device->activation_forward(&q, &(struct elementwise){ACTIVATION_RELU, 0}, N, y[2]);
    add_row(&r, "sigmoid", N, sigmoid, y[0]);
    add_row(&r, "softmax of the matrix", N, softmax, y[1]);
    for (int i = 0; i < N; i++) exercise_derived(&r, i + 1, y[2][i], 0, "ReLU, at %d", i + 1);
    exercise_queue_end(&q);
    return r.count;
}

int exercise_softmax_scores(struct exercise_row *rows, int most) {
    struct exercise_rows r = {rows, most, 0};
    enum { N = 3 };
    const double scores[N] = {3.2, 5.1, -1.7};
    double p[N] = {3.2, 5.1, -1.7}, sum = 0;
    struct queue q = exercise_queue();
    q.device->layers->softmax_forward(&q, 1, N, p);
    exercise_queue_end(&q);
    exercise_reported(&r, 24.5, exp(scores[0]), 0.05, "exp 3.2");
    exercise_reported(&r, 164.0, exp(scores[1]), 0.05, "exp 5.1");
    exercise_reported(&r, 0.18, exp(scores[2]), 0.005, "exp -1.7");
    exercise_reported(&r, 0.13, p[0], 0.005, "probability of score 3.2");
    exercise_reported(&r, 0.87, p[1], 0.005, "probability of score 5.1");
    exercise_reported(&r, 0.00, p[2], 0.005, "probability of score -1.7");
    for (int i = 0; i < N; i++) sum += p[i];
    exercise_derived(&r, 1, sum, exercise_rounding(1), "sum of the probabilities");
    return r.count;
}

/* The loss of one image of class 0 whose probability is p. Sums of (log p, log(1 - p)) are what
 * softmax makes p of; for p = 1 the other one is -infinity. */
static double cross_entropy(struct queue *q, double p) {
    double z[2] = {log(p), log(1 - p)};
    int32_t label = 0;
    char scratch[64] __attribute__((aligned(16)));
    q->scratch = scratch;
    q->scratch_bytes = sizeof scratch;
    return layer_loss(q, LOSS_CATEGORICAL, 1, 2, z, &(struct loss_targets){.labels = &label}, NULL,
                      NULL);
}

int exercise_cross_entropy(struct exercise_row *rows, int most) {
    struct exercise_rows r = {rows, most, 0};
    enum { N = 10 };
    static const double p[N] = {0.2, 1, 0.7, 0.9, 0.9, 1, 1, 1, 0.9, 1};
    static const double reported[N] = {1.61, 0, 0.356, 0.105, 0.105, 0, 0, 0, 0.105, 0};
    /* 0.35667 was cut, not rounded: there a whole unit. */
    static const double tolerance[N] = {0.005, 0, 0.001, 0.0005, 0.0005, 0, 0, 0, 0.0005, 0};
    double sum = 0;
    struct queue q = exercise_queue();
    for (int i = 0; i < N; i++) {
        double loss = cross_entropy(&q, p[i]);
        sum += loss;
        exercise_reported(&r, reported[i], loss, tolerance[i], "image %d: -log %g%s", i + 1, p[i],
                          p[i] == 0.7 ? " (reported cut, not rounded)" : "");
    }
    double mean = -log(0.2 * 0.7 * 0.9 * 0.9 * 0.9) / N;
    exercise_derived(&r, mean, sum / N, exercise_rounding(1), "mean of the ten");
    exercise_queue_end(&q);
    return r.count;
}
