#include "bench/harness/provenance.h"

#include <hwloc.h>
#include <omp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench/harness/clock.h"
#include "bench/harness/machine_state.h"
#include "bench/harness/record.h"
#include "build_info.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/team.h"
#include "kernels/cpu/topology.h"

/* Variables that change what is measured; others may hold secrets and stay out. */
static const char *const kept_variables[] = {"OMP_",
                                             "GOMP_",
                                             "KMP_",
                                             "OPENBLAS_",
                                             "GOTO_",
                                             "BLIS_",
                                             "MKL_",
                                             "ARMPL_",
                                             "NVPL_",
                                             "SLURM_JOB_",
                                             "SLURM_CPUS_",
                                             "SLURM_NTASKS",
                                             "SLURM_PROCID",
                                             "SLURM_LOCALID",
                                             "SLURM_NODEID",
                                             "SLURM_NNODES",
                                             "CUDA_",
                                             "CUBLAS_",
                                             "NVIDIA_TF32_OVERRIDE",
                                             "FLOPSTEP_"};

static json_t *environment(void) {
    json_t *kept = json_object();
    for (char **entry = environ; *entry; entry++)
        for (size_t i = 0; i < sizeof kept_variables / sizeof *kept_variables; i++) {
            const char *equals = strchr(*entry, '=');
            if (!equals || strncmp(*entry, kept_variables[i], strlen(kept_variables[i])) != 0)
                continue;
            char name[128];
            snprintf(name, sizeof name, "%.*s", (int)(equals - *entry), *entry);
            json_object_set_new(kept, name, record_string(equals + 1));
            break;
        }
    return kept;
}

/* The value of a "name : value" line of /proc/cpuinfo; false where there is none. */
static bool cpuinfo(const char *name, char *value, size_t size) {
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[4096];
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, name, strlen(name)) != 0) continue;
        char *begin = colon + 1 + strspn(colon + 1, " \t");
        begin[strcspn(begin, "\n")] = '\0';
        snprintf(value, size, "%s", begin);
        found = true;
    }
    if (file) fclose(file);
    return found;
}

const char *provenance_cpu_model(void) {
    static char model[256];
    if (!model[0] && !cpuinfo("model name", model, sizeof model) &&
        !cpuinfo("Model", model, sizeof model))
        snprintf(model, sizeof model, "unknown");
    return model;
}

/* First line of a small file, or null. */
static json_t *line_of(const char *path) {
    char text[256];
    FILE *file = fopen(path, "r");
    if (!file) return json_null();
    bool got = fgets(text, sizeof text, file) != NULL;
    fclose(file);
    if (!got) return json_null();
    text[strcspn(text, "\n")] = '\0';
    return record_string(text);
}

/* Whether a hypervisor runs below, by the processor's own flag; null where it has no such flag. */
static json_t *virtual_machine(void) {
    static char flags[8192];
    if (!cpuinfo("flags", flags, sizeof flags)) return json_null();
    return json_boolean(strstr(flags, " hypervisor") != NULL);
}

static json_t *cache(int level) {
    size_t bytes = topology_get()->cache_bytes[level];
    return bytes ? json_integer((json_int_t)bytes) : json_null();
}

static json_t *processor(void) {
    const struct topology *t = topology_get();
    char summary[256];
    topology_summary(summary, sizeof summary);
    json_t *isa = json_array();
    size_t count;
    const struct isa *table = isa_table(&count);
    for (size_t i = 0; i < count; i++)
        if (table[i].supported() && table[i].supported != isa_any)
            json_array_append_new(isa, json_string(table[i].name));
    char hwloc_version[32];
    unsigned v = hwloc_get_api_version();
    snprintf(hwloc_version, sizeof hwloc_version, "%u.%u.%u", v >> 16, v >> 8 & 255, v & 255);
    json_t *cpu = json_pack("{s:s, s:i, s:i, s:i, s:i, s:s, s:o, s:s}", "model",
                            provenance_cpu_model(), "sockets", t->sockets, "cores", t->cores,
                            "hardware_threads", t->hardware_threads, "numa_nodes", t->numa_nodes,
                            "topology", summary, "isa", isa, "hwloc", hwloc_version);
    json_object_set_new(cpu, "governor",
                        line_of("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"));
    json_object_set_new(cpu, "maximum_khz",
                        line_of("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq"));
    record_set_real(cpu, "clock_ghz", machine_state_clock());
    return cpu;
}

static json_t *build(void) {
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "version", BUILD_VERSION, "git_revision",
                     BUILD_GIT_REVISION, "compiler", BUILD_COMPILER, "flags", BUILD_FLAGS, "type",
                     BUILD_TYPE);
}

