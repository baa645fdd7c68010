#include "bench/harness/common.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"
#include "bench/harness/together.h"
#include "kernels/cpu/team.h"
#include "kernels/cpu/topology.h"
#include "kernels/device_module.h"

struct common common_defaults(void) {
    return (struct common){.device = &cpu_device,
                           .devices = {&cpu_device},
                           .device_count = 1,
                           .types = {SCALAR_D},
                           .type_count = 1,
                           .seed = 1,
                           .format = FORMAT_TABLE,
                           .limits = {.precision = 0.02, .budget = 1},
                           .check = true,
                           .timeout = 300};
}

int common_default_threads(void) {
    int cores = topology_get()->cores, limit = team_limit();
    return cores < limit ? cores : limit;
}

bool common_on_cpu(const struct common *common) {
    for (size_t i = 0; i < common->device_count; i++)
        if (!common->devices[i]->own_memory) return true;
    return false;
}

void common_note_threads(const struct common *common, bool given) {
    if (given && !common->quiet && !common_on_cpu(common))
        fputs("note: --threads counts the processor's threads; a GPU row has none to count\n",
              stderr);
}

int common_most_threads(const struct common *common) {
    int most = 1;
    for (size_t i = 0; i < common->thread_counts; i++)
        if (common->threads[i] > most) most = common->threads[i];
    return most;
}

static void add_device(struct common *c, const char *name, const char *value) {
    char reason[512] = "";
    bool unknown = false;
    const struct device *device = device_open(value, reason, sizeof reason, &unknown);
    if (!device && unknown) die(EXIT_USAGE, "--%s: %s", name, reason);
    if (!device) die(EXIT_MISSING, "--%s %s: %s; --device cpu needs no GPU", name, value, reason);
    if (c->device_count < MOST_DEVICES) c->devices[c->device_count++] = device;
    c->device = c->devices[0];
}

/* "cuda" of several processes on one machine: each takes a GPU of its own while there are enough.
 */
static const char *of_this_rank(const char *value, char *gpu, size_t size) {
    char reason[512];
    int rank = together_get()->local_rank, gpus = 0;
    if (rank && strcmp(value, "cuda") == 0) gpus = device_module_count(reason, sizeof reason);
    if (gpus == 0 || rank % gpus == 0) return value;
    snprintf(gpu, size, "cuda:%d", rank % gpus);
    return gpu;
}

/* all: the processor, and what GPUs there are. */
static void take_device(void *target, const char *name, const char *value) {
    struct common *c = target;
    char reason[512], gpu[32];
    c->device_count = 0;
    if (strcmp(value, "all") != 0) {
        add_device(c, name, of_this_rank(value, gpu, sizeof gpu));
        return;
    }
    int gpus = device_module_count(reason, sizeof reason);
    add_device(c, name, "cpu");
    for (int i = 0; i < gpus; i++) {
        bool unknown;
        snprintf(gpu, sizeof gpu, "cuda:%d", i);
        const struct device *device = device_open(gpu, reason, sizeof reason, &unknown);
        if (device && c->device_count < MOST_DEVICES)
            c->devices[c->device_count++] = device;
        else
            warn("--%s all: %s is left out: %s", name, gpu, reason);
    }
}

static void take_threads(void *target, const char *name, const char *value) {
    struct common *c = target;
    int most = topology_get()->hardware_threads;
    c->thread_counts = 0;
    char **list = option_list(name, value);
    for (char **entry = list; *entry; entry++) {
        if (c->thread_counts == MOST_THREAD_COUNTS)
            die(EXIT_USAGE, "--%s: more than %d numbers", name, MOST_THREAD_COUNTS);
        long threads = option_integer(name, *entry, 1, INT_MAX);
        if (threads > most)
            die(EXIT_USAGE, "--%s %ld: this process may use %d hardware thread%s", name, threads,
                most, most == 1 ? "" : "s");
        if (threads > team_limit())
            die(EXIT_USAGE, "--%s %ld: OMP_THREAD_LIMIT=%d is set; unset it for more threads", name,
                threads, team_limit());
        bool seen = false;
        for (size_t i = 0; i < c->thread_counts; i++) seen |= c->threads[i] == (int)threads;
        if (!seen) c->threads[c->thread_counts++] = (int)threads;
    }
    option_list_free(list);
}

static void take_types(void *target, const char *name, const char *value) {
    struct common *c = target;
    bool seen[SCALAR_COUNT] = {false};
    c->type_count = 0;
    char **list = option_list(name, value);
    for (char **entry = list; *entry; entry++) {
        enum scalar type = SCALAR_COUNT;
        for (enum scalar t = 0; t < SCALAR_COUNT; t++)
            if (strcmp(*entry, scalar_letter(t)) == 0) type = t;
        if (type == SCALAR_COUNT)
            die(EXIT_USAGE, "--%s: no type is called '%s'; there are s, d, h, bf16 and tf32", name,
                *entry);
        if (!seen[type]) c->types[c->type_count++] = type;
        seen[type] = true;
    }
    option_list_free(list);
}

