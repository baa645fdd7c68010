/* The ceilings of a GPU: one table of the rows that probes_*.cu have. */
#include "kernels/cuda/probes.h"

#include <cstdio>

const char probe_architecture[] = "sm";

bool probe_always(const struct device *) { return true; }

enum { MOST_DEVICES = 64, MOST_ROWS = 32 };

/* Each device's own, because its architecture is in it. */
struct probe_table {
    char isa[16];
    struct device_probe rows[MOST_ROWS];
    size_t count;
};

const struct device_probe *cuda_probes(const struct device *device, size_t *count) {
    static struct probe_table tables[MOST_DEVICES];
    const struct cuda_state *s = cuda_state_of(device);
    struct probe_table *table = &tables[s->index % MOST_DEVICES];
    snprintf(table->isa, sizeof table->isa, "sm_%d%d", s->major, s->minor);
    const struct probe_rows parts[] = {fma_probes(), tensor_probes(), bandwidth_probes(),
                                       transfer_probes()};
    table->count = 0;
    for (const struct probe_rows &part : parts)
        for (size_t i = 0; i < part.count && table->count < MOST_ROWS; i++) {
            struct device_probe *row = &table->rows[table->count++];
            *row = part.rows[i];
            if (row->isa == probe_architecture) row->isa = table->isa;
        }
    *count = table->count;
    return table->rows;
}
