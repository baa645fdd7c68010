/* The kinds of layers: one row each in layers.c, with formulas in files of their own. */
#ifndef FLOPSTEP_NN_LAYERS_H
#define FLOPSTEP_NN_LAYERS_H

#include "nn/network.h"

struct layer_kind {
    const char *name;     /* in the notation: "dense", "conv", "relu" */
    const char *notation; /* with its numbers, for help: "convKxKxFILTERS[strideS][padP]" */
    const char *what;
    bool in_place;
    bool elementwise;           /* an activation that other operations can take with them */
    enum activation activation; /* of those */
    double slope;               /* where none is written */
    /* Sets out, weights, biases, fan_in, fan_out from in and what was written. False with a
     * reason. */
    bool (*shape)(struct layer *layer, char *reason, size_t size);
    void (*forward)(const struct pass *pass, const struct layer *layer);
    void (*backward)(const struct pass *pass, const struct layer *layer);
    size_t (*memory)(const struct layer *layer); /* bytes for one image; NULL: none */
    size_t (*scratch)(const struct layer *layer, const struct queue *queue, long batch);
    /* How the device does a pass of it; NULL: no choice. */
    const char *(*path)(const struct layer *layer, const struct queue *queue, long images,
                        const char *pass);
    double (*flops)(const struct layer *layer); /* of one image, forward; NULL: not counted */
};

extern const struct layer_kind *const layer_kind_table[]; /* ends with NULL */
const struct layer_kind *layer_kind_find(const char *name);

/* Rows of the table are in these files. */
extern const struct layer_kind dense_kind, conv_kind, max_pool_kind, average_pool_kind,
    flatten_kind, dropout_kind, maxout_kind, softmax_kind, step_kind, sigmoid_kind, tanh_kind,
    relu_kind, leaky_relu_kind, elu_kind;

/* What an operation is told to take with it; NULL: nothing. */
static inline const struct elementwise *layer_then(const struct layer *l) {
    return l->has_then ? &l->then : NULL;
}
static inline const struct elementwise *layer_before(const struct layer *l) {
    return l->has_before ? &l->before : NULL;
}

/* The function of an elementwise layer. */
static inline struct elementwise layer_function(const struct layer *l) {
    return (struct elementwise){l->kind->activation, l->slope};
}

#endif
