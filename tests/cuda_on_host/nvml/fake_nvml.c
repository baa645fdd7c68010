/* An NVML without a GPU, for tests: FLOPSTEP_NVML=.../libfake_nvml.so. What it says is a script in
 * the environment's FLOPSTEP_FAKE_NVML, read by nvmlInit_v2: words separated by commas,
 *
 *   clock=1980/1500@9      SM clock in MHz: 1980 at first, 1500 from the 9th reading on
 *   memory-clock=2619      in MHz          most-clock=1980   most-memory-clock=2619
 *   power=350000/700000@5  in mW           power-limit=700000
 *   temperature=35/70@5    in degrees C    energy=1000+500   in mJ: 500 more at each reading
 *   throttle=0/4@5         bits of nvmlClocksEventReasons
 *   bus=0000:3b:00.0       the card that there is; others are NVML_ERROR_NOT_FOUND
 *   no-driver              nvmlInit_v2 is NVML_ERROR_DRIVER_NOT_LOADED
 *   lost@7                 the 7th and later readings of anything are NVML_ERROR_GPU_IS_LOST
 *
 * Values are unsigned whole numbers, also in 0x.. form. A quantity without a word is
 * NVML_ERROR_NOT_SUPPORTED. A word that it does not know ends the process. With
 * -DFAKE_NVML_OLD it is that of an old driver: no energy, and throttle reasons under their old
 * name.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SUCCESS = 0,
    UNINITIALIZED = 1,
    INVALID_ARGUMENT = 2,
    NOT_SUPPORTED = 3,
    NOT_FOUND = 6,
    INSUFFICIENT_SIZE = 7,
    DRIVER_NOT_LOADED = 9,
    GPU_IS_LOST = 15
};

enum { MOST_STEPS = 16 };

struct series {
    const char *name;
    unsigned long long value[MOST_STEPS], from[MOST_STEPS], step;
    int count; /* 0: not supported */
    unsigned long long readings;
};

static struct series all[] = {{.name = "clock"},       {.name = "memory-clock"},
                              {.name = "most-clock"},  {.name = "most-memory-clock"},
                              {.name = "power"},       {.name = "power-limit"},
                              {.name = "temperature"}, {.name = "energy"},
                              {.name = "throttle"}};
enum { CLOCK, MEMORY, MOST, MOST_MEMORY, POWER, LIMIT, TEMPERATURE, ENERGY, THROTTLE, SERIES };

static int users;
static bool no_driver;
static char bus[64];
static unsigned long long lost_from;
static int device_here; /* its address is the handle */

static void wrong(const char *word) {
    fprintf(stderr, "fake NVML: FLOPSTEP_FAKE_NVML: '%s' is no word of it\n", word);
    abort();
}

/* "350000/700000@5" or "1000+500" */
static void read_series(struct series *s, const char *text, const char *word) {
    for (;;) {
        char *end;
        if (s->count == MOST_STEPS) wrong(word);
        s->value[s->count] = strtoull(text, &end, 0);
        s->from[s->count] = s->count ? s->from[s->count - 1] + 1 : 1;
        if (end == text) wrong(word);
        if (*end == '@') s->from[s->count] = strtoull(end + 1, &end, 0);
        if (*end == '+') s->step = strtoull(end + 1, &end, 0);
        s->count++;
        if (!*end) return;
        if (*end != '/') wrong(word);
        text = end + 1;
    }
}

static void read_word(const char *word) {
    const char *value = strchr(word, '=');
    for (int i = 0; i < SERIES && value; i++)
        if (strncmp(all[i].name, word, (size_t)(value - word)) == 0 &&
            strlen(all[i].name) == (size_t)(value - word)) {
            read_series(&all[i], value + 1, word);
            return;
        }
    if (strncmp(word, "bus=", 4) == 0)
        snprintf(bus, sizeof bus, "%s", value + 1);
    else if (strcmp(word, "no-driver") == 0)
        no_driver = true;
    else if (strncmp(word, "lost@", 5) == 0)
        lost_from = strtoull(word + 5, NULL, 0);
    else
        wrong(word);
}

static void read_script(void) {
    for (int i = 0; i < SERIES; i++) all[i] = (struct series){.name = all[i].name};
    no_driver = false;
    lost_from = 0;
    snprintf(bus, sizeof bus, "0000:3b:00.0");
    const char *script = getenv("FLOPSTEP_FAKE_NVML");
    char words[2048];
    if ((size_t)snprintf(words, sizeof words, "%s", script ? script : "") >= sizeof words)
        wrong("a script of 2 KiB and more");
    char *rest = words, *word;
    while ((word = strsep(&rest, ",")))
        if (*word) read_word(word);
}

