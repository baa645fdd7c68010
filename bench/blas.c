/* flopstep blas: GFLOP/s of BLAS 1, 2 and 3 over sizes, types, transposes, libraries,
 * threads, devices. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/blas/blas_options.h"
#include "bench/blas/group.h"
#include "bench/blas/group_ranks.h"
#include "bench/blas/operands.h"
#include "bench/blas/recipes.h"
#include "bench/blas/targets.h"
#include "bench/commands.h"
#include "bench/draw_results.h"
#include "bench/harness/error.h"
#include "bench/harness/gpu_columns.h"
#include "bench/harness/interrupt.h"
#include "bench/harness/progress.h"
#include "bench/harness/provenance.h"
#include "bench/harness/record.h"
#include "bench/harness/share.h"
#include "bench/harness/texts.h"
#include "bench/harness/together.h"
#include "bench/rank_hooks.h"
#include "bench/rank_report.h"
#include "bench/rank_rows.h"
#include "bench/report/published.h"
#include "kernels/cpu/topology.h"
#include "mpi/ranks.h"

/* Wrong usage that only a shape shows, such as a small --lda: found before anything is measured. */
static void try_shapes(const struct blas_options *o, const struct blas_shape *shapes,
                       size_t shape_count) {
    for (size_t s = 0; s < shape_count; s++) {
        struct blas_operands operands;
        char reason[256];
        blas_operands_plan(&operands, o, o->common.device, &shapes[s], o->common.types[0], 1,
                           reason, sizeof reason);
    }
}

/* Minutes at full load are for one case at a time. */
static void try_sustain(const struct blas_options *o, const struct blas_targets *targets,
                        const struct blas_shape *shapes, size_t shape_count) {
    size_t cases = 0;
    for (size_t s = 0; s < shape_count && o->sustain > 0; s++) {
        size_t count;
        struct member *members = group_members(o, &shapes[s], targets, &count);
        group_free(members, count);
        cases += count;
    }
    if (o->sustain > 0 && cases != 1)
        die(EXIT_USAGE,
            "--sustain runs one case, and these are %zu; choose one of --kernels, --sizes, "
            "--trans, --types, --threads, --blas and --device%s",
            cases, o->transfer ? ", without --transfer, whose copies are cases of their own" : "");
}

/* Published figures asked for must be there. */
static void try_references(const struct blas_options *o) {
    if (!o->reference || !together_leads()) return; /* who draws */
    char folder[4096];
    if (!share_find(SHARE_PUBLISHED, folder, sizeof folder))
        die(EXIT_MISSING,
            "no published figures at %s; set FLOPSTEP_SHARE to the folder that holds published/",
            folder);
    struct published *figures;
    size_t count = published_read(folder, &figures);
    char **names = option_list("reference", o->reference);
    published_require(figures, count, names);
    option_list_free(names);
    free(figures);
}

static const char *const status_names[] = {"ok", "failed", "skipped", "incomplete"};

static void flags_of(const struct blas_options *o, const struct member *m, char *flags,
                     size_t size) {
    flags[0] = '\0';
    record_add_flag(flags, size, m->noisy, "noisy");
    record_add_flag(flags, size, m->ceiling_noisy, "ceiling-noisy");
    record_add_flag(flags, size, m->unpinned, "unpinned");
    record_add_flag(flags, size, m->stolen > 0.01, "stolen");
    record_add_flag(flags, size, m->throttled_count > 0, "throttled");
    record_add_flag(flags, size, o->common.cold && m->transfer == TRANSFER_NONE, "cold");
    record_add_flag(flags, size, !o->common.check, "unchecked");
}

/* What was seen of the GPU, and which samples were taken while it was throttled. */
static void set_gpu(json_t *row, const struct member *m) {
    json_t *throttled = m->gpu.throttle_known ? json_array() : json_null();
    for (size_t i = 0; i < m->throttled_count; i++)
        json_array_append_new(throttled, json_integer((json_int_t)m->throttled[i]));
    json_object_set_new(row, "samples_throttled", throttled);
    gpu_columns_set(row, &m->gpu);
    json_object_set_new(row, "gpu", gpu_columns_whole(&m->gpu));
}

