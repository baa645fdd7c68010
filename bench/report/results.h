/* Results read back from JSON Lines files. */
#ifndef FLOPSTEP_BENCH_REPORT_RESULTS_H
#define FLOPSTEP_BENCH_REPORT_RESULTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* One file: one command run once. */
struct run {
    char *path;
    json_t *provenance; /* NULL where the file has none */
    char machine[160];  /* "CPU model · 2 cores" */
    char model[160];    /* of its processor */
    char host[64];
    char device[64];     /* that all its cases are of; "" where they differ */
    char ending[80];     /* "complete", "interrupted", "incomplete" with its reason if it has one */
    size_t cases;        /* case records read */
    size_t emulated;     /* records of emulated GPUs, which are left out */
    size_t broken_lines; /* lines that are no JSON object */
};

/* One case. Of GPUs `threads` is NaN: those of their host compute nothing. The texts point into
 * `record` and are never NULL; numbers are NaN where the record has none. */
struct row {
    json_t *record;
    const struct run *run;
    const char *command, *status, *reason, *device, *library, *type, *kernel, *trans, *mode;
    const char *probe, *isa, *memory_level;
    double level, m, n, k, threads, flops, bytes, working_set;
    double median, low, high, gflops, gbytes, peak_fraction;
    const char *kind, *network, *recipe, *dataset; /* of trainings and timed steps */
    double batch, epoch, step;
    bool ok;
};

/* A record of another kind that figures show: "layer", "examples", "boundary", "path", "reported",
 * "sustain", "model", "prediction", "rank". */
struct line {
    json_t *record;
    const struct run *run;
    const char *kind, *command; /* within `record`, or of the run */
};

struct results {
    struct run **runs;
    struct row *rows;
    struct line *lines;
    size_t run_count, row_count, line_count;
};

/* Adds one .jsonl file. Broken lines get one warning each and are left out. Returns false, after
 * one line on standard error, where the file cannot be opened or holds no record at all. */
bool results_read(struct results *results, const char *path);
void results_free(struct results *results);

/* A value of a record: "" or NaN where absent or of another type. */
const char *record_text(const json_t *record, const char *key);
double record_number(const json_t *record, const char *key);

/* What the rows of a device are labelled with: "Example GPU (cuda)" of a GPU, the machine else.
 * `device`
 * "" says the run's. */
void device_label(const struct run *run, const char *device, char *text, size_t size);
bool is_gpu_name(const char *device);

/* How many ranks ran it together; 1 where the record does not say. */
double row_ranks(const struct row *row);

/* The dimension that a row is plotted against: n, or the geometric mean of m, n, k where they
 * differ. `*square` says whether they are equal. */
double row_size(const struct row *row, bool *square);

#endif