/* The next value of a series. */
static int next(void *device, int which, unsigned long long *value) {
    struct series *s = &all[which];
    if (!users) return UNINITIALIZED;
    if (device != &device_here || !value) return INVALID_ARGUMENT;
    unsigned long long reading = __atomic_add_fetch(&s->readings, 1, __ATOMIC_RELAXED);
    if (lost_from && reading >= lost_from) return GPU_IS_LOST;
    if (!s->count) return NOT_SUPPORTED;
    int step = s->count - 1;
    while (step > 0 && reading < s->from[step]) step--;
    *value = s->value[step] + (reading - 1) * s->step;
    return SUCCESS;
}

static int next_short(void *device, int which, unsigned *value) {
    unsigned long long wide = 0;
    int code = next(device, which, value ? &wide : NULL);
    if (code == SUCCESS) *value = (unsigned)wide;
    return code;
}

int nvmlInit_v2(void);
int nvmlInit_v2(void) {
    if (users == 0) read_script();
    if (no_driver) return DRIVER_NOT_LOADED;
    users++;
    return SUCCESS;
}

int nvmlShutdown(void);
int nvmlShutdown(void) {
    if (!users) return UNINITIALIZED;
    users--;
    return SUCCESS;
}

const char *nvmlErrorString(int code);
const char *nvmlErrorString(int code) {
    return code == SUCCESS             ? "The operation was successful"
           : code == UNINITIALIZED     ? "Uninitialized"
           : code == INVALID_ARGUMENT  ? "Invalid Argument"
           : code == NOT_SUPPORTED     ? "Not Supported"
           : code == NOT_FOUND         ? "Not Found"
           : code == DRIVER_NOT_LOADED ? "Driver Not Loaded"
           : code == GPU_IS_LOST       ? "GPU is lost"
                                       : "Unknown Error";
}

int nvmlSystemGetDriverVersion(char *version, unsigned length);
int nvmlSystemGetDriverVersion(char *version, unsigned length) {
    if (!users) return UNINITIALIZED;
    return snprintf(version, length, "580.65.06") < (int)length ? SUCCESS : INSUFFICIENT_SIZE;
}

int nvmlDeviceGetHandleByPciBusId_v2(const char *id, void **device);
int nvmlDeviceGetHandleByPciBusId_v2(const char *id, void **device) {
    if (!users) return UNINITIALIZED;
    if (!id || !device) return INVALID_ARGUMENT;
    if (strcasecmp(id, bus) != 0) return NOT_FOUND;
    *device = &device_here;
    return SUCCESS;
}

int nvmlDeviceGetClockInfo(void *device, int type, unsigned *value);
int nvmlDeviceGetClockInfo(void *device, int type, unsigned *value) {
    if (type != 1 && type != 2) return INVALID_ARGUMENT;
    return next_short(device, type == 1 ? CLOCK : MEMORY, value);
}

int nvmlDeviceGetMaxClockInfo(void *device, int type, unsigned *value);
int nvmlDeviceGetMaxClockInfo(void *device, int type, unsigned *value) {
    if (type != 1 && type != 2) return INVALID_ARGUMENT;
    return next_short(device, type == 1 ? MOST : MOST_MEMORY, value);
}

int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *value);
int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *value) {
    return sensor ? INVALID_ARGUMENT : next_short(device, TEMPERATURE, value);
}

int nvmlDeviceGetPowerUsage(void *device, unsigned *value);
int nvmlDeviceGetPowerUsage(void *device, unsigned *value) {
    return next_short(device, POWER, value);
}

int nvmlDeviceGetEnforcedPowerLimit(void *device, unsigned *value);
int nvmlDeviceGetEnforcedPowerLimit(void *device, unsigned *value) {
    return next_short(device, LIMIT, value);
}

#ifdef FAKE_NVML_OLD
int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, unsigned long long *value);
int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, unsigned long long *value) {
    return next(device, THROTTLE, value);
}
#else
int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *value);
int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *value) {
    return next(device, ENERGY, value);
}

int nvmlDeviceGetCurrentClocksEventReasons(void *device, unsigned long long *value);
int nvmlDeviceGetCurrentClocksEventReasons(void *device, unsigned long long *value) {
    return next(device, THROTTLE, value);
}
#endif
