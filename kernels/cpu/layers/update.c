/* The optimizers' arithmetic; nn/optimizer.c has their names and numbers. */
#include <math.h>

#include "kernels/cpu/layers/cpu_layers.h"

#define TYPED_FILE "kernels/cpu/layers/update_typed.h"
#include "kernels/cpu/layers/both_types.h"

struct update_task {
    const struct queue *q;
    enum update_rule rule;
    const struct update_numbers *numbers;
    void *w, *slot0, *slot1;
    const void *g;
};

static void update_body(long begin, long end, int thread, const void *argument) {
    (void)thread;
    const struct update_task *t = argument;
    void *w = element_at(t->q, t->w, begin);
    const void *g = element_at(t->q, t->g, begin);
    void *slot0 = t->slot0 ? element_at(t->q, t->slot0, begin) : NULL;
    void *slot1 = t->slot1 ? element_at(t->q, t->slot1, begin) : NULL;
    if (t->q->type == SCALAR_S)
        update_part_s(t->rule, t->numbers, end - begin, w, g, slot0, slot1);
    else
        update_part_d(t->rule, t->numbers, end - begin, w, g, slot0, slot1);
}

void cpu_update(struct queue *q, enum update_rule rule, const struct update_numbers *numbers,
                long count, void *w, const void *g, void *slot0, void *slot1) {
    struct update_task task = {q, rule, numbers, w, slot0, slot1, g};
    cpu_queue_for(q, count, ELEMENT_GRAIN, update_body, &task);
}
