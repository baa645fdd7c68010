/* flopstep peak: the measured ceilings of this machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/commands.h"
#include "bench/harness/error.h"
#include "bench/harness/interrupt.h"
#include "bench/harness/provenance.h"
#include "bench/harness/sizes.h"
#include "bench/peak/sweep.h"
#include "bench/rank_agree.h"
#include "bench/rank_hooks.h"
#include "kernels/cpu/topology.h"
#include "mpi/ranks.h"

static const char *const *probe_names(void) {
    static const char *names[MOST_PROBES] = {"fma"};
    size_t count, used = 1;
    const struct bandwidth_probe *table = bandwidth_probe_table(&count, NULL);
    for (size_t i = 0; i < count; i++) names[used++] = table[i].name;
    for (const struct device_probe_text *row = device_probe_texts; row->name; row++)
        names[used++] = row->name;
    names[used] = NULL;
    return names;
}

static void take_probes(void *target, const char *name, const char *value) {
    struct peak_options *o = target;
    o->probe_count = 0;
    char **list = option_list(name, value);
    for (char **entry = list; *entry; entry++) {
        const char *const *known = probe_names();
        while (*known && strcmp(*known, *entry) != 0) known++;
        if (!*known) {
            const char *near = option_nearest(*entry, probe_names());
            die(EXIT_USAGE,
                "--%s: no probe is called '%s'%s%s%s; 'flopstep list probes' shows them", name,
                *entry, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        }
        if (o->probe_count < MOST_PROBES) o->probes[o->probe_count++] = *known;
    }
    option_list_free(list);
}

static void take_working_sets(void *target, const char *name, const char *value) {
    struct peak_options *o = target;
    char error[256];
    size_t count;
    struct size *sizes = sizes_parse(value, &count, error, sizeof error);
    if (!sizes) die(EXIT_USAGE, "--%s %s", name, error);
    if (count > MOST_WORKING_SETS)
        die(EXIT_USAGE, "--%s: more than %d working sets", name, MOST_WORKING_SETS);
    o->working_set_count = count;
    for (size_t i = 0; i < count; i++) {
        if (sizes[i].extents != 1) die(EXIT_USAGE, "--%s: a working set is one number", name);
        o->working_sets[i] = (size_t)sizes[i].extent[0];
    }
    free(sizes);
}

static const struct option_row own_options[] = {
    {"probes", "LIST",
     "fma, copy, scale, add, triad, …-nt, load, update, axpy; of a GPU also tensor, h2d, d2h, "
     "…-pageable, …-latency, launch, launch-sync, graph-launch (default all)",
     take_probes},
    {"working-sets", "LIST",
     "bytes of all threads together (default from the first to 4 x the last cache)",
     take_working_sets},
    {NULL, NULL, NULL, NULL},
};

static const struct usage usage = {
    .command = "peak",
    .purpose =
        "Measures the ceilings: the FMA rate of each instruction set in registers, and memory "
        "bandwidth\nby working set, from L1 to memory. Threads are pinned, one a core, and "
        "touch their pages first.\nOf a GPU also the rate of its matrix units, copies from and to "
        "the host, and what a launch costs.",
    .tables = (const struct option_row *const[]){own_options, common_options, NULL},
    .examples = "  flopstep peak\n"
                "  flopstep peak --probes fma --types s,d --threads 1,2\n"
                "  flopstep peak --probes triad,triad-nt --working-sets 256Mi --format csv\n"
                "  flopstep peak --device cuda --probes fma,tensor,triad,h2d\n",
};

bool peak_wanted(const struct peak_options *o, const char *probe) {
    for (size_t i = 0; i < o->probe_count; i++)
        if (strcmp(o->probes[i], probe) == 0) return true;
    return o->probe_count == 0;
}

size_t peak_same_sizes(size_t *sets, size_t count) {
    ranks_broadcast(&count, sizeof count);
    ranks_broadcast(sets, count * sizeof *sets);
    return count;
}

int peak_by_size(const void *a, const void *b) {
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

static bool device_has_probe(const struct device *device, const char *name) {
    size_t count = 0;
    if (!device->runs_behind) {
        const struct bandwidth_probe *table = bandwidth_probe_table(&count, NULL);
        for (size_t i = 0; i < count; i++)
            if (strcmp(table[i].name, name) == 0) return true;
        return strcmp(name, "fma") == 0;
    }
    const struct device_probe *table = device->probes ? device->probes(device, &count) : NULL;
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].name, name) == 0) return true;
    return false;
}

/* What was asked for by name must be there, on one of the devices. */
static void check_probes(const struct peak_options *o) {
    for (size_t i = 0; i < o->probe_count; i++) {
        bool found = false;
        for (size_t d = 0; d < o->common.device_count; d++)
            found |= device_has_probe(o->common.devices[d], o->probes[i]);
        if (!found)
            die(EXIT_MISSING, "--probes %s: %s has no such probe%s", o->probes[i],
                o->common.devices[o->common.device_count - 1]->name,
                o->common.device->runs_behind ? "" : "; --device cuda chooses a GPU");
    }
}

/* 1 to all cores: each number up to 8, then powers of two and all. */
static void default_threads(struct common *c) {
    int cores = rank_least(common_default_threads());
    for (int t = 1; t <= cores && c->thread_counts < MOST_THREAD_COUNTS; t++)
        if (t <= 8 || t == cores || (t & (t - 1)) == 0) c->threads[c->thread_counts++] = t;
}

