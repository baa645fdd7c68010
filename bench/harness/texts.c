#include "bench/harness/texts.h"

#include <math.h>
#include <stdio.h>

void seconds_text(double seconds, char *text, size_t size) {
    static const struct {
        double unit;
        const char *name;
    } units[] = {{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}};
    size_t i = 0;
    while (i < 3 && seconds < units[i].unit) i++;
    snprintf(text, size, "%.4g %s", seconds / units[i].unit, units[i].name);
}

void percent_text(double part, double whole, char *text, size_t size) {
    snprintf(text, size, "-");
    if (isfinite(part / whole)) snprintf(text, size, "%.1f", 100 * part / whole);
}
