/* Losses with their gradients. Losses of images are added in double, in the images' order, whatever
 * the number of threads. */
#include <math.h>

#include "kernels/cpu/layers/cpu_layers.h"

struct loss_row {
    double loss;
    long correct; /* 0 or 1 */
};

/* What the gradient of one image is multiplied with, and the loss. */
static double weight_of(enum loss loss, long images, long outputs) {
    switch (loss) {
    case LOSS_HALF_SUM: return 1;
    case LOSS_MEAN: return 1 / ((double)images * (double)outputs);
    default: return 1 / (double)images;
    }
}

#define TYPED_FILE "kernels/cpu/layers/loss_typed.h"
#include "kernels/cpu/layers/both_types.h"

struct loss_task {
    const struct queue *q;
    enum loss loss;
    double weight;
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

size_t cpu_loss_scratch(const struct queue *q, long images) {
    (void)q;
    return (size_t)images * sizeof(struct loss_row);
}

double cpu_loss(struct queue *q, enum loss loss, long images, long outputs, void *y,
                const struct loss_targets *targets, void *dy, long *correct) {
    struct loss_row *rows = q->scratch;
    double weight = weight_of(loss, images, outputs), sum = 0;
    struct loss_task task = {q, loss, weight, outputs, y, dy, targets, rows};
    cpu_queue_for(q, images, 1 + ELEMENT_GRAIN / 8 / outputs, loss_body, &task);
    *correct = targets->labels ? 0 : -1;
    for (long i = 0; i < images; i++) {
        sum += rows[i].loss;
        if (targets->labels) *correct += rows[i].correct;
    }
    return sum * weight;
}