json_t *provenance_new(int argc, char **argv) {
    json_t *command_line = json_array();
    json_array_append_new(command_line, json_string("flopstep"));
    for (int i = 0; i < argc; i++) json_array_append_new(command_line, record_string(argv[i]));
    char host[64] = "unknown", numa[128], affinity[256];
    gethostname(host, sizeof host - 1);
    topology_numa_text(numa, sizeof numa);
    topology_affinity(0, affinity, sizeof affinity);
    struct utsname system;
    uname(&system);
    char system_text[512];
    snprintf(system_text, sizeof system_text, "%s %s %s", system.sysname, system.release,
             system.machine);
    json_t *p =
        json_pack("{s:i, s:o, s:s, s:s, s:o, s:o}", "schema", 1, "command_line", command_line,
                  "host", host, "system", system_text, "build", build(), "cpu", processor());
    json_object_set_new(
        p, "caches", json_pack("{s:o, s:o, s:o}", "L1d", cache(1), "L2", cache(2), "L3", cache(3)));
    json_object_set_new(p, "memory_bytes", json_integer((json_int_t)topology_get()->memory_bytes));
    json_object_set_new(p, "huge_pages", line_of("/sys/kernel/mm/transparent_hugepage/enabled"));
    json_object_set_new(p, "numa", json_string(numa));
    json_object_set_new(p, "virtual_machine", virtual_machine());
    json_object_set_new(p, "affinity_at_start", json_string(affinity));
    record_set_real(p, "clock_resolution_s", clock_resolution());
    json_object_set_new(p, "environment", environment());
    json_object_set_new(p, "mpi", json_null());
    json_object_set_new(p, "devices", json_array());
    json_t *warnings = json_array();
    for (const char *const *line = provenance_warnings(); *line; line++)
        json_array_append_new(warnings, json_string(*line));
    json_object_set_new(p, "warnings", warnings);
    return p;
}

struct affinities {
    char (*text)[64];
};

static void read_affinity(int thread, int threads, void *argument) {
    (void)threads;
    topology_affinity(0, ((struct affinities *)argument)->text[thread], 64);
}

void provenance_add_affinity(json_t *provenance, int threads) {
    struct affinities measured = {calloc((size_t)threads, sizeof *measured.text)};
    if (!measured.text) return;
    bool pinned = team_pin(threads) == 0;
    team_run(threads, read_affinity, &measured);
    json_t *list = json_array();
    for (int i = 0; i < threads; i++) json_array_append_new(list, json_string(measured.text[i]));
    json_object_set_new(provenance, "affinity", list);
    json_object_set_new(provenance, "pinned", json_boolean(pinned));
    free(measured.text);
}

const char *const *provenance_warnings(void) {
    /* They go before what is asked of cuBLAS. */
    static const char *const of_cublas[] = {"NVIDIA_TF32_OVERRIDE",
                                            "CUBLAS_EMULATE_SINGLE_PRECISION",
                                            "CUBLAS_EMULATE_DOUBLE_PRECISION"};
    enum { OF_CUBLAS = sizeof of_cublas / sizeof *of_cublas };
    static char text[2 + OF_CUBLAS][256];
    static const char *lines[3 + OF_CUBLAS];
    size_t count = 0;
    const char *core = getenv("OPENBLAS_CORETYPE");
    if (core) {
        snprintf(text[count], sizeof text[count],
                 "OPENBLAS_CORETYPE=%s is set: OpenBLAS uses the kernels for that processor, not "
                 "those for this one",
                 core);
        lines[count] = text[count];
        count++;
    }
    const char *wait = getenv("OMP_WAIT_POLICY");
    if (wait && strcasecmp(wait, "active") == 0) {
        snprintf(text[count], sizeof text[count],
                 "OMP_WAIT_POLICY=%s is set: idle OpenMP threads keep their cores busy while other "
                 "libraries are measured",
                 wait);
        lines[count] = text[count];
        count++;
    }
    for (size_t i = 0; i < OF_CUBLAS; i++) {
        const char *value = getenv(of_cublas[i]);
        if (!value) continue;
        snprintf(
            text[count], sizeof text[count],
            "%s=%s is set: it goes before what is asked of cuBLAS, so the precision of a GPU's "
            "products may not be what it says",
            of_cublas[i], value);
        lines[count] = text[count];
        count++;
    }
    lines[count] = NULL;
    return lines;
}

void provenance_add_library(json_t *provenance, const struct blas_library *l) {
    json_t *list = json_object_get(provenance, "blas");
    if (!list) json_object_set_new(provenance, "blas", list = json_array());
    json_array_append_new(
        list, json_pack("{s:o, s:o, s:o, s:o, s:s}", "name", record_string(l->name), "path",
                        record_string(l->path), "version",
                        l->version[0] ? record_string(l->version) : json_null(), "configuration",
                        l->configuration[0] ? record_string(l->configuration) : json_null(),
                        "thread_control", l->thread_control));
}

void provenance_add_device(json_t *provenance, const struct device *device) {
    json_t *list = json_object_get(provenance, "devices");
    if (!device->own_memory) return;
    json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:o}", "name", device->name, "what",
                                          record_string(device->what), "bus_id",
                                          record_text_or_null(device->bus_id), "versions",
                                          record_text_or_null(device->versions)));
}
