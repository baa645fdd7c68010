/* What an NVIDIA GPU says of itself through NVML: clocks, power, temperature, energy, and what
 * holds its clocks back. Only reads: no setting of a card is ever changed. NVML belongs to the
 * driver and is loaded at run time; where it is missing, or a card does not say something, that is
 * unknown. */
#ifndef FLOPSTEP_BENCH_HARNESS_GPU_STATE_H
#define FLOPSTEP_BENCH_HARNESS_GPU_STATE_H

#include <stdbool.h>
#include <stddef.h>

/* One reading. NaN: unknown. */
struct gpu_state {
    double sm_clock_mhz, memory_clock_mhz;
    double power_w; /* of the whole card; newer cards give the mean of the last second */
    double power_limit_w;
    double temperature_c;
    double energy_j;             /* of the whole card since the driver was loaded */
    unsigned long long throttle; /* reasons, see gpu_throttle_text(); 0 where unknown */
    bool throttle_known;
};

struct gpu_monitor;

/* Finds a card by its PCI bus id ("0000:3b:00.0", as cudaDeviceGetPCIBusId gives it). The library
 * is the driver's libnvidia-ml.so.1, or the one that the environment's FLOPSTEP_NVML names. Returns
 * NULL, with the reason in one line, where there is none or it does not know the card. */
struct gpu_monitor *gpu_monitor_open(const char *pci_bus_id, char *reason, size_t size);

/* NULL is allowed, here and below. */
void gpu_monitor_close(struct gpu_monitor *monitor);

/* One reading, everything unknown for NULL. May be called from several threads. Takes from some
 * microseconds to some milliseconds, so keep it out of what is timed. */
struct gpu_state gpu_state_now(const struct gpu_monitor *monitor);

/* What never changes while the process lives. */
struct gpu_limits {
    char driver[96];          /* version, "" where unknown */
    double most_sm_clock_mhz; /* the highest clocks that the card can be set to; NaN: unknown */
    double most_memory_clock_mhz;
    double power_limit_w;
};
struct gpu_limits gpu_limits_of(const struct gpu_monitor *monitor);

/* A reading of which nothing is known. */
struct gpu_state gpu_state_unknown(void);

/* Whether these reasons mean that the card is slower than its settings ask for. Neither an idle
 * card nor clocks that somebody has set count. */
bool gpu_throttled(unsigned long long reasons);

/* The reasons in words, separated by ';', e.g. "power-cap;thermal": "applications-clocks" (set to
 * less than the most), "power-cap", "hw-slowdown", "sync-boost", "thermal", "hw-thermal",
 * "power-brake", "display-clocks", and "other-<bits>" for those younger than this program. "" for
 * none and for an idle card. */
void gpu_throttle_text(unsigned long long reasons, char *text, size_t size);

#endif
