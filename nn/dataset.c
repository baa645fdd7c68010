#include "nn/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "nn/dataset_files.h"
#include "nn/reason.h"

enum dataset_status dataset_load(struct dataset *dataset, const char *name, const char *folder,
                                 uint64_t seed, char *reason, size_t size) {
    *dataset = (struct dataset){0};
    const struct dataset_row *row = dataset_find(name);
    if (!row) {
        reason_set(reason, size, "unknown data set '%s'; 'flopstep list' shows them", name);
        return DATASET_MISSING;
    }
    if (!row->generate) return dataset_load_files(dataset, row, folder, reason, size);
    if (row->generate(dataset, seed)) return DATASET_OK;
    reason_set(reason, size, "data set '%s': not enough memory", name);
    return DATASET_BAD;
}

static void free_samples(struct samples *part) {
    free(part->pixels);
    free(part->numbers);
    free(part->labels);
    free(part->targets);
    *part = (struct samples){0};
}

void dataset_free(struct dataset *dataset) {
    free_samples(&dataset->train);
    free_samples(&dataset->validation);
    free_samples(&dataset->test);
}

/* A copy of elements [first, first + count) of `bytes` each; NULL stays NULL. */
static bool copy_some(void **copy, const void *from, size_t bytes, long first, long count) {
    *copy = NULL;
    if (!from) return true;
    *copy = malloc(bytes * (size_t)count);
    if (*copy) memcpy(*copy, (const char *)from + bytes * (size_t)first, bytes * (size_t)count);
    return *copy;
}

bool dataset_hold_out(struct dataset *dataset, long count) {
    struct samples *train = &dataset->train, held = {.count = count};
    if (count < 0 || count >= train->count || dataset->validation.count > 0) return false;
    if (count == 0) return true;

    size_t inputs = (size_t)extent_size(dataset->extent), outputs = (size_t)dataset->outputs;
    long first = train->count - count;
    void *pixels, *numbers, *labels, *targets;
    bool good = copy_some(&pixels, train->pixels, inputs, first, count);
    good &= copy_some(&numbers, train->numbers, inputs * sizeof(double), first, count);
    good &= copy_some(&labels, train->labels, sizeof(int32_t), first, count);
    good &= copy_some(&targets, train->targets, outputs * sizeof(double), first, count);
    held.pixels = pixels;
    held.numbers = numbers;
    held.labels = labels;
    held.targets = targets;
    if (!good) {
        free_samples(&held);
        return false;
    }
    dataset->validation = held;
    train->count = first;
    return true;
}

bool dataset_take_first(struct dataset *dataset, long train, long test) {
    if (train < 0 || test < 0 || train > dataset->train.count || test > dataset->test.count)
        return false;
    if (train) dataset->train.count = train;
    if (test) dataset->test.count = test;
    return true;
}
