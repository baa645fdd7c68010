#include "bench/rank_rows.h"

#include <math.h>
#include <stdlib.h>

#include "bench/harness/error.h"
#include "bench/harness/record.h"
#include "bench/harness/statistics.h"
#include "mpi/ranks.h"

static json_t *reals(const double *values, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, isfinite(values[i]) ? json_real(values[i]) : json_null());
    return list;
}

void rank_rows_set(json_t *row, const double *own, size_t count) {
    const int ranks = ranks_get()->count;
    double none = own && count ? 0 : 1; /* a rank without samples: nobody has any */
    if (ranks == 1) return;
    ranks_max(&none, 1);
    if (none > 0) return;
    double *all = calloc((size_t)ranks * count, sizeof *all);
    double *median = calloc((size_t)ranks, sizeof *median);
    if (!all || !median) die(EXIT_MISSING, "out of memory for the samples of %d ranks", ranks);
    ranks_gather(own, (int)count, all);
    json_t *samples = json_array();
    int slowest = 0;
    for (int r = 0; r < ranks; r++) {
        median[r] = statistics_median(all + (size_t)r * count, count);
        json_array_append_new(samples, reals(all + (size_t)r * count, count));
        if (median[r] > median[slowest]) slowest = r;
    }
    double middle = statistics_median(median, (size_t)ranks);
    json_t *slow = json_array();
    for (int r = 0; r < ranks; r++)
        if (median[r] > RANK_SLOW * middle) json_array_append_new(slow, json_integer(r));
    json_object_set_new(row, "rank_samples_s", samples);
    json_object_set_new(row, "rank_median_s", reals(median, (size_t)ranks));
    json_object_set_new(row, "slowest_rank", json_integer(slowest));
    record_set_real(row, "rank_spread", median[slowest] / middle);
    json_object_set_new(row, "nodes", json_integer(ranks_get()->nodes));
    json_object_set_new(row, "slow_ranks", slow);
    free(all);
    free(median);
}
