#include "bench/harness/gpu_monitors.h"

#include <stdlib.h>

enum { MOST_CARDS = 64 };

static struct {
    const struct device *device;
    struct gpu_monitor *monitor; /* NULL: there is a reason */
    char reason[256];
} cards[MOST_CARDS];
static size_t card_count;

static void close_all(void) {
    for (size_t i = 0; i < card_count; i++) gpu_monitor_close(cards[i].monitor);
    card_count = 0;
}

const struct gpu_monitor *gpu_monitor_of(const struct device *device, const char **reason) {
    const char *ignored;
    if (!reason) reason = &ignored;
    *reason = NULL;
    if (!device->bus_id) return NULL;
    if (!*device->bus_id) {
        *reason = "the driver does not tell its PCI bus id";
        return NULL;
    }
    size_t i = 0;
    while (i < card_count && cards[i].device != device) i++;
    if (i == MOST_CARDS) {
        *reason = "more cards than are watched";
        return NULL;
    }
    if (i == card_count) {
        if (card_count == 0) atexit(close_all);
        card_count++;
        cards[i].device = device;
        cards[i].monitor =
            gpu_monitor_open(device->bus_id, cards[i].reason, sizeof cards[i].reason);
    }
    if (!cards[i].monitor) *reason = cards[i].reason;
    return cards[i].monitor;
}
