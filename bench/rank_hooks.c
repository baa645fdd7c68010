#include "bench/rank_hooks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/harness/error.h"
#include "bench/harness/together.h"
#include "mpi/ranks.h"
#include "mpi/watchdog.h"

static char name[RANK_TEXT + 32];

/* Standard output is the first rank's; the others' tables would be the same again. */
static void be_quiet(void) {
    if (!freopen("/dev/null", "w", stdout)) die(EXIT_MISSING, "cannot open /dev/null");
}

static uint64_t hash_of_options(int argc, char **argv) {
    uint64_t hash = (uint64_t)argc;
    for (int i = 1; i < argc; i++) hash = hash * 31 + ranks_hash(argv[i], strlen(argv[i]));
    return hash;
}

static uint64_t hash_of_binary(void) {
    FILE *file = fopen("/proc/self/exe", "rb");
    uint64_t hash = 0;
    size_t got;
    char *piece = file ? malloc(1 << 20) : NULL;
    while (piece && (got = fread(piece, 1, 1 << 20, file)) > 0)
        hash = hash * 31 + ranks_hash(piece, got);
    free(piece);
    if (file) fclose(file);
    return hash;
}

static void require_same(uint64_t hash, const char *what) {
    int other = ranks_first_other(hash);
    if (other < 0) return;
    const struct rank_place *there = &ranks_table()[other], *first = &ranks_table()[0];
    die(EXIT_USAGE, "rank %d (%s) was started with %s than rank 0 (%s); start all ranks alike",
        other, there->host, what, first->host);
}

void rank_hooks_begin(int argc, char **argv) {
    char reason[RANK_REASON];
    bool fine = ranks_begin(reason, sizeof reason);
    const struct ranks *r = ranks_get();
    if (!fine) {
        /* every process of a broken launch is its own rank 0 */
        die(EXIT_USAGE, "%s", reason);
    }
    if (!r->parallel) return;
    snprintf(name, sizeof name, "rank %d (%s)", r->rank, ranks_table()[r->rank].host);
    together_set(&(struct together){.rank = r->rank,
                                    .count = r->count,
                                    .local_rank = r->local_rank,
                                    .name = name,
                                    .max = ranks_max,
                                    .barrier = ranks_barrier,
                                    .gather = ranks_gather,
                                    .end = ranks_end,
                                    .abort = ranks_abort});
    atexit(ranks_end); /* --help and the like end the process where they are */
    if (r->rank) be_quiet();
    watchdog_begin(common_defaults().timeout);
    require_same(hash_of_options(argc, argv), "other options");
    require_same(hash_of_binary(), "another binary");
}

int rank_hooks_end(int code) {
    double worst = code;
    if (!ranks_get()->parallel) return code;
    ranks_max(&worst, 1);
    fflush(NULL);
    ranks_end();
    return (int)worst;
}

static json_t *row_of(const struct rank_place *p) {
    return json_pack("{s:i, s:s, s:i, s:i, s:i, s:s, s:s, s:i, s:i, s:s, s:s*, s:i}", "rank",
                     p->rank, "host", p->host, "node", p->node, "local_rank", p->local_rank, "pid",
                     p->pid, "bound", p->bound, "cores", p->part, "core_count", p->cores, "sharers",
                     p->sharers, "device", p->device, "bus_id", p->bus_id[0] ? p->bus_id : NULL,
                     "threads", p->threads);
}

void rank_hooks_tell(const struct common *common) {
    watchdog_timeout(common->timeout);
    ranks_tell_device(common->device->name, common->device->bus_id, common_most_threads(common));
}

json_t *rank_hooks_provenance(const struct common *common) {
    const struct ranks *r = ranks_get();
    if (!r->parallel) return json_null();
    rank_hooks_tell(common);
    watchdog_doing("measuring", -1);
    json_t *rows = json_array();
    for (int i = 0; i < r->count; i++) json_array_append_new(rows, row_of(&ranks_table()[i]));
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:o}", "library", r->library, "thread_level",
                     r->thread_level, "launcher", r->launcher, "ranks", r->count, "nodes", r->nodes,
                     "table", rows);
}

static int sharers_of_gpu(const struct rank_place *place) {
    const struct ranks *r = ranks_get();
    const struct rank_place *table = ranks_table();
    int sharers = 0;
    for (int i = 0; place->bus_id[0] && i < r->count; i++)
        sharers += table[i].node == place->node && strcmp(table[i].bus_id, place->bus_id) == 0;
    return sharers;
}

void rank_hooks_print(void) {
    const struct ranks *r = ranks_get();
    if (!r->parallel) return;
    const struct rank_place *table = ranks_table();
    printf("%d rank%s on %d node%s by %s (%s):\n", r->count, r->count == 1 ? "" : "s", r->nodes,
           r->nodes == 1 ? "" : "s", r->launcher, r->library);
    enum { SHOWN = 64 };
    int shared = -1, same = -1;
    for (int i = 0; i < r->count; i++) {
        if (table[i].sharers > 1 && shared < 0) shared = i;
        if (same < 0 && sharers_of_gpu(&table[i]) > 1) same = i;
        if (i < SHOWN)
            printf("  rank %-4d %-20s cores %-12s %d thread%s%s%s%s%s\n", i, table[i].host,
                   table[i].part, table[i].threads, table[i].threads == 1 ? "" : "s",
                   table[i].bus_id[0] ? "  " : "", table[i].bus_id[0] ? table[i].device : "",
                   table[i].bus_id[0] ? " " : "", table[i].bus_id);
    }
    if (r->count > SHOWN) printf("  … %d more in the results\n", r->count - SHOWN);
    if (shared >= 0)
        printf("warning: %d ranks share cores %s of %s: they wait for each other, and times say "
               "little; start fewer ranks a node\n",
               table[shared].sharers, table[shared].part, table[shared].host);
    if (same >= 0)
        printf("warning: %d ranks share the GPU %s of %s; start one rank a GPU\n",
               sharers_of_gpu(&table[same]), table[same].bus_id, table[same].host);
}
