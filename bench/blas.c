/* flopstep blas: GFLOP/s of BLAS 1, 2 and 3 over sizes, types, transposes, libraries, threads. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/blas/blas_options.h"
#include "bench/blas/group.h"
#include "bench/blas/operands.h"
#include "bench/blas/recipes.h"
#include "bench/commands.h"
#include "bench/draw_results.h"
#include "bench/harness/error.h"
#include "bench/harness/interrupt.h"
#include "bench/harness/progress.h"
#include "bench/harness/provenance.h"
#include "bench/harness/record.h"
#include "bench/harness/share.h"
#include "bench/harness/texts.h"
#include "bench/report/published.h"
#include "kernels/cpu/builtin.h"
#include "kernels/cpu/topology.h"

enum { MOST_LIBRARIES = 32 };

struct libraries {
    struct blas_library *library[MOST_LIBRARIES];
    size_t count;
};

/* "; did you mean 'blis'?", or "" where the name is a path or near to none. */
static const char *near_library(const char *name) {
    static char text[128];
    const char *known[64] = {naive_library.name, blocked_library.name};
    size_t count = 2;
    for (const struct blas_alias *alias = blas_library_aliases(); alias->name && count < 63;)
        known[count++] = alias++->name;
    const char *near = strchr(name, '/') ? NULL : option_nearest(name, known);
    if (near && strcmp(near, name) != 0) snprintf(text, sizeof text, "; did you mean '%s'?", near);
    return text;
}

static void open_libraries(const struct blas_options *o, struct libraries *libraries) {
    static char *const fallback[] = {BLAS_LIBRARY_DEFAULT, NULL};
    char *const *names = o->libraries ? o->libraries : fallback;
    for (; *names; names++) {
        char error[1024] = "";
        if (libraries->count == MOST_LIBRARIES)
            die(EXIT_USAGE, "--blas: more than %d libraries", MOST_LIBRARIES);
        struct blas_library *library = blas_library_open(*names, error, sizeof error);
        if (!library) die(EXIT_MISSING, "%s%s", error, near_library(*names));
        for (size_t i = 0; i < libraries->count; i++)
            if (strcmp(libraries->library[i]->path, library->path) == 0 &&
                strcmp(libraries->library[i]->name, library->name) == 0) {
                blas_library_close(library);
                library = NULL;
                break;
            }
        if (library) libraries->library[libraries->count++] = library;
    }
    for (size_t l = 0; l < libraries->count; l++)
        for (size_t i = 0; i < o->kernel_count; i++)
            for (size_t t = 0; t < o->common.type_count; t++)
                if (!blas_library_routine(libraries->library[l], o->kernels[i], o->common.types[t]))
                    die(EXIT_MISSING, "%s (%s) has no cblas_%s%s; choose other --kernels or --blas",
                        libraries->library[l]->name, libraries->library[l]->path,
                        scalar_letter(o->common.types[t]), o->kernels[i]->name);
}

/* Wrong usage that only a shape shows, such as a small --lda: found before anything is measured. */
static void try_shapes(const struct blas_options *o, const struct blas_shape *shapes,
                       size_t shape_count) {
    for (size_t s = 0; s < shape_count; s++) {
        struct blas_operands operands;
        char reason[256];
        blas_operands_plan(&operands, o, &shapes[s], o->common.types[0], 1, reason, sizeof reason);
    }
}

/* Published figures asked for must be there. */
static void try_references(const struct blas_options *o) {
    if (!o->reference) return;
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
    record_add_flag(flags, size, o->common.cold, "cold");
    record_add_flag(flags, size, !o->common.check, "unchecked");
}

static json_t *row_of(const struct blas_options *o, const struct member *m) {
    const struct blas_shape *shape = m->shape;
    const struct kernel *kernel = shape->kernel;
    bool measured = m->status == MEMBER_OK;
    double seconds = measured ? m->summary.median : NAN;
    char flags[128], uplo[2] = {shape->uplo, '\0'};
    flags_of(o, m, flags, sizeof flags);
    json_t *row =
        json_pack("{s:s, s:o, s:i, s:i, s:s, s:s, s:o, s:s}", "device", o->common.device->name,
                  "library", record_string(m->library->name), "threads", m->threads, "ranks", 1,
                  "type", scalar_letter(m->type), "status", status_names[m->status], "reason",
                  record_text_or_null(m->reason), "flags", measured ? flags : "");
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
    json_object_set_new(row, "cold", json_boolean(o->common.cold));
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
    return row;
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
}

