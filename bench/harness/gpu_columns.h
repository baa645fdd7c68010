/* What a row of the results says of the GPU while its case was measured. */
#ifndef FLOPSTEP_BENCH_HARNESS_GPU_COLUMNS_H
#define FLOPSTEP_BENCH_HARNESS_GPU_COLUMNS_H

#include <jansson.h>

#include "bench/harness/gpu_watch.h"

/* Sets the columns sm_clock_mhz, memory_clock_mhz, power_w, temperature_c (medians while the case
 * ran), energy_j, energy_source and throttle; null where unknown or where there is no GPU. */
void gpu_columns_set(json_t *row, const struct gpu_summary *summary);

/* The same in full, for JSON Lines: {"before": {…}, "during": {…}, "after": {…}}, one reading each
 * before and after, ranges [min, median, max] between. null where nothing was read. */
json_t *gpu_columns_whole(const struct gpu_summary *summary);

/* Sets `key` to the reasons in words, "" where there is none; null where unknown. */
void gpu_columns_set_throttle(json_t *row, const char *key, bool known, unsigned long long reasons);

#endif
