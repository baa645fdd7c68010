#include "bench/train/roofs.h"

#include <math.h>
#include <stdlib.h>

#include "bench/device_time.h"
#include "kernels/cblas.h"
#include "kernels/cpu/blas_library.h"
#include "kernels/cpu/team.h"
#include "kernels/half.h"
#include "kernels/random.h"

/* The types that GPUs multiply in, by --math, and the routine's name. */
static const struct {
    const char *routine;
    enum scalar type;
} of_math[MATH_COUNT] = {
    [MATH_FP32] = {"cblas_sgemm", SCALAR_S},
    [MATH_TF32] = {"cblas_tf32gemm", SCALAR_TF32},
    [MATH_BF16] = {"cblas_bf16gemm", SCALAR_BF16},
};

/* Of the numbers that the square GEMM multiplies. */
static size_t element_bytes(const struct roofs *r) {
    return r->math == MATH_BF16 ? scalar_bytes(SCALAR_BF16) : scalar_bytes(r->type);
}

static size_t square_bytes(const struct roofs *r) {
    return (size_t)r->extent * (size_t)r->extent * element_bytes(r);
}

static void fill(const struct roofs *r, uint32_t stream, void *host) {
    long count = (long)r->extent * r->extent;
    for (long j = 0; j < count; j++) {
        double value = 2 * random_uniform(1, stream, 0, (uint64_t)j) - 1;
        if (r->math == MATH_BF16)
            ((uint16_t *)host)[j] = bf16_from(value);
        else if (r->type == SCALAR_S)
            ((float *)host)[j] = (float)value;
        else
            ((double *)host)[j] = value;
    }
}

static bool open_square(struct roofs *r) {
    const struct device *device = r->device;
    void **arrays[] = {&r->a, &r->b, &r->c};
    void *host = malloc(square_bytes(r));
    bool good = host != NULL;
    for (uint32_t i = 0; i < 3 && good; i++) {
        *arrays[i] = device->allocate(device, square_bytes(r));
        good = *arrays[i] != NULL;
        if (!good) break;
        fill(r, i, host);
        device->copy_in(device, *arrays[i], host, square_bytes(r));
    }
    free(host);
    return good;
}

static enum scalar multiplied_type(const struct roofs *r) {
    return r->type == SCALAR_D ? SCALAR_D : of_math[r->math].type;
}

static void open_gemm(struct roofs *r) {
    const char *name = r->type == SCALAR_D ? "cblas_dgemm" : of_math[r->math].routine;
    bool known = r->device->has_type(r->device, multiplied_type(r));
    r->gemm = known ? r->device->blas(r->device, name) : NULL;
}

static void open_device_roofs(struct roofs *r) {
    const struct device *device = r->device;
    char reason[256];
    enum scalar type = multiplied_type(r);
    open_gemm(r);
    const struct device_probe *probe = device_ceiling_of_products(device, type);
    if (probe &&
        !device_ceiling_open(&r->device_fma, device, probe, 0, NULL, reason, sizeof reason))
        r->device_fma.probe = NULL;
    r->from = device->event_new(device);
    r->to = device->event_new(device);
}

bool roofs_open(struct roofs *r, const struct queue *q) {
    *r = (struct roofs){.device = q->device,
                        .type = q->type,
                        .math = q->math,
                        .threads = q->threads,
                        .extent = q->device->square_extent,
                        .library = q->library,
                        .gemm = q->gemm,
                        .fma_gflops = NAN,
                        .square_gflops = NAN};
    if (q->device->own_memory)
        open_device_roofs(r);
    else
        r->fma = (struct fma_ceiling){fma_probe_best(q->type), q->threads};
    if (open_square(r)) return true;
    roofs_close(r);
    return false;
}

void roofs_close(struct roofs *r) {
    void **arrays[] = {&r->a, &r->b, &r->c};
    for (int i = 0; i < 3; i++) {
        if (*arrays[i]) r->device->release(r->device, *arrays[i], square_bytes(r));
        *arrays[i] = NULL;
    }
    if (r->device_fma.probe) device_ceiling_close(&r->device_fma);
    if (r->from) r->device->event_free(r->device, r->from);
    if (r->to) r->device->event_free(r->device, r->to);
    r->device_fma.probe = NULL;
    r->from = r->to = NULL;
}

bool roofs_fit(const struct roofs *r, const struct queue *q) {
    return r->device == q->device && r->type == q->type && r->threads == q->threads &&
           r->math == q->math;
}

static void enter_gemm(void *context) {
    struct roofs *r = context;
    if (r->device->own_memory) { /* its routines work on the GPU that was asked last */
        struct queue queue = {.device = r->device};
        r->device->queue_enter(&queue);
        open_gemm(r);
        return;
    }
    team_pin(r->threads);
    blas_library_pin_workers(r->library);
    blas_library_set_threads(r->library, r->threads);
}

/* C = A B */
static void run_gemm(void *context, long repetitions) {
    struct roofs *r = context;
    typedef void (*sgemm)(int, int, int, int, int, int, float, const void *, int, const void *, int,
                          float, void *, int);
    typedef void (*dgemm)(int, int, int, int, int, int, double, const void *, int, const void *,
                          int, double, void *, int);
    int n = r->extent;
    for (long i = 0; i < repetitions; i++)
        if (r->type == SCALAR_S)
            ((sgemm)r->gemm)(CBLAS_COL_MAJOR, CBLAS_NO_TRANS, CBLAS_NO_TRANS, n, n, n, 1, r->a, n,
                             r->b, n, 0, r->c, n);
        else
            ((dgemm)r->gemm)(CBLAS_COL_MAJOR, CBLAS_NO_TRANS, CBLAS_NO_TRANS, n, n, n, 1, r->a, n,
                             r->b, n, 0, r->c, n);
}

static double time_gemm(void *context, long repetitions) {
    struct roofs *r = context;
    return device_time(r->device, r->from, r->to, run_gemm, r, repetitions);
}

size_t roofs_subjects(struct roofs *r, struct subject *subjects, size_t used, bool companion) {
    r->fma_subject = r->gemm_subject = NULL;
    if (r->fma.probe || r->device_fma.probe) {
        subjects[used] =
            r->fma.probe ? fma_ceiling_subject(&r->fma) : device_ceiling_subject(&r->device_fma);
        subjects[used].companion = companion;
        r->fma_subject = &subjects[used++];
    }
    if (!r->gemm) return used;
    subjects[used] = (struct subject){.context = r,
                                      .enter = enter_gemm,
                                      .run = run_gemm,
                                      .timed = r->device->runs_behind ? time_gemm : NULL,
                                      .companion = companion};
    r->gemm_subject = &subjects[used++];
    return used;
}

/* Work per second in 10^9 of a subject's median. */
static double rate_of(struct roofs *r, const struct subject *subject, double work) {
    bool noisy;
    if (!subject || !subject->sampler.count) return NAN;
    struct summary summary = sampler_result(&subject->sampler, &noisy);
    r->noisy |= noisy;
    if (noisy && !(summary.high < 2 * summary.low)) return NAN;
    return work / summary.median * 1e-9;
}

void roofs_read(struct roofs *r) {
    double flops = NAN, n = r->extent;
    if (r->fma.probe) flops = fma_ceiling_flops(&r->fma);
    if (r->device_fma.probe) flops = device_ceiling_work(&r->device_fma);
    r->fma_gflops = rate_of(r, r->fma_subject, flops);
    r->square_gflops = rate_of(r, r->gemm_subject, 2 * n * n * n);
}
