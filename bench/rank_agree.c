#include "bench/rank_agree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"
#include "bench/harness/together.h"
#include "mpi/ranks.h"

const char *rank_name(int rank) {
    static char text[RANK_TEXT + 32];
    snprintf(text, sizeof text, "rank %d (%s)", rank, ranks_table()[rank].host);
    return text;
}

void rank_agree_text(int from, char *reason, size_t size) {
    const int count = ranks_get()->count;
    if (count == 1 || !size) return;
    char *all = calloc((size_t)count, size);
    if (!all) die(EXIT_MISSING, "out of memory for what %d ranks say", count);
    ranks_gather_text(reason, (int)size, all);
    const char *first = all + (size_t)from * size;
    bool alike = true;
    for (int r = 0; r < count; r++) alike &= strcmp(all + (size_t)r * size, first) == 0;
    if (alike)
        snprintf(reason, size, "%s", first);
    else
        snprintf(reason, size, "%s: %s", rank_name(from), first);
    free(all);
}

bool rank_agree(bool holds, char *reason, size_t size) {
    if (ranks_get()->count == 1) return holds;
    double fails = holds ? -1e9 : -ranks_get()->rank; /* the largest is the first rank's */
    together_slowest(&fails, 1);
    if (fails == -1e9) return true;
    if (holds && size) reason[0] = '\0';
    rank_agree_text((int)-fails, reason, size);
    return false;
}

int rank_least(int number) {
    double least = -number;
    together_slowest(&least, 1);
    return (int)-least;
}

void rank_require_same_cases(uint64_t hash) {
    int other = ranks_first_other(hash);
    if (other < 0) return;
    char first[RANK_TEXT + 32];
    snprintf(first, sizeof first, "%s", rank_name(0));
    die(EXIT_USAGE,
        "%s would run other cases than %s: its processor, GPUs or libraries are others; compare "
        "nodes of one kind",
        rank_name(other), first);
}

int rank_sharers(const struct device *device) {
    const struct ranks *r = ranks_get();
    const struct rank_place *table = ranks_table();
    if (!device->own_memory) return r->local_count > 0 ? r->local_count : 1;
    if (r->count == 1 || !device->bus_id || !*device->bus_id) return 1;
    int sharers = 0;
    for (int i = 0; i < r->count; i++)
        sharers += table[i].node == r->node && strcmp(table[i].bus_id, device->bus_id) == 0;
    return sharers > 0 ? sharers : 1;
}
