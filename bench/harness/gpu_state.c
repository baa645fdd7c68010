#include "bench/harness/gpu_state.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The part of NVML that is used, declared here since its header comes with no driver. Names, values
 * and units: NVIDIA, NVML API reference guide. */
typedef struct nvmlDevice_st *nvml_device;
enum { NVML_SUCCESS = 0, NVML_CLOCK_SM = 1, NVML_CLOCK_MEMORY = 2, NVML_TEMPERATURE_GPU = 0 };

typedef int shutdown_function(void);
typedef int find_function(const char *pci_bus_id, nvml_device *device);
typedef int choose_function(nvml_device device, int which, unsigned *value);
typedef int value_function(nvml_device device, unsigned *value);
typedef int long_function(nvml_device device, unsigned long long *value);
typedef int text_function(char *text, unsigned length);
typedef const char *error_function(int code);

struct gpu_monitor {
    void *library;
    nvml_device device;
    shutdown_function *shutdown;
    choose_function *clock, *most_clock, *temperature;
    value_function *power, *power_limit;
    long_function *energy, *throttle[2];
    text_function *driver;
};

static void *symbol(const struct gpu_monitor *monitor, const char *name) {
    return dlsym(monitor->library, name);
}

static void find_functions(struct gpu_monitor *m) {
    m->clock = (choose_function *)symbol(m, "nvmlDeviceGetClockInfo");
    m->most_clock = (choose_function *)symbol(m, "nvmlDeviceGetMaxClockInfo");
    m->temperature = (choose_function *)symbol(m, "nvmlDeviceGetTemperature");
    m->power = (value_function *)symbol(m, "nvmlDeviceGetPowerUsage");
    m->power_limit = (value_function *)symbol(m, "nvmlDeviceGetEnforcedPowerLimit");
    m->energy = (long_function *)symbol(m, "nvmlDeviceGetTotalEnergyConsumption");
    m->driver = (text_function *)symbol(m, "nvmlSystemGetDriverVersion");
    /* the same under its newer and its older name */
    m->throttle[0] = (long_function *)symbol(m, "nvmlDeviceGetCurrentClocksEventReasons");
    m->throttle[1] = (long_function *)symbol(m, "nvmlDeviceGetCurrentClocksThrottleReasons");
}

/* Starts NVML and finds the card. */
static bool start(struct gpu_monitor *m, const char *path, const char *pci_bus_id, char *reason,
                  size_t size) {
    shutdown_function *init = (shutdown_function *)symbol(m, "nvmlInit_v2");
    find_function *find = (find_function *)symbol(m, "nvmlDeviceGetHandleByPciBusId_v2");
    error_function *words = (error_function *)symbol(m, "nvmlErrorString");
    m->shutdown = (shutdown_function *)symbol(m, "nvmlShutdown");
    if (!init || !find || !m->shutdown) {
        snprintf(reason, size, "%s is no NVML: it lacks functions that every NVML has", path);
        return false;
    }
    int code = init();
    if (code == NVML_SUCCESS) {
        code = find(pci_bus_id, &m->device);
        if (code == NVML_SUCCESS) return true;
        m->shutdown();
        snprintf(reason, size, "NVML does not know the GPU %s: %s", pci_bus_id,
                 words ? words(code) : "unknown error");
        return false;
    }
    snprintf(reason, size, "NVML does not start: %s", words ? words(code) : "unknown error");
    return false;
}

struct gpu_monitor *gpu_monitor_open(const char *pci_bus_id, char *reason, size_t size) {
    const char *path = getenv("FLOPSTEP_NVML");
    if (!path || !*path) path = "libnvidia-ml.so.1";
    struct gpu_monitor *m = calloc(1, sizeof *m);
    if (!m) {
        snprintf(reason, size, "out of memory");
        return NULL;
    }
    m->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!m->library) {
        snprintf(reason, size, "NVML is missing: %s", dlerror());
        free(m);
        return NULL;
    }
    if (!start(m, path, pci_bus_id, reason, size)) {
        dlclose(m->library);
        free(m);
        return NULL;
    }
    find_functions(m);
    return m;
}

