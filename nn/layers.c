#include "nn/layers.h"

#include <string.h>

const struct layer_kind *const layer_kind_table[] = {
    &dense_kind,      &conv_kind, &max_pool_kind, &average_pool_kind, &flatten_kind,
    &dropout_kind,    &step_kind, &sigmoid_kind,  &tanh_kind,         &relu_kind,
    &leaky_relu_kind, &elu_kind,  &maxout_kind,   &softmax_kind,      NULL};

const struct layer_kind *layer_kind_find(const char *name) {
    for (const struct layer_kind *const *kind = layer_kind_table; *kind; kind++)
        if (strcmp((*kind)->name, name) == 0) return *kind;
    return NULL;
}
