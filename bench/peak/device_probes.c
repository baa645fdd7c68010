/* The ceilings of a device that runs behind: the rows of its own table of probes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/clock.h"
#include "bench/harness/error.h"
#include "bench/harness/gpu_watch.h"
#include "bench/harness/interrupt.h"
#include "bench/harness/together.h"
#include "bench/peak/sweep.h"
#include "bench/rank_agree.h"

/* Small copies, whose latency counts. */
enum { LATENCY_BYTES = 8 };

/* Whether a probe walks through its working set in the device's memory, or copies it from or to the
 * host's. */
static bool is_bandwidth(const struct device_probe *p) { return p->needs == PROBE_DEVICE_MEMORY; }
static bool is_transfer(const struct device_probe *p) {
    return p->unit == PROBE_BYTES && !is_bandwidth(p);
}
static bool is_arithmetic(const struct device_probe *p) { return p->unit == PROBE_FLOPS; }
static bool is_wait(const struct device_probe *p) { return p->unit == PROBE_SECONDS; }

/* A quarter, a half and three quarters of the last-level cache, twice that, and the larger of four
 * times that and 256 MiB (less on a card of less than 8 GiB). */
static size_t bandwidth_sets(const struct peak_options *o, const struct device *device,
                             size_t *sets) {
    size_t cache = device->cache_bytes, count = 0, largest = 4 * cache;
    size_t enough = device->memory_available(device) / 32;
    if (o->working_set_count) {
        for (; count < o->working_set_count; count++) sets[count] = o->working_sets[count];
        return count;
    }
    for (size_t quarter = 1; cache && quarter <= 3; quarter++) sets[count++] = cache / 4 * quarter;
    if (cache) sets[count++] = 2 * cache;
    if (enough > (size_t)256 << 20) enough = (size_t)256 << 20;
    if (largest < enough) largest = enough;
    sets[count++] = largest + largest / 64; /* rounded down to whole blocks */
    qsort(sets, count, sizeof *sets, peak_by_size);
    return peak_same_sizes(sets, count);
}

static size_t transfer_sets(const struct peak_options *o, size_t *sets) {
    size_t count = 0;
    for (; count < o->working_set_count; count++) sets[count] = o->working_sets[count];
    for (int shift = 16; count < 4 && !o->working_set_count; shift += shift < 24 ? 4 : 2)
        sets[count++] = (size_t)1 << shift; /* 64 KiB, 1 MiB, 16 MiB, 64 MiB */
    return count;
}

static bool wanted_type(const struct peak_options *o, const struct device_probe *p) {
    bool found = !is_arithmetic(p);
    for (size_t t = 0; t < o->common.type_count; t++) found |= o->common.types[t] == p->type;
    return found;
}

/* The cases of one kind, in the order of the table. */
static size_t cases_of(const struct peak_options *o, const struct device *device,
                       bool (*kind)(const struct device_probe *), size_t bytes,
                       struct peak_case *cases) {
    size_t count, used = 0;
    const struct device_probe *table = device->probes(device, &count);
    for (size_t i = 0; i < count && used < MOST_PROBES; i++) {
        const struct device_probe *p = &table[i];
        if (!kind(p) || !peak_wanted(o, p->name) || !wanted_type(o, p)) continue;
        cases[used++] = (struct peak_case){.device = device,
                                           .probe = p->name,
                                           .isa = p->isa,
                                           .type = p->type,
                                           .threads = 1,
                                           .working_set = p->needs == PROBE_NO_MEMORY ? 0 : bytes,
                                           .ceiling.device = {.device = device, .probe = p}};
    }
    return used;
}

struct device_sweep {
    struct sweep *sweep;
    const struct device *device;
    struct gpu_monitor *monitor; /* NULL: unknown clocks */
    struct gpu_watch *watch;
    bool told; /* one case has failed of the device's error; the others are skipped */
    struct peak_case cases[MOST_PROBES];
};

static const char *level_of(const struct peak_case *c) {
    const struct device *device = c->device;
    if (!is_bandwidth(c->ceiling.device.probe) || !device->cache_bytes) return NULL;
    return c->working_set <= device->cache_bytes ? "L2" : "memory";
}

static struct peak_findings findings(const struct peak_case *c, const struct gpu_summary *gpu,
                                     const struct machine_state *before,
                                     const struct machine_state *after) {
    const struct device_ceiling *ceiling = &c->ceiling.device;
    double work = device_ceiling_work(ceiling);
    return (struct peak_findings){.flops = ceiling->probe->unit == PROBE_FLOPS ? work : NAN,
                                  .bytes = ceiling->probe->unit == PROBE_BYTES ? work : NAN,
                                  .memory_level = level_of(c),
                                  .throttled = gpu_summary_throttled(gpu, -INFINITY, INFINITY),
                                  .clock_ghz = gpu->sm_clock_mhz.median * 1e-3,
                                  .before = *before,
                                  .after = *after};
}

