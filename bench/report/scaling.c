#include "bench/report/scaling.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/report/study.h"
#include "bench/report/text.h"
#include "mpi/gradients.h"

static bool is_step(const struct row *row) {
    return row->ok && same(row->command, "train") && same(row->kind, "steps") && row->median > 0 &&
           row->batch > 0;
}

bool is_reducing(const struct row *row) {
    return is_step(row) && row_ranks(row) > 1 && *record_text(row->record, "reduce");
}

double global_batch(const struct row *row) {
    double batch = record_number(row->record, "global_batch");
    return batch > 0 ? batch : row->batch * row_ranks(row);
}

/* What makes steps other steps. Texts; absent and null are the same. */
static const char *const step_keys[] = {"dataset", "optimizer", "loss_function", "math",
                                        "conv",    "dense",     "isa",           "without"};
enum { STEP_KEYS = sizeof step_keys / sizeof step_keys[0] };

bool is_base(const struct row *base, const struct row *row, double batch) {
    if (!is_step(base) || row_ranks(base) > 1 || *record_text(base->record, "reduce")) return false;
    if (base->batch != batch || !same(base->network, row->network) ||
        !same(base->type, row->type) || !same(base->device, row->device) ||
        !same(base->library, row->library) || !same(base->run->model, row->run->model))
        return false;
    if (base->threads != row->threads && !(isnan(base->threads) && isnan(row->threads)))
        return false;
    for (int k = 0; k < STEP_KEYS; k++)
        if (!same(record_text(base->record, step_keys[k]), record_text(row->record, step_keys[k])))
            return false;
    return true;
}

static bool same_folder(const struct row *a, const struct row *b) {
    const char *left = a->run->path, *right = b->run->path;
    const char *left_end = strrchr(left, '/'), *right_end = strrchr(right, '/');
    size_t length = left_end ? (size_t)(left_end - left) : 0;
    return length == (right_end ? (size_t)(right_end - right) : 0) &&
           strncmp(left, right, length) == 0;
}

const struct row *find_base(const struct results *results, const struct row *row, double batch) {
    const struct row *best = NULL;
    for (size_t i = 0; i < results->row_count; i++) {
        const struct row *base = &results->rows[i];
        if (!is_base(base, row, batch)) continue;
        bool nearer = best && same_folder(base, row) && !same_folder(best, row);
        bool farther = best && !same_folder(base, row) && same_folder(best, row);
        if (!best || nearer || (!farther && base->median < best->median)) best = base;
    }
    return best;
}

void rank_processor(const struct row *row, char *text, size_t size) {
    if (is_gpu(row))
        snprintf(text, size, "%.40s", row->device);
    else
        threads_text(row->threads, text, size);
}

int reduce_order(const char *mode) {
    int order = 0;
    while (reduce_names[order].name && !same(reduce_names[order].name, mode)) order++;
    return order;
}
