#include "nn/step.h"

#include <math.h>
#include <stddef.h>

#include "kernels/trace.h"
#include "nn/layers.h"

struct pass training_pass(const struct network *n, long images, uint64_t seed, uint64_t step,
                          long first_image) {
    return (struct pass){.queue = n->queue,
                         .images = images,
                         .training = true,
                         .draw = {.seed = seed, .step = step, .first_image = first_image}};
}

/* The shape of a layer's product, for those who read spans. */
static struct span span_of(const struct layer *l, const char *pass, long images) {
    struct span span = {
        .operation = l->kind->name, .pass = pass, .layer = l->name, .m = -1, .n = -1, .k = -1};
    const char *path = pass[0] == 'f' ? l->forward_path : pass[0] == 'b' ? l->backward_path : "";
    if (*path) span.path = path;
    if (!l->weights) return span;
    span.m = images * l->out.height * l->out.width;
    span.n = l->size;
    span.k = l->weights / l->size;
    return span;
}

/* What the loss is computed in, and layers that must not overwrite what another one still needs. */
static void copy_input(const struct pass *pass, const struct layer *l) {
    if (!l->kind->in_place || l->y == l->x) return;
    size_t bytes = (size_t)(pass->images * extent_size(l->in)) * scalar_bytes(pass->queue->type);
    pass->queue->device->copy(pass->queue->device, l->y, l->x, bytes);
}

/* Networks may share a queue: whoever issues to it brings the memory. */
static void bring_scratch(struct network *n) {
    n->queue->scratch = n->scratch.memory;
    n->queue->scratch_bytes = n->scratch.bytes;
}

static void *shifted(const struct queue *q, const void *array, long images, struct extent of) {
    return array ? (char *)array + (size_t)(images * extent_size(of)) * scalar_bytes(q->type)
                 : NULL;
}

/* The layer as images from `first` on see it. */
static struct layer from_image(const struct queue *q, const struct layer *l, long first) {
    struct layer at = *l;
    if (!first) return at;
    at.x = shifted(q, l->x, first, l->in);
    at.y = shifted(q, l->y, first, l->out);
    if (l->dx_whole) at.dx = shifted(q, l->dx, first, l->in);
    if (l->dy_whole) at.dy = shifted(q, l->dy, first, l->out);
    if (l->memory) at.memory = (char *)l->memory + (size_t)first * l->kind->memory(l);
    return at;
}

/* Images [first, first + pass->images) through layers [from, to). */
static void forward_layers(struct network *n, struct pass *pass, long first, long of, int from,
                           int to) {
    for (int i = from; i < to; i++) {
        if (n->layers[i].skips_forward) continue;
        struct span span = span_of(&n->layers[i], "forward", of);
        struct layer l = from_image(n->queue, &n->layers[i], first);
        pass->draw.layer = (uint32_t)i;
        span_begin(&span);
        copy_input(pass, &l);
        if (i < n->computed) l.kind->forward(pass, &l);
        span_end(&span);
    }
}

static struct pass pass_of_slice(const struct network *n, const struct pass *pass, long first) {
    struct pass slice = *pass;
    slice.images = first + n->slice < pass->images ? n->slice : pass->images - first;
    slice.draw.first_image += first;
    slice.add = first > 0;
    return slice;
}

/* a = x; for each layer: a = f(a) */
void network_forward(struct network *n, const struct pass *pass, const void *x) {
    struct pass here = *pass;
    bring_scratch(n);
    n->layers[0].x = x;
    for (long first = 0; n->sliced && first < pass->images; first += n->slice) {
        struct pass slice = pass_of_slice(n, pass, first);
        forward_layers(n, &slice, first, pass->images, 0, n->sliced);
    }
    forward_layers(n, &here, 0, pass->images, n->sliced, n->count);
}

