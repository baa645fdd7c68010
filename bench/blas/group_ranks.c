#include "bench/blas/group_ranks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"
#include "bench/rank_agree.h"
#include "kernels/cpu/topology.h"
#include "kernels/probes/fma.h"
#include "mpi/ranks.h"

/* Which status of the ranks goes before the others. */
static const double severity[] = {
    [MEMBER_OK] = 0, [MEMBER_INCOMPLETE] = 1, [MEMBER_SKIPPED] = 2, [MEMBER_FAILED] = 3};

/* A number of each member, of all ranks: all[rank * count + member]. The caller frees it. */
static double *gather(const double *own, size_t count) {
    double *all = calloc((size_t)ranks_get()->count * count, sizeof *all);
    if (!all) die(EXIT_MISSING, "out of memory for what %d ranks say", ranks_get()->count);
    ranks_gather(own, (int)count, all);
    return all;
}

static double *new_numbers(size_t count) {
    double *numbers = calloc(count, sizeof *numbers);
    if (!numbers) die(EXIT_MISSING, "out of memory");
    return numbers;
}

static enum member_status status_of(double number) {
    for (enum member_status s = MEMBER_OK; s <= MEMBER_INCOMPLETE; s++)
        if (severity[s] == number) return s;
    return MEMBER_FAILED;
}

void group_agree(struct member *members, size_t count) {
    const int ranks = ranks_get()->count;
    if (ranks == 1 || !count) return;
    double *own = new_numbers(count);
    for (size_t i = 0; i < count; i++) own[i] = severity[members[i].status];
    double *all = gather(own, count);
    for (size_t i = 0; i < count; i++) {
        int worst = 0;
        bool alike = true;
        for (int r = 1; r < ranks; r++) {
            double here = all[(size_t)r * count + i];
            alike &= here == all[i];
            if (here > all[(size_t)worst * count + i]) worst = r;
        }
        double most = all[(size_t)worst * count + i];
        if (most == severity[MEMBER_OK]) continue;
        if (alike && members[i].agreed) continue; /* as told before */
        rank_agree_text(worst, members[i].reason, sizeof members[i].reason);
        members[i].status = status_of(most);
        members[i].agreed = true;
    }
    free(all);
    free(own);
}

void group_agree_checks(struct member *members, size_t count) {
    const int ranks = ranks_get()->count;
    if (ranks == 1 || !count) return;
    double *own = new_numbers(count);
    for (size_t i = 0; i < count; i++) own[i] = members[i].checked ? members[i].check.error : -1;
    double *all = gather(own, count);
    for (size_t i = 0; i < count; i++)
        for (int r = 0; r < ranks && members[i].checked; r++) {
            double error = all[(size_t)r * count + i];
            if (isnan(error) || error > members[i].check.error) members[i].check.error = error;
        }
    free(all);
    free(own);
}

void group_agree_conditions(struct member *members, size_t count) {
    const int ranks = ranks_get()->count;
    enum { CONDITIONS = 2 };
    if (ranks == 1 || !count) return;
    double *own = new_numbers(CONDITIONS * count);
    for (size_t i = 0; i < count; i++) {
        own[CONDITIONS * i] = members[i].unpinned;
        own[CONDITIONS * i + 1] = members[i].stolen;
    }
    double *all = gather(own, CONDITIONS * count);
    for (size_t i = 0; i < count; i++)
        for (int r = 0; r < ranks; r++) {
            const double *there = all + ((size_t)r * count + i) * CONDITIONS;
            members[i].unpinned |= there[0] > 0;
            members[i].stolen = fmax(members[i].stolen, there[1]); /* passes over a NaN */
        }
    free(all);
    free(own);
}

/* ---- the same cases ---- */

static uint64_t add(uint64_t hash, const void *memory, size_t bytes) {
    return hash * 31 + ranks_hash(memory, bytes);
}

static uint64_t add_text(uint64_t hash, const char *text) {
    return add(hash, text ? text : "", text ? strlen(text) : 0);
}

/* What decides how many there are of a member's sets and how large its ceiling's memory is. */
static uint64_t add_devices(uint64_t hash, const struct blas_options *o) {
    size_t last = topology_last_level_cache();
    hash = add(hash, &last, sizeof last);
    for (size_t d = 0; d < o->common.device_count; d++) {
        const struct device *device = o->common.devices[d];
        hash = add(hash, &device->cache_bytes, sizeof device->cache_bytes);
        hash = add_text(hash, device->library);
    }
    for (size_t t = 0; t < o->common.type_count; t++) {
        const struct fma_probe *probe = fma_probe_best(o->common.types[t]);
        hash = add_text(hash, probe ? probe->isa : "");
    }
    return hash;
}

void group_require_same(const struct blas_options *o, const struct blas_targets *targets,
                        const struct blas_shape *shapes, size_t shape_count) {
    if (ranks_get()->count == 1) return;
    uint64_t hash = add_devices(shape_count, o);
    for (size_t s = 0; s < shape_count; s++) {
        size_t count;
        struct member *members = group_members(o, &shapes[s], targets, &count);
        for (size_t i = 0; i < count; i++) {
            const long what[] = {members[i].type, members[i].threads, members[i].transfer,
                                 members[i].target - targets->target};
            hash = add(hash, what, sizeof what);
            hash = add_text(hash, blas_target_library(members[i].target));
        }
        group_free(members, count);
    }
    rank_require_same_cases(hash);
}
