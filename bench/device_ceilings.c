#include "bench/device_ceilings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/device_time.h"
#include "bench/harness/clock.h"

/* Events resolve half a microsecond, and starting a region costs some: 0.5 % at most. */
static const double least_region = 2e-3;

const struct device_probe *device_ceiling_find(const struct device *device, const char *probe,
                                               enum scalar type) {
    size_t count = 0;
    const struct device_probe *table = device->probes ? device->probes(device, &count) : NULL;
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].name, probe) == 0 && (type == SCALAR_COUNT || table[i].type == type) &&
            table[i].supported(device))
            return &table[i];
    return NULL;
}

const struct device_probe *device_ceiling_of_products(const struct device *device,
                                                      enum scalar type) {
    const struct device_probe *tensor = device_ceiling_find(device, "tensor", type);
    return tensor ? tensor : device_ceiling_find(device, "fma", type);
}

size_t device_ceiling_working_set(size_t bytes) {
    size_t whole = DEVICE_PROBE_BLOCK * sizeof(double) * 6; /* of 1, 2 and 3 arrays */
    return bytes < whole ? whole : bytes / whole * whole;
}

enum { CHUNK = 1 << 20 };

static void fill_host(void *memory, size_t bytes) {
    double *values = memory;
    for (size_t i = 0; i < bytes / sizeof(double); i++) values[i] = 0.5 + 1e-3 * (double)(i % 251);
}

/* A chunk comes from the host, then what is there is doubled. */
void *device_ceiling_memory(const struct device *device, size_t bytes) {
    size_t filled = bytes < CHUNK ? bytes : CHUNK;
    char *memory = device->allocate(device, bytes);
    void *chunk = memory ? malloc(filled) : NULL;
    if (memory && !chunk) device->release(device, memory, bytes);
    if (!chunk) return NULL;
    fill_host(chunk, filled);
    device->copy_in(device, memory, chunk, filled);
    free(chunk);
    while (filled < bytes) {
        size_t more = filled < bytes - filled ? filled : bytes - filled;
        device->copy(device, memory + filled, memory, more);
        filled += more;
    }
    device->synchronise(device);
    return memory;
}

static bool needs_host(const struct device_probe *probe) {
    return probe->needs == PROBE_PINNED_TOO || probe->needs == PROBE_PAGEABLE_TOO;
}

static void *host_memory(const struct device_ceiling *c) {
    if (c->probe->needs == PROBE_PAGEABLE_TOO) return malloc(c->bytes);
    return c->device->allocate_pinned(c->device, c->bytes);
}

/* One line, where something is missing. */
static bool get_memory(struct device_ceiling *c, size_t bytes, void *memory, char *reason,
                       size_t size) {
    const struct device *device = c->device;
    size_t available = memory ? bytes : device->memory_available(device);
    c->bytes = bytes;
    c->memory = memory;
    if (!memory && bytes <= available / 10 * 9) {
        c->memory = device_ceiling_memory(device, bytes);
        c->owns_memory = c->memory != NULL;
    }
    if (!c->memory) {
        snprintf(reason, size, "the working set needs %.3g GB, %.3g GB of memory are free",
                 (double)bytes * 1e-9, (double)available * 1e-9);
        return false;
    }
    if (!needs_host(c->probe)) return true;
    c->host = host_memory(c);
    if (c->host)
        fill_host(c->host, bytes);
    else
        snprintf(reason, size, "the host has no %.3g GB of %s memory", (double)bytes * 1e-9,
                 c->probe->needs == PROBE_PINNED_TOO ? "pinned" : "pageable");
    return c->host != NULL;
}

bool device_ceiling_open(struct device_ceiling *c, const struct device *device,
                         const struct device_probe *probe, size_t bytes, void *memory, char *reason,
                         size_t size) {
    *c = (struct device_ceiling){.device = device, .probe = probe};
    bool ready = probe->needs == PROBE_NO_MEMORY || get_memory(c, bytes, memory, reason, size);
    if (ready) {
        c->from = device->event_new(device);
        c->to = device->event_new(device);
    }
    const char *error = device->error(device);
    if (error) snprintf(reason, size, "%s", error);
    if (ready && !error) return true;
    device_ceiling_close(c);
    return false;
}

void device_ceiling_close(struct device_ceiling *c) {
    if (c->from) c->device->event_free(c->device, c->from);
    if (c->to) c->device->event_free(c->device, c->to);
    if (c->host && c->probe->needs == PROBE_PAGEABLE_TOO) free(c->host);
    if (c->host && c->probe->needs == PROBE_PINNED_TOO)
        c->device->release_pinned(c->device, c->host);
    if (c->owns_memory) c->device->release(c->device, c->memory, c->bytes);
    *c = (struct device_ceiling){.device = c->device, .probe = c->probe};
}

static void enter(void *context) {
    const struct device_ceiling *c = context;
    struct queue queue = {.device = c->device};
    c->device->queue_enter(&queue);
}

static void issue(void *context, long repetitions) {
    const struct device_ceiling *c = context;
    c->probe->run(c->device, c->memory, c->host, c->bytes, repetitions);
}

static void run(void *context, long repetitions) {
    const struct device_ceiling *c = context;
    issue(context, repetitions);
    c->device->synchronise(c->device);
}

static double timed(void *context, long repetitions) {
    struct device_ceiling *c = context;
    const struct device *device = c->device;
    if (device->error(device)) return INFINITY; /* somebody else's */
    double seconds;
    if (c->probe->unit == PROBE_SECONDS) {
        double begin = clock_seconds();
        run(context, repetitions);
        seconds = (clock_seconds() - begin) / c->probe->work(device, c->bytes);
    } else {
        seconds = device_time(device, c->from, c->to, issue, context, repetitions);
    }
    c->failed = device->error(device) || !isfinite(seconds);
    return c->failed ? INFINITY : seconds;
}

struct subject device_ceiling_subject(struct device_ceiling *ceiling) {
    return (struct subject){.context = ceiling,
                            .enter = enter,
                            .run = run,
                            .timed = timed,
                            .least_region = least_region};
}

double device_ceiling_work(const struct device_ceiling *ceiling) {
    if (ceiling->probe->unit == PROBE_SECONDS) return NAN;
    return ceiling->probe->work(ceiling->device, ceiling->bytes);
}