static void name_text(const struct member *m, char *text, size_t size) {
    const struct blas_shape *shape = m->shape;
    snprintf(text, size, "%s%s%s%s%s", scalar_letter(m->type), shape->kernel->name,
             shape->trans[0] ? " " : "", shape->trans,
             shape->kernel->has_uplo && shape->uplo == 'u' ? " u" : "");
}

static const char table_format[] = "%-9s %14s  %-17s %3s  %10s %6s  %9s %9s  %6s  %8s  %s\n";

static void print_header(void) {
    printf(table_format, "kernel", "size", "library", "thr", "median", "+-%", "GFLOP/s", "GB/s",
           "% peak", "error", "flags");
}

static void print_member(const struct blas_options *o, const struct member *m) {
    char name[24], size[64], threads[16], median[24] = "-", width[16] = "-", gflops[24] = "-";
    char gbytes[24] = "-", peak[16] = "-", error[16] = "-", note[512];
    name_text(m, name, sizeof name);
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
        flags_of(o, m, note, sizeof note);
    } else {
        snprintf(note, sizeof note, "%s: %s", status_names[m->status], m->reason);
    }
    printf(table_format, name, size, m->library->name, threads, median, width, gflops, gbytes, peak,
           error, note);
    fflush(stdout);
}

/* --dry-run: the cases as they would run. */
static void list_cases(const struct blas_options *o, const struct libraries *libraries,
                       const struct blas_shape *shapes, size_t shape_count) {
    bool csv = o->common.format == FORMAT_CSV, json = o->common.format == FORMAT_JSONL;
    if (csv) printf("command,device,library,threads,type,kernel,trans,m,n,k,mode\n");
    size_t cases = 0;
    for (size_t s = 0; s < shape_count; s++) {
        size_t count;
        struct member *members =
            group_members(o, &shapes[s], libraries->library, libraries->count, &count);
        for (size_t i = 0; i < count; i++) {
            const struct member *m = &members[i];
            const char *mode = o->mode == MODE_LATENCY ? "latency" : "throughput";
            char name[24], size[64], extents[3][24] = {"", "", ""};
            const long dimensions[3] = {shapes[s].m, shapes[s].n, shapes[s].k};
            for (int d = 0; d < 3; d++)
                if (dimensions[d] >= 0)
                    snprintf(extents[d], sizeof extents[d], "%ld", dimensions[d]);
            name_text(m, name, sizeof name);
            size_text(m->shape, size, sizeof size);
            if (csv)
                printf("blas,%s,%s,%d,%s,%s,%s,%s,%s,%s,%s\n", o->common.device->name,
                       m->library->name, m->threads, scalar_letter(m->type), shapes[s].kernel->name,
                       shapes[s].trans, extents[0], extents[1], extents[2], mode);
            else if (json) {
                json_t *row = row_of(o, m);
                json_t *line = json_object();
                static const char *const keys[] = {"device", "library", "threads", "type", "kernel",
                                                   "trans",  "m",       "n",       "k",    "mode"};
                json_object_set_new(line, "command", json_string("blas"));
                for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
                    json_object_set(line, keys[k], json_object_get(row, keys[k]));
                json_dumpf(line, stdout, JSON_COMPACT);
                putchar('\n');
                json_decref(line);
                json_decref(row);
            } else
                printf("%-9s %14s  %-17s %d thread%s%s\n", name, size, m->library->name, m->threads,
                       m->threads == 1 ? "" : "s",
                       o->mode == MODE_THROUGHPUT ? ", one call on each" : "");
        }
        cases += count;
        group_free(members, count);
    }
    if (!csv && !json) printf("%zu case%s, none run\n", cases, cases == 1 ? "" : "s");
}