static json_t *row_of(const struct blas_options *o, const struct member *m) {
    const struct blas_shape *shape = m->shape;
    const struct kernel *kernel = shape->kernel;
    bool measured = m->status == MEMBER_OK;
    double seconds = measured ? m->summary.median : NAN;
    char flags[128], uplo[2] = {shape->uplo, '\0'};
    flags_of(o, m, flags, sizeof flags);
    json_t *row = json_pack(
        "{s:s, s:o, s:i, s:i, s:s, s:s, s:o, s:s}", "device", m->target->device->name, "library",
        record_string(blas_target_library(m->target)), "threads", m->threads, "ranks",
        ranks_get()->count, "type", scalar_letter(m->type), "status", status_names[m->status],
        "reason", record_text_or_null(m->reason), "flags", measured ? flags : "");
    json_object_set_new(row, "samples", json_integer((json_int_t)m->summary.samples));
    record_set_real(row, "median_s", seconds);
    record_set_real(row, "low_s", measured ? m->summary.low : NAN);
    record_set_real(row, "high_s", measured ? m->summary.high : NAN);
    record_set_real(row, "min_s", measured ? m->summary.min : NAN);
    record_set_real(row, "gflops", m->flops > 0 ? m->flops / seconds * 1e-9 : NAN);
    record_set_real(row, "gbytes_per_s", m->bytes / seconds * 1e-9);
    record_set_real(row, "peak_fraction", measured ? m->peak_fraction : NAN);
    json_object_set_new(row, "kernel", json_string(kernel->name));
    json_object_set_new(row, "level", json_integer(kernel->level));
    json_object_set_new(row, "trans", record_text_or_null(shape->trans));
    record_set_count(row, "m", shape->m);
    record_set_count(row, "n", shape->n);
    record_set_count(row, "k", shape->k);
    record_set_count(row, "batch", shape->batch);
    json_object_set_new(row, "transfer", record_text_or_null(transfer_names[m->transfer]));
    json_object_set_new(row, "math", record_text_or_null(blas_target_math(m->target, m->type)));
    record_set_real(row, "check_error", m->checked ? m->check.error : NAN);
    record_set_real(row, "check_bound", m->checked ? m->check.bound : NAN);
    json_object_set_new(row, "uplo", record_text_or_null(kernel->has_uplo ? uplo : ""));
    record_set_count(row, "lda", m->lda);
    char asked[32] = "";
    if (o->lda_pads)
        snprintf(asked, sizeof asked, "N+%ld", o->lda);
    else if (o->lda)
        snprintf(asked, sizeof asked, "%ld", o->lda);
    json_object_set_new(row, "lda_asked", record_text_or_null(asked));
    json_object_set_new(row, "incx", json_integer(o->incx));
    json_object_set_new(row, "incy", json_integer(o->incy));
    record_set_real(row, "alpha", blas_alpha(o, kernel));
    record_set_real(row, "beta", o->beta);
    json_object_set_new(row, "mode",
                        json_string(o->mode == MODE_LATENCY ? "latency" : "throughput"));
    json_object_set_new(row, "cold", json_boolean(o->common.cold && m->transfer == TRANSFER_NONE));
    json_object_set_new(row, "ceiling", record_text_or_null(measured ? m->ceiling : NULL));
    record_set_real(row, "ceiling_rate", measured ? m->ceiling_rate : NAN);
    record_set_real(row, "clock_ghz", m->clock_ghz);
    record_set_real(row, "steal_fraction", m->stolen);
    record_set_real(row, "load", m->load);
    json_object_set_new(row, "repetitions", measured ? json_integer(m->repetitions) : json_null());
    record_set_real(row, "flops", m->flops > 0 || measured ? m->flops : NAN);
    record_set_real(row, "working_set_bytes", m->working_set > 0 ? m->working_set : NAN);
    record_set_real(row, "bytes", m->bytes > 0 ? m->bytes : NAN);
    json_t *samples = json_array();
    for (size_t i = 0; measured && i < m->summary.samples; i++)
        json_array_append_new(samples, json_real(m->samples[i]));
    json_object_set_new(row, "samples_s", samples);
    if (m->target->device->own_memory) set_gpu(row, m);
    return row;
}

