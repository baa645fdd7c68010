#include "bench/train/exercise_tools.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bench/harness/error.h"
#include "kernels/cpu/blas_library.h"
#include "kernels/kernel.h"
#include "nn/notation.h"

static void add(struct exercise_rows *rows, struct exercise_row row, const char *what,
                va_list arguments) {
    if (rows->count == rows->most) return;
    vsnprintf(row.what, sizeof row.what, what, arguments);
    rows->row[rows->count++] = row;
}

void exercise_reported(struct exercise_rows *rows, double reported, double ours, double tolerance,
                       const char *what, ...) {
    va_list arguments;
    va_start(arguments, what);
    add(rows, (struct exercise_row){"", reported, ours, tolerance, true}, what, arguments);
    va_end(arguments);
}

void exercise_derived(struct exercise_rows *rows, double expected, double ours, double tolerance,
                      const char *what, ...) {
    va_list arguments;
    va_start(arguments, what);
    add(rows, (struct exercise_row){"", expected, ours, tolerance, false}, what, arguments);
    va_end(arguments);
}

double exercise_rounding(double value) {
    return 16 * scalar_epsilon(SCALAR_D) * fmax(1, fabs(value));
}

/* The queue is not entered: one thread needs no pinning, and the caller keeps its own. */
struct queue exercise_queue(void) {
    char reason[NETWORK_REASON];
    struct queue queue = {.device = device_find("cpu"), .type = SCALAR_D, .threads = 1};
    queue.library = blas_library_open("naive", reason, sizeof reason);
    if (!queue.library) die(EXIT_MISSING, "%s", reason);
    queue.gemm = blas_library_routine(queue.library, kernel_find("gemm"), queue.type);
    return queue;
}

void exercise_queue_end(struct queue *queue) {
    blas_library_close((struct blas_library *)queue->library);
    queue->library = NULL;
}

void exercise_open(struct exercise_network *e, const char *notation, long batch, enum loss loss) {
    char reason[NETWORK_REASON];
    struct architecture architecture;
    e->queue = exercise_queue();
    if (!architecture_parse(&architecture, notation, (struct extent){0, 0, 0}, reason,
                            sizeof reason) ||
        !network_plan(&e->network, &architecture, &e->queue, batch, loss, true, reason,
                      sizeof reason))
        die(EXIT_MISSING, "%s: %s", notation, reason);
    network_initialise(&e->network, INITIAL_ZERO, 0);
}

void exercise_close(struct exercise_network *e) {
    network_free(&e->network);
    exercise_queue_end(&e->queue);
}

void exercise_set(struct exercise_network *e, int layer, const double *weights,
                  const double *biases) {
    const struct layer *l = &e->network.layers[layer];
    memcpy(l->w, weights, (size_t)l->weights * sizeof *weights);
    if (biases) memcpy(l->b, biases, (size_t)l->biases * sizeof *biases);
}

const double *exercise_predict(struct exercise_network *e, const double *x, long images) {
    return network_predict(&e->network, x, images);
}

void exercise_gradient(struct exercise_network *e, const double *x, const double *dy, long images) {
    struct network *n = &e->network;
    struct pass pass = training_pass(n, images, 0, 0, 0);
    n->queue->scratch = n->scratch.memory;
    n->queue->scratch_bytes = n->scratch.bytes;
    network_forward(n, &pass, x);
    memcpy(n->layers[n->count - 1].dy, dy, (size_t)(images * n->outputs) * sizeof *dy);
    network_backward(n, &pass, NULL);
}

double exercise_train(struct exercise_network *e, const char *optimizer, long steps,
                      const double *x, const struct loss_targets *targets, long images) {
    char reason[NETWORK_REASON];
    struct optimizer_settings settings;
    struct optimizer descent;
    double loss = NAN;
    if (!optimizer_parse(&settings, optimizer, reason, sizeof reason))
        die(EXIT_MISSING, "%s", reason);
    if (!optimizer_plan(&descent, &settings, &e->queue, e->network.parameters))
        die(EXIT_MISSING, "out of memory for the optimizer");
    for (long step = 0; step < steps; step++) {
        struct pass pass = training_pass(&e->network, images, 0, (uint64_t)step, 0);
        loss = train_step(&e->network, &descent, &pass, x, targets, NULL).loss;
    }
    optimizer_free(&descent);
    return loss;
}