/* Ends the command where ranks would run other cases: where processors or GPUs are others. */
static void require_same_cases(const struct peak_options *o) {
    size_t count;
    uint64_t hash = 1;
    if (ranks_get()->count == 1) return;
    const struct fma_probe *fma = fma_probe_table(&count);
    for (size_t i = 0; i < count; i++) hash = hash * 31 + fma[i].supported();
    const char *isa;
    bandwidth_probe_table(&count, &isa);
    hash = hash * 31 + ranks_hash(isa, strlen(isa));
    for (size_t d = 0; d < o->common.device_count; d++) {
        const struct device *device = o->common.devices[d];
        const struct device_probe *table = device->probes ? device->probes(device, &count) : NULL;
        for (size_t i = 0; table && i < count; i++)
            hash = hash * 31 + ranks_hash(table[i].name, strlen(table[i].name)) +
                   table[i].supported(device);
    }
    rank_require_same_cases(hash);
}

static void list_cases(const struct peak_options *o) {
    size_t total = 0;
    if (o->common.format == FORMAT_CSV)
        printf("command,device,threads,type,probe,isa,working_set_bytes\n");
    for (size_t d = 0; d < o->common.device_count; d++) {
        const struct device *device = o->common.devices[d];
        total += device->runs_behind ? device_probes_list(o, device) : host_probes_list(o);
    }
    if (o->common.format == FORMAT_TABLE)
        printf("%zu case%s, none run\n", total, total == 1 ? "" : "s");
}

/* All types are ceilings of one machine, so all are the default here. */
static struct peak_options parse(int argc, char **argv) {
    struct peak_options o = {.common = common_defaults()};
    o.common.type_count = 0;
    o.common.limits.budget = 0.2; /* 100 cases and more */
    options_parse(&usage, argc, argv, &o);
    if (o.common.cold)
        die(EXIT_USAGE, "peak has no --cold: a working set says where it lies, see --working-sets");
    common_check_types(&o.common);
    check_probes(&o);
    if (o.common.type_count == 0)
        for (enum scalar t = 0; t < SCALAR_COUNT; t++) o.common.types[o.common.type_count++] = t;
    if (o.common.thread_counts == 0) default_threads(&o.common);
    return o;
}

static void print_machine(const struct device *device) {
    if (device->runs_behind) {
        printf("%s: %s\n", device->name, device->what);
        return;
    }
    char summary[256], numa[128];
    topology_summary(summary, sizeof summary);
    topology_numa_text(numa, sizeof numa);
    printf("%s: %s, %s\n", provenance_cpu_model(), summary, numa);
}

int command_peak(int argc, char **argv) {
    struct peak_options o = parse(argc, argv);
    if (o.common.dry_run) {
        list_cases(&o);
        return EXIT_DONE;
    }
    require_same_cases(&o);
    struct sweep sweep = {.options = &o, .ranks = rank_report_new()};
    json_t *provenance = provenance_new(argc, argv);
    size_t steps = 0;
    bool host = false;
    for (size_t d = 0; d < o.common.device_count; d++) {
        const struct device *device = o.common.devices[d];
        provenance_add_device(provenance, device);
        host |= !device->runs_behind;
        steps += device->runs_behind ? device_probes_steps(&o, device) : host_probes_steps(&o);
    }
    provenance_add_affinity(provenance, host ? common_most_threads(&o.common) : 1);
    json_object_set_new(provenance, "mpi", rank_hooks_provenance(&o.common));
    record_open(&sweep.record, "peak", o.common.out, o.common.format, provenance);
    interrupt_catch();
    if (o.common.format == FORMAT_TABLE) {
        for (size_t d = 0; d < o.common.device_count && !o.common.quiet; d++)
            print_machine(o.common.devices[d]);
        if (!o.common.quiet) rank_hooks_print();
        if (!o.common.quiet) printf("results: %s\n\n", sweep.record.path);
        peak_print_header();
    }
    sweep.progress = progress_begin(!o.common.quiet, steps);
    for (size_t d = 0; d < o.common.device_count && !interrupt_came(); d++) {
        const struct device *device = o.common.devices[d];
        bool titled = o.common.format == FORMAT_TABLE && o.common.device_count > 1;
        if (titled) printf("-- %s\n", device->name);
        if (device->runs_behind)
            device_probes_sweep(&sweep, device);
        else
            host_probes_sweep(&sweep);
    }
    progress_clear(&sweep.progress);
    bool table = o.common.format == FORMAT_TABLE;
    rank_report_end(sweep.ranks, &sweep.record, table && !o.common.quiet, table);
    if (interrupt_came()) {
        char reason[64];
        snprintf(reason, sizeof reason, "interrupted by %s", interrupt_name());
        record_incomplete(&sweep.record, reason);
        warn("%s; the finished cases are kept in '%s'", reason, sweep.record.path);
        interrupt_end();
    }
    record_end(&sweep.record, NULL);
    if (sweep.record.failed) {
        warn("%zu case%s failed: see the reasons in '%s'", sweep.record.failed,
             sweep.record.failed == 1 ? "" : "s", sweep.record.path);
        return EXIT_CASE_FAILED;
    }
    if (!sweep.record.ok) {
        warn("nothing could run: see the reasons in '%s'", sweep.record.path);
        return EXIT_MISSING;
    }
    return EXIT_DONE;
}