/* What the lines of --sustain say of their case. */
static json_t *sustained_case(const struct member *m) {
    const struct blas_shape *shape = m->shape;
    json_t *about = json_pack("{s:s, s:o, s:i, s:s, s:s, s:o}", "device", m->target->device->name,
                              "library", record_string(blas_target_library(m->target)), "threads",
                              m->threads, "type", scalar_letter(m->type), "kernel",
                              shape->kernel->name, "trans", record_text_or_null(shape->trans));
    record_set_count(about, "m", shape->m);
    record_set_count(about, "n", shape->n);
    record_set_count(about, "k", shape->k);
    return about;
}

static void print_sustained(const struct sustain_result *r) {
    printf("sustained for %.3g s: ", r->seconds);
    if (isfinite(r->gflops))
        printf("median %.2f GFLOP/s, slowest region %.2f", r->gflops, r->least_gflops);
    else
        printf("median %.2f GB/s", r->gbytes_per_s);
    if (isfinite(r->rate_ratio)) printf(", last tenth %.1f %% of the first", 100 * r->rate_ratio);
    if (isfinite(r->throttled_fraction))
        printf(", throttled %.1f %% of the time", 100 * r->throttled_fraction);
    if (isfinite(r->energy_j) && isfinite(r->flops))
        printf(", %.3g GFLOP/s per watt", r->flops / r->energy_j * 1e-9);
    printf("\n");
}

/* "1000", or "128x1024x784" where the extents differ. */
static void size_text(const struct blas_shape *shape, char *text, size_t size) {
    long extent[3] = {0}, count = 0;
    if (shape->m >= 0) extent[count++] = shape->m;
    if (shape->n >= 0) extent[count++] = shape->n;
    if (shape->k >= 0) extent[count++] = shape->k;
    bool same = true;
    for (long i = 1; i < count; i++) same &= extent[i] == extent[0];
    int used = snprintf(text, size, "%ld", extent[0]);
    for (long i = 1; !same && i < count && used > 0 && (size_t)used < size; i++)
        used += snprintf(text + used, size - (size_t)used, "x%ld", extent[i]);
    if (shape->batch >= 0 && used > 0 && (size_t)used < size)
        snprintf(text + used, size - (size_t)used, " *%ld", shape->batch);
}

static void name_text(const struct member *m, char *text, size_t size) {
    const struct blas_shape *shape = m->shape;
    snprintf(text, size, "%s%s%s%s%s", scalar_letter(m->type), shape->kernel->name,
             shape->trans[0] ? " " : "", shape->trans,
             shape->kernel->has_uplo && shape->uplo == 'u' ? " u" : "");
}

/* "openblas", or of a GPU "cublas cuda:1". */
static void library_text(const struct member *m, char *text, size_t size) {
    bool gpu = !m->target->library;
    snprintf(text, size, "%s%s%s", blas_target_library(m->target), gpu ? " " : "",
             gpu ? m->target->device->name : "");
}

/* The width of the table's first column: that of the longest name of the run. */
static int name_width(const struct blas_options *o, const struct blas_targets *targets,
                      const struct blas_shape *shapes, size_t shape_count) {
    size_t width = 9;
    for (size_t s = 0; s < shape_count; s++) {
        size_t count;
        struct member *members = group_members(o, &shapes[s], targets, &count);
        for (size_t i = 0; i < count; i++) {
            char name[40];
            name_text(&members[i], name, sizeof name);
            if (strlen(name) > width) width = strlen(name);
        }
        group_free(members, count);
    }
    return (int)width;
}

static const char table_format[] = "%-*s %14s  %-17s %3s  %10s %6s  %9s %9s  %6s  %8s  %s\n";

static void print_header(int wide) {
    printf(table_format, wide, "kernel", "size", "library", "thr", "median", "+-%", "GFLOP/s",
           "GB/s", "% peak", "error", "flags");
}

