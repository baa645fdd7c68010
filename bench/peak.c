/* flopstep peak: the measured ceilings of this machine. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/ceilings.h"
#include "bench/commands.h"
#include "bench/harness/common.h"
#include "bench/harness/error.h"
#include "bench/harness/interrupt.h"
#include "bench/harness/machine_state.h"
#include "bench/harness/progress.h"
#include "bench/harness/provenance.h"
#include "bench/harness/record.h"
#include "bench/harness/sizes.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/team.h"
#include "kernels/cpu/topology.h"

enum { MOST_PROBES = 64, MOST_WORKING_SETS = 64 };

struct peak_options {
    struct common common; /* first: the common rows write here */
    const char *probes[MOST_PROBES];
    size_t probe_count; /* 0: all */
    size_t working_sets[MOST_WORKING_SETS];
    size_t working_set_count; /* 0: from L1 to memory */
};

/* One row of the results. */
struct peak_case {
    const char *probe, *isa;
    enum scalar type;
    int threads;
    size_t working_set; /* 0: none */
    union {
        struct fma_ceiling fma;
        struct bandwidth_ceiling bandwidth;
    } ceiling;
};

static const char *const *probe_names(void) {
    static const char *names[MOST_PROBES] = {"fma"};
    size_t count, used = 1;
    const struct bandwidth_probe *table = bandwidth_probe_table(&count, NULL);
    for (size_t i = 0; i < count; i++) names[used++] = table[i].name;
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
    {"probes", "LIST", "fma, copy, scale, add, triad, …-nt, load, update, axpy (default all)",
     take_probes},
    {"working-sets", "LIST",
     "bytes of all threads together (default from L1 to 4 x the last cache)", take_working_sets},
    {NULL, NULL, NULL, NULL},
};

static const struct usage usage = {
    .command = "peak",
    .purpose =
        "Measures the ceilings: the FMA rate of each instruction set in registers, and memory "
        "bandwidth\nby working set, from L1 to memory. Threads are pinned, one a core, and "
        "touch their pages first.",
    .tables = (const struct option_row *const[]){own_options, common_options, NULL},
    .examples = "  flopstep peak\n"
                "  flopstep peak --probes fma --types s,d --threads 1,2\n"
                "  flopstep peak --probes triad,triad-nt --working-sets 256Mi --format csv\n",
};

static bool wanted(const struct peak_options *o, const char *probe) {
    for (size_t i = 0; i < o->probe_count; i++)
        if (strcmp(o->probes[i], probe) == 0) return true;
    return o->probe_count == 0;
}

/* 1 to all cores: each number up to 8, then powers of two and all. */
static void default_threads(struct common *c) {
    int cores = common_default_threads();
    for (int t = 1; t <= cores && c->thread_counts < MOST_THREAD_COUNTS; t++)
        if (t <= 8 || t == cores || (t & (t - 1)) == 0) c->threads[c->thread_counts++] = t;
}

static int by_size(const void *a, const void *b) {
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

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
    qsort(sets, count, sizeof *sets, by_size);
    return count;
}

static json_t *common_row(const struct peak_options *o, const struct peak_case *c) {
    return json_pack("{s:s, s:n, s:i, s:i, s:s, s:n, s:i, s:s, s:[], s:s, s:s}", "device",
                     o->common.device->name, "library", "threads", c->threads, "ranks", 1, "type",
                     scalar_letter(c->type), "reason", "samples", 0, "flags", "", "samples_s",
                     "probe", c->probe, "isa", c->isa);
}

