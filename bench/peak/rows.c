/* The rows of `flopstep peak`: results, table, list of cases. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/harness/interrupt.h"
#include "bench/harness/together.h"
#include "bench/peak/sweep.h"
#include "bench/rank_rows.h"
#include "mpi/ranks.h"

static const char *type_letter(enum scalar type) {
    return type == SCALAR_COUNT ? NULL : scalar_letter(type);
}

static json_t *common_row(const struct peak_case *c) {
    json_t *row = json_pack("{s:s, s:n, s:i, s:i, s:s?, s:n, s:i, s:s, s:[], s:s, s:s?}", "device",
                            c->device->name, "library", "threads", c->threads, "ranks",
                            ranks_get()->count, "type", type_letter(c->type), "reason", "samples",
                            0, "flags", "", "samples_s", "probe", c->probe, "isa", c->isa);
    if (c->working_set)
        json_object_set_new(row, "working_set_bytes", json_integer((json_int_t)c->working_set));
    return row;
}

static const char table_format[] = "%-12s %-7s %-5s %3s  %12s %-7s  %9s %9s %9s %6s  %s\n";

void peak_print_header(void) {
    printf(table_format, "probe", "isa", "type", "thr", "working set", "level", "GFLOP/s", "GB/s",
           "us", "+-%", "flags");
}

void peak_bytes_text(double bytes, char *text, size_t size) {
    if (bytes < 1024)
        snprintf(text, size, "%.4g B", bytes);
    else if (bytes < 1 << 20)
        snprintf(text, size, "%.4g KiB", bytes / 1024);
    else
        snprintf(text, size, "%.4g MiB", bytes / 1048576);
}

/* The type says something where the result is arithmetic; bandwidth is that of any type. */
static const char *shown_type(const struct peak_case *c) {
    return c->type != SCALAR_COUNT && !c->working_set ? scalar_letter(c->type) : "";
}

static void number_text(double value, const char *format, char *text, size_t size) {
    if (value > 0) snprintf(text, size, format, value);
}

static void print_row(const struct peak_case *c, const json_t *row) {
    const char *of_ranks = rank_report_note(row);
    char threads[16], set[32] = "", rate[3][24] = {"", "", ""}, width[16] = "";
    snprintf(threads, sizeof threads, "%d", c->threads);
    if (c->working_set) peak_bytes_text((double)c->working_set, set, sizeof set);
    double gflops = json_number_value(json_object_get(row, "gflops"));
    double gbytes = json_number_value(json_object_get(row, "gbytes_per_s"));
    double median = json_number_value(json_object_get(row, "median_s"));
    double low = json_number_value(json_object_get(row, "low_s"));
    double high = json_number_value(json_object_get(row, "high_s"));
    number_text(gflops, "%.2f", rate[0], sizeof rate[0]);
    number_text(gbytes, "%.2f", rate[1], sizeof rate[1]);
    if (!(gflops > 0) && !(gbytes > 0)) number_text(median * 1e6, "%.3f", rate[2], sizeof rate[2]);
    if (low > 0 && high > 0) snprintf(width, sizeof width, "%.1f", 50 * (high - low) / median);
    const char *level = json_string_value(json_object_get(row, "memory_level"));
    const char *flags = json_string_value(json_object_get(row, "flags"));
    const char *status = json_string_value(json_object_get(row, "status"));
    const char *reason = json_string_value(json_object_get(row, "reason"));
    char note[600];
    if (status && strcmp(status, "ok") != 0)
        snprintf(note, sizeof note, "%s: %s", status, reason ? reason : "");
    else
        snprintf(note, sizeof note, "%s%s%s", flags, *flags && *of_ranks ? " " : "", of_ranks);
    printf(table_format, c->probe, c->isa ? c->isa : "", shown_type(c), threads, set,
           level ? level : "", rate[0], rate[1], rate[2], width, note);
    fflush(stdout);
}

static void write_row(struct sweep *sweep, const struct peak_case *c, json_t *row) {
    json_incref(row);
    record_case(&sweep->record, row);
    if (sweep->options->common.format == FORMAT_TABLE) print_row(c, row);
    json_decref(row);
}