static void print_member(const struct blas_options *o, const struct member *m, int wide,
                         const char *of_ranks) {
    char name[40], size[80], library[96], threads[16], median[24] = "-", width[16] = "-",
                                                       gflops[24] = "-";
    char gbytes[24] = "-", peak[16] = "-", error[16] = "-", note[600];
    name_text(m, name, sizeof name);
    library_text(m, library, sizeof library);
    size_text(m->shape, size, sizeof size);
    snprintf(threads, sizeof threads, "%d", m->threads);
    if (m->checked) snprintf(error, sizeof error, "%.1e", fabs(m->check.error)); /* no "-nan" */
    if (m->status == MEMBER_OK) {
        const struct summary *s = &m->summary;
        seconds_text(s->median, median, sizeof median);
        if (isfinite(s->low) && isfinite(s->high))
            snprintf(width, sizeof width, "%.1f", 50 * (s->high - s->low) / s->median);
        if (m->flops > 0) snprintf(gflops, sizeof gflops, "%.2f", m->flops / s->median * 1e-9);
        snprintf(gbytes, sizeof gbytes, "%.2f", m->bytes / s->median * 1e-9);
        if (isfinite(m->peak_fraction)) snprintf(peak, sizeof peak, "%.1f", 100 * m->peak_fraction);
        char flags[128];
        flags_of(o, m, flags, sizeof flags);
        const char *copies = transfer_names[m->transfer];
        snprintf(note, sizeof note, "%s%s%s%s%s", copies ? copies : "", copies ? " copies " : "",
                 flags, *flags && *of_ranks ? " " : "", of_ranks);
    } else {
        snprintf(note, sizeof note, "%s: %s", status_names[m->status], m->reason);
    }
    printf(table_format, wide, name, size, library, threads, median, width, gflops, gbytes, peak,
           error, note);
    fflush(stdout);
}

/* What the ranks needed for a case goes to its row and to their comparison. */
static void compare_ranks(struct rank_report *ranks, const struct member *m, json_t *row) {
    char name[40], size[80], library[96], text[300];
    if (!ranks || m->status != MEMBER_OK) return;
    rank_rows_set(row, m->own, m->summary.samples);
    rank_rows_set_rates(row, m->flops, m->bytes);
    name_text(m, name, sizeof name);
    size_text(m->shape, size, sizeof size);
    library_text(m, library, sizeof library);
    const char *copies = transfer_names[m->transfer];
    snprintf(text, sizeof text, "%s %s, %s", name, size, copies ? copies : library);
    if (m->threads > 1)
        snprintf(text, sizeof text, "%s %s, %s, %d threads", name, size, library, m->threads);
    rank_report_add(ranks, row, text);
}

static void print_left_out(const struct blas_targets *targets) {
    for (size_t i = 0; i < targets->note_count; i++) printf("note: %s\n", targets->notes[i]);
}

/* --dry-run: the cases as they would run. */
static void list_cases(const struct blas_options *o, const struct blas_targets *targets,
                       const struct blas_shape *shapes, size_t shape_count) {
    bool csv = o->common.format == FORMAT_CSV, json = o->common.format == FORMAT_JSONL;
    if (csv) printf("command,device,library,threads,type,kernel,trans,m,n,k,mode,batch,transfer\n");
    size_t cases = 0;
    int wide = csv || json ? 0 : name_width(o, targets, shapes, shape_count);
    if (!csv && !json && !o->common.quiet) print_left_out(targets);
    for (size_t s = 0; s < shape_count; s++) {
        size_t count;
        struct member *members = group_members(o, &shapes[s], targets, &count);
        for (size_t i = 0; i < count; i++) {
            const struct member *m = &members[i];
            const char *mode = o->mode == MODE_LATENCY ? "latency" : "throughput";
            char name[40], size[80], library[96], extents[4][24] = {"", "", "", ""};
            const long dimensions[4] = {shapes[s].m, shapes[s].n, shapes[s].k, shapes[s].batch};
            for (int d = 0; d < 4; d++)
                if (dimensions[d] >= 0)
                    snprintf(extents[d], sizeof extents[d], "%ld", dimensions[d]);
            name_text(m, name, sizeof name);
            size_text(m->shape, size, sizeof size);
            library_text(m, library, sizeof library);
            const char *copies = transfer_names[m->transfer];
            if (csv)
                printf("blas,%s,%s,%d,%s,%s,%s,%s,%s,%s,%s,%s,%s\n", m->target->device->name,
                       blas_target_library(m->target), m->threads, scalar_letter(m->type),
                       shapes[s].kernel->name, shapes[s].trans, extents[0], extents[1], extents[2],
                       mode, extents[3], copies ? copies : "");
            else if (json) {
                json_t *row = row_of(o, m);
                json_t *line = json_object();
                static const char *const keys[] = {"device", "library", "threads", "type",
                                                   "kernel", "trans",   "m",       "n",
                                                   "k",      "mode",    "batch",   "transfer"};
                json_object_set_new(line, "command", json_string("blas"));
                for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
                    json_object_set(line, keys[k], json_object_get(row, keys[k]));
                json_dumpf(line, stdout, JSON_COMPACT);
                putchar('\n');
                json_decref(line);
                json_decref(row);
            } else
                printf("%-*s %14s  %-17s %d thread%s%s%s%s\n", wide, name, size, library,
                       m->threads, m->threads == 1 ? "" : "s",
                       o->mode == MODE_THROUGHPUT ? ", one call on each" : "",
                       copies ? ", copies from and to memory that is " : "", copies ? copies : "");
        }
        cases += count;
        group_free(members, count);
    }
    if (!csv && !json) printf("%zu case%s, none run\n", cases, cases == 1 ? "" : "s");
}