/* The row of a case that an error of the device stopped: one has failed, the others are skipped. */
static void write_lost(struct device_sweep *d, const struct peak_case *c, bool failed) {
    const char *error = d->device->error(d->device);
    char reason[384];
    failed = !together_all(!failed) || !d->told;
    snprintf(reason, sizeof reason, "%s%s",
             failed ? "" : "the device is lost: ", error ? error : "the device told no time");
    rank_agree(error == NULL, reason, sizeof reason); /* the rank whose device it was */
    peak_write_none(d->sweep, c, failed ? "failed" : "skipped", reason);
    d->told = true;
}

/* Memory of a case's own, where it has none and there is room; false with a reason where the device
 * refuses it all the same. What there is no room for is told by device_ceiling_open(). */
static bool own_memory(const struct device *device, const struct peak_case *c, void **memory,
                       char *reason, size_t size) {
    *memory = NULL;
    if (c->ceiling.device.probe->needs == PROBE_NO_MEMORY) return true;
    if (c->working_set > device->memory_available(device) / 10 * 9) return true;
    *memory = device_ceiling_memory(device, c->working_set);
    if (*memory) return true;
    snprintf(reason, size, "%s refused %.3g GB of memory", device->name,
             (double)c->working_set * 1e-9);
    return false;
}

/* Opens the ceiling of a case, in the memory that is given or in its own. */
static bool open_ceiling(const struct device *device, struct peak_case *c, void *memory,
                         char *reason, size_t size) {
    const struct device_probe *probe = c->ceiling.device.probe;
    void *own = NULL;
    if (!memory && !own_memory(device, c, &own, reason, size)) return false;
    bool open = device_ceiling_open(&c->ceiling.device, device, probe, c->working_set,
                                    own ? own : memory, reason, size);
    if (open && own)
        c->ceiling.device.owns_memory = true; /* released when it is closed */
    else if (own)
        device->release(device, own, c->working_set);
    return open;
}

/* Makes a case ready, on all ranks; false with its row written where that cannot be. */
static bool open_case(struct device_sweep *d, struct peak_case *c, void *memory) {
    const struct device_probe *probe = c->ceiling.device.probe;
    char reason[384];
    if (!together_all(!d->device->error(d->device))) {
        write_lost(d, c, false);
        return false;
    }
    if (!probe->supported(d->device)) { /* the same on all ranks */
        snprintf(reason, sizeof reason, "this device, or the code built for it, has no such units");
        peak_write_none(d->sweep, c, "skipped", reason);
        return false;
    }
    bool open = open_ceiling(d->device, c, memory, reason, sizeof reason);
    if (rank_agree(open, reason, sizeof reason)) return true;
    if (open) device_ceiling_close(&c->ceiling.device);
    if (!together_all(!d->device->error(d->device)))
        write_lost(d, c, true);
    else
        peak_write_none(d->sweep, c, "skipped", reason);
    return false;
}

static void write_case(struct device_sweep *d, const struct peak_case *c, const struct subject *s,
                       const struct peak_findings *found, bool complete) {
    if (s->failed)
        write_lost(d, c, c->ceiling.device.failed);
    else if (!complete)
        peak_write_interrupted(d->sweep, c);
    else
        peak_write_result(d->sweep, c, s, found);
}

/* Measures the first `count` cases in the same rounds and writes a row each. */
static void measure(struct device_sweep *d, size_t count, void *memory, const char *label) {
    struct sweep *sweep = d->sweep;
    progress_step(&sweep->progress, sweep->step++, label);
    if (count == 0 || interrupt_came()) return;
    struct subject subjects[MOST_PROBES];
    struct peak_case *open[MOST_PROBES];
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (!open_case(d, &d->cases[i], memory)) continue;
        open[used] = &d->cases[i];
        subjects[used++] = device_ceiling_subject(&d->cases[i].ceiling.device);
    }
    struct rounds_options options = {sweep->options->common.limits, progress_share,
                                     &sweep->progress};
    struct machine_state before = machine_state_now();
    double begin = clock_seconds();
    bool complete = used == 0 || rounds_run(subjects, used, &options);
    struct gpu_summary gpu = gpu_watch_between(d->watch, begin, clock_seconds());
    struct machine_state after = machine_state_now();
    progress_clear(&sweep->progress);
    for (size_t i = 0; i < used; i++) d->told |= !together_all(!open[i]->ceiling.device.failed);
    for (size_t i = 0; i < used; i++) {
        struct peak_findings found = findings(open[i], &gpu, &before, &after);
        write_case(d, open[i], &subjects[i], &found, complete);
        device_ceiling_close(&open[i]->ceiling.device);
        sampler_free(&subjects[i].sampler);
    }
    gpu_summary_free(&gpu);
}

