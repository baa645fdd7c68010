#include "kernels/device.h"

#include <string.h>

const struct device *const *device_table(void) {
    static const struct device *const devices[] = {&cpu_device, NULL};
    return devices;
}

const struct device *device_find(const char *name) {
    for (const struct device *const *device = device_table(); *device; device++)
        if (strcmp((*device)->name, name) == 0) return *device;
    return NULL;
}
