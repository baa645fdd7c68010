#include "bench/report/results.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"

const char *record_text(const json_t *record, const char *key) {
    const char *text = json_string_value(json_object_get(record, key));
    return text ? text : "";
}

double record_number(const json_t *record, const char *key) {
    const json_t *value = json_object_get(record, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static void *grow(void *array, size_t count, size_t element) {
    void *grown = realloc(array, count * element);
    if (!grown) die(EXIT_MISSING, "out of memory while reading results");
    return grown;
}

static void describe_machine(struct run *run) {
    const json_t *cpu = json_object_get(run->provenance, "cpu");
    const char *model = record_text(cpu, "model");
    double cores = record_number(cpu, "cores");
    if (isnan(cores)) cores = record_number(run->provenance, "cores");
    snprintf(run->host, sizeof run->host, "%.60s", record_text(run->provenance, "host"));
    if (!*model) model = *run->host ? run->host : "unknown machine";
    snprintf(run->model, sizeof run->model, "%.150s", model);
    double ranks = record_number(json_object_get(run->provenance, "mpi"), "ranks");
    if (cores > 0 && ranks > 1) /* of which this one sees its part alone */
        snprintf(run->machine, sizeof run->machine, "%.120s · %.0f ranks of %.0f core%s", model,
                 ranks, cores, cores == 1 ? "" : "s");
    else if (cores > 0)
        snprintf(run->machine, sizeof run->machine, "%.120s · %.0f core%s", model, cores,
                 cores == 1 ? "" : "s");
    else
        snprintf(run->machine, sizeof run->machine, "%.150s", model);
}

/* Times of the CUDA kernels on the host say nothing about a GPU. */
static bool is_emulated(const json_t *record) {
    return strstr(record_text(record, "device"), "-emulated");
}

/* Some records do not say which device they are of: then all of such a file are left out. */
static bool is_of_emulated_run(const struct run *run, const json_t *record) {
    size_t i;
    const json_t *device;
    if (*record_text(record, "device")) return false;
    json_array_foreach(json_object_get(run->provenance, "devices"), i,
                       device) if (strstr(record_text(device, "name"), "-emulated")) return true;
    return false;
}

bool is_gpu_name(const char *device) { return *device && strcmp(device, "cpu") != 0; }

/* The model of a GPU stands before the first comma of its description. */
void device_label(const struct run *run, const char *name, char *text, size_t size) {
    size_t i;
    const json_t *device;
    if (!*name) name = run->device;
    if (!is_gpu_name(name)) {
        snprintf(text, size, "%s", run->machine);
        return;
    }
    snprintf(text, size, "GPU %.60s", name);
    json_array_foreach(json_object_get(run->provenance, "devices"), i, device) {
        const char *what = record_text(device, "what");
        int length = (int)strcspn(what, ",(");
        while (length > 0 && what[length - 1] == ' ') length--;
        if (strcmp(record_text(device, "name"), name) == 0 && length > 0)
            snprintf(text, size, "%.*s (%.60s)", length < 90 ? length : 90, what, name);
    }
}

static void add_row(struct results *results, struct run *run, json_t *record) {
    json_object_del(record, "samples_s"); /* the bulk of a file, and no figure shows it */
    json_object_del(record, "samples_throttled");
    struct row row = {
        .record = json_incref(record),
        .run = run,
        .command = record_text(record, "command"),
        .status = record_text(record, "status"),
        .reason = record_text(record, "reason"),
        .device = record_text(record, "device"),
        .library = record_text(record, "library"),
        .type = record_text(record, "type"),
        .kernel = record_text(record, "kernel"),
        .trans = record_text(record, "trans"),
        .mode = record_text(record, "mode"),
        .probe = record_text(record, "probe"),
        .isa = record_text(record, "isa"),
        .memory_level = record_text(record, "memory_level"),
        .level = record_number(record, "level"),
        .m = record_number(record, "m"),
        .n = record_number(record, "n"),
        .k = record_number(record, "k"),
        .threads = record_number(record, "threads"),
        .flops = record_number(record, "flops"),
        .bytes = record_number(record, "bytes"),
        .working_set = record_number(record, "working_set_bytes"),
        .median = record_number(record, "median_s"),
        .low = record_number(record, "low_s"),
        .high = record_number(record, "high_s"),
        .gflops = record_number(record, "gflops"),
        .gbytes = record_number(record, "gbytes_per_s"),
        .peak_fraction = record_number(record, "peak_fraction"),
        .kind = record_text(record, "kind"),
        .network = record_text(record, "network"),
        .recipe = record_text(record, "recipe"),
        .dataset = record_text(record, "dataset"),
        .batch = record_number(record, "batch"),
        .epoch = record_number(record, "epoch"),
        .step = record_number(record, "step"),
    };
    if (!*row.command) row.command = record_text(run->provenance, "command");
    row.ok = strcmp(row.status, "ok") == 0;
    if (is_gpu_name(row.device)) row.threads = NAN;
    if (!run->cases)
        snprintf(run->device, sizeof run->device, "%.60s", row.device);
    else if (strcmp(run->device, row.device) != 0)
        *run->device = '\0';
    results->rows = grow(results->rows, results->row_count + 1, sizeof *results->rows);
    results->rows[results->row_count++] = row;
    run->cases++;
}

static void add_line(struct results *results, struct run *run, json_t *record) {
    static const char *const shown[] = {"layer",      "examples", "boundary",  "path",
                                        "reported",   "sustain",  "sustained", "model",
                                        "prediction", "rank"};
    const char *kind = record_text(record, "record"), *command = record_text(record, "command");
    bool keep = false;
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) keep |= strcmp(kind, shown[i]) == 0;
    if (!keep) return;
    if (is_of_emulated_run(run, record)) {
        run->emulated++;
        return;
    }
    if (!*command) command = record_text(run->provenance, "command");
    results->lines = grow(results->lines, results->line_count + 1, sizeof *results->lines);
    results->lines[results->line_count++] =
        (struct line){.record = json_incref(record), .run = run, .kind = kind, .command = command};
}

bool results_read(struct results *results, const char *path) {
    FILE *file = fopen(path, "re");
    if (!file) {
        warn("cannot read %s: %s", path, strerror(errno));
        return false;
    }
    struct run *run = calloc(1, sizeof *run);
    if (!run || !(run->path = strdup(path))) die(EXIT_MISSING, "out of memory");
    snprintf(run->ending, sizeof run->ending, "incomplete");

    char *line = NULL;
    size_t capacity = 0, number = 0, records = 0;
    ssize_t length;
    while ((length = getline(&line, &capacity, file)) > 0) {
        number++;
        if (strspn(line, " \t\r\n") == (size_t)length) continue;
        json_error_t error;
        json_t *record = json_loadb(line, (size_t)length, 0, &error);
        if (!json_is_object(record)) {
            warn("%s:%zu: not a JSON object (%s); the line is left out", path, number,
                 record ? "another JSON value" : error.text);
            run->broken_lines++;
            json_decref(record);
            continue;
        }
        const char *kind = record_text(record, "record");
        records++;
        if (is_emulated(record)) {
            run->emulated++;
        } else if (strcmp(kind, "case") == 0) {
            add_row(results, run, record);
        } else if (strcmp(kind, "provenance") == 0 && !run->provenance) {
            run->provenance = json_incref(record);
        } else if (strcmp(kind, "end") == 0) {
            const char *status = record_text(record, "status");
            snprintf(run->ending, sizeof run->ending, "%.30s", *status ? status : "complete");
        } else if (strcmp(kind, "incomplete") == 0) {
            snprintf(run->ending, sizeof run->ending, "incomplete: %.60s",
                     record_text(record, "reason"));
        } else {
            add_line(results, run, record);
        }
        json_decref(record);
    }
    bool failed = ferror(file);
    if (failed) warn("cannot read %s: %s", path, strerror(errno));
    fclose(file);
    free(line);
    describe_machine(run);
    results->runs = grow(results->runs, results->run_count + 1, sizeof(struct run *));
    results->runs[results->run_count++] = run;
    if (run->emulated)
        warn("%s: %zu record%s of an emulated GPU left out", path, run->emulated,
             run->emulated == 1 ? "" : "s");
    if (!records && !failed)
        warn("%s holds no result: it is empty or not a file of flopstep", path);
    else if (strcmp(run->ending, "complete") != 0)
        warn("%s is %s: its %zu case%s are used", path, run->ending, run->cases,
             run->cases == 1 ? "" : "s");
    return records > 0;
}

void results_free(struct results *results) {
    for (size_t i = 0; i < results->row_count; i++) json_decref(results->rows[i].record);
    for (size_t i = 0; i < results->run_count; i++) {
        json_decref(results->runs[i]->provenance);
        free(results->runs[i]->path);
        free(results->runs[i]);
    }
    for (size_t i = 0; i < results->line_count; i++) json_decref(results->lines[i].record);
    free(results->lines);
    free(results->rows);
    free(results->runs);
    *results = (struct results){0};
}

double row_ranks(const struct row *row) {
    double ranks = record_number(row->record, "ranks");
    return ranks > 1 ? ranks : 1;
}

double row_size(const struct row *row, bool *square) {
    const double dimension[] = {row->m, row->n, row->k};
    double logarithm = 0, first = NAN;
    int count = 0;
    *square = true;
    for (int i = 0; i < 3; i++) {
        if (!(dimension[i] > 0)) continue; /* absent: NaN, 0 or -1 */
        if (isnan(first)) first = dimension[i];
        if (dimension[i] != first) *square = false;
        logarithm += log(dimension[i]);
        count++;
    }
    return *square ? first : round(exp(logarithm / count));
}
