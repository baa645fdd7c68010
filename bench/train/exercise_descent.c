/* Gradient descent in one dimension, by the optimizer that trains networks:
 * f(x) = (x - 3)^2, x <- x - eta f'(x), from 0. The distance x - 3 is multiplied by 1 - 2 eta at
 * every step, so x after k steps is 3 - 3 (1 - 2 eta)^k. */
#include <math.h>
#include <stdio.h>

#include <jansson.h>

#include "bench/harness/error.h"
#include "bench/train/exercise_tools.h"

enum { MOST_STEPS = 16, CURVE_POINTS = 61 };

static const struct {
    double eta;
    const char *what;
    int steps;
} paths[] = {
    {0.1, "straight down", 10},         {0.5, "there in one step", 1},
    {0.9, "down from both sides", 5},   {1, "to and fro for ever", 4},
    {1.1, "away faster and faster", 5},
};
enum { PATHS = sizeof paths / sizeof *paths };

static double height(double x) { return (x - 3) * (x - 3); }

/* path[k] is x after k steps. */
static void descend(double eta, int steps, double *path) {
    char text[OPTIMIZER_TEXT], reason[NETWORK_REASON];
    struct optimizer_settings settings;
    struct optimizer descent;
    struct queue q = exercise_queue();
    snprintf(text, sizeof text, "sgd:lr=%g", eta);
    if (!optimizer_parse(&settings, text, reason, sizeof reason)) die(EXIT_MISSING, "%s", reason);
    if (!optimizer_plan(&descent, &settings, &q, 1))
        die(EXIT_MISSING, "out of memory for the optimizer");
    double x = 0;
    path[0] = x;
    for (int step = 1; step <= steps; step++) {
        double slope = 2 * (x - 3);
        optimizer_advance(&descent);
        optimizer_update(&descent, 0, 1, &x, &slope, false);
        path[step] = x;
    }
    optimizer_free(&descent);
    exercise_queue_end(&q);
}

int exercise_gradient_descent(struct exercise_row *rows, int most) {
    struct exercise_rows r = {rows, most, 0};
    double path[MOST_STEPS + 1] = {0};
    for (int i = 0; i < PATHS; i++) {
        descend(paths[i].eta, paths[i].steps, path);
        for (int k = 0; k <= paths[i].steps; k++) {
            double expected = 3 - 3 * pow(1 - 2 * paths[i].eta, k);
            exercise_derived(&r, expected, path[k], exercise_rounding(expected),
                             "eta %g, %s: x after %d", paths[i].eta, paths[i].what, k);
        }
    }
    return r.count;
}

json_t *draw_gradient_descent(int index) {
    if (index < 0 || index >= PATHS) return NULL;
    const double low = -2, high = 8; /* the path that runs away leaves it */
    double path[MOST_STEPS + 1] = {0};
    json_t *curve = json_array(), *points = json_array();
    for (int i = 0; i < CURVE_POINTS; i++) {
        double x = low + (high - low) * i / (CURVE_POINTS - 1);
        json_array_append_new(curve, json_pack("[f, f]", x, height(x)));
    }
    descend(paths[index].eta, paths[index].steps, path);
    for (int k = 0; k <= paths[index].steps; k++)
        json_array_append_new(points, json_pack("[f, f]", path[k], height(path[k])));
    return json_pack("{s:s, s:f, s:s, s:o, s:o}", "function", "(x - 3)^2", "eta", paths[index].eta,
                     "what", paths[index].what, "curve", curve, "path", points);
}
