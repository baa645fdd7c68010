#include "bench/devices.h"

#include <stdio.h>

#include "kernels/device_module.h"

static void print_gpu(const struct device_module *module, int index, int width) {
    char reason[1024] = "", name[64];
    const struct device *device = module->open(index, reason, sizeof reason);
    snprintf(name, sizeof name, index ? "%s:%d" : "%s", module->name, index);
    if (device)
        printf("  %-*s %s; %s; built for %s\n", width, device->name, device->what, device->versions,
               module->built_for);
    else
        printf("  %-*s not usable: %s\n", width, name, reason);
}

void devices_print(int width) {
    char reason[1024] = "";
    for (const struct device *const *device = device_table(); *device; device++)
        printf("  %-*s %s\n", width, (*device)->name, (*device)->what);
    const struct device_module *module = device_module_load(reason, sizeof reason);
    int count = module ? module->count(reason, sizeof reason) : 0;
    if (count <= 0)
        printf("  %-*s not usable: %s\n", width, module ? module->name : "cuda", reason);
    for (int i = 0; i < count; i++) print_gpu(module, i, width);
}
