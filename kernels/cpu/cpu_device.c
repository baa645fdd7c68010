/* The CPU as a device: memory straight from the kernel, calls that have finished when they return.
 */
#include "kernels/device.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "kernels/cpu/layers/cpu_layers.h"

static bool has_type(const struct device *device, enum scalar type) {
    (void)device;
    return type == SCALAR_S || type == SCALAR_D;
}

/* The least of a set of limits, each a number in a file; 0 where there is none. */
static size_t number_in(const char *path) {
    unsigned long long value = 0;
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    if (fscanf(file, "%llu", &value) != 1) value = 0;
    fclose(file);
    return (size_t)value;
}

static size_t memory_available(const struct device *device) {
    (void)device;
    size_t available = 0;
    char line[128];
    FILE *file = fopen("/proc/meminfo", "r");
    while (file && fgets(line, sizeof line, file)) {
        unsigned long long kib;
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1) available = (size_t)kib << 10;
    }
    if (file) fclose(file);
    /* A container or a batch job may have less than the machine. */
    size_t limit = number_in("/sys/fs/cgroup/memory.max");
    size_t used = number_in("/sys/fs/cgroup/memory.current");
    if (limit && limit > used && limit - used < available) available = limit - used;
    return available;
}

/* Anonymous pages on a 2 MiB boundary, in huge pages where the system grants them: 4 KiB pages
 * would measure the TLB. */
enum { HUGE = 2 << 20 };

static size_t padded(size_t bytes) { return (bytes + HUGE - 1) / HUGE * HUGE; }

static void *allocate(const struct device *device, size_t bytes) {
    (void)device;
    size_t need = padded(bytes) + HUGE;
    if (need < bytes) return NULL;
    char *raw = mmap(NULL, need, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED) return NULL;
    size_t ahead = (HUGE - (size_t)raw % HUGE) % HUGE;
    if (ahead) munmap(raw, ahead);
    char *memory = raw + ahead;
    size_t behind = HUGE - ahead;
    if (behind) munmap(memory + padded(bytes), behind);
    if (bytes >= HUGE) madvise(memory, padded(bytes), MADV_HUGEPAGE);
    return memory;
}

static void release(const struct device *device, void *memory, size_t bytes) {
    (void)device;
    if (memory) munmap(memory, padded(bytes));
}

static void copy(const struct device *device, void *to, const void *from, size_t bytes) {
    (void)device;
    memcpy(to, from, bytes);
}

static void zero(const struct device *device, void *memory, size_t bytes) {
    (void)device;
    memset(memory, 0, bytes);
}

static void synchronise(const struct device *device) { (void)device; }

const struct device cpu_device = {
    .name = "cpu",
    .what = "this machine's processors, through any CBLAS library",
    .square_extent = 1024,
    .has_type = has_type,
    .memory_available = memory_available,
    .allocate = allocate,
    .release = release,
    .copy_in = copy,
    .copy_out = copy,
    .copy = copy,
    .zero = zero,
    .synchronise = synchronise,
    .queue_enter = cpu_queue_enter,
    .layers = &cpu_layers,
};