static json_t *row_of(const struct peak_options *o, const struct peak_case *c, struct subject *s,
                      bool unpinned, const struct machine_state *before,
                      const struct machine_state *after) {
    bool noisy;
    struct summary summary = sampler_result(&s->sampler, &noisy);
    double stolen = machine_state_stolen(before, after);
    char flags[64] = "";
    record_add_flag(flags, sizeof flags, noisy, "noisy");
    record_add_flag(flags, sizeof flags, unpinned, "unpinned");
    record_add_flag(flags, sizeof flags, stolen > 0.01, "stolen");
    bool fma = strcmp(c->probe, "fma") == 0;
    double flops = fma ? fma_ceiling_flops(&c->ceiling.fma) : NAN;
    double bytes = fma ? NAN : bandwidth_ceiling_bytes(&c->ceiling.bandwidth);
    json_t *row = common_row(o, c);
    json_object_set_new(row, "status", json_string("ok"));
    json_object_set_new(row, "flags", json_string(flags));
    json_object_set_new(row, "samples", json_integer((json_int_t)summary.samples));
    record_set_real(row, "median_s", summary.median);
    record_set_real(row, "low_s", summary.low);
    record_set_real(row, "high_s", summary.high);
    record_set_real(row, "min_s", summary.min);
    record_set_real(row, "gflops", flops / summary.median * 1e-9);
    record_set_real(row, "gbytes_per_s", bytes / summary.median * 1e-9);
    if (!fma) {
        size_t set = bandwidth_ceiling_working_set(&c->ceiling.bandwidth);
        json_object_set_new(row, "working_set_bytes", json_integer((json_int_t)set));
        json_object_set_new(row, "memory_level", json_string(memory_level(set, c->threads)));
    }
    record_set_real(row, "clock_ghz", fmin(before->clock_ghz, after->clock_ghz));
    record_set_real(row, "steal_fraction", stolen);
    record_set_real(row, "load", after->load);
    json_object_set_new(row, "repetitions", json_integer(s->repetitions));
    record_set_real(row, "flops", flops);
    record_set_real(row, "bytes", bytes);
    json_t *samples = json_array();
    for (size_t i = 0; i < summary.samples; i++)
        json_array_append_new(samples, json_real(s->sampler.samples[i]));
    json_object_set_new(row, "samples_s", samples);
    return row;
}

static const char table_format[] = "%-9s %-7s %-5s %3s  %12s %-7s  %9s %9s %6s  %s\n";

/* "24 KiB", "1.5 MiB" */
static void bytes_text(double bytes, char *text, size_t size) {
    if (bytes < 1 << 20)
        snprintf(text, size, "%.4g KiB", bytes / 1024);
    else
        snprintf(text, size, "%.4g MiB", bytes / 1048576);
}

static void print_row(const struct peak_case *c, const json_t *row) {
    char threads[16], set[32] = "", rate[2][24] = {"", ""}, width[16] = "";
    snprintf(threads, sizeof threads, "%d", c->threads);
    const json_t *bytes = json_object_get(row, "working_set_bytes");
    if (json_is_integer(bytes)) bytes_text((double)json_integer_value(bytes), set, sizeof set);
    double gflops = json_number_value(json_object_get(row, "gflops"));
    double gbytes = json_number_value(json_object_get(row, "gbytes_per_s"));
    if (gflops > 0) snprintf(rate[0], sizeof rate[0], "%.2f", gflops);
    if (gbytes > 0) snprintf(rate[1], sizeof rate[1], "%.2f", gbytes);
    double median = json_number_value(json_object_get(row, "median_s"));
    double low = json_number_value(json_object_get(row, "low_s"));
    double high = json_number_value(json_object_get(row, "high_s"));
    if (low > 0 && high > 0) snprintf(width, sizeof width, "%.1f", 50 * (high - low) / median);
    const char *level = json_string_value(json_object_get(row, "memory_level"));
    const char *flags = json_string_value(json_object_get(row, "flags"));
    const char *status = json_string_value(json_object_get(row, "status"));
    const char *reason = json_string_value(json_object_get(row, "reason"));
    if (status && strcmp(status, "ok") != 0) printf("%s: %s; ", status, reason ? reason : "");
    printf(table_format, c->probe, c->isa, gflops > 0 ? scalar_letter(c->type) : "", threads, set,
           level ? level : "", rate[0], rate[1], width, flags ? flags : "");
    fflush(stdout);
}

struct sweep {
    const struct peak_options *options;
    struct record record;
    struct progress progress;
    size_t step;
};

static bool is_fma(const struct peak_case *c) { return strcmp(c->probe, "fma") == 0; }

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
        json_t *row = complete ? row_of(o, &cases[i], &subjects[i], unpinned, &before, &after)
                               : common_row(o, &cases[i]);
        if (!complete) {
            json_object_set_new(row, "status", json_string("incomplete"));
            json_object_set_new(row, "reason", json_sprintf("interrupted by %s", interrupt_name()));
        }
        json_incref(row);
        record_case(&sweep->record, row);
        if (o->common.format == FORMAT_TABLE) print_row(&cases[i], row);
        json_decref(row);
        sampler_free(&subjects[i].sampler);
    }
    free(subjects);
}