void network_issue_loss(struct network *n, const struct pass *pass,
                        const struct loss_targets *targets, bool with_gradient) {
    struct span span = {.operation = "loss",
                        .pass = "loss",
                        .layer = "loss",
                        .m = pass->images,
                        .n = n->outputs,
                        .k = -1};
    void *dy = with_gradient ? n->layers[n->count - 1].dy : NULL;
    bring_scratch(n);
    n->queue->images_in_all = pass->images_in_all;
    span_begin(&span);
    n->queue->device->layers->loss(n->queue, n->loss, pass->images, n->outputs, n->output, targets,
                                   dy);
    span_end(&span);
}

struct step_result train_step_result(struct network *n) {
    struct tally tally;
    n->queue->device->layers->tally(n->queue, &tally);
    return (struct step_result){tally.loss, tally.correct};
}

struct step_result network_loss(struct network *n, const struct pass *pass,
                                const struct loss_targets *targets, bool with_gradient) {
    network_issue_loss(n, pass, targets, with_gradient);
    return train_step_result(n);
}

/* Reductions that are under way show beside the passes, not in them. */
static void reduce_begin(void) {
    struct span span = {.operation = "allreduce", .pass = "reduce", .layer = "gradients"};
    span.m = span.n = span.k = -1;
    span_begin(&span);
}

static void reduce_end(void) {
    struct span span = {.operation = "allreduce", .pass = "reduce", .layer = "gradients"};
    span.m = span.n = span.k = -1;
    span_end(&span);
}

static void tell(const struct reducer *r, const struct layer *l, bool ready) {
    if (!r) return;
    reduce_begin();
    if (ready && r->gradient_ready)
        r->gradient_ready(r->context, l->dw, l->weights + l->biases);
    else if (r->progress)
        r->progress(r->context);
    reduce_end();
}

/* Layers [to, from] backward for images [first, first + pass->images); the last one that hands
 * nothing on ends it. */
static void backward_layers(struct network *n, struct pass *pass, long first, long of, int from,
                            int to, const struct reducer *reducer) {
    for (int i = from; i >= to; i--) {
        struct layer *l = &n->layers[i];
        if (l->skips_backward) continue;
        struct span span = span_of(l, "backward", of);
        struct layer at = from_image(n->queue, l, first);
        pass->draw.layer = (uint32_t)i;
        span_begin(&span);
        l->kind->backward(pass, &at);
        span_end(&span);
        tell(reducer, l, l->weights && first + pass->images == of);
        if (!l->dx && l->weights) return; /* nothing before it has parameters */
    }
}

/* d = gradient of the loss by the output; for each layer from the last: dw, db from d, then
 * d = d f' */
void network_backward(struct network *n, const struct pass *pass, const struct reducer *reducer) {
    struct pass here = *pass;
    bring_scratch(n);
    backward_layers(n, &here, 0, pass->images, n->computed - 1, n->sliced, reducer);
    for (long first = 0; n->sliced && first < pass->images; first += n->slice) {
        struct pass slice = pass_of_slice(n, pass, first);
        backward_layers(n, &slice, first, pass->images, n->sliced - 1, 0, reducer);
    }
}

/* No images: no gradient, but the others wait for it. */
static void no_gradient(struct network *n, const struct reducer *reducer) {
    const struct device *device = n->queue->device;
    device->zero(device, n->gradient.memory, (size_t)n->parameters * scalar_bytes(n->queue->type));
    for (int i = n->computed - 1; i >= 0; i--)
        if (n->layers[i].weights) tell(reducer, &n->layers[i], true);
}

/* Where the numbers of `array`, which is of the gradient arena, are in `gradient`. */
static const void *in(const void *gradient, const struct network *n, const void *array) {
    return (const char *)gradient + ((const char *)array - n->gradient.memory);
}

