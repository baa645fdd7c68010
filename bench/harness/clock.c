#include "bench/harness/clock.h"

#include <time.h>

double clock_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double clock_resolution(void) {
    static double resolution;
    if (resolution > 0) return resolution;
    enum { READINGS = 2000 };
    double begin = clock_seconds(), last = begin, step = 1;
    for (int i = 0; i < READINGS; i++) {
        double now = clock_seconds();
        if (now > last && now - last < step) step = now - last;
        last = now;
    }
    double cost = (last - begin) / READINGS;
    resolution = step > cost ? step : cost;
    return resolution;
}

double clock_shortest_region(void) { return 1000 * clock_resolution(); }
