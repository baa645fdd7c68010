/* flopstep list: everything that has a name. */
#include <stdio.h>
#include <string.h>

#include "bench/blas/recipes.h"
#include "bench/commands.h"
#include "bench/devices.h"
#include "bench/harness/error.h"
#include "bench/harness/options.h"
#include "bench/peak/sweep.h"
#include "bench/report/figures.h"
#include "bench/train/recipes.h"
#include "kernels/cpu/blas_library.h"
#include "kernels/cpu/builtin.h"
#include "kernels/cpu/isa.h"
#include "kernels/kernel.h"
#include "kernels/probes/bandwidth.h"
#include "nn/layers.h"
#include "nn/notation.h"

static void list_kernels(void) {
    for (const struct kernel *const *row = kernel_table(); *row; row++) {
        const struct kernel *k = *row;
        const char *trans = k->trans[0] == 0 ? "" : k->trans[1] ? "nn,nt,tn,tt" : "n,t";
        printf("  %-8s level %d  dimensions %-4s %-12s %s\n", k->name, k->level, k->dimensions,
               trans, k->formula);
    }
}

static void list_libraries(void) {
    printf("  %-18s %s (built in)\n", naive_library.name, naive_library.what);
    printf("  %-18s %s (built in)\n", blocked_library.name, blocked_library.what);
    for (const struct blas_alias *alias = blas_library_aliases(); alias->name; alias++)
        printf("  %-18s %s\n", alias->name, alias->what);
    printf("  %-18s any other CBLAS library\n", "/path/to/lib.so");
}

static void list_recipes(void) {
    for (const struct blas_recipe *recipe = blas_recipe_table(); recipe->name; recipe++)
        printf("  %-22s blas   %s\n", recipe->name, recipe->what);
    for (const struct recipe *recipe = recipe_table; recipe->name; recipe++)
        printf("  %-22s train  %s (%s)\n", recipe->name, recipe->what, recipe->deck);
}

static void list_networks(void) {
    for (const struct named_network *network = named_networks; network->name; network++)
        printf("  %-10s %s\n", network->name, network->notation);
}

static void list_layers(void) {
    for (const struct layer_kind *const *kind = layer_kind_table; *kind; kind++)
        printf("  %-26s %s\n", (*kind)->notation, (*kind)->what);
}

static void list_optimizers(void) {
    for (const struct optimizer_kind *kind = optimizer_kinds; kind->name; kind++) {
        struct optimizer_settings settings = {kind, kind->defaults, kind->corrects, 0};
        char text[OPTIMIZER_TEXT];
        optimizer_text(&settings, text, sizeof text);
        printf("  %-50s %s\n", text, kind->what);
    }
}

static void list_measures(void) {
    for (int i = 0; i < MEASURE_COUNT; i++)
        printf("  %-14s %s\n", measure_table[i].name, measure_table[i].what);
}

static void list_datasets(void) {
    for (const struct dataset_row *row = dataset_table; row->name; row++)
        printf("  %-15s %s\n", row->name, row->what);
}

static void list_probes(void) {
    size_t count;
    printf("  %-12s FLOP in registers, by instruction set:", "fma");
    const struct isa *isa = isa_table(&count);
    for (size_t i = 0; i < count; i++)
        printf(" %s%s", isa[i].name, isa[i].supported() ? "" : " (not here)");
    printf("\n");
    const struct bandwidth_probe *probe = bandwidth_probe_table(&count, NULL);
    for (size_t i = 0; i < count; i++)
        printf("  %-12s %d load%s, %d store%s%s%s\n", probe[i].name, probe[i].loads,
               probe[i].loads == 1 ? "" : "s", probe[i].stores, probe[i].stores == 1 ? "" : "s",
               probe[i].in_place ? ", in place" : "",
               probe[i].non_temporal ? ", past the caches" : "");
    for (const struct device_probe_text *row = device_probe_texts; row->name; row++)
        printf("  %-12s %s\n", row->name, row->what);
}

static void list_devices(void) { devices_print(8); }

static void list_figures(void) {
    for (const struct figure *figure = figure_table; figure->name; figure++)
        printf("  %-18s %s\n", figure->name, figure->purpose);
}

static const struct {
    const char *name;
    void (*print)(void);
} lists[] = {
    {"kernels", list_kernels},   {"libraries", list_libraries}, {"recipes", list_recipes},
    {"networks", list_networks}, {"layers", list_layers},       {"optimizers", list_optimizers},
    {"measures", list_measures}, {"datasets", list_datasets},   {"probes", list_probes},
    {"devices", list_devices},   {"figures", list_figures},
};

enum { LISTS = sizeof lists / sizeof *lists };

struct wanted {
    bool any, list[LISTS];
};

static void take_operand(void *target, const char *value) {
    struct wanted *wanted = target;
    const char *names[LISTS + 1];
    for (int i = 0; i < LISTS; i++) {
        names[i] = lists[i].name;
        if (strcmp(value, names[i]) != 0) continue;
        wanted->any = wanted->list[i] = true;
        return;
    }
    names[LISTS] = NULL;
    const char *near = option_nearest(value, names);
    die(EXIT_USAGE,
        "there is no list of '%s'%s%s%s; there are kernels, libraries, recipes, networks, layers, "
        "optimizers, measures, datasets, probes, devices and figures",
        value, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static const struct option_row no_options[] = {{NULL, NULL, NULL, NULL}};

static const struct usage usage = {
    .command = "list",
    .operands = "[kernels|libraries|recipes|networks|layers|optimizers|measures|datasets|probes|"
                "devices|figures]...",
    .purpose = "Shows everything that has a name.",
    .tables = (const struct option_row *const[]){no_options, NULL},
    .examples = "  flopstep list\n  flopstep list kernels recipes\n",
    .operand = take_operand,
};

int command_list(int argc, char **argv) {
    struct wanted wanted = {0};
    options_parse(&usage, argc, argv, &wanted);
    for (int i = 0; i < LISTS; i++) {
        if (wanted.any && !wanted.list[i]) continue;
        printf("%s:\n", lists[i].name);
        lists[i].print();
    }
    return EXIT_DONE;
}