/* Every instruction set, type and number of threads in the same rounds. */
static size_t fma_cases(const struct peak_options *o, struct peak_case *cases) {
    size_t count, used = 0;
    const struct fma_probe *table = fma_probe_table(&count);
    for (size_t t = 0; t < o->common.type_count; t++)
        for (size_t p = 0; p < count; p++)
            for (size_t i = 0; i < o->common.thread_counts; i++) {
                if (table[p].type != o->common.types[t] || !table[p].supported()) continue;
                cases[used++] =
                    (struct peak_case){.probe = "fma",
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
        if (!wanted(o, table[p].name)) continue;
        cases[used++] =
            (struct peak_case){.probe = table[p].name,
                               .isa = isa,
                               .type = SCALAR_D,
                               .threads = threads,
                               .working_set = working_set,
                               .ceiling.bandwidth = {&table[p], threads, buffer, working_set}};
    }
    return used;
}

static void skip_cases(struct sweep *sweep, const struct peak_case *cases, size_t count,
                       const char *reason) {
    for (size_t i = 0; i < count; i++) {
        json_t *row = common_row(sweep->options, &cases[i]);
        json_object_set_new(row, "status", json_string("skipped"));
        json_object_set_new(row, "reason", json_string(reason));
        json_object_set_new(row, "working_set_bytes",
                            json_integer((json_int_t)cases[i].working_set));
        json_incref(row);
        record_case(&sweep->record, row);
        if (sweep->options->common.format == FORMAT_TABLE) print_row(&cases[i], row);
        json_decref(row);
    }
}

static void sweep_bandwidth(struct sweep *sweep, int threads, struct peak_case *cases) {
    const struct peak_options *o = sweep->options;
    const struct device *device = o->common.device;
    size_t sets[MOST_WORKING_SETS], count = o->working_set_count;
    memcpy(sets, o->working_sets, sizeof sets);
    if (count == 0) count = default_working_sets(sets, threads);
    for (size_t s = 0; s < count && !interrupt_came(); s++) {
        size_t used = bandwidth_cases(o, sets[s], threads, NULL, cases);
        if (used == 0) return;
        size_t bytes = bandwidth_buffer_bytes(sets[s], threads);
        char reason[160], label[64];
        double *buffer = NULL;
        snprintf(reason, sizeof reason, "the working set needs %.3g GB, %.3g GB of memory are free",
                 (double)bytes * 1e-9, (double)device->memory_available() * 1e-9);
        if (bytes <= device->memory_available() / 10 * 9) buffer = device->allocate(bytes);
        if (!buffer) {
            skip_cases(sweep, cases, used, reason);
            continue;
        }
        team_pin(threads);
        bandwidth_buffer_fill(buffer, bytes, threads);
        bandwidth_cases(o, sets[s], threads, buffer, cases);
        snprintf(label, sizeof label, "bandwidth, %zu KiB, %d threads", sets[s] >> 10, threads);
        measure(sweep, cases, used, label);
        device->release(buffer, bytes);
    }
}

static void list_cases(const struct peak_options *o, struct peak_case *cases) {
    bool csv = o->common.format == FORMAT_CSV, json = o->common.format == FORMAT_JSONL;
    if (csv) printf("command,device,threads,type,probe,isa,working_set_bytes\n");
    size_t total = 0;
    for (size_t i = 0; i <= o->common.thread_counts; i++) {
        size_t sets[MOST_WORKING_SETS], count = o->working_set_count;
        int threads = i ? o->common.threads[i - 1] : 1;
        memcpy(sets, o->working_sets, sizeof sets);
        if (count == 0) count = default_working_sets(sets, threads);
        for (size_t s = 0; s < (i ? count : 1); s++) {
            size_t used = i ? bandwidth_cases(o, sets[s], threads, NULL, cases)
                            : (wanted(o, "fma") ? fma_cases(o, cases) : 0);
            for (size_t c = 0; c < used; c++) {
                char set[32] = "";
                if (cases[c].working_set)
                    snprintf(set, sizeof set, "%zu",
                             bandwidth_ceiling_working_set(&cases[c].ceiling.bandwidth));
                if (csv)
                    printf("peak,%s,%d,%s,%s,%s,%s\n", o->common.device->name, cases[c].threads,
                           scalar_letter(cases[c].type), cases[c].probe, cases[c].isa, set);
                else if (json)
                    printf("{\"command\":\"peak\",\"device\":\"%s\",\"threads\":%d,\"type\":\"%s\","
                           "\"probe\":\"%s\",\"isa\":\"%s\",\"working_set_bytes\":%s}\n",
                           o->common.device->name, cases[c].threads, scalar_letter(cases[c].type),
                           cases[c].probe, cases[c].isa, *set ? set : "null");
                else
                    printf("%-9s %-7s %-5s %d thread%s%s%s%s\n", cases[c].probe, cases[c].isa,
                           scalar_letter(cases[c].type), cases[c].threads,
                           cases[c].threads == 1 ? "" : "s", *set ? ", " : "", set,
                           *set ? " bytes" : "");
            }
            total += used;
        }
    }
    if (!csv && !json) printf("%zu case%s, none run\n", total, total == 1 ? "" : "s");
}

/* Both types are ceilings of one machine, so both are the default here. */
static struct peak_options parse(int argc, char **argv) {
    struct peak_options o = {.common = common_defaults()};
    o.common.type_count = 0;
    o.common.limits.budget = 0.2; /* 100 cases and more */
    options_parse(&usage, argc, argv, &o);
    if (o.common.cold)
        die(EXIT_USAGE, "peak has no --cold: a working set says where it lies, see --working-sets");
    if (o.common.type_count == 0) {
        o.common.types[0] = SCALAR_S;
        o.common.types[1] = SCALAR_D;
        o.common.type_count = 2;
    }
    if (o.common.thread_counts == 0) default_threads(&o.common);
    return o;
}

int command_peak(int argc, char **argv) {
    struct peak_options o = parse(argc, argv);
    size_t fma_count;
    fma_probe_table(&fma_count);
    size_t most = fma_count * o.common.thread_counts + MOST_PROBES;
    struct peak_case *cases = calloc(most, sizeof *cases);
    if (!cases) die(EXIT_MISSING, "out of memory");
    if (o.common.dry_run) {
        list_cases(&o, cases);
        free(cases);
        return EXIT_DONE;
    }
    struct sweep sweep = {.options = &o};
    json_t *provenance = provenance_new(argc, argv);
    provenance_add_affinity(provenance, common_most_threads(&o.common));
    record_open(&sweep.record, "peak", o.common.out, o.common.format, provenance);
    interrupt_catch();
    if (o.common.format == FORMAT_TABLE) {
        char summary[256], numa[128];
        topology_summary(summary, sizeof summary);
        topology_numa_text(numa, sizeof numa);
        if (!o.common.quiet)
            printf("%s: %s, %s\nresults: %s\n\n", provenance_cpu_model(), summary, numa,
                   sweep.record.path);
        printf(table_format, "probe", "isa", "type", "thr", "working set", "level", "GFLOP/s",
               "GB/s", "+-%", "flags");
    }
    sweep.progress = progress_begin(!o.common.quiet, 1 + 11 * o.common.thread_counts);
    if (wanted(&o, "fma")) measure(&sweep, cases, fma_cases(&o, cases), "FMA rate");
    for (size_t i = 0; i < o.common.thread_counts && !interrupt_came(); i++)
        sweep_bandwidth(&sweep, o.common.threads[i], cases);
    progress_clear(&sweep.progress);
    free(cases);
    if (interrupt_came()) {
        char reason[64];
        snprintf(reason, sizeof reason, "interrupted by %s", interrupt_name());
        record_incomplete(&sweep.record, reason);
        warn("%s; the finished cases are kept in '%s'", reason, sweep.record.path);
        interrupt_end();
    }
    record_end(&sweep.record, NULL);
    if (!sweep.record.ok) {
        warn("nothing could run: see the reasons in '%s'", sweep.record.path);
        return EXIT_MISSING;
    }
    return EXIT_DONE;
}
