/* Computational graphs, forward and backward: each node is a line, and in the backward pass each
 * line comes again from the last to the first with the derivative d<node> = d(output)/d(node). */
#include <math.h>

#include "bench/train/exercise_tools.h"

struct neuron {
    double z, y;
    double dz, dw[2], db, dx[2];
};

/* y = sigmoid(w0 x0 + w1 x1 + b) */
static struct neuron neuron_by_hand(const double w[2], double b, const double x[2]) {
    double p0 = w[0] * x[0];
    double p1 = w[1] * x[1];
    double s = p0 + p1;
    double z = s + b;
    double m = -z;
    double e = exp(m);
    double d = 1 + e;
    double y = 1 / d;

    double dy = 1;
    double dd = dy * -1 / (d * d);
    double de = dd;
    double dm = de * e;
    double dz = -dm;
    double db = dz;
    double ds = dz;
    double dp1 = ds;
    double dp0 = ds;
    return (struct neuron){.z = z,
                           .y = y,
                           .dz = dz,
                           .dw = {dp0 * x[0], dp1 * x[1]},
                           .db = db,
                           .dx = {dp0 * w[0], dp1 * w[1]}};
}

/* The same by a network. A layer that changes nothing, y = x I + 0, stands in front: the gradient
 * by its biases is that by x, which a network otherwise doesn't compute. */
static struct neuron neuron_by_network(const double w[2], double b, const double x[2]) {
    struct exercise_network e;
    exercise_open(&e, "2-2-1sigmoid", 1, LOSS_HALF_SUM);
    exercise_set(&e, 0, (const double[]){1, 0, 0, 1}, NULL);
    exercise_set(&e, 1, w, &b);
    exercise_gradient(&e, x, (const double[]){1}, 1);
    const struct layer *same = &e.network.layers[0], *dense = &e.network.layers[1];
    const double *dw = dense->dw, *db = dense->db, *dx = same->db, *y = e.network.output;
    struct neuron result = {.y = *y, .dw = {dw[0], dw[1]}, .db = *db, .dx = {dx[0], dx[1]}};
    exercise_close(&e);
    return result;
}

static void add_neuron(struct exercise_rows *r, const char *how, const struct neuron *n,
                       const double w[2], const double x[2]) {
    double y = 0.7310585786300049;   /* 1 / (1 + 1/e) */
    double dz = 0.19661193324148185; /* y (1 - y) */
    double tolerance = exercise_rounding(1);
    exercise_derived(r, y, n->y, tolerance, "%s: output", how);
    exercise_derived(r, dz * x[0], n->dw[0], tolerance, "%s: gradient by w0", how);
    exercise_derived(r, dz * x[1], n->dw[1], tolerance, "%s: gradient by w1", how);
    exercise_derived(r, dz, n->db, tolerance, "%s: gradient by w2, the bias", how);
    exercise_derived(r, dz * w[0], n->dx[0], tolerance, "%s: gradient by x0", how);
    exercise_derived(r, dz * w[1], n->dx[1], tolerance, "%s: gradient by x1", how);
}

int exercise_neuron_graph(struct exercise_row *rows, int most) {
    struct exercise_rows r = {rows, most, 0};
    const double w[2] = {2, -3}, b = -3, x[2] = {-1, -2};
    struct neuron hand = neuron_by_hand(w, b, x), network = neuron_by_network(w, b, x);
    exercise_reported(&r, 0.73, hand.y, 0.005, "by hand: output, rounded");
    exercise_reported(&r, 0.2, hand.dz, 0.05, "by hand: gradient at the sum, rounded");
    exercise_derived(&r, 1, hand.z, 0, "the sum");
    add_neuron(&r, "by hand", &hand, w, x);
    add_neuron(&r, "network", &network, w, x);
    return r.count;
}

int exercise_neuron_mlp(struct exercise_row *rows, int most) {
    struct exercise_rows r = {rows, most, 0};
    enum { POINTS = 3, IN = 2, NEURONS = 2 };
    /* Point 0 and neuron 0 are those of neuron-graph, the others are ours. W is [in][out]. */
    const double x[POINTS][IN] = {{-1, -2}, {3, 1}, {0, 4}};
    const double w[IN][NEURONS] = {{2, 1}, {-3, 5}}, b[NEURONS] = {-3, -2};
    const double neuron[IN] = {2, -3}, bias = -3;
    struct exercise_network e;

    exercise_open(&e, "2-1", 1, LOSS_HALF_SUM);
    exercise_set(&e, 0, neuron, &bias);
    exercise_reported(&r, 1, exercise_predict(&e, x[0], 1)[0], 0, "one point, one neuron: Z");
    exercise_close(&e);

    exercise_open(&e, "2-1sigmoid", 1, LOSS_HALF_SUM);
    exercise_set(&e, 0, neuron, &bias);
    exercise_reported(&r, 0.731, exercise_predict(&e, x[0], 1)[0], 0.0005,
                      "one point, one neuron: sigmoid(Z)");
    exercise_close(&e);

    exercise_open(&e, "2-2", POINTS, LOSS_HALF_SUM);
    exercise_set(&e, 0, w[0], b);
    const double *z = exercise_predict(&e, x[0], POINTS);
    for (int i = 0; i < POINTS; i++)
        for (int j = 0; j < NEURONS; j++)
            exercise_derived(&r, x[i][0] * w[0][j] + x[i][1] * w[1][j] + b[j], z[i * NEURONS + j],
                             0, "batch, Z = X W + b: point %d, neuron %d", i, j);
    exercise_close(&e);
    return r.count;
}

/* f(x, y) = x^2 + x y + (x + y)^2 */
static double function(double x, double y) {
    double a = x * x;
    double b = x * y;
    double c = x + y;
    double d = c * c;
    return a + b + d;
}

static void function_gradient(double x, double y, double *dx, double *dy) {
    double c = x + y;
    double da = 1, db = 1, dd = 1; /* of f = a + b + d */
    double dc = dd * 2 * c;
    *dx = dc + db * y + da * 2 * x;
    *dy = dc + db * x;
}

int exercise_function_graph(struct exercise_row *rows, int most) {
    struct exercise_rows r = {rows, most, 0};
    static const double points[][2] = {{1, 2}, {-1.5, 0.5}, {3, -2}};
    const double h = 0x1p-10; /* f is quadratic: any h gives the derivative but for rounding */
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        double x = points[i][0], y = points[i][1], dx, dy;
        double by_x = 2 * x + y + 2 * (x + y), by_y = x + 2 * (x + y);
        double central = 2 * exercise_rounding(function(x, y)) / h;
        function_gradient(x, y, &dx, &dy);
        exercise_derived(&r, by_x, dx, exercise_rounding(by_x), "df/dx at (%g, %g), graph", x, y);
        exercise_derived(&r, by_x, (function(x + h, y) - function(x - h, y)) / (2 * h), central,
                         "df/dx at (%g, %g), central difference", x, y);
        exercise_derived(&r, by_y, dy, exercise_rounding(by_y), "df/dy at (%g, %g), graph", x, y);
        exercise_derived(&r, by_y, (function(x, y + h) - function(x, y - h)) / (2 * h), central,
                         "df/dy at (%g, %g), central difference", x, y);
    }
    return r.count;
}
