/* What the tests of networks share: a queue, numbers from places, a network made of text. Include
 * it before cmocka's users; it brings cmocka itself. */
#ifndef FLOPSTEP_TESTS_NN_COMMON_H
#define FLOPSTEP_TESTS_NN_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/cpu/blas_library.h"
#include "kernels/kernel.h"
#include "kernels/random.h"
#include "nn/layers.h"
#include "nn/notation.h"
#include "nn/step.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A queue of the CPU; `library` NULL: the default BLAS, the built-in one where there is none. */
static inline struct queue make_queue(const char *library, enum scalar type, int threads) {
    static struct blas_library *opened[2];
    char reason[512];
    int which = library == NULL;
    if (!opened[which])
        opened[which] =
            blas_library_open(library ? library : BLAS_LIBRARY_DEFAULT, reason, sizeof reason);
    if (!opened[which]) opened[which] = blas_library_open("naive", reason, sizeof reason);
    assert_non_null(opened[which]);
    struct queue q = {
        .device = device_find("cpu"), .type = type, .threads = threads, .library = opened[which]};
    q.gemm = blas_library_routine(q.library, kernel_find("gemm"), type);
    assert_non_null(q.gemm);
    q.device->queue_enter(&q);
    return q;
}

/* Element i of an array of the queue's type. */
static inline double get(const struct queue *q, const void *array, long i) {
    return q->type == SCALAR_S ? (double)((const float *)array)[i] : ((const double *)array)[i];
}

static inline void set(const struct queue *q, void *array, long i, double value) {
    if (q->type == SCALAR_S)
        ((float *)array)[i] = (float)value;
    else
        ((double *)array)[i] = value;
}

/* Exactly as many bytes as asked for, so that the sanitizer sees what is read beyond. */
static inline void *room(const struct queue *q, long count) {
    void *memory = malloc((size_t)count * scalar_bytes(q->type));
    assert_non_null(memory);
    for (long i = 0; i < count; i++) set(q, memory, i, NAN);
    return memory;
}

/* Uniform in [low, high), by place. */
static inline double number_at_place(uint32_t stream, long i, double low, double high) {
    return low + (high - low) * random_uniform(20, stream, 0, (uint64_t)i);
}

/* A network of that text, Glorot's weights and random biases. */
static inline void make_network(struct network *n, struct queue *q, const char *text, long batch,
                                enum loss loss) {
    struct architecture a;
    char reason[NETWORK_REASON] = "";
    if (!architecture_parse(&a, text, (struct extent){0, 0, 0}, reason, sizeof reason))
        fail_msg("%s: %s", text, reason);
    if (!network_plan(n, &a, q, batch, loss, true, reason, sizeof reason))
        fail_msg("%s: %s", text, reason);
    network_initialise(n, INITIAL_GLOROT, 5);
    for (int i = 0; i < n->count; i++)
        for (long j = 0; j < n->layers[i].biases; j++)
            set(q, n->layers[i].b, j, number_at_place(100 + (uint32_t)i, j, -0.3, 0.3));
}

#endif
