#include "mpi/replicas.h"

#include <stdlib.h>

#include "mpi/ranks.h"

int replicas_first_other(const struct device *device, const void *memory, size_t bytes) {
    if (!device->own_memory) return ranks_first_other(ranks_hash(memory, bytes));
    void *host = malloc(bytes);
    if (!host) return -2;
    device->copy_out(device, host, memory, bytes);
    int other = ranks_first_other(ranks_hash(host, bytes));
    free(host);
    return other;
}

bool replicas_broadcast(const struct device *device, void *memory, size_t bytes) {
    if (!device->own_memory) {
        ranks_broadcast(memory, bytes);
        return true;
    }
    void *host = malloc(bytes);
    if (!host) return false;
    device->copy_out(device, host, memory, bytes);
    ranks_broadcast(host, bytes);
    device->copy_in(device, memory, host, bytes);
    free(host);
    return true;
}
