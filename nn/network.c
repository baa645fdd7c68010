#include "nn/network.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/random.h"
#include "kernels/trace.h"
#include "nn/layers.h"
#include "nn/step.h"

enum { ALIGNMENT = 64 };

static size_t aligned(size_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

/* What of a buffer the layer that wrote it still needs in the backward pass. */
enum kept { KEPT_NOTHING, KEPT_SIGN, KEPT_VALUE };

/* `before`: what the buffer's earlier layers need, KEPT_NOTHING where the buffer is new. */
static enum kept kept_by(const struct layer_kind *kind, enum kept before) {
    if (kind == &flatten_kind || kind == &dropout_kind) return before;
    if (kind == &relu_kind || kind == &leaky_relu_kind || kind == &step_kind) return KEPT_SIGN;
    if (kind->in_place) return KEPT_VALUE;
    return KEPT_NOTHING;
}

/* Whether the layer may overwrite its input. Dropout keeps the signs that matter: where it writes a
 * 0 the gradient is 0 as well. */
static bool may_overwrite(const struct layer_kind *kind, enum kept kept, bool first) {
    if (!kind->in_place || first) return kind == &flatten_kind && !first;
    if (kind == &flatten_kind || kept == KEPT_NOTHING) return true;
    return kind == &dropout_kind && kept == KEPT_SIGN;
}

/* The layer that made what layer i reads: flatten makes nothing. -1: the caller. */
static int maker(const struct architecture *a, int i) {
    for (i--; i >= 0 && a->layers[i].kind == &flatten_kind;) i--;
    return i;
}

/* Whether the gradient that layer i hands on can take the derivative of an activation before it
 * with it: of its input, or, where only largest inputs get one, of its output. */
static bool takes_derivative(const struct architecture *a, const struct queue *queue, int i) {
    const struct layer_kind *kind = a->layers[i].kind;
    int before = maker(a, i);
    return queue_uses(queue, MEASURE_FUSED) && before >= 0 && a->layers[before].kind->elementwise &&
           (kind == &dense_kind || kind == &conv_kind || kind == &max_pool_kind ||
            kind == &average_pool_kind);
}

/* The size of everything, in bytes. */
struct plan {
    size_t parameter, activation, memory, scratch;
    size_t difference, slice_difference; /* one of two buffers of each */
    bool own[MOST_LAYERS];               /* the layer has an output of its own */
    int sliced;
    long slice;
};

/* Layers up to the first dense one, where there is a convolution among them. */
static void find_slices(const struct architecture *a, const struct queue *queue, long batch,
                        struct plan *plan) {
    bool has_conv = false;
    size_t bytes = 0;
    int count = 0;
    for (; count < a->count && a->layers[count].kind != &dense_kind; count++) {
        has_conv |= a->layers[count].kind == &conv_kind;
        if (plan->own[count])
            bytes += (size_t)extent_size(a->layers[count].out) * scalar_bytes(queue->type);
    }
    long slice = queue->device->layers->slice(queue, bytes);
    if (!has_conv || !queue_uses(queue, MEASURE_SLICED) || slice <= 0 || slice >= batch) return;
    plan->sliced = count;
    plan->slice = slice;
}

static struct plan plan_of(const struct architecture *a, const struct queue *queue, long batch) {
    struct plan plan = {0};
    size_t element = scalar_bytes(queue->type), images = (size_t)batch;
    enum kept kept = KEPT_VALUE; /* the input is the caller's */
    for (int i = 0; i < a->count; i++) {
        const struct layer *l = &a->layers[i];
        size_t out = aligned(images * (size_t)extent_size(l->out) * element);
        plan.own[i] = !may_overwrite(l->kind, kept, i == 0);
        kept = kept_by(l->kind, plan.own[i] ? KEPT_NOTHING : kept);
        if (l->kind == &max_pool_kind && takes_derivative(a, queue, i))
            kept = kept_by(a->layers[maker(a, i)].kind, KEPT_NOTHING);
        plan.parameter += (size_t)(l->weights + l->biases) * element;
        if (plan.own[i]) plan.activation += out;
        if (l->kind->memory) plan.memory += aligned(images * l->kind->memory(l));
        size_t scratch = l->kind->scratch ? l->kind->scratch(l, queue, batch) : 0;
        if (scratch > plan.scratch) plan.scratch = scratch;
    }
    find_slices(a, queue, batch, &plan);
    for (int i = 0; i < a->count; i++) {
        bool whole = i >= plan.sliced - 1;
        size_t n = whole ? images : (size_t)plan.slice;
        size_t out = aligned(n * (size_t)extent_size(a->layers[i].out) * element);
        size_t *most = whole ? &plan.difference : &plan.slice_difference;
        if (out > *most) *most = out;
    }
    size_t loss = queue->device->layers->loss_scratch(queue, batch);
    if (loss > plan.scratch) plan.scratch = loss;
    return plan;
}

size_t network_bytes(const struct architecture *a, const struct queue *queue, long batch,
                     bool training) {
    struct plan plan = plan_of(a, queue, batch);
    return plan.parameter + plan.activation + plan.memory + plan.scratch +
           (training ? plan.parameter + 2 * (plan.difference + plan.slice_difference) : 0);
}

static bool reserve(const struct device *device, struct arena *arena, size_t bytes) {
    arena->bytes = bytes ? bytes : ALIGNMENT;
    arena->memory = device->allocate(device, arena->bytes);
    if (arena->memory && device->own_memory) device->zero(device, arena->memory, arena->bytes);
    return arena->memory != NULL;
}

static void give_back(const struct device *device, struct arena *arena) {
    if (arena->memory) device->release(device, arena->memory, arena->bytes);
    *arena = (struct arena){0};
}

/* Parameters of a layer lie side by side: weights, then biases. */
static void place_parameters(struct network *n, size_t element, bool training) {
    size_t at = 0;
    for (int i = 0; i < n->count; i++) {
        struct layer *l = &n->layers[i];
        if (!l->weights) continue;
        l->w = n->parameter.memory + at;
        l->b = n->parameter.memory + at + (size_t)l->weights * element;
        if (training) {
            l->dw = n->gradient.memory + at;
            l->db = n->gradient.memory + at + (size_t)l->weights * element;
        }
        at += (size_t)(l->weights + l->biases) * element;
    }
    n->parameters = (long)(at / element);
}

static void place_outputs(struct network *n, const struct plan *plan, size_t element) {
    size_t images = (size_t)n->batch;
    char *activation = n->activation.memory, *memory = n->memory.memory;
    for (int i = 0; i < n->count; i++) {
        struct layer *l = &n->layers[i];
        l->x = i ? n->layers[i - 1].y : NULL; /* the first one's comes with each step */
        l->y = plan->own[i] ? activation : n->layers[i - 1].y;
        if (plan->own[i]) activation += aligned(images * (size_t)extent_size(l->out) * element);
        if (!l->kind->memory) continue;
        l->memory = memory;
        memory += aligned(images * l->kind->memory(l));
    }
    n->output = n->layers[n->count - 1].y;
}

/* Two buffers in turn: dx of a layer is dy of the one before. Layers up to the first one with
 * parameters hand nothing on. What sliced layers hand to each other is of a slice alone. */
static void place_differences(struct network *n, const struct plan *plan) {
    char *memory = n->difference.memory, *slices = memory + 2 * plan->difference;
    char *buffer[2][2] = {{slices, slices + plan->slice_difference},
                          {memory, memory + plan->difference}};
    int first = 0, now = 0;
    bool whole = true;
    while (first < n->count - 1 && !n->layers[first].weights) first++;
    for (int i = n->count - 1; i >= 0; i--) {
        struct layer *l = &n->layers[i];
        l->dy = buffer[whole][now];
        l->dy_whole = whole;
        if (!l->kind->in_place) {
            now = !now;
            whole = i >= n->sliced;
        }
        l->dx = i > first ? buffer[whole][now] : NULL;
        l->dx_whole = whole;
    }
}

/* Products do the activation behind them, gradients the derivative of the one before. */
static void fuse(struct network *n, bool training) {
    const struct architecture *a = &n->architecture;
    for (int i = 0; i < n->computed; i++) {
        struct layer *l = &n->layers[i];
        int m = maker(a, i);
        if (m < 0) continue;
        struct layer *made = &n->layers[m];
        if (l->kind->elementwise && l->y == l->x && queue_uses(n->queue, MEASURE_FUSED) &&
            (made->kind == &dense_kind || made->kind == &conv_kind)) {
            made->then = layer_function(l);
            made->has_then = l->skips_forward = true;
        }
        if (training && l->dx && takes_derivative(a, n->queue, i)) {
            l->before = layer_function(made);
            l->has_before = made->skips_backward = true;
        }
    }
}

static void name_path(const struct network *n, int i, const char *pass, int fused, char *text,
                      size_t size) {
    const struct layer *l = &n->layers[i];
    const char *path = l->kind->path ? l->kind->path(l, n->queue, n->batch, pass) : "";
    snprintf(text, size, "%s%s%s%s", path, fused >= 0 ? "+" : "",
             fused >= 0 ? n->layers[fused].kind->name : "", fused >= 0 && fused < i ? "'" : "");
}

static void name_paths(struct network *n) {
    for (int i = 0; i < n->count; i++) {
        struct layer *l = &n->layers[i];
        int then = i + 1;
        while (then < n->count - 1 && n->layers[then].kind == &flatten_kind) then++;
        name_path(n, i, "forward", l->has_then ? then : -1, l->forward_path,
                  sizeof l->forward_path);
        name_path(n, i, "backward", l->has_before ? maker(&n->architecture, i) : -1,
                  l->backward_path, sizeof l->backward_path);
    }
}

static const struct {
    const struct layer_kind *last;
    const char *needs;
} loss_needs[LOSS_COUNT] = {
    [LOSS_BINARY] = {&sigmoid_kind, "binary cross-entropy needs a sigmoid at the end"},
    [LOSS_CATEGORICAL] = {&softmax_kind, "categorical cross-entropy needs a softmax at the end"},
};

enum loss network_usual_loss(const struct architecture *a) {
    const struct layer_kind *last = a->layers[a->count - 1].kind;
    return last == &softmax_kind   ? LOSS_CATEGORICAL
           : last == &sigmoid_kind ? LOSS_BINARY
                                   : LOSS_HALF_MEAN;
}

bool network_loss_fits(const struct architecture *a, enum loss loss, char *reason, size_t size) {
    if (loss == LOSS_CATEGORICAL && extent_size(a->layers[a->count - 1].out) < 2) {
        snprintf(reason, size, "categorical cross-entropy needs two outputs at least");
        return false;
    }
    if (!loss_needs[loss].last || a->layers[a->count - 1].kind == loss_needs[loss].last)
        return true;
    snprintf(reason, size, "%s", loss_needs[loss].needs);
    return false;
}

bool network_plan(struct network *n, const struct architecture *architecture, struct queue *queue,
                  long batch, enum loss loss, bool training, char *reason, size_t size) {
    const struct device *device = queue->device;
    *n = (struct network){
        .architecture = *architecture, .queue = queue, .loss = loss, .batch = batch};
    n->layers = n->architecture.layers;
    n->count = n->computed = architecture->count;
    n->outputs = extent_size(n->layers[n->count - 1].out);
    if (!network_loss_fits(architecture, loss, reason, size)) return false;
    if (loss_needs[loss].last) n->computed--;
    size_t element = scalar_bytes(queue->type);
    struct plan plan = plan_of(architecture, queue, batch);
    size_t bytes = network_bytes(architecture, queue, batch, training);
    size_t available = device->memory_available(device);
    if (bytes > available) {
        snprintf(reason, size,
                 "needs %.3g GB of memory, %.3g GB of %s are free; take a smaller batch",
                 (double)bytes * 1e-9, (double)available * 1e-9, device->name);
        return false;
    }
    if (!reserve(device, &n->parameter, plan.parameter) ||
        !reserve(device, &n->activation, plan.activation) ||
        !reserve(device, &n->memory, plan.memory) || !reserve(device, &n->scratch, plan.scratch) ||
        (training && !reserve(device, &n->gradient, plan.parameter)) ||
        (training &&
         !reserve(device, &n->difference, 2 * (plan.difference + plan.slice_difference)))) {
        snprintf(reason, size, "%s refused %.3g GB of memory; take a smaller batch", device->name,
                 (double)bytes * 1e-9);
        network_free(n);
        return false;
    }
    place_parameters(n, element, training);
    place_outputs(n, &plan, element);
    n->sliced = plan.sliced < n->computed ? plan.sliced : n->computed;
    n->slice = plan.slice;
    if (training) place_differences(n, &plan);
    fuse(n, training);
    name_paths(n);
    return true;
}

void network_free(struct network *n) {
    const struct device *device = n->queue->device;
    struct arena *arenas[] = {&n->parameter,  &n->gradient, &n->activation,
                              &n->difference, &n->memory,   &n->scratch};
    for (size_t i = 0; i < sizeof arenas / sizeof *arenas; i++) give_back(device, arenas[i]);
}

long layer_offset(const struct network *n, const struct layer *l) {
    return (long)(((char *)l->w - n->parameter.memory) / (long)scalar_bytes(n->queue->type));
}

const char *const initial_names[] = {"zero", "normal", "small", "glorot", "he", NULL};

/* Standard deviation of normal weights; Glorot and Bengio 2010 for tanh and the like, He et al.
 * 2015 for ReLU. */
static double deviation(enum initial initial, const struct layer *l) {
    switch (initial) {
    case INITIAL_ZERO: return 0;
    case INITIAL_NORMAL: return 1;
    case INITIAL_SMALL: return 0.01;
    case INITIAL_GLOROT: return sqrt(2.0 / (double)(l->fan_in + l->fan_out));
    case INITIAL_HE: return sqrt(2.0 / (double)l->fan_in);
    }
    return 0;
}

/* Streams of random numbers: below MOST_LAYERS the masks of the layers. */
enum { STREAM_WEIGHTS = 1000 };

enum { PART = 4096 };

void doubles_out(const struct queue *q, long count, const void *from, double *to) {
    float single[PART];
    if (q->type == SCALAR_D) {
        q->device->copy_out(q->device, to, from, (size_t)count * sizeof *to);
        return;
    }
    for (long first = 0; first < count; first += PART) {
        long some = count - first < PART ? count - first : PART;
        q->device->copy_out(q->device, single, (const float *)from + first,
                            (size_t)some * sizeof *single);
        for (long i = 0; i < some; i++) to[first + i] = (double)single[i];
    }
}

void doubles_in(const struct queue *q, long count, const double *from, void *to) {
    float single[PART];
    if (q->type == SCALAR_D) {
        q->device->copy_in(q->device, to, from, (size_t)count * sizeof *from);
        return;
    }
    for (long first = 0; first < count; first += PART) {
        long some = count - first < PART ? count - first : PART;
        for (long i = 0; i < some; i++) single[i] = (float)from[first + i];
        q->device->copy_in(q->device, (float *)to + first, single, (size_t)some * sizeof *single);
    }
}

void network_initialise(struct network *n, enum initial initial, uint64_t seed) {
    size_t element = scalar_bytes(n->queue->type);
    double values[PART];
    for (int i = 0; i < n->count; i++) {
        const struct layer *l = &n->layers[i];
        double sigma = deviation(initial, l);
        for (long j = 0; j < l->weights + l->biases; j++) {
            values[j % PART] =
                j < l->weights && sigma > 0
                    ? sigma * random_normal(seed, STREAM_WEIGHTS + (uint32_t)i, 0, (uint64_t)j)
                    : 0;
            if ((j + 1) % PART && j + 1 < l->weights + l->biases) continue;
            long first = j / PART * PART;
            doubles_in(n->queue, j + 1 - first, values, (char *)l->w + (size_t)first * element);
        }
    }
}

double layer_flops(const struct layer *l, bool first, const char *pass) {
    double forward = l->kind->flops ? l->kind->flops(l) : 0;
    if (strcmp(pass, "forward") == 0) return forward;
    return first ? forward : 2 * forward; /* weight gradient, and input gradient */
}

double network_flops(const struct network *n, const char *pass) {
    double sum = 0;
    bool first = true;
    for (int i = 0; i < n->count; i++) {
        sum += layer_flops(&n->layers[i], first, pass);
        if (n->layers[i].weights) first = false;
    }
    return sum;
}
