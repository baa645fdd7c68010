/* The time of what a device that runs behind is given, by two of its events. */
#ifndef FLOPSTEP_BENCH_DEVICE_TIME_H
#define FLOPSTEP_BENCH_DEVICE_TIME_H

#include "kernels/device.h"

/* Seconds between the events, which are recorded around run(context, repetitions). Waits for the
 * device; NaN after an error. */
static inline double device_time(const struct device *device, void *from, void *to,
                                 void (*run)(void *context, long repetitions), void *context,
                                 long repetitions) {
    device->event_record(device, from);
    run(context, repetitions);
    device->event_record(device, to);
    return device->event_seconds(device, from, to);
}

#endif
