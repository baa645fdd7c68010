/* The ceilings of the processor: FMA rate and memory bandwidth. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"
#include "bench/harness/interrupt.h"
#include "bench/peak/sweep.h"
#include "bench/rank_agree.h"
#include "kernels/cpu/team.h"
#include "kernels/cpu/topology.h"

/* A quarter, a half and three quarters of each level that the threads share or have, then memory:
 * twice the last-level cache and the larger of four times that and 256 MiB. */
static size_t default_working_sets(size_t *sets, int threads) {
    const struct topology *t = topology_get();
    size_t count = 0;
    for (int level = 1; level <= 3; level++) {
        if (!t->cache_bytes[level]) continue;
        int sharers = t->cache_sharers[level] > 0 ? t->cache_sharers[level] : 1;
        size_t caches = (size_t)((threads + sharers - 1) / sharers);
        for (size_t quarter = 1; quarter <= 3; quarter++)
            sets[count++] = t->cache_bytes[level] * caches / 4 * quarter;
    }
    size_t last = topology_last_level_cache(), largest = 4 * last;
    if (largest < (size_t)256 << 20) largest = (size_t)256 << 20;
    sets[count++] = 2 * last;
    sets[count++] = largest + largest / 64; /* arrays are rounded down to whole blocks */
    qsort(sets, count, sizeof *sets, peak_by_size);
    return count;
}

static size_t working_sets(const struct peak_options *o, size_t *sets, int threads) {
    if (o->working_set_count == 0)
        return peak_same_sizes(sets, default_working_sets(sets, threads));
    memcpy(sets, o->working_sets, sizeof o->working_sets);
    return o->working_set_count;
}

static bool is_fma(const struct peak_case *c) { return strcmp(c->probe, "fma") == 0; }

static struct peak_findings findings(const struct peak_case *c, bool unpinned,
                                     const struct machine_state *before,
                                     const struct machine_state *after) {
    struct peak_findings found = {.flops = NAN,
                                  .bytes = NAN,
                                  .unpinned = unpinned,
                                  .clock_ghz = fmin(before->clock_ghz, after->clock_ghz),
                                  .before = *before,
                                  .after = *after};
    if (is_fma(c)) {
        found.flops = fma_ceiling_flops(&c->ceiling.fma);
    } else {
        found.bytes = bandwidth_ceiling_bytes(&c->ceiling.bandwidth);
        found.memory_level = memory_level(c->working_set, c->threads);
    }
    return found;
}

/* Measures cases that share their rounds and writes a row each. */
static void measure(struct sweep *sweep, struct peak_case *cases, size_t count, const char *label) {
    const struct peak_options *o = sweep->options;
    progress_step(&sweep->progress, sweep->step++, label);
    if (count == 0 || interrupt_came()) return;
    struct subject *subjects = calloc(count, sizeof *subjects);
    if (!subjects) die(EXIT_MISSING, "out of memory");
    for (size_t i = 0; i < count; i++)
        subjects[i] = is_fma(&cases[i]) ? fma_ceiling_subject(&cases[i].ceiling.fma)
                                        : bandwidth_ceiling_subject(&cases[i].ceiling.bandwidth);
    struct rounds_options options = {o->common.limits, progress_share, &sweep->progress};
    bool unpinned = team_pin(common_most_threads(&o->common)) != 0;
    struct machine_state before = machine_state_now();
    bool complete = rounds_run(subjects, count, &options);
    struct machine_state after = machine_state_now();
    progress_clear(&sweep->progress);
    for (size_t i = 0; i < count; i++) {
        struct peak_findings found = findings(&cases[i], unpinned, &before, &after);
        if (complete)
            peak_write_result(sweep, &cases[i], &subjects[i], &found);
        else
            peak_write_interrupted(sweep, &cases[i]);
        sampler_free(&subjects[i].sampler);
    }
    free(subjects);
}

/* Every instruction set, type and number of threads in the same rounds. */
static size_t fma_cases(const struct peak_options *o, struct peak_case *cases) {
    size_t count, used = 0;
    const struct fma_probe *table = fma_probe_table(&count);
    if (!peak_wanted(o, "fma")) return 0;
    for (size_t t = 0; t < o->common.type_count; t++)
        for (size_t p = 0; p < count; p++)
            for (size_t i = 0; i < o->common.thread_counts; i++) {
                if (table[p].type != o->common.types[t] || !table[p].supported()) continue;
                cases[used++] =
                    (struct peak_case){.device = &cpu_device,
                                       .probe = "fma",
                                       .isa = table[p].isa,
                                       .type = table[p].type,
                                       .threads = o->common.threads[i],
                                       .ceiling.fma = {&table[p], o->common.threads[i]}};
            }
    return used;
}

