#include "bench/report/study.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/text.h"

bool is_gpu(const struct row *row) { return is_gpu_name(row->device); }

bool any_gpu(const struct results *results) {
    for (size_t i = 0; i < results->row_count; i++)
        if (results->rows[i].ok && is_gpu(&results->rows[i])) return true;
    return false;
}

bool any_ranks(const struct results *results) {
    for (size_t i = 0; i < results->row_count; i++)
        if (results->rows[i].ok && row_ranks(&results->rows[i]) > 1) return true;
    return false;
}

bool is_blas(const struct row *row) {
    return row->ok && same(row->command, "blas") && *row->kernel;
}
bool is_latency(const struct row *row) { return !same(row->mode, "throughput"); }
bool with_copies(const struct row *row) {
    const json_t *transfer = json_object_get(row->record, "transfer");
    return json_is_true(transfer) || (json_is_string(transfer) && *json_string_value(transfer));
}
/* Cases of the mode that all figures but one show. */
bool is_shown(const struct study *study, const struct row *row) {
    return is_blas(row) && is_latency(row) != study->only_throughput;
}
bool is_plain(const struct row *row) { return strspn(row->trans, "nN") == strlen(row->trans); }
bool is_kernel(const struct row *row, const char *name) {
    return same(row->kernel, name) && is_plain(row);
}

/* The most threads this case's library ran with on this machine. */
double most_threads(const struct study *study, const struct row *row) {
    for (size_t i = 0; i < study->most_count; i++)
        if (same(study->most[i].library, row->library) && same(study->most[i].host, row->run->host))
            return study->most[i].threads;
    return row->threads;
}

static void count_threads(struct study *study, const struct row *row) {
    size_t i = 0;
    while (i < study->most_count && (!same(study->most[i].library, row->library) ||
                                     !same(study->most[i].host, row->run->host)))
        i++;
    if (i == sizeof study->most / sizeof study->most[0]) return;
    if (i == study->most_count) {
        study->most[study->most_count++].library = row->library;
        study->most[i].host = row->run->host;
        study->most[i].threads = row->threads;
    }
    if (row->threads > study->most[i].threads) study->most[i].threads = row->threads;
}

/* Cases of the fastest library on all its threads: figures with a curve for each kernel show these
 * and no others. */
bool is_main(const struct study *study, const struct row *row) {
    return same(row->library, study->main_library) && !with_copies(row) &&
           (isnan(row->threads) || row->threads == most_threads(study, row));
}

static bool same_kernel(const struct row *a, const struct row *b) {
    return same(a->kernel, b->kernel) && same(a->trans, b->trans) && same(a->type, b->type) &&
           same(a->library, b->library) && same(a->run->host, b->run->host) &&
           is_latency(a) == is_latency(b);
}

/* Whether this is the case that stands for its kernel: the largest one, and of several of that size
 * the fastest. */
bool is_largest(const struct study *study, const struct row *row) {
    for (size_t i = 0; i < study->results->row_count; i++) {
        const struct row *other = &study->results->rows[i];
        if (other == row || !same_kernel(row, other) || !is_shown(study, other) ||
            !is_main(study, other))
            continue;
        if (other->bytes > row->bytes ||
            (other->bytes == row->bytes &&
             (other->median < row->median || (other->median == row->median && other < row))))
            return false;
    }
    return true;
}

/* The case on the fewest threads at the largest size that this kernel ran with on more than one
 * number of threads, within one run: times of different runs are not compared. NULL: none. */
const struct row *speedup_base(const struct study *study, const struct row *row) {
    const struct row *base = NULL, *rows = study->results->rows;
    for (size_t i = 0; i < study->results->row_count; i++) {
        if (!same_kernel(row, &rows[i]) || !is_shown(study, &rows[i]) || !(rows[i].threads > 0))
            continue;
        if (base && !(rows[i].bytes > base->bytes)) continue;
        const struct row *fewest = &rows[i];
        bool several = false;
        for (size_t j = 0; j < study->results->row_count; j++) {
            if (rows[j].bytes != rows[i].bytes || !same_kernel(row, &rows[j]) ||
                rows[j].run != rows[i].run || !is_shown(study, &rows[j]))
                continue;
            several |= rows[j].threads != rows[i].threads;
            if (rows[j].threads < fewest->threads) fewest = &rows[j];
        }
        if (several) base = fewest;
    }
    return base;
}

struct study study_of(const struct results *results) {
    struct study study = {.results = results, .only_throughput = true, .main_library = ""};
    for (size_t i = 0; i < results->row_count; i++)
        if (is_blas(&results->rows[i]) && is_latency(&results->rows[i]))
            study.only_throughput = false;
    const struct row *best = NULL;
    bool cpu = false;
    for (size_t i = 0; i < results->row_count; i++)
        cpu |= is_shown(&study, &results->rows[i]) && !is_gpu(&results->rows[i]);
    for (size_t i = 0; i < results->row_count; i++) {
        const struct row *row = &results->rows[i];
        if (!is_shown(&study, row)) continue;
        count_threads(&study, row);
        if (cpu && is_gpu(row)) continue;
        double rate = isnan(row->gflops) ? 0 : row->gflops;
        if (!best || row->level > best->level ||
            (row->level == best->level && rate > (isnan(best->gflops) ? 0 : best->gflops)))
            best = row;
    }
    if (best) study.main_library = best->library;
    return study;
}