static json_t *provenance(const struct blas_options *o, const struct libraries *libraries, int argc,
                          char **argv) {
    json_t *p = provenance_new(argc, argv);
    for (size_t i = 0; i < libraries->count; i++) provenance_add_library(p, libraries->library[i]);
    json_object_set_new(p, "settings",
                        json_pack("{s:f, s:f, s:I, s:I, s:b, s:b, s:[f,f], s:s}", "time_budget_s",
                                  o->common.limits.budget, "precision", o->common.limits.precision,
                                  "max_samples", (json_int_t)o->common.limits.max_samples, "seed",
                                  (json_int_t)o->common.seed, "cold", o->common.cold, "check",
                                  o->common.check, "fill", o->low, o->high, "recipe",
                                  o->recipe ? o->recipe->name : ""));
    provenance_add_affinity(p, common_most_threads(&o->common));
    return p;
}

static void print_notes(const struct blas_options *o, const struct libraries *libraries,
                        const struct record *record) {
    char summary[256];
    topology_summary(summary, sizeof summary);
    printf("%s: %s\n", provenance_cpu_model(), summary);
    for (size_t i = 0; i < libraries->count; i++) {
        const struct blas_library *l = libraries->library[i];
        printf("%s: %s%s%s\n", l->name, l->path, l->configuration[0] ? "; " : "", l->configuration);
    }
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

static void release(struct blas_options *o, struct libraries *libraries) {
    for (size_t i = 0; i < libraries->count; i++) blas_library_close(libraries->library[i]);
    blas_options_free(o);
}

int command_blas(int argc, char **argv) {
    struct blas_options o = blas_options_parse(argc, argv);
    struct libraries libraries = {.count = 0};
    size_t shape_count;
    topology_get(); /* the mask the process was started with, before anything changes it */
    open_libraries(&o, &libraries);
    struct blas_shape *shapes = blas_shapes(&o, &shape_count);
    try_shapes(&o, shapes, shape_count);
    try_references(&o);
    if (o.common.dry_run) {
        list_cases(&o, &libraries, shapes, shape_count);
        free(shapes);
        release(&o, &libraries);
        return EXIT_DONE;
    }
    struct record record;
    record_open(&record, "blas", o.common.out, o.common.format,
                provenance(&o, &libraries, argc, argv));
    interrupt_catch();
    bool table = o.common.format == FORMAT_TABLE;
    if (table && !o.common.quiet) print_notes(&o, &libraries, &record);
    if (table) print_header();
    json_t *kept = json_array(); /* for the recipe's own table */
    double in_rounds = 0;
    struct progress progress = progress_begin(!o.common.quiet, shape_count);
    for (size_t s = 0; s < shape_count && !interrupt_came(); s++) {
        size_t count;
        char label[96], size[64];
        size_text(&shapes[s], size, sizeof size);
        snprintf(label, sizeof label, "%s %s", shapes[s].kernel->name, size);
        progress_step(&progress, s, label);
        struct member *members =
            group_members(&o, &shapes[s], libraries.library, libraries.count, &count);
        struct group_progress shares = {progress_share, &progress};
        in_rounds += group_measure(&o, members, count, &shares);
        progress_clear(&progress);
        for (size_t i = 0; i < count; i++) {
            json_t *row = row_of(&o, &members[i]);
            if (o.recipe) json_array_append(kept, row);
            record_case(&record, row);
            if (table) print_member(&o, &members[i]);
        }
        group_free(members, count);
    }
    progress_clear(&progress);
    free(shapes);
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
    if (table && o.recipe) draw_figure(&o, &record);
    if (table && !o.common.quiet) printf("%s\n", end_of_sweep(&record));
    if (table && !o.common.quiet && o.reference && !o.recipe)
        printf("Draw the published lines with: flopstep report '%s' --reference %s\n", record.path,
               o.reference);
    json_decref(kept);
    release(&o, &libraries);
    if (record.failed) {
        warn("%zu of %zu cases failed their check; see the table or '%s'", record.failed,
             record.cases, record.path);
        return EXIT_CASE_FAILED;
    }
    if (!record.ok && record.skipped) {
        warn("nothing could run: every case was skipped, see the reasons in '%s'", record.path);
        return EXIT_MISSING;
    }
    return EXIT_DONE;
}
