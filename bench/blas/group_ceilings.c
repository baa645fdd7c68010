#include "bench/blas/group_ceilings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/ceilings.h"
#include "bench/device_ceilings.h"
#include "bench/harness/error.h"
#include "bench/harness/together.h"
#include "kernels/cpu/topology.h"

struct group_ceiling {
    const struct device *device;
    enum scalar type;
    int threads;
    char name[32];
    struct fma_ceiling fma; /* one of the three */
    struct bandwidth_ceiling bandwidth;
    struct device_ceiling of_device;
    struct subject *subject;
};

struct group_ceilings {
    struct group_ceiling *list;
    size_t count;
    double *buffer; /* of the CPU's bandwidth ceilings */
    size_t buffer_bytes;
};

/* Beyond twice the last-level cache bandwidth no longer depends on the working set; a GPU takes
 * longer to start, and its cache keeps more of what it is not asked for. */
static size_t working_set(const struct blas_options *o, const struct device *device,
                          double of_member) {
    double most = 2.0 * (double)topology_last_level_cache();
    if (device->own_memory) most = fmax(4.0 * (double)device->cache_bytes, 1 << 28);
    if (o->common.cold || of_member > most) return (size_t)most;
    return (size_t)of_member;
}

static const struct group_ceiling *find(const struct group_ceilings *c, const struct member *m) {
    for (size_t i = 0; i < c->count; i++)
        if (c->list[i].device == m->target->device && c->list[i].type == m->type &&
            c->list[i].threads == m->threads)
            return &c->list[i];
    return NULL;
}

/* The matrix units for the types that are made for them, else the plain ones. */
static const struct device_probe *stream_probe(const struct device *device, const char *stream) {
    const struct device_probe *probe = device_ceiling_find(device, stream, SCALAR_COUNT);
    return probe ? probe : device_ceiling_find(device, "triad", SCALAR_COUNT);
}

static bool open_on_device(struct group_ceiling *ceiling, const struct blas_options *o,
                           const struct member *m, struct subject *subject) {
    const struct kernel *kernel = m->shape->kernel;
    const struct device *device = ceiling->device;
    const struct device_probe *probe = kernel->is_product
                                           ? device_ceiling_of_products(device, m->type)
                                           : stream_probe(device, kernel->stream);
    char reason[256];
    if (!probe) return false;
    size_t bytes = device_ceiling_working_set(working_set(o, device, m->working_set));
    if (!device_ceiling_open(&ceiling->of_device, device, probe, bytes, NULL, reason,
                             sizeof reason))
        return false; /* no memory beside the operands: not measured */
    bool isa = kernel->is_product && probe->isa && probe->isa[0];
    snprintf(ceiling->name, sizeof ceiling->name, "%s%s%s", probe->name, isa ? "-" : "",
             isa ? probe->isa : "");
    *subject = device_ceiling_subject(&ceiling->of_device);
    return true;
}

static bool open_on_cpu(struct group_ceilings *c, struct group_ceiling *ceiling,
                        const struct blas_options *o, const struct member *m,
                        struct subject *subject) {
    const struct kernel *kernel = m->shape->kernel;
    if (kernel->is_product) {
        const struct fma_probe *probe = fma_probe_best(m->type);
        if (!probe) return false;
        ceiling->fma = (struct fma_ceiling){probe, m->threads};
        snprintf(ceiling->name, sizeof ceiling->name, "fma-%s", probe->isa);
        *subject = fma_ceiling_subject(&ceiling->fma);
        return true;
    }
    size_t set = working_set(o, ceiling->device, m->working_set);
    size_t bytes = bandwidth_buffer_bytes(set, m->threads);
    const struct bandwidth_probe *probe = bandwidth_probe_find(kernel->stream);
    if (!probe) return false;
    if (bytes > c->buffer_bytes) c->buffer_bytes = bytes;
    ceiling->bandwidth = (struct bandwidth_ceiling){probe, m->threads, NULL, set};
    snprintf(ceiling->name, sizeof ceiling->name, "%s", kernel->stream);
    *subject = bandwidth_ceiling_subject(&ceiling->bandwidth);
    return true;
}

/* Cases with transfers are bound by the bus: there is no ceiling for the whole of them. */
static bool has_ceiling(const struct member *m) {
    return m->status == MEMBER_OK && m->transfer == TRANSFER_NONE;
}

struct group_ceilings *group_ceilings_add(const struct blas_options *o,
                                          const struct member *members, size_t count,
                                          struct subject *subjects, size_t *used) {
    struct group_ceilings *c = calloc(1, sizeof *c);
    if (!c) die(EXIT_MISSING, "out of memory");
    c->list = calloc(count ? count : 1, sizeof *c->list);
    if (!c->list) die(EXIT_MISSING, "out of memory");
    for (size_t i = 0; i < count; i++) {
        const struct member *m = &members[i];
        if (!has_ceiling(m) || find(c, m)) continue;
        struct group_ceiling *ceiling = &c->list[c->count];
        struct subject *subject = &subjects[*used];
        *ceiling = (struct group_ceiling){
            .device = m->target->device, .type = m->type, .threads = m->threads};
        bool there = ceiling->device->own_memory ? open_on_device(ceiling, o, m, subject)
                                                 : open_on_cpu(c, ceiling, o, m, subject);
        if (!together_all(there)) { /* on one rank no memory: measured nowhere */
            if (there && ceiling->of_device.probe) device_ceiling_close(&ceiling->of_device);
            continue;
        }
        subject->companion = true;
        ceiling->subject = subject;
        c->count++;
        (*used)++;
    }
    if (!c->buffer_bytes) return c;
    c->buffer = cpu_device.allocate(&cpu_device, c->buffer_bytes);
    if (!c->buffer) die(EXIT_MISSING, "out of memory for the bandwidth ceiling");
    for (size_t i = 0; i < c->count; i++) c->list[i].bandwidth.buffer = c->buffer;
    bandwidth_buffer_fill(c->buffer, c->buffer_bytes, common_most_threads(&o->common));
    return c;
}

static double work_of(const struct group_ceiling *ceiling, bool product) {
    if (ceiling->of_device.probe) return device_ceiling_work(&ceiling->of_device);
    return product ? fma_ceiling_flops(&ceiling->fma)
                   : bandwidth_ceiling_bytes(&ceiling->bandwidth);
}

void group_ceilings_read(const struct group_ceilings *ceilings, struct member *m) {
    const struct group_ceiling *ceiling = has_ceiling(m) ? find(ceilings, m) : NULL;
    if (!ceiling || ceiling->subject->failed || ceiling->subject->sampler.count == 0) return;
    bool product = m->shape->kernel->is_product;
    double seconds = sampler_result(&ceiling->subject->sampler, &m->ceiling_noisy).median;
    snprintf(m->ceiling_name, sizeof m->ceiling_name, "%s", ceiling->name);
    m->ceiling = m->ceiling_name;
    m->ceiling_rate = work_of(ceiling, product) / seconds * 1e-9;
    double ours = (product ? m->flops : m->bytes) / m->summary.median * 1e-9;
    m->peak_fraction = ours / m->ceiling_rate;
}

void group_ceilings_free(struct group_ceilings *c) {
    for (size_t i = 0; i < c->count; i++)
        if (c->list[i].of_device.probe) device_ceiling_close(&c->list[i].of_device);
    if (c->buffer) cpu_device.release(&cpu_device, c->buffer, c->buffer_bytes);
    free(c->list);
    free(c);
}
