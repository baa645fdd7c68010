#include "bench/harness/columns.h"

#include <stdlib.h>
#include <string.h>

#define COMMON                                                                                     \
    "run", "command", "device", "library", "threads", "ranks", "type", "status", "reason",         \
        "samples", "median_s", "low_s", "high_s", "min_s", "gflops", "gbytes_per_s",               \
        "peak_fraction", "sheet_fraction", "flags"
/* Of several ranks; null with one. */
#define RANKS         "nodes", "slowest_rank", "rank_spread"
#define MACHINE_STATE "clock_ghz", "steal_fraction", "load", "repetitions", "flops", "bytes"

/* What NVML said while the case ran. */
#define GPU_STATE                                                                                  \
    "sm_clock_mhz", "memory_clock_mhz", "power_w", "temperature_c", "energy_j", "energy_source",   \
        "throttle"

static const char *const blas_columns[] = {COMMON,
                                           "kernel",
                                           "level",
                                           "trans",
                                           "m",
                                           "n",
                                           "k",
                                           "check_error",
                                           "check_bound",
                                           "transfer",
                                           "math",
                                           "batch",
                                           "uplo",
                                           "lda",
                                           "lda_asked",
                                           "incx",
                                           "incy",
                                           "alpha",
                                           "beta",
                                           "mode",
                                           "cold",
                                           "ceiling",
                                           "ceiling_rate",
                                           "working_set_bytes",
                                           GPU_STATE,
                                           MACHINE_STATE,
                                           RANKS,
                                           NULL};

static const char *const peak_columns[] = {
    COMMON, "probe", "isa", "working_set_bytes", "memory_level", MACHINE_STATE, RANKS, NULL};

static const char *const train_columns[] = {COMMON,
                                            "network",
                                            "recipe",
                                            "dataset",
                                            "batch",
                                            "images_per_s",
                                            "mfu",
                                            "gemm_fraction",
                                            "forward_s",
                                            "loss_s",
                                            "backward_s",
                                            "reduce_s",
                                            "exposed_s",
                                            "update_s",
                                            "epoch",
                                            "step",
                                            "train_loss",
                                            "train_accuracy",
                                            "test_accuracy",
                                            "test_loss",
                                            "validation_loss",
                                            "validation_accuracy",
                                            "running_loss",
                                            "running_accuracy",
                                            "lr",
                                            "global_batch",
                                            "reduce",
                                            "transport",
                                            "bucket_bytes",
                                            "buckets",
                                            "compute_s",
                                            "wait_s",
                                            "kind",
                                            "optimizer",
                                            "loss_function",
                                            "seed",
                                            "parameters",
                                            "input_s",
                                            "ceiling_rate",
                                            "square_gflops",
                                            "conv",
                                            "dense",
                                            "isa",
                                            "without",
                                            "math",
                                            "host_s",
                                            "launch_s",
                                            GPU_STATE,
                                            "rung",
                                            "rung_number",
                                            MACHINE_STATE,
                                            RANKS,
                                            NULL};

static const char *const predict_columns[] = {
    COMMON,       "checkpoint",  "network", "recipe", "dataset", "file", "predicted",
    "class_name", "probability", "p0",      "p1",     "p2",      "p3",   "p4",
    "p5",         "p6",          "p7",      "p8",     "p9",      NULL};

static const char *const allreduce_columns[] = {
    COMMON,    "algorithm", "bytes",          "algbw", "busbw",       "check_error", "link",
    "network", "clock_ghz", "steal_fraction", "load",  "repetitions", RANKS,         NULL};

const char *const *columns_of(const char *command) {
    if (strcmp(command, "blas") == 0) return blas_columns;
    if (strcmp(command, "peak") == 0) return peak_columns;
    if (strcmp(command, "train") == 0) return train_columns;
    if (strcmp(command, "predict") == 0) return predict_columns;
    if (strcmp(command, "allreduce") == 0) return allreduce_columns;
    return NULL;
}

void columns_write_header(FILE *file, const char *const *columns) {
    for (size_t i = 0; columns[i]; i++) fprintf(file, "%s%s", i ? "," : "", columns[i]);
    fputc('\n', file);
}

static void write_text(FILE *file, const char *text) {
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, file);
        return;
    }
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"') fputc('"', file);
        fputc(*text, file);
    }
    fputc('"', file);
}

static void write_real(FILE *file, double value) {
    char text[40];
    snprintf(text, sizeof text, "%.12g", value); /* as in JSON Lines, so that both say the same */
    value = strtod(text, NULL);
    for (int digits = 6; digits <= 12; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    fputs(text, file);
}

void columns_write_row(FILE *file, const char *const *columns, const json_t *record) {
    for (size_t i = 0; columns[i]; i++) {
        if (i) fputc(',', file);
        const json_t *value = json_object_get(record, columns[i]);
        switch (value ? json_typeof(value) : JSON_NULL) {
        case JSON_STRING: write_text(file, json_string_value(value)); break;
        case JSON_INTEGER: fprintf(file, "%" JSON_INTEGER_FORMAT, json_integer_value(value)); break;
        case JSON_REAL: write_real(file, json_real_value(value)); break;
        case JSON_TRUE: fputs("true", file); break;
        case JSON_FALSE: fputs("false", file); break;
        default: break; /* null and absent stay empty: unknown is never 0 */
        }
    }
    fputc('\n', file);
}
