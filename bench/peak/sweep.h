/* What the parts of `flopstep peak` share: the options, a case, and how its row is written. */
#ifndef FLOPSTEP_BENCH_PEAK_SWEEP_H
#define FLOPSTEP_BENCH_PEAK_SWEEP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "bench/ceilings.h"
#include "bench/device_ceilings.h"
#include "bench/harness/common.h"
#include "bench/harness/machine_state.h"
#include "bench/harness/progress.h"
#include "bench/harness/record.h"
#include "bench/rank_report.h"

enum { MOST_PROBES = 64, MOST_WORKING_SETS = 64 };

struct peak_options {
    struct common common; /* first: the common rows write here */
    const char *probes[MOST_PROBES];
    size_t probe_count; /* 0: all */
    size_t working_sets[MOST_WORKING_SETS];
    size_t working_set_count; /* 0: from the first cache to memory */
};

/* One row of the results. */
struct peak_case {
    const struct device *device;
    const char *probe, *isa; /* isa NULL: none */
    enum scalar type;        /* SCALAR_COUNT: none */
    int threads;
    size_t working_set; /* bytes, rounded as the probe does; 0: none */
    union {
        struct fma_ceiling fma;
        struct bandwidth_ceiling bandwidth;
        struct device_ceiling device;
    } ceiling;
};

struct sweep {
    const struct peak_options *options;
    struct record record;
    struct rank_report *ranks; /* NULL: one rank */
    struct progress progress;
    size_t step;
};

/* Whether the probe was asked for. */
bool peak_wanted(const struct peak_options *options, const char *probe);

/* The sizes of the first rank on all of them, which may have other caches or less memory. */
size_t peak_same_sizes(size_t *sets, size_t count);

/* Orders sizes in bytes, for qsort. */
int peak_by_size(const void *a, const void *b);

/* ---- rows.c ---- */

/* What was found beside the samples. */
struct peak_findings {
    double flops, bytes;      /* of one repetition; NaN: none */
    const char *memory_level; /* NULL: none */
    bool unpinned, throttled;
    double clock_ghz; /* NaN: unknown */
    struct machine_state before, after;
};

/* Writes a row to the results and, in table format, on standard output. Collective. */
void peak_write_result(struct sweep *sweep, const struct peak_case *c, const struct subject *s,
                       const struct peak_findings *found);
/* The same of a case without a result: status "skipped", "failed" or "incomplete". */
void peak_write_none(struct sweep *sweep, const struct peak_case *c, const char *status,
                     const char *reason);
void peak_write_interrupted(struct sweep *sweep, const struct peak_case *c);
void peak_print_header(void);
/* A line of the list of cases. */
void peak_list_case(enum record_format format, const struct peak_case *c);
/* "24 KiB", "1.5 MiB" */
void peak_bytes_text(double bytes, char *text, size_t size);

/* ---- host_probes.c ---- */

/* Cases of the processor, or lists them; `steps` is the number of groups measured at most. */
size_t host_probes_steps(const struct peak_options *options);
void host_probes_sweep(struct sweep *sweep);
size_t host_probes_list(const struct peak_options *options);

/* ---- device_probes.c: the same of a device that runs behind ---- */

size_t device_probes_steps(const struct peak_options *options, const struct device *device);
void device_probes_sweep(struct sweep *sweep, const struct device *device);
size_t device_probes_list(const struct peak_options *options, const struct device *device);

/* device_probe_texts.c: probes that a device may have and the processor has not; a row without a
 * name behind the last. */
struct device_probe_text {
    const char *name, *what;
};
extern const struct device_probe_text device_probe_texts[];

#endif
