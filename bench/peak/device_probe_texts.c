/* What the probes are that only devices have. */
#include "bench/peak/sweep.h"

const struct device_probe_text device_probe_texts[] = {
    {"tensor", "FLOP of a GPU's matrix units, operands in registers"},
    {"h2d", "copies from the host to a GPU, pinned memory"},
    {"d2h", "copies from a GPU to the host, pinned memory"},
    {"h2d-pageable", "the same, ordinary memory of the host"},
    {"d2h-pageable", "the same, ordinary memory of the host"},
    {"h2d-latency", "seconds of a small copy that the host waits for"},
    {"d2h-latency", "seconds of a small copy that the host waits for"},
    {"launch", "seconds of an empty kernel, back to back"},
    {"launch-sync", "seconds of an empty kernel that the host waits for"},
    {"graph-launch", "seconds of an empty kernel in a recorded graph of 20"},
    {NULL, NULL},
};