/* w = w - (what the optimizer makes of dw) */
static void issue_update(struct network *n, struct optimizer *optimizer, const void *gradient) {
    if (queue_uses(n->queue, MEASURE_ONE_UPDATE) && optimizer->settings.numbers.decay == 0) {
        struct span span = {.operation = "update", .pass = "update", .layer = "parameters"};
        span.m = n->parameters;
        span.n = span.k = -1;
        span_begin(&span);
        optimizer_update(optimizer, 0, n->parameters, n->parameter.memory, gradient, false);
        span_end(&span);
        return;
    }
    for (int i = 0; i < n->count; i++) {
        struct layer *l = &n->layers[i];
        if (!l->weights) continue;
        struct span span = span_of(l, "update", 0);
        span.m = l->weights + l->biases;
        span.n = span.k = -1;
        span_begin(&span);
        optimizer_update(optimizer, layer_offset(n, l), l->weights, l->w, in(gradient, n, l->dw),
                         true);
        optimizer_update(optimizer, layer_offset(n, l) + l->weights, l->biases, l->b,
                         in(gradient, n, l->db), false);
        span_end(&span);
    }
}

void network_update(struct network *n, struct optimizer *optimizer) {
    optimizer_advance(optimizer);
    issue_update(n, optimizer, n->gradient.memory);
}

void train_step_begin(struct network *n, struct optimizer *optimizer, uint64_t step,
                      long position) {
    const struct layer_operations *device = n->queue->device->layers;
    optimizer_advance(optimizer);
    struct step_values values = {step, position, optimizer->now};
    if (device->step_values) device->step_values(n->queue, &values);
}

/* Every rank goes on to the end, whatever came of its own loss: the others wait for its part. */
static void issue_part(struct network *n, struct optimizer *optimizer, const struct pass *pass,
                       const void *x, const struct loss_targets *targets,
                       const struct reducer *reducer) {
    bool fine = true;
    if (pass->images) {
        network_forward(n, pass, x);
        network_issue_loss(n, pass, targets, true);
        fine = isfinite(train_step_result(n).loss);
    }
    reduce_begin();
    reducer->vote(reducer->context, fine);
    reduce_end();
    if (pass->images)
        network_backward(n, pass, reducer);
    else
        no_gradient(n, reducer);
    reduce_begin();
    const void *gradient = reducer->finish(reducer->context);
    reduce_end();
    if (gradient) issue_update(n, optimizer, gradient);
}

void train_step_issue(struct network *n, struct optimizer *optimizer, const struct pass *pass,
                      const void *x, const struct loss_targets *targets,
                      const struct reducer *reducer) {
    if (reducer) {
        issue_part(n, optimizer, pass, x, targets, reducer);
        return;
    }
    network_forward(n, pass, x);
    network_issue_loss(n, pass, targets, true);
    if (!n->queue->device->runs_behind && !isfinite(n->queue->so_far.loss)) return;
    network_backward(n, pass, NULL);
    issue_update(n, optimizer, n->gradient.memory);
}

struct step_result train_step(struct network *n, struct optimizer *optimizer,
                              const struct pass *pass, const void *x,
                              const struct loss_targets *targets, const struct reducer *reducer) {
    const struct layer_operations *device = n->queue->device->layers;
    train_step_begin(n, optimizer, pass->draw.step, 0);
    if (device->step_open) device->step_open(n->queue);
    train_step_issue(n, optimizer, pass, x, targets, reducer);
    if (device->step_close) device->step_close(n->queue);
    return train_step_result(n);
}

const void *network_predict(struct network *n, const void *x, long images) {
    struct pass pass = {.queue = n->queue, .images = images};
    network_forward(n, &pass, x);
    for (int i = n->computed; i < n->count; i++) n->layers[i].kind->forward(&pass, &n->layers[i]);
    return n->output;
}

static bool all_finite(const struct queue *q, const void *array, long count) {
    enum { PART = 4096 };
    double host[PART];
    for (long from = 0; from < count; from += PART) {
        long some = count - from < PART ? count - from : PART;
        doubles_out(q, some, (const char *)array + (size_t)from * scalar_bytes(q->type), host);
        for (long i = 0; i < some; i++)
            if (!isfinite(host[i])) return false;
    }
    return true;
}

const struct layer *first_not_finite(const struct network *n, long images) {
    for (int i = 0; i < n->count; i++) {
        const struct layer *l = &n->layers[i];
        if (l->weights && !all_finite(n->queue, l->w, l->weights + l->biases)) return l;
        if (!all_finite(n->queue, l->y, images * extent_size(l->out))) return l;
    }
    return NULL;
}