static json_t *provenance(const struct blas_options *o, const struct blas_targets *targets,
                          int argc, char **argv) {
    json_t *p = provenance_new(argc, argv);
    for (size_t i = 0; i < targets->count; i++)
        if (targets->target[i].library)
            provenance_add_library(p, targets->target[i].library);
        else
            provenance_add_device(p, targets->target[i].device);
    if (targets->note_count) {
        json_t *left_out = json_array();
        for (size_t i = 0; i < targets->note_count; i++)
            json_array_append_new(left_out, json_string(targets->notes[i]));
        json_object_set_new(p, "left_out", left_out);
    }
    json_object_set_new(p, "settings",
                        json_pack("{s:f, s:f, s:I, s:I, s:b, s:b, s:[f,f], s:s}", "time_budget_s",
                                  o->common.limits.budget, "precision", o->common.limits.precision,
                                  "max_samples", (json_int_t)o->common.limits.max_samples, "seed",
                                  (json_int_t)o->common.seed, "cold", o->common.cold, "check",
                                  o->common.check, "fill", o->low, o->high, "recipe",
                                  o->recipe ? o->recipe->name : ""));
    provenance_add_affinity(p, common_most_threads(&o->common));
    json_object_set_new(p, "mpi", rank_hooks_provenance(&o->common));
    return p;
}

static void print_notes(const struct blas_options *o, const struct blas_targets *targets,
                        const struct record *record) {
    char summary[256];
    topology_summary(summary, sizeof summary);
    printf("%s: %s\n", provenance_cpu_model(), summary);
    bool gpu = false;
    for (size_t i = 0; i < targets->count; i++) {
        const struct blas_library *l = targets->target[i].library;
        const struct device *d = targets->target[i].device;
        if (l)
            printf("%s: %s%s%s\n", l->name, l->path, l->configuration[0] ? "; " : "",
                   l->configuration);
        else
            printf("%s: %s; %s\n", d->name, d->what, d->versions ? d->versions : d->library);
        gpu |= !l;
    }
    if (gpu) printf("math on GPUs: strict fp32; TF32 only for --types tf32\n");
    print_left_out(targets);
    rank_hooks_print();
    for (const char *const *line = provenance_warnings(); *line; line++)
        printf("warning: %s\n", *line);
    printf("results: %s\n\n", record->path);
    (void)o;
}

static void draw_figure(const struct blas_options *o, const struct record *record) {
    char folder[4096];
    if (draw_results(record, o->recipe->figure, o->reference, folder, sizeof folder))
        printf("Figure: %s/figures/%s.svg\n", folder, o->recipe->figure);
}

static const char *end_of_sweep(const struct record *record) {
    static char text[128];
    snprintf(text, sizeof text, "%zu case%s: %zu ok, %zu failed, %zu skipped", record->cases,
             record->cases == 1 ? "" : "s", record->ok, record->failed, record->skipped);
    return text;
}

static void release(struct blas_options *o, struct blas_targets *targets) {
    blas_targets_close(targets);
    blas_options_free(o);
}

/* "; cuda was lost: an illegal memory access was encountered", of every device that was; or "". */
static const char *lost_devices(const struct blas_options *o) {
    static char text[256 * MOST_DEVICES];
    size_t used = 0;
    for (size_t d = 0; d < o->common.device_count; d++) {
        const struct device *device = o->common.devices[d];
        const char *error = device->error ? device->error(device) : NULL;
        if (!error || used >= sizeof text) continue;
        used += (size_t)snprintf(text + used, sizeof text - used, "; %s was lost: %s", device->name,
                                 error);
    }
    return text;
}

