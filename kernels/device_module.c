#include "kernels/device_module.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_DEVICES = 64 };

static const struct device_module *loaded;

/* Beside the binary, then where it is installed. False where neither is there. */
static bool usual_place(char *path, size_t size) {
    static const char *const places[] = {"", "../lib/flopstep/"};
    char binary[4096];
    ssize_t length = readlink("/proc/self/exe", binary, sizeof binary - 1);
    if (length <= 0) return false;
    binary[length] = '\0';
    char *name = strrchr(binary, '/');
    if (name) name[1] = '\0';
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int used = snprintf(path, size, "%s%sflopstep_cuda.so", binary, places[i]);
        if (used > 0 && (size_t)used < size && access(path, F_OK) == 0) return true;
    }
    return false;
}

/* What dlopen says, in one line that tells what to do. */
static void explain(const char *path, const char *error, char *reason, size_t size) {
    static const char *const libraries[] = {"libcublas", "libcudart", "libcublasLt", "libcuda."};
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
        if (strstr(error, libraries[i]) && strstr(error, "cannot open shared object")) {
            snprintf(reason, size,
                     "%.*s is not found; put the folder of the CUDA libraries in LD_LIBRARY_PATH",
                     (int)strcspn(error, ":"), error);
            return;
        }
    snprintf(reason, size, "the module '%s' does not load: %s", path, error);
}

const struct device_module *device_module_load(char *reason, size_t size) {
    char path[4096];
    const char *chosen = getenv("FLOPSTEP_CUDA_MODULE");
    if (loaded) return loaded;
    if (chosen && *chosen) {
        snprintf(path, sizeof path, "%s", chosen);
        if (access(path, F_OK) != 0) {
            snprintf(reason, size, "FLOPSTEP_CUDA_MODULE names '%s', which is not there", path);
            return NULL;
        }
    } else if (!usual_place(path, sizeof path)) {
        snprintf(reason, size,
                 "this build has no CUDA module (flopstep_cuda.so); build again where CMake finds "
                 "the CUDA toolkit");
        return NULL;
    }
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char *error = dlerror();
        explain(path, error ? error : "unknown error", reason, size);
        return NULL;
    }
    const struct device_module *module = dlsym(handle, DEVICE_MODULE_SYMBOL);
    if (!module || module->abi != DEVICE_MODULE_ABI ||
        module->device_bytes != sizeof(struct device) ||
        module->operations_bytes != sizeof(struct layer_operations)) {
        snprintf(reason, size, "'%s' is %s; build both again together", path,
                 module ? "of another version of flopstep" : "no module of flopstep");
        dlclose(handle);
        return NULL;
    }
    loaded = module;
    return loaded;
}

int device_module_count(char *reason, size_t size) {
    const struct device_module *module = device_module_load(reason, size);
    int count = module ? module->count(reason, size) : 0;
    return count > 0 ? count : 0;
}

/* "cuda" is 0, "cuda:12" 12, anything else -1. */
static int index_of(const char *name) {
    char *end;
    if (strncmp(name, "cuda", 4) != 0) return -1;
    if (!name[4]) return 0;
    if (name[4] != ':' || name[5] < '0' || name[5] > '9') return -1;
    long index = strtol(name + 5, &end, 10);
    return *end || index >= MOST_DEVICES ? -1 : (int)index;
}

const struct device *device_open(const char *name, char *reason, size_t size, bool *unknown) {
    const struct device *device = device_find(name);
    int index = index_of(name);
    *unknown = !device && index < 0;
    if (device) return device;
    if (*unknown) {
        snprintf(reason, size, "no device is called '%s'; there are cpu, cuda, cuda:N and all",
                 name);
        return NULL;
    }
    const struct device_module *module = device_module_load(reason, size);
    if (!module) return NULL;
    int count = module->count(reason, size);
    if (count <= 0) return NULL;
    if (index >= count) {
        snprintf(reason, size, "there %s %d GPU%s, cuda:0 to cuda:%d", count == 1 ? "is" : "are",
                 count, count == 1 ? "" : "s", count - 1);
        if (count == 1) snprintf(reason, size, "there is 1 GPU, cuda:0");
        return NULL;
    }
    return module->open(index, reason, size);
}

void device_close_all(void) {
    if (loaded) loaded->close();
}
