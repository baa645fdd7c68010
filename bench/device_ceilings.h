/* The ceilings of a device that runs behind, as subjects of interleaved rounds: `peak` reports
 * them, `blas` holds its kernels against those taken in the same rounds. */
#ifndef FLOPSTEP_BENCH_DEVICE_CEILINGS_H
#define FLOPSTEP_BENCH_DEVICE_CEILINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/harness/rounds.h"
#include "kernels/device.h"

/* Arrays of the bandwidth probes are whole blocks of this many doubles. */
enum { DEVICE_PROBE_BLOCK = 64 };

/* One probe of a device on the memory it needs. */
struct device_ceiling {
    const struct device *device;
    const struct device_probe *probe;
    void *memory; /* the device's, of `bytes`; NULL where the probe needs none */
    void *host;   /* pinned or pageable, of `bytes`; NULL where the probe needs none */
    size_t bytes; /* the working set, see device_ceiling_working_set() */
    bool owns_memory;
    bool failed;     /* an error of the device was first seen here */
    void *from, *to; /* events */
};

/* The device's probe of that name and type; SCALAR_COUNT: of any type. NULL: it has none, or the
 * device does not support it. */
const struct device_probe *device_ceiling_find(const struct device *device, const char *probe,
                                               enum scalar type);

/* The probe that matrix products of a type are held against: the matrix units' where the device has
 * them for it, else the FMA rate. NULL: neither. */
const struct device_probe *device_ceiling_of_products(const struct device *device,
                                                      enum scalar type);

/* The working set asked for, rounded down to whole blocks of one, two and three arrays. */
size_t device_ceiling_working_set(size_t bytes);

/* Memory of the device filled with ordinary numbers, to be given back by device->release(); NULL
 * where there is not enough. */
void *device_ceiling_memory(const struct device *device, size_t bytes);

/* Gets what the probe needs, filled with ordinary numbers; `bytes` as from the function above (a
 * probe that needs no memory takes none). Where `memory` is given (of `bytes` at least) it is used
 * and stays the caller's. False where there is not enough memory or the device has failed: `reason`
 * is one line, and there is nothing to close. */
bool device_ceiling_open(struct device_ceiling *ceiling, const struct device *device,
                         const struct device_probe *probe, size_t bytes, void *memory, char *reason,
                         size_t size);
void device_ceiling_close(struct device_ceiling *ceiling);

/* Rates are timed by the device's events; what the host waits for (a launch, a small copy) by the
 * host's clock. After an error of the device regions last for ever (INFINITY), which ends the
 * sampling soon: ask the device. */
struct subject device_ceiling_subject(struct device_ceiling *ceiling);

/* FLOP or bytes of one repetition; NaN for probes whose result is seconds. */
double device_ceiling_work(const struct device_ceiling *ceiling);

#endif