void gpu_monitor_close(struct gpu_monitor *monitor) {
    if (!monitor) return;
    monitor->shutdown();
    dlclose(monitor->library);
    free(monitor);
}

/* ---- one value each; NaN where the function is missing or the card does not say ---- */

static double choose(choose_function *read, nvml_device device, int which) {
    unsigned value;
    return read && read(device, which, &value) == NVML_SUCCESS ? value : NAN;
}

static double milli(value_function *read, nvml_device device) {
    unsigned value;
    return read && read(device, &value) == NVML_SUCCESS ? value * 1e-3 : NAN;
}

static double milli_long(long_function *read, nvml_device device) {
    unsigned long long value;
    return read && read(device, &value) == NVML_SUCCESS ? (double)value * 1e-3 : NAN;
}

struct gpu_state gpu_state_unknown(void) {
    return (struct gpu_state){NAN, NAN, NAN, NAN, NAN, NAN, 0, false};
}

struct gpu_state gpu_state_now(const struct gpu_monitor *m) {
    struct gpu_state state = gpu_state_unknown();
    if (!m) return state;
    state.sm_clock_mhz = choose(m->clock, m->device, NVML_CLOCK_SM);
    state.memory_clock_mhz = choose(m->clock, m->device, NVML_CLOCK_MEMORY);
    state.power_w = milli(m->power, m->device);
    state.power_limit_w = milli(m->power_limit, m->device);
    state.temperature_c = choose(m->temperature, m->device, NVML_TEMPERATURE_GPU);
    state.energy_j = milli_long(m->energy, m->device);
    unsigned long long reasons = 0;
    for (int i = 0; i < 2 && !state.throttle_known; i++)
        state.throttle_known =
            m->throttle[i] && m->throttle[i](m->device, &reasons) == NVML_SUCCESS;
    if (state.throttle_known) state.throttle = reasons;
    return state;
}

struct gpu_limits gpu_limits_of(const struct gpu_monitor *m) {
    struct gpu_limits limits = {"", NAN, NAN, NAN};
    if (!m) return limits;
    if (!m->driver || m->driver(limits.driver, sizeof limits.driver) != NVML_SUCCESS)
        limits.driver[0] = '\0';
    limits.most_sm_clock_mhz = choose(m->most_clock, m->device, NVML_CLOCK_SM);
    limits.most_memory_clock_mhz = choose(m->most_clock, m->device, NVML_CLOCK_MEMORY);
    limits.power_limit_w = milli(m->power_limit, m->device);
    return limits;
}

/* ---- reasons ---- */

static const struct reason {
    unsigned long long bit; /* nvmlClocksEventReason..., formerly nvmlClocksThrottleReason... */
    const char *name;       /* NULL: not worth a word */
    bool throttles;
} reasons_known[] = {
    {0x001, NULL, false},                  /* GpuIdle */
    {0x002, "applications-clocks", false}, /* ApplicationsClocksSetting */
    {0x004, "power-cap", true},            /* SwPowerCap */
    {0x008, "hw-slowdown", true},          /* HwSlowdown: also set with one of the next two Hw */
    {0x010, "sync-boost", true},           /* SyncBoost */
    {0x020, "thermal", true},              /* SwThermalSlowdown */
    {0x040, "hw-thermal", true},           /* HwThermalSlowdown */
    {0x080, "power-brake", true},          /* HwPowerBrakeSlowdown */
    {0x100, "display-clocks", false},      /* DisplayClockSetting */
};
enum { REASONS = sizeof reasons_known / sizeof reasons_known[0] };

bool gpu_throttled(unsigned long long reasons) {
    for (int i = 0; i < REASONS; i++)
        if (!reasons_known[i].throttles) reasons &= ~reasons_known[i].bit;
    return reasons != 0;
}

void gpu_throttle_text(unsigned long long reasons, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < REASONS; i++) {
        bool set = reasons & reasons_known[i].bit;
        reasons &= ~reasons_known[i].bit;
        if (set && reasons_known[i].name && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ";" : "",
                                     reasons_known[i].name);
    }
    if (reasons && used < size)
        snprintf(text + used, size - used, "%sother-%llx", used ? ";" : "", reasons);
}
