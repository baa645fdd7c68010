/* The options that every measuring command has. */
#ifndef FLOPSTEP_BENCH_HARNESS_COMMON_H
#define FLOPSTEP_BENCH_HARNESS_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/harness/options.h"
#include "bench/harness/record.h"
#include "bench/harness/sampler.h"
#include "kernels/device.h"
#include "kernels/scalar.h"

enum { MOST_THREAD_COUNTS = 64, MOST_DEVICES = 16 };

struct common {
    const struct device *device; /* the first of devices[] */
    const struct device *devices[MOST_DEVICES];
    size_t device_count;
    int threads[MOST_THREAD_COUNTS]; /* the numbers of threads to measure with */
    size_t thread_counts;            /* 0: not given */
    enum scalar types[SCALAR_COUNT];
    size_t type_count;
    uint64_t seed;
    const char *out; /* NULL: the default folder */
    enum record_format format;
    struct sampler_limits limits;
    bool cold, check, quiet, dry_run;
    double timeout; /* seconds that a rank may be silent; 0: for ever */
};

/* What holds where nothing is given: device cpu, double, seed 1, 1 s a case, precision 0.02, a
 * timeout of 300 s. */
struct common common_defaults(void);

/* The rows of these options. The target of the parse must begin with a struct common. */
extern const struct option_row common_options[];

/* Ends with EXIT_MISSING where no device asked for has one of the types. To be called when all
 * options are read. */
void common_check_types(const struct common *common);

/* The same for commands that compute in s and d alone, on any device. */
void common_check_cpu_types(const struct common *common);

/* One a core, fewer where OMP_THREAD_LIMIT says so. */
int common_default_threads(void);

/* Whether the processor is among the devices. */
bool common_on_cpu(const struct common *common);

/* Says that --threads, where it was given, counts nothing on GPUs alone. */
void common_note_threads(const struct common *common, bool given);

/* The largest number of threads asked for. */
int common_most_threads(const struct common *common);

#endif
