#include "mpi/ranks_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernels/cpu/topology.h"

void rank_place_measure(struct rank_place *p) {
    gethostname(p->host, sizeof p->host - 1);
    p->pid = getpid();
    topology_affinity(0, p->bound, sizeof p->bound);
}

void rank_place_settle(struct rank_place *p) {
    p->cores = topology_get()->cores;
    topology_affinity(0, p->part, sizeof p->part);
}

/* The next range of a list such as "0-3,8"; NULL behind the last. */
static const char *next_range(const char *list, long *first, long *last) {
    char *end;
    *first = *last = strtol(list, &end, 10);
    if (end == list) return NULL;
    if (*end == '-') *last = strtol(end + 1, &end, 10);
    return *end == ',' ? end + 1 : end;
}

/* Whether two such lists have a processor in common. */
static bool meet(const char *a, const char *b) {
    long from, to, low, high;
    for (const char *x = next_range(a, &from, &to); x; x = next_range(x, &from, &to))
        for (const char *y = next_range(b, &low, &high); y; y = next_range(y, &low, &high))
            if (from <= high && low <= to) return true;
    return false;
}

void rank_places_compare(struct rank_place *table, int count) {
    for (int i = 0; i < count; i++) {
        table[i].sharers = 1;
        for (int j = 0; j < count; j++)
            if (i != j && table[i].node == table[j].node && meet(table[i].part, table[j].part))
                table[i].sharers++;
    }
}
