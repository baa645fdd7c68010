/* Losses with their gradients. Losses of images are added in double, in the images' order, whatever
 * the number of threads. */
#include <math.h>

#include "kernels/cpu/layers/clones.h"
#include "kernels/cpu/layers/cpu_layers.h"
#include "kernels/cpu/layers/elementary.h"

struct loss_row {
    double loss, total; /* total: of the targets */
    long correct;       /* 0 or 1 */
};

/* Images that are taken together, and their elements: they stay in the first cache. */
enum { MOST_ROWS = 128, MOST_ELEMENTS = 2048 };

/* What the gradient of one image is multiplied with, and the loss. */
static double weight_of(enum loss loss, long images, long outputs) {
    switch (loss) {
    case LOSS_HALF_SUM: return 1;
    case LOSS_MEAN: return 1 / ((double)images * (double)outputs);
    default: return 1 / (double)images;
    }
}

/* n is a multiple of WHOLE. */
CLONES static void log_vectors(long n, double *x) {
    for (long i = 0; i < n; i++) x[i] = vector_log_d(x[i]);
}

CLONES static void log1p_vectors(long n, double *x) {
    for (long i = 0; i < n; i++) x[i] = vector_log1p_d(x[i]);
}

/* Any n: what is left over becomes a whole vector. */
static void all_of(void (*vectors)(long, double *), long n, double *x) {
    long rest = n % WHOLE, whole = n - rest;
    double room[WHOLE] = {0};
    vectors(whole, x);
    if (!rest) return;
    for (long i = 0; i < WHOLE; i++) room[i] = i < rest ? x[whole + i] : 1;
    vectors(WHOLE, room);
    for (long i = 0; i < rest; i++) x[whole + i] = room[i];
}

static void log_all(long n, double *x) { all_of(log_vectors, n, x); }
static void log1p_all(long n, double *x) { all_of(log1p_vectors, n, x); }

#define TYPED_FILE "kernels/cpu/layers/loss_typed.h"
#include "kernels/cpu/layers/both_types.h"

struct loss_task {
    const struct queue *q;
    enum loss loss;
    double weight; /* of the gradient */
    long outputs;
    void *y, *dy;
    const struct loss_targets *targets;
    struct loss_row *rows;
};

static void loss_body(long begin, long end, int thread, const void *argument) {
    (void)thread;
    const struct loss_task *t = argument;
    for (long i = begin; i < end; i++) {
        int32_t label = t->targets->labels ? t->targets->labels[i] : -1;
        void *y = element_at(t->q, t->y, i * t->outputs);
        void *dy = t->dy ? element_at(t->q, t->dy, i * t->outputs) : NULL;
        const void *numbers =
            label < 0 ? element_at(t->q, t->targets->numbers, i * t->outputs) : NULL;
        t->rows[i] = t->q->type == SCALAR_S
                         ? row_loss_s(t->loss, t->outputs, t->weight, y, label, numbers, dy)
                         : row_loss_d(t->loss, t->outputs, t->weight, y, label, numbers, dy);
    }
}

/* Losses of exponentials, some images at a time. */
static void loss_together(long begin, long end, int thread, const void *argument) {
    (void)thread;
    const struct loss_task *t = argument;
    long n = t->outputs, some = MOST_ELEMENTS / n < MOST_ROWS ? MOST_ELEMENTS / n : MOST_ROWS;
    bool categorical = t->loss == LOSS_CATEGORICAL, single = t->q->type == SCALAR_S;
    for (long i = begin, rows; i < end; i += rows) {
        rows = end - i < some ? end - i : some;
        const int32_t *labels = t->targets->labels ? t->targets->labels + i : NULL;
        const void *numbers = labels ? NULL : element_at(t->q, t->targets->numbers, i * n);
        void *y = element_at(t->q, t->y, i * n),
             *dy = t->dy ? element_at(t->q, t->dy, i * n) : NULL;
        if (categorical && single)
            categorical_rows_s(rows, n, t->weight, y, labels, numbers, dy, t->rows + i);
        else if (categorical)
            categorical_rows_d(rows, n, t->weight, y, labels, numbers, dy, t->rows + i);
        else if (single)
            binary_rows_s(rows, n, t->weight, y, labels, numbers, dy, t->rows + i);
        else
            binary_rows_d(rows, n, t->weight, y, labels, numbers, dy, t->rows + i);
    }
}

/* Whether it pays and there is room. A single class is no choice: a label of 0 and 1 means two. */
static bool goes_together(const struct queue *q, enum loss loss, long outputs) {
    return queue_uses(q, MEASURE_VECTOR_MATH) && outputs <= MOST_ELEMENTS &&
           ((loss == LOSS_CATEGORICAL && outputs > 1) || loss == LOSS_BINARY);
}

size_t cpu_loss_scratch(const struct queue *q, long images) {
    (void)q;
    return (size_t)images * sizeof(struct loss_row);
}

void cpu_tally(struct queue *q, struct tally *tally) { *tally = q->so_far; }
void cpu_tally_clear(struct queue *q) { q->so_far = (struct tally){.correct = -1}; }

void cpu_loss(struct queue *q, enum loss loss, long images, long outputs, void *y,
              const struct loss_targets *targets, void *dy) {
    struct loss_row *rows = q->scratch;
    double weight = weight_of(loss, images, outputs), sum = 0;
    double share = weight_of(loss, q->images_in_all ? q->images_in_all : images, outputs);
    struct loss_task task = {q, loss, share, outputs, y, dy, targets, rows};
    if (goes_together(q, loss, outputs))
        cpu_queue_for(q, images, 1 + ELEMENT_GRAIN / outputs, loss_together, &task);
    else
        cpu_queue_for(q, images, 1 + ELEMENT_GRAIN / 8 / outputs, loss_body, &task);
    long correct = targets->labels ? 0 : -1;
    for (long i = 0; i < images; i++) {
        sum += rows[i].loss;
        if (targets->labels) correct += rows[i].correct;
    }
    tally_add(&q->so_far, sum * weight, correct, images);
}
