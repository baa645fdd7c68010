#include "bench/report/attributes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/text.h"

static void say_machine(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%s", *row->run->host ? row->run->host : row->run->machine);
}
static void say_device(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%.60s", row->device);
}
static void say_library(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%.80s", row->library);
}
static void say_threads(const struct row *row, char *text, size_t size) {
    threads_text(row->threads, text, size);
}
/* One rank goes without saying, except beside several. */
static void say_ranks(const struct row *row, char *text, size_t size) {
    double ranks = row_ranks(row);
    *text = '\0';
    if (ranks > 1) snprintf(text, size, "%.0f ranks", ranks);
}
static void say_one_rank(const struct row *row, char *text, size_t size) {
    (void)row;
    snprintf(text, size, "1 rank");
}
static void say_reduce(const struct row *row, char *text, size_t size) {
    const char *mode = record_text(row->record, "reduce");
    snprintf(text, size, "%s%.40s", *mode ? "reduce " : "", mode);
}
static void say_transport(const struct row *row, char *text, size_t size) {
    const char *transport = record_text(row->record, "transport");
    snprintf(text, size, "%s%.40s", *transport ? "by " : "", transport);
}
static void say_buckets(const struct row *row, char *text, size_t size) {
    double bytes = record_number(row->record, "bucket_bytes");
    *text = '\0';
    if (bytes > 0 && row_ranks(row) > 1)
        snprintf(text, size, "buckets of %.4g %s", bytes < 1048576 ? bytes / 1024 : bytes / 1048576,
                 bytes < 1048576 ? "KiB" : "MiB");
}
static void say_mode(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%s", same(row->mode, "throughput") ? "one case a core" : "");
}
static void say_type(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%s", type_name(row->type));
}
static void say_cold(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%s",
             json_is_true(json_object_get(row->record, "cold")) ? "cold caches" : "");
}
static void say_transfer(const struct row *row, char *text, size_t size) {
    const json_t *value = json_object_get(row->record, "transfer");
    if (json_is_string(value))
        snprintf(text, size, "%.40s", json_string_value(value));
    else
        snprintf(text, size, "%s", json_is_true(value) ? "with transfers" : "");
}
static void say_no_transfer(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%s", is_gpu_name(row->device) ? "without copies" : "");
}
static void say_shape(const struct row *row, char *text, size_t size) {
    bool square;
    row_size(row, &square);
    snprintf(text, size, "%s", square ? "" : "other shapes");
}
static void say_uplo(const struct row *row, char *text, size_t size) {
    const char *uplo = record_text(row->record, "uplo");
    snprintf(text, size, "%s%.4s", *uplo ? "uplo " : "", uplo);
}
static void say_number(const struct row *row, const char *key, char *text, size_t size) {
    double value = record_number(row->record, key);
    *text = '\0';
    if (!isnan(value)) snprintf(text, size, "%s %g", key, value);
}
static void say_incx(const struct row *row, char *text, size_t size) {
    say_number(row, "incx", text, size);
}
static void say_incy(const struct row *row, char *text, size_t size) {
    say_number(row, "incy", text, size);
}
static void say_alpha(const struct row *row, char *text, size_t size) {
    say_number(row, "alpha", text, size);
}
static void say_beta(const struct row *row, char *text, size_t size) {
    say_number(row, "beta", text, size);
}
static void say_lda(const struct row *row, char *text, size_t size) {
    const char *asked = record_text(row->record, "lda_asked"); /* empty where lda is tight */
    snprintf(text, size, "%s%.20s", *asked ? "lda " : "", asked);
}
/* The folder of the file: cases that one folder holds twice are one study's and stay one curve. */
static void say_folder(const struct row *row, char *text, size_t size) {
    const char *path = row->run->path, *slash = strrchr(path, '/'), *begin = slash;
    if (!slash) slash = begin = path;
    while (begin > path && begin[-1] != '/') begin--;
    snprintf(text, size, "%.*s", (int)(slash - begin < 80 ? slash - begin : 80), begin);
}

static void say_network(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%.60s", row->network);
}
static void say_recipe(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%.60s", row->recipe);
}
static void say_dataset(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%.60s", row->dataset);
}
static void say_batch(const struct row *row, char *text, size_t size) {
    say_number(row, "batch", text, size);
}
static void say_optimizer(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%.60s", record_text(row->record, "optimizer"));
}
/* How steps were computed, where not in the usual way. A ladder has both on its axis. */
static void say_paths(const struct row *row, char *text, size_t size) {
    const char *conv = record_text(row->record, "conv"), *dense = record_text(row->record, "dense");
    const char *without = record_text(row->record, "without");
    char part[220];
    *text = '\0';
    if (same(row->kind, "ladder")) return;
    if (*conv && !same(conv, "auto")) append(text, size, " ", conv);
    if (*dense && !same(dense, "auto")) append(text, size, " ", dense);
    snprintf(part, sizeof part, "without %.200s", without);
    if (*without) append(text, size, " ", part);
}
/* Of a training's products on a GPU; strict single precision goes without saying. */
static void say_math(const struct row *row, char *text, size_t size) {
    const char *math = record_text(row->record, "math");
    bool shown = *row->network && !same(math, "fp32");
    snprintf(text, size, "%.20s", !shown ? "" : same(math, "tf32") ? "TF32" : math);
}
static void say_isa(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%.20s", *row->network ? record_text(row->record, "isa") : "");
}
static void say_seed(const struct row *row, char *text, size_t size) {
    if (*row->network)
        say_number(row, "seed", text, size);
    else
        *text = '\0';
}

const struct attribute attributes[] = {
    {"machine", .say = say_machine},
    {"library", .say = say_library, .in_subtitle = true},
    {"device", .say = say_device},
    {"threads", .say = say_threads, .in_subtitle = true},
    {"ranks", .say = say_ranks, .say_absent = say_one_rank, .in_subtitle = true},
    {"reduce", .say = say_reduce, .in_subtitle = true},
    {"transport", .say = say_transport},
    {"buckets", .say = say_buckets},
    {"mode", .say = say_mode, .in_subtitle = true},
    {"type", .say = say_type},
    {"cold", .say = say_cold, .in_subtitle = true},
    {"transfer", .say = say_transfer, .say_absent = say_no_transfer, .in_subtitle = true},
    {"network", .say = say_network},
    {"recipe", .say = say_recipe},
    {"dataset", .say = say_dataset},
    {"batch", .say = say_batch, .in_subtitle = true},
    {"optimizer", .say = say_optimizer},
    {"paths", .say = say_paths},
    {"math", .say = say_math, .in_subtitle = true},
    {"isa", .say = say_isa},
    {"seed", .say = say_seed},
    {"shape", .say = say_shape},
    {"uplo", .say = say_uplo},
    {"incx", .say = say_incx},
    {"incy", .say = say_incy},
    {"alpha", .say = say_alpha},
    {"beta", .say = say_beta},
    {"lda", .say = say_lda},
    {"folder", .say = say_folder, .last_resort = true},
    {NULL, .say = NULL},
};
