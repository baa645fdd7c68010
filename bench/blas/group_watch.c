#include "bench/blas/group_watch.h"

#include <math.h>
#include <stdlib.h>

#include "bench/harness/error.h"
#include "bench/harness/gpu_monitors.h"

struct group_watch {
    size_t count; /* of devices */
    const struct device *devices[MOST_DEVICES];
    struct gpu_watch *watches[MOST_DEVICES]; /* NULL: nothing to watch, or ended */
};

struct group_watch *group_watch_begin(const struct blas_options *o, const struct member *members,
                                      size_t count) {
    struct group_watch *w = calloc(1, sizeof *w);
    if (!w) die(EXIT_MISSING, "out of memory");
    w->count = o->common.device_count;
    for (size_t d = 0; d < w->count; d++) {
        w->devices[d] = o->common.devices[d];
        bool used = false;
        for (size_t i = 0; i < count; i++)
            used |= members[i].status == MEMBER_OK && members[i].target->device == w->devices[d];
        if (used)
            w->watches[d] = gpu_watch_begin(gpu_monitor_of(w->devices[d], NULL), GPU_WATCH_PERIOD);
    }
    return w;
}

void group_watch_end(struct group_watch *w) {
    for (size_t d = 0; d < w->count; d++)
        if (w->watches[d]) gpu_watch_read(w->watches[d]);
}

static struct gpu_watch *watch_of(const struct group_watch *w, const struct device *device) {
    for (size_t d = 0; d < w->count; d++)
        if (w->devices[d] == device) return w->watches[d];
    return NULL;
}

void group_watch_tell(const struct group_watch *w, struct member *m, const struct sampler *sampler,
                      bool alone) {
    m->gpu = gpu_watch_between(watch_of(w, m->target->device), -INFINITY, INFINITY);
    if (!alone) {
        m->gpu.energy_j = NAN;
        m->gpu.energy_source = GPU_ENERGY_UNKNOWN;
    }
    if (!m->gpu.span_count || !sampler->count) return;
    m->throttled = calloc(sampler->count, sizeof *m->throttled);
    if (!m->throttled) die(EXIT_MISSING, "out of memory");
    for (size_t i = 0; i < sampler->count; i++) {
        double end = sampler->ends[i];
        double begin = end - sampler->samples[i] * (double)m->repetitions;
        if (gpu_summary_throttled(&m->gpu, begin, end)) m->throttled[m->throttled_count++] = i;
    }
}

void group_watch_free(struct group_watch *w) {
    for (size_t d = 0; d < w->count; d++) {
        struct gpu_summary summary = gpu_watch_end(w->watches[d]);
        gpu_summary_free(&summary);
    }
    free(w);
}
