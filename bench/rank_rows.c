#include "bench/rank_rows.h"

#include <math.h>
#include <stdlib.h>

#include "bench/harness/error.h"
#include "bench/harness/record.h"
#include "bench/harness/statistics.h"
#include "bench/rank_outliers.h"
#include "mpi/ranks.h"

static json_t *reals(const double *values, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, isfinite(values[i]) ? json_real(values[i]) : json_null());
    return list;
}

static struct rank_times times_of(const double *samples, size_t count) {
    struct summary s = statistics_summary(samples, count);
    bool interval = isfinite(s.low) && isfinite(s.high);
    return (struct rank_times){s.median, interval ? s.low : s.min, interval ? s.high : s.max};
}

static json_t *slow_ranks(const struct rank_times *times, int ranks) {
    json_t *list = json_array();
    double *ratio = calloc((size_t)ranks, sizeof *ratio);
    bool *slow = calloc((size_t)ranks, sizeof *slow);
    if (!ratio || !slow || !rank_outliers_of_case(times, ranks, ratio, slow))
        die(EXIT_MISSING, "out of memory for the times of %d ranks", ranks);
    for (int r = 0; r < ranks; r++)
        if (slow[r]) json_array_append_new(list, json_integer(r));
    free(ratio);
    free(slow);
    return list;
}

/* Median (0), low (1) or high (2) of every rank. */
static json_t *column(const struct rank_times *times, int ranks, size_t quantity) {
    json_t *list = json_array();
    for (int r = 0; r < ranks; r++) {
        const double values[3] = {times[r].median, times[r].low, times[r].high};
        json_array_append_new(list, isfinite(values[quantity]) ? json_real(values[quantity])
                                                               : json_null());
    }
    return list;
}

static void set_times(json_t *row, const struct rank_times *times, int ranks) {
    double *median = calloc((size_t)ranks, sizeof *median);
    if (!median) die(EXIT_MISSING, "out of memory for the times of %d ranks", ranks);
    int slowest = 0;
    for (int r = 0; r < ranks; r++) {
        median[r] = times[r].median;
        if (median[r] > median[slowest]) slowest = r;
    }
    double middle = statistics_median(median, (size_t)ranks);
    json_object_set_new(row, "rank_median_s", column(times, ranks, 0));
    json_object_set_new(row, "rank_low_s", column(times, ranks, 1));
    json_object_set_new(row, "rank_high_s", column(times, ranks, 2));
    json_object_set_new(row, "slowest_rank", json_integer(slowest));
    record_set_real(row, "rank_spread", median[slowest] / middle);
    json_object_set_new(row, "nodes", json_integer(ranks_get()->nodes));
    json_object_set_new(row, "slow_ranks", slow_ranks(times, ranks));
    free(median);
}

void rank_rows_set(json_t *row, const double *own, size_t count) {
    const int ranks = ranks_get()->count;
    double none = own && count ? 0 : 1; /* a rank without samples: nobody has any */
    if (ranks == 1) return;
    ranks_max(&none, 1);
    if (none > 0 || !count) return;
    double *all = calloc((size_t)ranks * count, sizeof *all);
    struct rank_times mine = times_of(own, count), *times = calloc((size_t)ranks, sizeof *times);
    if (!all || !times) die(EXIT_MISSING, "out of memory for the samples of %d ranks", ranks);
    ranks_gather(own, (int)count, all);
    json_t *samples = json_array();
    for (int r = 0; r < ranks; r++)
        json_array_append_new(samples, reals(all + (size_t)r * count, count));
    json_object_set_new(row, "rank_samples_s", samples);
    ranks_gather(&mine.median, sizeof mine / sizeof(double), &times[0].median);
    set_times(row, times, ranks);
    free(all);
    free(times);
}

static json_t *rate_of_all(const json_t *medians, double work) {
    double sum = 0;
    size_t r;
    const json_t *median;
    json_array_foreach(medians, r, median) sum += work / json_number_value(median) * 1e-9;
    return work > 0 && isfinite(sum) && sum > 0 ? json_real(sum) : json_null();
}

void rank_rows_set_rates(json_t *row, double flops, double bytes) {
    const json_t *medians = json_object_get(row, "rank_median_s");
    if (!medians) return;
    json_object_set_new(row, "all_gflops", rate_of_all(medians, flops));
    json_object_set_new(row, "all_gbytes_per_s", rate_of_all(medians, bytes));
}
