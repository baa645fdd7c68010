/* A network: layers in a row, planned once. Shapes, memory, FLOP and bytes of every layer are fixed
 * before the first step; parameters, gradients and activations live in one arena each; a step
 * allocates nothing. */
#ifndef FLOPSTEP_NN_NETWORK_H
#define FLOPSTEP_NN_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/device.h"
#include "nn/dataset.h"

enum { MOST_LAYERS = 64, NETWORK_REASON = 512, NETWORK_TEXT = 1024 };

struct layer_kind;

struct layer {
    const struct layer_kind *kind;
    char name[24]; /* "conv2": the kind with its number in the network */
    struct extent in, out;

    /* As written in the notation. */
    long size;                    /* units, filters, window of a pool, pieces of maxout */
    long kernel, stride, padding; /* of convolutions and pools */
    double rate;                  /* of dropout */
    double slope;                 /* of leaky ReLU and ELU */

    /* What follows from the shapes. */
    long weights, biases; /* number of parameters */
    long fan_in, fan_out; /* terms in a sum forward and backward: initial weights depend on them */

    /* Where it works; set by network_plan. Arrays hold [batch][extent]. In layers that work in
     * place y is x and dy is dx. */
    void *w, *b, *dw, *db;
    const void *x;
    void *y, *dx, *dy; /* dx NULL: not wanted, the first layer's */
    void *memory;      /* masks of dropout, places of maxima */

    /* Activations that other layers take with them: `then` is applied to y, `before` made x, and dx
     * is multiplied with its derivative. The activation's own passes are then left out. */
    struct elementwise then, before;
    bool has_then, has_before;
    bool skips_forward, skips_backward;

    bool dy_whole, dx_whole; /* of all images of a batch, not of a slice */

    char forward_path[32], backward_path[32]; /* for people: "direct + relu"; "" where none */
};

/* The network as written, not yet in memory. */
struct architecture {
    char text[NETWORK_TEXT]; /* the notation, one line */
    struct extent in;
    struct layer layers[MOST_LAYERS];
    int count;
};

struct arena {
    char *memory;
    size_t bytes;
};

struct network {
    struct architecture architecture;
    struct layer *layers; /* of the architecture */
    int count;
    int sliced; /* layers at the front that take `slice` images after the other through all of
                   them, 0: none */
    long slice;
    int computed; /* layers that forward computes; the rest (softmax, sigmoid) is the loss's */
    struct queue *queue;
    enum loss loss;
    long batch;   /* images in a step at most */
    long outputs; /* of one image */
    long parameters;
    struct arena parameter, gradient, activation, difference, memory, scratch;
    void *output; /* y of the last layer */
};

/* What a pass through the network needs to know beyond its layers. */
struct pass {
    struct queue *queue;
    long images;
    long images_in_all;        /* of the batch that these are a part of; 0: they are all */
    bool training;             /* dropout drops */
    bool add;                  /* gradients of weights: to what slices before have summed */
    struct dropout_place draw; /* its layer is set layer by layer */
};

/* Makes room for `batch` images. `training` false: no gradients. False with a reason, also where
 * the loss does not fit the last layer or the batch not the memory. The queue stays the caller's
 * and must outlive the network; its scratch is the network's from now on. */
bool network_plan(struct network *network, const struct architecture *architecture,
                  struct queue *queue, long batch, enum loss loss, bool training, char *reason,
                  size_t size);
void network_free(struct network *network);

/* Whether the loss can stand behind the last layer: the cross-entropies need their activation. */
bool network_loss_fits(const struct architecture *architecture, enum loss loss, char *reason,
                       size_t size);

/* The loss that belongs to the last layer: a cross-entropy behind softmax and sigmoid, else
 * LOSS_HALF_MEAN. */
enum loss network_usual_loss(const struct architecture *architecture);

/* Bytes that network_plan would allocate. */
size_t network_bytes(const struct architecture *architecture, const struct queue *queue, long batch,
                     bool training);

/* Initial weights; biases are 0. */
enum initial { INITIAL_ZERO, INITIAL_NORMAL, INITIAL_SMALL, INITIAL_GLOROT, INITIAL_HE };
extern const char *const initial_names[]; /* NULL-terminated, in the order of the enum */
void network_initialise(struct network *network, enum initial initial, uint64_t seed);

/* Output y[images][outputs] of all layers, softmax and sigmoid at the end included. Not training:
 * dropout lets all through. x is device memory [images][in]. */
const void *network_predict(struct network *network, const void *x, long images);

/* FLOP of one image in a pass: "forward" or "backward". Multiply-adds of dense and convolution
 * layers; the first layer's input gradient is not computed and not counted. */
double network_flops(const struct network *network, const char *pass);
double layer_flops(const struct layer *layer, bool first, const char *pass);

/* `count` numbers of the queue's type between the device's memory and doubles of the host. */
void doubles_out(const struct queue *queue, long count, const void *from, double *to);
void doubles_in(const struct queue *queue, long count, const double *from, void *to);

/* The index of the first parameter of a layer in the arenas. */
long layer_offset(const struct network *network, const struct layer *layer);

#endif
