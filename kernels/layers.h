/* The operations of a training step at the level of a layer. A device implements them in one table;
 * nn/ builds networks of them. Arrays are dense and row-major, a row an image; images are NHWC:
 * [image][y][x][channel]. Weights are [in][out], filters [ky][kx][channel][filter], so that every
 * forward product is a plain NN GEMM. All arrays have the queue's type. */
#ifndef FLOPSTEP_KERNELS_LAYERS_H
#define FLOPSTEP_KERNELS_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/scalar.h"
#include "kernels/tally.h"

#ifdef __cplusplus
extern "C" {
#endif

struct device;
struct blas_library;
struct isa;

/* How products are computed; what is not written is chosen by the device, by shape. */
enum dense_path { DENSE_AUTO, DENSE_CBLAS, DENSE_OWN, DENSE_COUNT };
enum conv_path {
    CONV_AUTO,
    CONV_IM2COL, /* one image at a time becomes a matrix of columns, which the BLAS multiplies */
    CONV_TILED,  /* parts of images that fit the cache do */
    CONV_DIRECT, /* no matrix: own loops */
    CONV_ONEDNN, /* the library, where this build has it */
    CONV_COUNT
};
extern const char *const dense_path_names[]; /* NULL-terminated, in the order of the enum */
extern const char *const conv_path_names[];

/* What makes a step fast besides the paths of its products; each can be left out to see what it is
 * worth. Rows of measure_table. */
enum measure {
    MEASURE_PINNED,
    MEASURE_FLUSHED,
    MEASURE_FUSED,
    MEASURE_SLICED,
    MEASURE_VECTOR_MATH,
    MEASURE_VECTOR_MASKS,
    MEASURE_BYTE_POOLS,
    MEASURE_ONE_UPDATE,
    MEASURE_GRAPH,
    MEASURE_COUNT
};
struct measure_row {
    const char *name, *what;
};
extern const struct measure_row measure_table[MEASURE_COUNT];

/* How a GPU multiplies single-precision numbers: as they are, or rounded to fewer bits for its
 * tensor cores (sums stay in single precision). */
enum math { MATH_FP32, MATH_TF32, MATH_BF16, MATH_COUNT };
extern const char *const math_names[]; /* NULL-terminated, in the order of the enum */

/* Where operations are issued: a device with its GEMM and threads. An operation reads and writes
 * memory of that device; operations of one queue run one after the other. */
struct queue {
    const struct device *device;
    enum scalar type;
    int threads;
    const struct blas_library *library; /* the CPU's BLAS */
    void (*gemm)(void);                 /* its cblas_sgemm or cblas_dgemm */
    void *scratch;                      /* as much as the largest operation wants */
    size_t scratch_bytes;
    enum dense_path dense;
    enum conv_path conv;
    const struct isa *isa; /* of own loops; NULL: the widest */
    unsigned without;      /* a bit for each measure that is left out */
    enum math math;        /* of a GPU's products */
    bool in_step;          /* between step_open and step_close */
    long images_in_all;    /* of the batch that these images are a part of: the gradient of the loss
                              is divided by it; 0: these are all */
    struct tally so_far;   /* of a device that runs nothing behind */
};

static inline bool queue_uses(const struct queue *q, enum measure measure) {
    return !(q->without >> measure & 1);
}

enum activation {
    ACTIVATION_STEP,
    ACTIVATION_SIGMOID,
    ACTIVATION_TANH,
    ACTIVATION_RELU,
    ACTIVATION_LEAKY_RELU,
    ACTIVATION_ELU,
    ACTIVATION_COUNT
};

/* An activation, where it is part of another operation; NULL: none. */
struct elementwise {
    enum activation activation;
    double slope; /* of leaky ReLU below 0, alpha of ELU */
};

struct dense_shape {
    long images, in, out;
};

struct conv_shape {
    long images;
    long height, width, channels; /* of the input */
    long kernel, stride, padding; /* square kernels; zeros are padded */
    long out_height, out_width, filters;
};

struct pool_shape {
    long images;
    long height, width, channels;
    long window, stride;
    long out_height, out_width;
};

/* Which mask: element i of image r has the bits of (seed, layer, step, (first_image + r) * n + i),
 * so ranks that share a batch draw the masks that one rank would. */
struct dropout_place {
    uint64_t seed, step;
    uint32_t layer;
    long first_image;
};

enum loss {
    LOSS_HALF_SUM,    /* 1/2 sum (y - t)^2 over images and outputs */
    LOSS_HALF_MEAN,   /* 1/2n sum (y - t)^2: mean over images, sum over outputs */
    LOSS_MEAN,        /* mean of (y - t)^2 over images and outputs */
    LOSS_BINARY,      /* mean over images of -sum t log y + (1 - t) log(1 - y), y = sigmoid(z) */
    LOSS_CATEGORICAL, /* mean over images of -sum t log y, y = softmax(z); sum t = 1 */
    LOSS_COUNT
};

/* What the right outputs are: labels (one-hot targets), or numbers. The other is NULL. */
struct loss_targets {
    const int32_t *labels; /* [images] */
    const void *numbers;   /* [images][outputs] */
};

enum update_rule {
    UPDATE_GRADIENT_DESCENT, /* w -= lr g */
    UPDATE_MOMENTUM,         /* v = mu v + g, w -= lr v */
    UPDATE_NESTEROV,         /* v = mu v + g, w -= lr (g + mu v) */
    UPDATE_RMSPROP,          /* s = rho s + (1 - rho) g^2, w -= lr g / (sqrt s + eps) */
    UPDATE_ADADELTA,         /* s as above, d = sqrt(u + eps) / sqrt(s + eps) g,
                                u = rho u + (1 - rho) d^2, w -= lr d */
    UPDATE_ADAM,             /* m = b1 m + (1 - b1) g, s = b2 s + (1 - b2) g^2,
                                w -= (from_m m + from_g g) / (sqrt(s scale_s) + eps); Nadam likewise */
    UPDATE_COUNT
};

/* The numbers of one update; which ones count depends on the rule. */
struct update_numbers {
    double lr, mu, rho, b1, b2, eps;
    double from_m, from_g, scale_s; /* of Adam and Nadam: hold lr and the bias corrections */
    double decay;                   /* L2: g + decay w takes the place of g */
};

/* What differs from one training step to the next. */
struct step_values {
    uint64_t step;                 /* of dropout_place */
    long position;                 /* `first` of gather and gather_labels */
    struct update_numbers numbers; /* of update, but for decay */
};

/* x, y: input and output of the layer; dx, dy, dw, db: gradient of the loss by them. "In place"
 * means that the output overwrites the input. Sums over images run in a fixed order, so the same
 * queue gives the same bits. */
struct layer_operations {
    /* y[images][out] = then(x[images][in] w[in][out] + b[out]) */
    void (*dense_forward)(struct queue *, const struct dense_shape *, const void *x, const void *w,
                          const void *b, const struct elementwise *then, void *y);
    /* dw = x^T dy, db = sum of dy over images */
    void (*dense_weight_gradient)(struct queue *, const struct dense_shape *, const void *x,
                                  const void *dy, void *dw, void *db);
    /* dx = dy w^T; where x is the output of activation `before`, times its derivative: dx is then
     * the gradient by what went into it. Without `before` x is not looked at, here and below. */
    void (*dense_input_gradient)(struct queue *, const struct dense_shape *, const void *dy,
                                 const void *w, const struct elementwise *before, const void *x,
                                 void *dx);

    /* The same with x and y images; before `then`, y[i][oy][ox][f] = b[f] + sum over ky, kx, c of
     * x[i][oy stride + ky - padding][ox stride + kx - padding][c] w[ky][kx][c][f] */
    void (*conv_forward)(struct queue *, const struct conv_shape *, const void *x, const void *w,
                         const void *b, const struct elementwise *then, void *y);
    /* `add`: to what dw and db hold. */
    void (*conv_weight_gradient)(struct queue *, const struct conv_shape *, const void *x,
                                 const void *dy, bool add, void *dw, void *db);
    void (*conv_input_gradient)(struct queue *, const struct conv_shape *, const void *dy,
                                const void *w, const struct elementwise *before, const void *x,
                                void *dx);

    /* Largest of each window; `where` keeps which one (the first of equals) in a form of the
     * device's, 4 bytes an output at most. Where a largest lies x is y, so `before` is of y. */
    void (*max_pool_forward)(struct queue *, const struct pool_shape *, const void *x, void *y,
                             void *where);
    void (*max_pool_backward)(struct queue *, const struct pool_shape *, const void *dy,
                              const void *where, const struct elementwise *before, const void *y,
                              void *dx);
    void (*average_pool_forward)(struct queue *, const struct pool_shape *, const void *x, void *y);
    void (*average_pool_backward)(struct queue *, const struct pool_shape *, const void *dy,
                                  const struct elementwise *before, const void *x, void *dx);

    /* In place, element by element; the derivative comes from the output y. */
    void (*activation_forward)(struct queue *, const struct elementwise *, long count, void *y);
    void (*activation_backward)(struct queue *, const struct elementwise *, long count,
                                const void *y, void *dy);
    /* Largest of each group of `pieces` neighbours: x[rows][out pieces] to y[rows][out]. */
    void (*maxout_forward)(struct queue *, long rows, long out, long pieces, const void *x, void *y,
                           int32_t *where);
    void (*maxout_backward)(struct queue *, long rows, long out, long pieces, const void *dy,
                            const int32_t *where, void *dx);
    /* Rows to probabilities, in place; backward: dx = y (dy - sum(dy y)), in place in dy. */
    void (*softmax_forward)(struct queue *, long rows, long n, void *y);
    void (*softmax_backward)(struct queue *, long rows, long n, const void *y, void *dy);

    /* Zeroes each element with probability `rate` and divides the others by 1 - rate; the mask
     * [images][n] keeps which. In place. */
    void (*dropout_forward)(struct queue *, double rate, struct dropout_place, long images, long n,
                            void *y, uint8_t *mask);
    void (*dropout_backward)(struct queue *, double rate, long images, long n, const uint8_t *mask,
                             void *dy);

    /* Loss of [images][outputs] in y, its gradient into dy (NULL: not wanted). For LOSS_BINARY and
     * LOSS_CATEGORICAL y holds the sums z before the sigmoid or softmax and is overwritten by the
     * probabilities; dy is then the gradient by z. The loss goes to the tally. */
    void (*loss)(struct queue *, enum loss, long images, long outputs, void *y,
                 const struct loss_targets *, void *dy);
    /* Waits for the losses so far. */
    void (*tally)(struct queue *, struct tally *);
    void (*tally_clear)(struct queue *);

    /* One optimizer step on `count` parameters; slot0 and slot1 are the rule's memory. On a device
     * that runs behind: nothing, where the latest loss is not finite. */
    void (*update)(struct queue *, enum update_rule, const struct update_numbers *, long count,
                   void *w, const void *g, void *slot0, void *slot1);

    /* Bytes of scratch memory that a convolution, or the loss of so many images, wants. */
    size_t (*conv_scratch)(const struct queue *, const struct conv_shape *);
    size_t (*loss_scratch)(const struct queue *, long images);

    /* Images to take through several layers at once, so that what lies between the layers stays in
     * a cache; `bytes` is what lies there of one image. 0: all. */
    long (*slice)(const struct queue *, size_t bytes);

    /* The path that a layer's products take on this queue, as --by-layer shows it: "own", "direct";
     * pass is "forward" or "backward". */
    const char *(*dense_path)(const struct queue *, const struct dense_shape *, const char *pass);
    const char *(*conv_path)(const struct queue *, const struct conv_shape *, const char *pass);

    /* Inputs to the queue's type: pixels / 255 or numbers, row `order[first + i]` of the data
     * (NULL: row first + i) becomes row i of x [count][n]. One of pixels and numbers is NULL. The
     * data lies in the device's memory. */
    void (*gather)(struct queue *, long count, long n, const uint8_t *pixels, const double *numbers,
                   const int64_t *order, long first, void *x);
    void (*gather_labels)(struct queue *, long count, const int32_t *labels, const int64_t *order,
                          long first, int32_t *to);

    /* Whether the queue's paths, measures and type are such that this device has them; false with a
     * reason. */
    bool (*accepts)(const struct queue *, char *reason, size_t size);

    /* From here on NULL where the device runs nothing behind. */

    /* The values of the coming step. Operations between step_open and step_close take them in place
     * of those they are called with, so that a recording of one step serves all of them. step_open
     * and step_close are part of what is recorded, step_values is not. */
    void (*step_values)(struct queue *, const struct step_values *);
    void (*step_open)(struct queue *);
    void (*step_close)(struct queue *);

    /* What is issued between the two is recorded instead of run. record_end returns NULL where that
     * failed; the device then has an error. */
    void (*record_begin)(struct queue *);
    void *(*record_end)(struct queue *);
    void (*replay)(struct queue *, void *recording);
    void (*recording_free)(struct queue *, void *recording);
};

#ifdef __cplusplus
}
#endif

#endif
