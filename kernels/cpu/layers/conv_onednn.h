/* Convolutions by oneDNN (libdnnl), where the build found its header: loaded at first use, the
 * binary does not need it. It computes in single precision, on the OpenMP threads of the caller. */
#ifndef FLOPSTEP_KERNELS_CPU_LAYERS_CONV_ONEDNN_H
#define FLOPSTEP_KERNELS_CPU_LAYERS_CONV_ONEDNN_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/layers.h"

/* Loads the library. False where this build or this machine has none, with a one-line reason that
 * says how to get it. */
bool conv_onednn_open(char *reason, size_t size);

/* The release, such as "oneDNN 2.6.3"; "" before conv_onednn_open has succeeded. */
const char *conv_onednn_version(void);

/* Whether the library takes this layer; pass is "forward" or "backward". */
bool conv_onednn_takes(const struct queue *q, const struct conv_shape *s, const char *pass);

/* The operations of struct layer_operations; to be called outside a team, by one thread of the
 * process. False, with nothing done, where the library does not take this one. Primitives are made
 * at the first call with a shape, a pass and a number of threads and kept, as is the memory for
 * images and filters in the library's layouts, which all of them share. */
bool conv_onednn_forward(struct queue *q, const struct conv_shape *s, const void *x, const void *w,
                         const void *b, const struct elementwise *then, void *y);
bool conv_onednn_weight_gradient(struct queue *q, const struct conv_shape *s, const void *x,
                                 const void *dy, bool add, void *dw, void *db);
bool conv_onednn_input_gradient(struct queue *q, const struct conv_shape *s, const void *dy,
                                const void *w, const struct elementwise *before, const void *x,
                                void *dx);

#endif
