#include "bench/train/ladder.h"

#include "nn/layers.h"

enum { SAME = -1 };

/* In the order in which they are added: a measure, or other paths. `gpu`: it concerns GPUs, too. */
static const struct {
    const char *name, *what;
    int measure, conv, dense;
    bool gpu;
} steps[] = {
    {"flushed", NULL, MEASURE_FLUSHED, SAME, SAME, false},
    {"pinned", NULL, MEASURE_PINNED, SAME, SAME, false},
    {"tiled", "images lowered in parts that fit the cache", SAME, CONV_TILED, SAME, false},
    {"direct", "convolutions without a matrix of columns", SAME, CONV_DIRECT, SAME, false},
    {"own", "own products; convolutions by their shape", SAME, CONV_AUTO, DENSE_AUTO, false},
    {"fused", NULL, MEASURE_FUSED, SAME, SAME, true},
    {"sliced", NULL, MEASURE_SLICED, SAME, SAME, false},
    {"vector-math", NULL, MEASURE_VECTOR_MATH, SAME, SAME, false},
    {"vector-masks", NULL, MEASURE_VECTOR_MASKS, SAME, SAME, false},
    {"byte-pools", NULL, MEASURE_BYTE_POOLS, SAME, SAME, false},
    {"one-update", NULL, MEASURE_ONE_UPDATE, SAME, SAME, true},
    {"graph", NULL, MEASURE_GRAPH, SAME, SAME, true},
};
enum { STEPS = sizeof steps / sizeof *steps };
_Static_assert((int)STEPS < (int)MOST_RUNGS, "the plain step is a rung as well");

static bool has_kind(const struct architecture *a, const struct layer_kind *kind) {
    for (int i = 0; i < a->count; i++)
        if (a->layers[i].kind == kind) return true;
    return false;
}

static bool has_exponential(const struct architecture *a) {
    return has_kind(a, &sigmoid_kind) || has_kind(a, &tanh_kind) || has_kind(a, &elu_kind) ||
           has_kind(a, &softmax_kind);
}

/* Whether the network has what the step is about. */
static bool matters(const struct architecture *a, int step) {
    if (steps[step].conv > CONV_AUTO) return has_kind(a, &conv_kind);
    switch (steps[step].measure) {
    case MEASURE_VECTOR_MATH: return has_exponential(a);
    case MEASURE_SLICED: return has_kind(a, &conv_kind);
    case MEASURE_VECTOR_MASKS: return has_kind(a, &dropout_kind);
    case MEASURE_BYTE_POOLS: return has_kind(a, &max_pool_kind) || has_kind(a, &average_pool_kind);
    case MEASURE_ONE_UPDATE: return a->count > 1;
    default: return true;
    }
}

int ladder_rungs(const struct architecture *a, const struct device *device,
                 struct rung rungs[MOST_RUNGS]) {
    static const struct rung of_cpu = {
        .name = "plain",
        .what = "products of the BLAS, an image at a time lowered, plain loops",
        .conv = CONV_IM2COL,
        .dense = DENSE_CBLAS,
        .without = ((1U << MEASURE_COUNT) - 1) & ~(1U << MEASURE_GRAPH)};
    static const struct rung of_gpu = {.name = "plain",
                                       .what = "one launch after the other",
                                       .without = (1U << MEASURE_COUNT) - 1};
    struct rung now = device->runs_behind ? of_gpu : of_cpu;
    int count = 0;
    rungs[count++] = now;
    for (int i = 0; i < STEPS; i++) {
        int measure = steps[i].measure;
        if (device->runs_behind ? !steps[i].gpu : measure == MEASURE_GRAPH) continue;
        now.name = steps[i].name;
        now.what = steps[i].what ? steps[i].what : measure_table[measure].what;
        if (measure != SAME) now.without &= ~(1U << measure);
        if (steps[i].conv != SAME) now.conv = (enum conv_path)steps[i].conv;
        if (steps[i].dense != SAME) now.dense = (enum dense_path)steps[i].dense;
        if (matters(a, i)) rungs[count++] = now;
    }
    return count;
}