/* A card that was idle needs a while until its clocks are up. */
static void wake(const struct device *device) {
    const struct device_probe *fma = device_ceiling_find(device, "fma", SCALAR_S);
    struct queue queue = {.device = device};
    double begin = clock_seconds(), now = begin;
    long iterations = 1;
    device->queue_enter(&queue);
    while (fma && now - begin < 0.5 && !device->error(device) && !interrupt_came()) {
        double before = now;
        fma->run(device, NULL, NULL, 0, iterations);
        device->synchronise(device);
        now = clock_seconds();
        if (now - before < 5e-3) iterations *= 2;
    }
}

static int downwards(const void *a, const void *b) { return peak_by_size(b, a); }

/* The memory that all working sets lie in: as large as the largest that there is room for. */
static void *bandwidth_memory(const struct device *device, const size_t *sets, size_t count,
                              size_t *bytes) {
    size_t sorted[MOST_WORKING_SETS], available = device->memory_available(device);
    memcpy(sorted, sets, count * sizeof *sets);
    qsort(sorted, count, sizeof *sorted, downwards);
    for (size_t i = 0; i < count; i++) {
        *bytes = device_ceiling_working_set(sorted[i]);
        void *memory = *bytes <= available / 10 * 9 ? device_ceiling_memory(device, *bytes) : NULL;
        if (memory) return memory;
    }
    *bytes = 0;
    return NULL;
}

static void sweep_bandwidth(struct device_sweep *d) {
    const struct peak_options *o = d->sweep->options;
    size_t sets[MOST_WORKING_SETS], count = bandwidth_sets(o, d->device, sets), bytes = 0;
    if (cases_of(o, d->device, is_bandwidth, 0, d->cases) == 0) return;
    void *memory = bandwidth_memory(d->device, sets, count, &bytes);
    for (size_t s = 0; s < count && !interrupt_came(); s++) {
        char label[96], size[32];
        size_t set = device_ceiling_working_set(sets[s]);
        peak_bytes_text((double)set, size, sizeof size);
        snprintf(label, sizeof label, "%s: bandwidth, %s", d->device->name, size);
        measure(d, cases_of(o, d->device, is_bandwidth, set, d->cases),
                set <= bytes ? memory : NULL, label);
    }
    if (memory) d->device->release(d->device, memory, bytes);
}

static void sweep_transfers(struct device_sweep *d) {
    const struct peak_options *o = d->sweep->options;
    size_t sets[MOST_WORKING_SETS], count = transfer_sets(o, sets);
    for (size_t s = 0; s < count && !interrupt_came(); s++) {
        char label[96], size[32];
        peak_bytes_text((double)sets[s], size, sizeof size);
        snprintf(label, sizeof label, "%s: copies, %s", d->device->name, size);
        measure(d, cases_of(o, d->device, is_transfer, sets[s], d->cases), NULL, label);
    }
}

size_t device_probes_steps(const struct peak_options *o, const struct device *device) {
    size_t sets[MOST_WORKING_SETS];
    return 2 + bandwidth_sets(o, device, sets) + transfer_sets(o, sets);
}

void device_probes_sweep(struct sweep *sweep, const struct device *device) {
    const struct peak_options *o = sweep->options;
    if (!device->probes || interrupt_came()) return;
    struct device_sweep *d = calloc(1, sizeof *d);
    if (!d) die(EXIT_MISSING, "out of memory");
    char label[96], reason[256];
    d->sweep = sweep;
    d->device = device;
    if (device->bus_id) d->monitor = gpu_monitor_open(device->bus_id, reason, sizeof reason);
    d->watch = gpu_watch_begin(d->monitor, GPU_WATCH_PERIOD);
    wake(device);
    snprintf(label, sizeof label, "%s: FMA rate", device->name);
    measure(d, cases_of(o, device, is_arithmetic, 0, d->cases), NULL, label);
    sweep_bandwidth(d);
    sweep_transfers(d);
    snprintf(label, sizeof label, "%s: latencies", device->name);
    measure(d, cases_of(o, device, is_wait, LATENCY_BYTES, d->cases), NULL, label);
    struct gpu_summary whole = gpu_watch_end(d->watch);
    gpu_summary_free(&whole);
    gpu_monitor_close(d->monitor);
    free(d);
}

size_t device_probes_list(const struct peak_options *o, const struct device *device) {
    size_t sets[MOST_WORKING_SETS], total = 0;
    struct peak_case cases[MOST_PROBES];
    if (!device->probes) return 0;
    bool (*const kinds[])(const struct device_probe *) = {is_arithmetic, is_bandwidth, is_transfer,
                                                          is_wait};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        size_t count = 1;
        sets[0] = LATENCY_BYTES;
        if (kinds[k] == is_bandwidth) count = bandwidth_sets(o, device, sets);
        if (kinds[k] == is_transfer) count = transfer_sets(o, sets);
        for (size_t s = 0; s < count; s++) {
            size_t set = kinds[k] == is_bandwidth ? device_ceiling_working_set(sets[s]) : sets[s];
            size_t used = cases_of(o, device, kinds[k], set, cases);
            for (size_t i = 0; i < used; i++) peak_list_case(o->common.format, &cases[i]);
            total += used;
        }
    }
    return total;
}