/* What the ranks needed for a case goes to its row and to their comparison. */
static void compare_ranks(struct sweep *sweep, const struct peak_case *c, const struct subject *s,
                          const struct peak_findings *found, json_t *row) {
    char name[160], set[32] = "";
    if (!sweep->ranks) return;
    rank_rows_set(row, s->sampler.own, s->sampler.count);
    rank_rows_set_rates(row, found->flops, found->bytes);
    if (c->working_set) peak_bytes_text((double)c->working_set, set, sizeof set);
    bool isa = c->isa && !c->working_set;
    int used =
        snprintf(name, sizeof name, "%s%s%s%s%s%s%s", c->probe, isa ? " " : "", isa ? c->isa : "",
                 *shown_type(c) ? " " : "", shown_type(c), *set ? " " : "", set);
    if (!c->device->runs_behind && used > 0 && (size_t)used < sizeof name)
        snprintf(name + used, sizeof name - (size_t)used, ", %d thread%s", c->threads,
                 c->threads == 1 ? "" : "s");
    rank_report_add(sweep->ranks, row, name);
}

void peak_write_result(struct sweep *sweep, const struct peak_case *c, const struct subject *s,
                       const struct peak_findings *found) {
    bool noisy;
    struct summary summary = sampler_result(&s->sampler, &noisy);
    double stolen = machine_state_stolen(&found->before, &found->after);
    bool unpinned = !together_all(!found->unpinned), throttled = !together_all(!found->throttled);
    char flags[64] = "";
    record_add_flag(flags, sizeof flags, noisy, "noisy");
    record_add_flag(flags, sizeof flags, unpinned, "unpinned");
    record_add_flag(flags, sizeof flags, throttled, "throttled");
    record_add_flag(flags, sizeof flags, stolen > 0.01, "stolen");
    json_t *row = common_row(c);
    json_object_set_new(row, "status", json_string("ok"));
    json_object_set_new(row, "flags", json_string(flags));
    json_object_set_new(row, "samples", json_integer((json_int_t)summary.samples));
    record_set_real(row, "median_s", summary.median);
    record_set_real(row, "low_s", summary.low);
    record_set_real(row, "high_s", summary.high);
    record_set_real(row, "min_s", summary.min);
    record_set_real(row, "gflops", found->flops / summary.median * 1e-9);
    record_set_real(row, "gbytes_per_s", found->bytes / summary.median * 1e-9);
    json_object_set_new(row, "memory_level", record_text_or_null(found->memory_level));
    record_set_real(row, "clock_ghz", found->clock_ghz);
    record_set_real(row, "steal_fraction", stolen);
    record_set_real(row, "load", found->after.load);
    json_object_set_new(row, "repetitions", json_integer(s->repetitions));
    record_set_real(row, "flops", found->flops);
    record_set_real(row, "bytes", found->bytes);
    json_t *samples = json_array();
    for (size_t i = 0; i < summary.samples; i++)
        json_array_append_new(samples, json_real(s->sampler.samples[i]));
    json_object_set_new(row, "samples_s", samples);
    compare_ranks(sweep, c, s, found, row);
    write_row(sweep, c, row);
}

void peak_write_none(struct sweep *sweep, const struct peak_case *c, const char *status,
                     const char *reason) {
    json_t *row = common_row(c);
    json_object_set_new(row, "status", json_string(status));
    json_object_set_new(row, "reason", record_string(reason));
    write_row(sweep, c, row);
}

void peak_write_interrupted(struct sweep *sweep, const struct peak_case *c) {
    char reason[64];
    snprintf(reason, sizeof reason, "interrupted by %s", interrupt_name());
    peak_write_none(sweep, c, "incomplete", reason);
}

void peak_list_case(enum record_format format, const struct peak_case *c) {
    const char *type = type_letter(c->type);
    char set[32] = "";
    if (c->working_set) snprintf(set, sizeof set, "%zu", c->working_set);
    if (format == FORMAT_CSV) {
        printf("peak,%s,%d,%s,%s,%s,%s\n", c->device->name, c->threads, type ? type : "", c->probe,
               c->isa ? c->isa : "", set);
    } else if (format == FORMAT_JSONL) {
        json_t *line = json_pack("{s:s, s:s, s:i, s:s?, s:s, s:s?}", "command", "peak", "device",
                                 c->device->name, "threads", c->threads, "type", type, "probe",
                                 c->probe, "isa", c->isa);
        json_object_set_new(line, "working_set_bytes",
                            *set ? json_integer((json_int_t)c->working_set) : json_null());
        json_dumpf(line, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(line);
    } else {
        printf("%-12s %-7s %-5s ", c->probe, c->isa ? c->isa : "", type ? type : "");
        if (c->device->runs_behind)
            printf("%s", c->device->name);
        else
            printf("%d thread%s", c->threads, c->threads == 1 ? "" : "s");
        printf("%s%s%s\n", *set ? ", " : "", set, *set ? " bytes" : "");
    }
}
