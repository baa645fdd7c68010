#include "kernels/layers.h"

const char *const dense_path_names[] = {"auto", "cblas", "own", NULL};
const char *const conv_path_names[] = {"auto", "im2col", "tiled", "direct", "onednn", NULL};

const char *const math_names[] = {"fp32", "tf32", "bf16", NULL};

const struct measure_row measure_table[MEASURE_COUNT] = {
    [MEASURE_PINNED] = {"pinned", "each thread stays on its core"},
    [MEASURE_FLUSHED] = {"flushed", "denormal numbers count as 0"},
    [MEASURE_FUSED] = {"fused",
                       "activations and their derivatives inside the products beside them"},
    [MEASURE_SLICED] = {"sliced", "convolutions take few images at a time, from layer to layer"},
    [MEASURE_VECTOR_MATH] = {"vector-math", "exp, tanh and log of whole vectors"},
    [MEASURE_VECTOR_MASKS] = {"vector-masks", "random numbers of dropout in whole vectors"},
    [MEASURE_BYTE_POOLS] = {"byte-pools", "places of maxima in bytes, averages row by row"},
    [MEASURE_ONE_UPDATE] = {"one-update", "all parameters updated in one pass"},
    [MEASURE_GRAPH] = {"graph", "on a GPU: the step is recorded once and replayed as a whole"},
};
