#include "bench/train/roofs.h"

#include <math.h>

#include "kernels/cblas.h"
#include "kernels/cpu/blas_library.h"
#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/team.h"
#include "kernels/random.h"

enum { BYTES = SQUARE * SQUARE * 8 };

bool roofs_open(struct roofs *r, enum scalar type, int threads,
                const struct blas_library *library) {
    *r = (struct roofs){.type = type,
                        .threads = threads,
                        .library = library,
                        .gemm = blas_library_routine(library, kernel_find("gemm"), type),
                        .fma = {fma_probe_best(type), threads},
                        .fma_gflops = NAN,
                        .square_gflops = NAN};
    void **arrays[] = {&r->a, &r->b, &r->c};
    for (uint32_t i = 0; i < 3; i++) {
        *arrays[i] = cpu_device.allocate(BYTES);
        if (!*arrays[i]) return roofs_close(r), false;
        for (long j = 0; j < (long)SQUARE * SQUARE; j++) {
            double value = 2 * random_uniform(1, i, 0, (uint64_t)j) - 1;
            if (type == SCALAR_S)
                ((float *)*arrays[i])[j] = (float)value;
            else
                ((double *)*arrays[i])[j] = value;
        }
    }
    return true;
}

void roofs_close(struct roofs *r) {
    void **arrays[] = {&r->a, &r->b, &r->c};
    for (int i = 0; i < 3; i++) {
        cpu_device.release(*arrays[i], BYTES);
        *arrays[i] = NULL;
    }
}

static void enter_gemm(void *context) {
    struct roofs *r = context;
    team_pin(r->threads);
    blas_library_pin_workers(r->library);
    blas_library_set_threads(r->library, r->threads);
}

/* C = A B */
static void run_gemm(void *context, long repetitions) {
    struct roofs *r = context;
    typedef void (*sgemm)(int, int, int, int, int, int, float, const float *, int, const float *,
                          int, float, float *, int);
    typedef void (*dgemm)(int, int, int, int, int, int, double, const double *, int, const double *,
                          int, double, double *, int);
    for (long i = 0; i < repetitions; i++)
        if (r->type == SCALAR_S)
            ((sgemm)r->gemm)(CBLAS_ROW_MAJOR, CBLAS_NO_TRANS, CBLAS_NO_TRANS, SQUARE, SQUARE,
                             SQUARE, 1, r->a, SQUARE, r->b, SQUARE, 0, r->c, SQUARE);
        else
            ((dgemm)r->gemm)(CBLAS_ROW_MAJOR, CBLAS_NO_TRANS, CBLAS_NO_TRANS, SQUARE, SQUARE,
                             SQUARE, 1, r->a, SQUARE, r->b, SQUARE, 0, r->c, SQUARE);
}

size_t roofs_subjects(struct roofs *r, struct subject *subjects, size_t used, bool companion) {
    r->fma_subject = NULL;
    if (r->fma.probe) {
        subjects[used] = fma_ceiling_subject(&r->fma);
        subjects[used].companion = companion;
        r->fma_subject = &subjects[used++];
    }
    subjects[used] = (struct subject){
        .context = r, .enter = enter_gemm, .run = run_gemm, .companion = companion};
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
    double flops = r->fma.probe ? fma_ceiling_flops(&r->fma) : NAN;
    r->fma_gflops = rate_of(r, r->fma_subject, flops);
    r->square_gflops = rate_of(r, r->gemm_subject, 2.0 * SQUARE * SQUARE * SQUARE);
}