/* Every probe on one working set. */
static size_t bandwidth_cases(const struct peak_options *o, size_t working_set, int threads,
                              double *buffer, struct peak_case *cases) {
    size_t count, used = 0;
    const char *isa;
    const struct bandwidth_probe *table = bandwidth_probe_table(&count, &isa);
    for (size_t p = 0; p < count; p++) {
        if (!peak_wanted(o, table[p].name)) continue;
        struct peak_case *c = &cases[used++];
        *c = (struct peak_case){.device = &cpu_device,
                                .probe = table[p].name,
                                .isa = isa,
                                .type = SCALAR_D,
                                .threads = threads,
                                .ceiling.bandwidth = {&table[p], threads, buffer, working_set}};
        c->working_set = bandwidth_ceiling_working_set(&c->ceiling.bandwidth);
    }
    return used;
}

static void sweep_bandwidth(struct sweep *sweep, int threads, struct peak_case *cases) {
    const struct peak_options *o = sweep->options;
    const struct device *device = &cpu_device;
    size_t sets[MOST_WORKING_SETS], count = working_sets(o, sets, threads);
    for (size_t s = 0; s < count && !interrupt_came(); s++) {
        size_t used = bandwidth_cases(o, sets[s], threads, NULL, cases);
        if (used == 0) return;
        size_t bytes = bandwidth_buffer_bytes(sets[s], threads);
        char reason[160], label[64];
        double *buffer = NULL;
        size_t available = device->memory_available(device) / (size_t)rank_sharers(device);
        snprintf(reason, sizeof reason, "the working set needs %.3g GB, %.3g GB of memory are free",
                 (double)bytes * 1e-9, (double)available * 1e-9);
        bool fits = rank_agree(bytes <= available / 10 * 9, reason, sizeof reason);
        if (fits) buffer = device->allocate(device, bytes);
        if (fits && !rank_agree(buffer != NULL, reason, sizeof reason) && buffer) {
            device->release(device, buffer, bytes);
            buffer = NULL;
        }
        if (!buffer) {
            for (size_t i = 0; i < used; i++) peak_write_none(sweep, &cases[i], "skipped", reason);
            continue;
        }
        team_pin(threads);
        bandwidth_buffer_fill(buffer, bytes, threads);
        bandwidth_cases(o, sets[s], threads, buffer, cases);
        snprintf(label, sizeof label, "bandwidth, %zu KiB, %d threads", sets[s] >> 10, threads);
        measure(sweep, cases, used, label);
        device->release(device, buffer, bytes);
    }
}

static struct peak_case *new_cases(const struct peak_options *o) {
    size_t fma_count;
    fma_probe_table(&fma_count);
    struct peak_case *cases =
        calloc(fma_count * o->common.thread_counts + MOST_PROBES, sizeof *cases);
    if (!cases) die(EXIT_MISSING, "out of memory");
    return cases;
}

size_t host_probes_steps(const struct peak_options *o) { return 1 + 11 * o->common.thread_counts; }

void host_probes_sweep(struct sweep *sweep) {
    const struct peak_options *o = sweep->options;
    struct peak_case *cases = new_cases(o);
    if (peak_wanted(o, "fma")) measure(sweep, cases, fma_cases(o, cases), "FMA rate");
    for (size_t i = 0; i < o->common.thread_counts && !interrupt_came(); i++)
        sweep_bandwidth(sweep, o->common.threads[i], cases);
    free(cases);
}

size_t host_probes_list(const struct peak_options *o) {
    struct peak_case *cases = new_cases(o);
    size_t total = 0;
    for (size_t i = 0; i <= o->common.thread_counts; i++) {
        int threads = i ? o->common.threads[i - 1] : 1;
        size_t sets[MOST_WORKING_SETS], count = working_sets(o, sets, threads);
        for (size_t s = 0; s < (i ? count : 1); s++) {
            size_t used =
                i ? bandwidth_cases(o, sets[s], threads, NULL, cases) : fma_cases(o, cases);
            for (size_t c = 0; c < used; c++) peak_list_case(o->common.format, &cases[c]);
            total += used;
        }
    }
    free(cases);
    return total;
}
