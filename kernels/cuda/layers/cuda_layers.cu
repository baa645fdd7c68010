/* The table of layer operations, and what a queue of this device may ask for. */
#include "kernels/cuda/layers/cuda_layers.h"

#include <stdio.h>

/* All of a batch at once: the more there is, the busier the device. */
static long slice(const struct queue *q, size_t bytes) {
    (void)q, (void)bytes;
    return 0;
}

static bool refuse(char *reason, size_t size, const char *text, const char *word) {
    snprintf(reason, size, text, word);
    return false;
}

static bool accepts(const struct queue *q, char *reason, size_t size) {
    const struct cuda_state *state = cuda_state_of(q);
    if (q->dense != DENSE_AUTO)
        return refuse(reason, size,
                      "dense path '%s' is the CPU's; a GPU takes cuBLAS: leave it at auto",
                      dense_path_names[q->dense]);
    if (q->conv != CONV_AUTO && q->conv != CONV_IM2COL)
        return refuse(reason, size,
                      "convolution path '%s' is the CPU's; a GPU takes im2col: leave it at auto",
                      conv_path_names[q->conv]);
    if (q->isa)
        return refuse(reason, size, "%s is for the CPU: leave it out for a GPU",
                      "an instruction set");
    if (q->type != SCALAR_S && q->type != SCALAR_D)
        return refuse(reason, size, "networks do not train in %s: take s or d",
                      scalar_name(q->type));
    if (q->math != MATH_FP32 && q->type != SCALAR_S)
        return refuse(reason, size, "--math %s is for single precision: add --types s",
                      math_names[q->math]);
    if (q->math != MATH_FP32 && state->major < 8)
        return refuse(reason, size,
                      "--math %s needs tensor cores of compute capability 8.0: use fp32",
                      math_names[q->math]);
    return true;
}

static struct layer_operations table() {
    struct layer_operations t = {};
    t.dense_forward = cuda_dense_forward;
    t.dense_weight_gradient = cuda_dense_weight_gradient;
    t.dense_input_gradient = cuda_dense_input_gradient;
    t.conv_forward = cuda_conv_forward;
    t.conv_weight_gradient = cuda_conv_weight_gradient;
    t.conv_input_gradient = cuda_conv_input_gradient;
    t.max_pool_forward = cuda_max_pool_forward;
    t.max_pool_backward = cuda_max_pool_backward;
    t.average_pool_forward = cuda_average_pool_forward;
    t.average_pool_backward = cuda_average_pool_backward;
    t.activation_forward = cuda_activation_forward;
    t.activation_backward = cuda_activation_backward;
    t.maxout_forward = cuda_maxout_forward;
    t.maxout_backward = cuda_maxout_backward;
    t.softmax_forward = cuda_softmax_forward;
    t.softmax_backward = cuda_softmax_backward;
    t.dropout_forward = cuda_dropout_forward;
    t.dropout_backward = cuda_dropout_backward;
    t.loss = cuda_loss;
    t.tally = cuda_tally_read;
    t.tally_clear = cuda_tally_clear;
    t.update = cuda_update;
    t.conv_scratch = cuda_conv_scratch;
    t.loss_scratch = cuda_loss_scratch;
    t.slice = slice;
    t.dense_path = cuda_dense_path;
    t.conv_path = cuda_conv_path;
    t.gather = cuda_gather;
    t.gather_labels = cuda_gather_labels;
    t.accepts = accepts;
    t.step_values = cuda_step_values;
    t.step_open = cuda_step_open;
    t.step_close = cuda_step_close;
    t.record_begin = cuda_record_begin;
    t.record_end = cuda_record_end;
    t.replay = cuda_replay;
    t.recording_free = cuda_recording_free;
    return t;
}

const struct layer_operations cuda_layers = table();