/* "cpu has s and d" */
static void types_of(const struct device *device, char *text, size_t size) {
    enum scalar types[SCALAR_COUNT];
    size_t count = 0;
    for (enum scalar t = 0; t < SCALAR_COUNT; t++)
        if (device->has_type(device, t)) types[count++] = t;
    int used = snprintf(text, size, "%s has", device->name);
    for (size_t i = 0; i < count && used > 0 && (size_t)used < size; i++)
        used += snprintf(text + used, size - (size_t)used, "%s%s",
                         i == 0           ? " "
                         : i + 1 == count ? " and "
                                          : ", ",
                         scalar_letter(types[i]));
}

void common_check_types(const struct common *common) {
    for (size_t t = 0; t < common->type_count; t++) {
        bool found = false;
        for (size_t d = 0; d < common->device_count; d++)
            found |= common->devices[d]->has_type(common->devices[d], common->types[t]);
        if (found) continue;
        char text[128];
        types_of(common->devices[common->device_count - 1], text, sizeof text);
        die(EXIT_MISSING, "--types %s: no device here has this type; %s",
            scalar_letter(common->types[t]), text);
    }
}

void common_check_cpu_types(const struct common *common) {
    common_check_types(common);
    for (size_t t = 0; t < common->type_count; t++)
        if (common->types[t] >= SCALAR_CPU_COUNT)
            die(EXIT_USAGE, "--types %s: this command computes in s and d; blas has the others",
                scalar_letter(common->types[t]));
}

static void take_seed(void *target, const char *name, const char *value) {
    char *end;
    errno = 0;
    unsigned long long seed = strtoull(value, &end, 0);
    if (*value < '0' || *value > '9' || *end || errno || seed > INT64_MAX) /* JSON's integers */
        die(EXIT_USAGE, "--%s '%s' is not a whole number from 0 to 2^63 - 1", name, value);
    ((struct common *)target)->seed = seed;
}

static void take_out(void *target, const char *name, const char *value) {
    (void)name;
    ((struct common *)target)->out = value;
}

static void take_format(void *target, const char *name, const char *value) {
    static const char *const names[] = {"table", "csv", "jsonl"};
    for (int i = 0; i < 3; i++)
        if (strcmp(value, names[i]) == 0) {
            ((struct common *)target)->format = (enum record_format)i;
            return;
        }
    die(EXIT_USAGE, "--%s: no format is called '%s'; there are table, csv and jsonl", name, value);
}

static void take_budget(void *target, const char *name, const char *value) {
    ((struct common *)target)->limits.budget = option_real(name, value, 1e-6, 1e6);
}

static void take_precision(void *target, const char *name, const char *value) {
    ((struct common *)target)->limits.precision = option_real(name, value, 0, 1);
}

static void take_max_samples(void *target, const char *name, const char *value) {
    ((struct common *)target)->limits.max_samples =
        (size_t)option_integer(name, value, 1, 100000000);
}

static void take_timeout(void *target, const char *name, const char *value) {
    double seconds = option_real(name, value, 0, 1e9);
    if (seconds > 0 && seconds < 1)
        die(EXIT_USAGE,
            "--%s %s: a rank tells five times a second that it lives; write 1 or more, "
            "or 0 to wait for ever",
            name, value);
    ((struct common *)target)->timeout = seconds;
}

#define SWITCH(option, member, value_if_given)                                                     \
    static void take_##option(void *target, const char *name, const char *value) {                 \
        (void)name, (void)value;                                                                   \
        ((struct common *)target)->member = value_if_given;                                        \
    }
SWITCH(cold, cold, true)
SWITCH(no_check, check, false)
SWITCH(quiet, quiet, true)
SWITCH(dry_run, dry_run, true)

const struct option_row common_options[] = {
    {"device", "NAME", "where to run: cpu, cuda, cuda:N or all (default cpu)", take_device},
    {"threads", "LIST", "numbers of threads, e.g. 1,2,4 (default: one a core; peak: 1 to all)",
     take_threads},
    {"types", "LIST",
     "element types: s, d; on GPUs also h, bf16, tf32 (default d; train, allreduce: s; peak: all)",
     take_types},
    {"seed", "N", "of the random operands (default 1)", take_seed},
    {"out", "DIR", "folder for the results (default results/local/<host>-<UTC time>)", take_out},
    {"format", "NAME", "of standard output: table, csv or jsonl (default table)", take_format},
    {"time-budget", "S",
     "seconds of sampling for each case at most (default 1; peak, allreduce: 0.2)", take_budget},
    {"precision", "P",
     "stop sampling when the median is known to +-P (default 0.02; 0: use the "
     "whole budget)",
     take_precision},
    {"max-samples", "N", "samples of each case at most", take_max_samples},
    {"timeout", "S",
     "of several ranks: ends all where one is silent so long, and names it (default 300; 0: never)",
     take_timeout},
    {"cold", NULL, "operands come from memory: rotated beyond the last-level cache", take_cold},
    {"no-check", NULL, "do not compare results with the reference", take_no_check},
    {"quiet", NULL, "no progress and no notes", take_quiet},
    {"dry-run", NULL, "list the cases and run none", take_dry_run},
    {NULL, NULL, NULL, NULL},
};