int command_blas(int argc, char **argv) {
    struct blas_options o = blas_options_parse(argc, argv);
    struct blas_targets targets;
    size_t shape_count;
    topology_get(); /* the mask the process was started with, before anything changes it */
    blas_targets_open(&targets, &o);
    struct blas_shape *shapes = blas_shapes(&o, &shape_count);
    try_shapes(&o, shapes, shape_count);
    try_references(&o);
    try_sustain(&o, &targets, shapes, shape_count);
    group_require_same(&o, &targets, shapes, shape_count);
    common_note_threads(&o.common, o.threads_given);
    if (o.common.dry_run) {
        list_cases(&o, &targets, shapes, shape_count);
        free(shapes);
        release(&o, &targets);
        return EXIT_DONE;
    }
    struct record record;
    record_open(&record, "blas", o.common.out, o.common.format,
                provenance(&o, &targets, argc, argv));
    interrupt_catch();
    bool table = o.common.format == FORMAT_TABLE;
    if (table && !o.common.quiet) print_notes(&o, &targets, &record);
    int wide = table ? name_width(&o, &targets, shapes, shape_count) : 0;
    if (table) print_header(wide);
    json_t *kept = json_array(); /* for the recipe's own table */
    struct rank_report *ranks = rank_report_new();
    double in_rounds = 0;
    struct progress progress = progress_begin(!o.common.quiet, shape_count);
    for (size_t s = 0; s < shape_count && !interrupt_came(); s++) {
        size_t count;
        char label[96], size[64];
        size_text(&shapes[s], size, sizeof size);
        snprintf(label, sizeof label, "%s %s", shapes[s].kernel->name, size);
        progress_step(&progress, s, label);
        struct member *members = group_members(&o, &shapes[s], &targets, &count);
        if (!count) { /* no library has the kernel */
            group_free(members, count);
            continue;
        }
        struct group_progress shares = {progress_share, &progress};
        in_rounds += group_measure(&o, members, count, &shares);
        progress_clear(&progress);
        for (size_t i = 0; i < count; i++) {
            json_t *row = row_of(&o, &members[i]);
            compare_ranks(ranks, &members[i], row);
            if (o.recipe) json_array_append(kept, row);
            const char *note = rank_report_note(row);
            record_case(&record, row);
            if (table) print_member(&o, &members[i], wide, note);
            if (!members[i].sustained.count) continue;
            sustain_record(&record, &members[i].sustained, sustained_case(&members[i]));
            if (table) print_sustained(&members[i].sustained);
        }
        group_free(members, count);
    }
    progress_clear(&progress);
    free(shapes);
    rank_report_end(ranks, &record, table && !o.common.quiet, table);
    if (interrupt_came()) {
        char reason[64];
        snprintf(reason, sizeof reason, "interrupted by %s", interrupt_name());
        record_incomplete(&record, reason);
        warn("%s; the finished cases are kept in '%s'", reason, record.path);
        interrupt_end();
    }
    json_t *account = json_object();
    record_set_real(account, "rounds_s", in_rounds);
    record_end(&record, account);
    if (table && o.recipe) blas_recipe_print(o.recipe, kept);
    if (table && o.recipe && together_leads()) draw_figure(&o, &record);
    if (table && !o.common.quiet) printf("%s\n", end_of_sweep(&record));
    if (table && !o.common.quiet && o.reference && !o.recipe)
        printf("Draw the published lines with: flopstep report '%s' --reference %s\n", record.path,
               o.reference);
    json_decref(kept);
    release(&o, &targets);
    if (record.failed) {
        const char *lost = lost_devices(&o);
        warn("%zu of %zu cases failed%s; see the table or '%s'%s", record.failed, record.cases,
             *lost ? "" : " their check", record.path, lost);
        return EXIT_CASE_FAILED;
    }
    if (!record.ok && record.skipped) {
        warn("nothing could run: every case was skipped, see the reasons in '%s'", record.path);
        return EXIT_MISSING;
    }
    return EXIT_DONE;
}
