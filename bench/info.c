/* flopstep info: what is seen here, and why something isn't usable. */
#include <stdio.h>
#include <string.h>

#include "bench/commands.h"
#include "bench/devices.h"
#include "bench/harness/clock.h"
#include "bench/harness/error.h"
#include "bench/harness/machine_state.h"
#include "bench/harness/options.h"
#include "bench/harness/provenance.h"
#include "bench/harness/share.h"
#include "build_info.h"
#include "kernels/cpu/blas_library.h"
#include "kernels/cpu/builtin.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/topology.h"
#include "kernels/device.h"
#include "mpi/ranks.h"

static const struct option_row no_options[] = {{NULL, NULL, NULL, NULL}};

static const struct usage usage = {
    .command = "info",
    .purpose =
        "Shows what machine, libraries and devices are seen, and why something isn't usable.",
    .tables = (const struct option_row *const[]){no_options, NULL},
    .examples = "  flopstep info\n",
};

static void row(const char *name, const char *text) { printf("%-12s %s\n", name, text); }

static void print_machine(void) {
    char text[256];
    row("processor", provenance_cpu_model());
    topology_summary(text, sizeof text);
    row("topology", text);
    topology_numa_text(text, sizeof text);
    row("memory", text);
    snprintf(text, sizeof text, "%.1f GB free of %.1f GB",
             (double)cpu_device.memory_available(&cpu_device) * 1e-9,
             (double)topology_get()->memory_bytes * 1e-9);
    row("", text);
    topology_affinity(0, text, sizeof text);
    row("affinity", text);
    row("pinning",
        topology_pin(0, 0) ? "not permitted: results will be flagged 'unpinned'" : "permitted");
    topology_unpin(0);
    size_t count, used = 0;
    const struct isa *isa = isa_table(&count);
    for (size_t i = 0; i < count; i++)
        if (isa[i].supported() && isa[i].supported != isa_any)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used ? ", " : "",
                                     isa[i].name);
    row("instructions", used ? text : "none that flopstep has code for");
    snprintf(text, sizeof text, "%.2f GHz effective now; CLOCK_MONOTONIC resolves %.0f ns",
             machine_state_clock(), clock_resolution() * 1e9);
    row("clock", text);
}

static void print_libraries(void) {
    row("BLAS", "libraries that can be named with --blas");
    printf("  %-18s %s\n", naive_library.name, "built in");
    printf("  %-18s %s\n", blocked_library.name, "built in");
    for (const struct blas_alias *alias = blas_library_aliases(); alias->name; alias++) {
        char error[1024];
        struct blas_library *library = blas_library_open(alias->name, error, sizeof error);
        if (library) {
            printf("  %-18s %s%s%s; threads by %s\n", alias->name, library->path,
                   library->configuration[0] ? "; " : "", library->configuration,
                   library->thread_control);
            blas_library_close(library);
        } else {
            printf("  %-18s not usable: %s\n", alias->name,
                   strstr(error, "is not installed") ? "not installed" : error);
        }
    }
}

int command_info(int argc, char **argv) {
    options_parse(&usage, argc, argv, NULL);
    printf("flopstep %s (%s), %s, %s\n", BUILD_VERSION, BUILD_GIT_REVISION, BUILD_COMPILER,
           BUILD_TYPE);
    print_machine();
    print_libraries();
    row("devices", "");
    devices_print(18);
    row("MPI",
        ranks_built_with()[0] ? ranks_built_with() : "none: this flopstep was built without");
    char path[4096];
    row("gnuplot scripts", share_find(SHARE_PLOTS, path, sizeof path) ? path : "not found");
    for (const char *const *line = provenance_warnings(); *line; line++) row("warning", *line);
    return EXIT_DONE;
}
