#include "kernels/cpu/layers/cpu_layers.h"

#include <stdio.h>

#include "kernels/cpu/blas_library.h"
#include "kernels/cpu/team.h"
#include "kernels/cpu/topology.h"

#if defined __SSE2__
#include <xmmintrin.h>
#endif

/* As many as fit the second cache of each thread. */
static long slice(const struct queue *q, size_t bytes) {
    size_t cache = topology_get()->cache_bytes[2];
    long images = bytes ? (long)(cache / bytes) : 1;
    return (images < 1 ? 1 : images) * q->threads;
}

static bool accepts(const struct queue *q, char *reason, size_t size) {
    if (q->math == MATH_FP32) return true;
    snprintf(reason, size, "--math %s is for GPUs; the CPU multiplies in fp32",
             math_names[q->math]);
    return false;
}

const struct layer_operations cpu_layers = {
    .dense_forward = cpu_dense_forward,
    .dense_weight_gradient = cpu_dense_weight_gradient,
    .dense_input_gradient = cpu_dense_input_gradient,
    .conv_forward = cpu_conv_forward,
    .conv_weight_gradient = cpu_conv_weight_gradient,
    .conv_input_gradient = cpu_conv_input_gradient,
    .max_pool_forward = cpu_max_pool_forward,
    .max_pool_backward = cpu_max_pool_backward,
    .average_pool_forward = cpu_average_pool_forward,
    .average_pool_backward = cpu_average_pool_backward,
    .activation_forward = cpu_activation_forward,
    .activation_backward = cpu_activation_backward,
    .maxout_forward = cpu_maxout_forward,
    .maxout_backward = cpu_maxout_backward,
    .softmax_forward = cpu_softmax_forward,
    .softmax_backward = cpu_softmax_backward,
    .dropout_forward = cpu_dropout_forward,
    .dropout_backward = cpu_dropout_backward,
    .loss = cpu_loss,
    .tally = cpu_tally,
    .tally_clear = cpu_tally_clear,
    .update = cpu_update,
    .conv_scratch = cpu_conv_scratch,
    .loss_scratch = cpu_loss_scratch,
    .slice = slice,
    .dense_path = cpu_dense_path,
    .conv_path = cpu_conv_path,
    .gather = cpu_gather,
    .gather_labels = cpu_gather_labels,
    .accepts = accepts,
};

/* Or not: a queue that does without must not find it switched on. */
static void flush_denormals(int thread, int threads, void *argument) {
    (void)thread, (void)threads;
    bool flush = *(const bool *)argument;
#if defined __SSE2__
    unsigned bits = 0x8040; /* flush to zero, denormals are zero */
    _mm_setcsr(flush ? _mm_getcsr() | bits : _mm_getcsr() & ~bits);
#elif defined __aarch64__
    unsigned long fpcr, bit = 1UL << 24;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    fpcr = flush ? fpcr | bit : fpcr & ~bit;
    __asm__ volatile("msr fpcr, %0" : : "r"(fpcr));
#else
    (void)flush;
#endif
}

void cpu_queue_enter(struct queue *queue) {
    bool flush = queue_uses(queue, MEASURE_FLUSHED);
    if (queue_uses(queue, MEASURE_PINNED))
        team_pin(queue->threads);
    else
        team_unpin(queue->threads);
    team_run(queue->threads, flush_denormals, &flush);
    blas_library_pin_workers(queue->library);
    blas_library_set_threads(queue->library, 1);
}

struct range {
    long count, parts;
    range_body body;
    const void *task;
};

static void run_part(int thread, int threads, void *argument) {
    (void)threads;
    const struct range *r = argument;
    if (thread >= r->parts) return;
    long begin = r->count * thread / r->parts, end = r->count * (thread + 1) / r->parts;
    if (begin < end) r->body(begin, end, thread, r->task);
}

void cpu_queue_for(const struct queue *queue, long count, long grain, range_body body,
                   const void *task) {
    long parts = count / (grain > 0 ? grain : 1);
    if (parts > queue->threads) parts = queue->threads;
    if (parts < 1) parts = 1;
    struct range range = {count, parts, body, task};
    /* Never a smaller team: OpenMP ends threads that a team has no place for, and those it starts
     * for the next one are neither pinned as these are nor flush denormals by themselves. */
    team_run(parts == 1 ? 1 : queue->threads, run_part, &range);
}
