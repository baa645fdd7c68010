/* The ranks by MPI. */
#include "mpi/ranks_mpi.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cpu/topology.h"
#include "mpi/launcher.h"
#include "mpi/ranks.h"
#include "mpi/ranks_place.h"
#include "mpi/watchdog.h"

static struct ranks world = {.count = 1, .local_count = 1, .nodes = 1};
static struct rank_place alone;
static struct rank_place *table = &alone;
static struct launcher launcher;
static MPI_Comm talk = MPI_COMM_NULL; /* for everything here; gradients have their own */

const struct ranks *ranks_get(void) { return &world; }

const struct rank_place *ranks_table(void) { return table; }

static const char *lookup(const char *name) { return getenv(name); }

static const char *level_name(int level) {
    return level == MPI_THREAD_MULTIPLE     ? "multiple"
           : level == MPI_THREAD_SERIALIZED ? "serialized"
           : level == MPI_THREAD_FUNNELED   ? "funneled"
                                            : "single";
}

const char *ranks_built_with(void) {
    char version[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    int length = 0;
    if (world.library[0]) return world.library;
    MPI_Get_library_version(version, &length); /* allowed before MPI is initialised */
    version[strcspn(version, "\n,")] = '\0';   /* "Open MPI v4.1.4, package: …" */
    for (char *c = version; *c; c++)
        if (*c == '\t') *c = ' ';
    for (size_t end = strlen(version); end && version[end - 1] == ' ';) version[--end] = '\0';
    snprintf(world.library, sizeof world.library, "%s", version);
    return world.library;
}

/* Ranks of this node by shared memory; nodes are numbered by their lowest rank. */
static void find_nodes(void) {
    MPI_Comm node;
    MPI_Comm_split_type(talk, MPI_COMM_TYPE_SHARED, world.rank, MPI_INFO_NULL, &node);
    MPI_Comm_rank(node, &world.local_rank);
    MPI_Comm_size(node, &world.local_count);
    int lowest = world.rank, *all = calloc((size_t)world.count, sizeof *all);
    MPI_Bcast(&lowest, 1, MPI_INT, 0, node);
    MPI_Allgather(&lowest, 1, MPI_INT, all, 1, MPI_INT, talk);
    world.nodes = 0;
    for (int i = 0; i < world.count; i++) {
        if (all[i] != i) continue;
        if (i == lowest) world.node = world.nodes;
        world.nodes++;
    }
    free(all);
    MPI_Comm_free(&node);
}

/* Ranks of a node that were bound to the same processors would all pin their threads to the first
 * ones: each takes its part. */
static void take_part(struct rank_place *own) {
    char *bound = calloc((size_t)world.count, RANK_TEXT);
    int *node = calloc((size_t)world.count, sizeof *node), before = 0, same = 0;
    MPI_Allgather(own->bound, RANK_TEXT, MPI_CHAR, bound, RANK_TEXT, MPI_CHAR, talk);
    MPI_Allgather(&world.node, 1, MPI_INT, node, 1, MPI_INT, talk);
    for (int i = 0; i < world.count; i++) {
        if (node[i] != world.node || strcmp(bound + (size_t)i * RANK_TEXT, own->bound) != 0)
            continue;
        before += i < world.rank;
        same++;
    }
    free(bound);
    free(node);
    if (same > 1) topology_take_part(before, same);
}

static void share_table(const struct rank_place *own) {
    MPI_Allgather(own, sizeof *own, MPI_BYTE, table, sizeof *own, MPI_BYTE, talk);
    rank_places_compare(table, world.count);
}

bool ranks_begin(char *reason, size_t size) {
    launcher = launcher_of(lookup);
    if (!launcher.name) return launcher_holds(&launcher, 1, true, reason, size);
#ifdef OPEN_MPI /* it would end the process in MPI_Init, with a page that says nothing to users */
    if (launcher.unmanaged && !launcher_holds(&launcher, 1, true, reason, size)) return false;
#endif
    int level = MPI_THREAD_SINGLE;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &level);
    MPI_Comm_dup(MPI_COMM_WORLD, &talk);
    MPI_Comm_rank(talk, &world.rank);
    MPI_Comm_size(talk, &world.count);
    world.parallel = true;
    world.threads_may_call = level == MPI_THREAD_MULTIPLE;
    world.thread_level = level_name(level);
    world.launcher = launcher.name;
    ranks_built_with();
    if (!launcher_holds(&launcher, world.count, true, reason, size)) return false;
    table = calloc((size_t)world.count, sizeof *table);
    if (!table) {
        snprintf(reason, size, "out of memory for a table of %d ranks", world.count);
        return false;
    }
    find_nodes();
    struct rank_place own = {
        .rank = world.rank, .node = world.node, .local_rank = world.local_rank};
    rank_place_measure(&own);
    take_part(&own);
    rank_place_settle(&own);
    share_table(&own);
    return true;
}

void ranks_end(void) {
    if (!world.parallel) return;
    watchdog_end();
    MPI_Comm_free(&talk);
    MPI_Finalize();
    world.parallel = false;
    free(table == &alone ? NULL : table);
    table = &alone;
}

void ranks_abort(int code) {
    if (world.parallel) MPI_Abort(MPI_COMM_WORLD, code);
    _Exit(code);
}

void ranks_tell_device(const char *device, const char *bus_id, int threads) {
    if (!world.parallel) return;
    struct rank_place own = table[world.rank];
    snprintf(own.device, sizeof own.device, "%s", device);
    snprintf(own.bus_id, sizeof own.bus_id, "%s", bus_id ? bus_id : "");
    own.threads = threads;
    share_table(&own);
}

static void gather_all(const void *own, void *all, int count, MPI_Datatype type) {
    watchdog_waits("waiting to exchange results with the other ranks");
    MPI_Allgather(own, count, type, all, count, type, talk);
    watchdog_goes_on();
}

/* MPI_MAX does not say what becomes of NaN. */
void ranks_max(double *values, int count) {
    if (world.count == 1) return;
    double *all = calloc((size_t)world.count * (size_t)count, sizeof *all);
    if (!all) ranks_abort(3);
    gather_all(values, all, count, MPI_DOUBLE);
    for (int r = 0; r < world.count; r++)
        for (int i = 0; i < count; i++) {
            double other = all[r * count + i];
            if (isnan(other) || other > values[i]) values[i] = other;
        }
    free(all);
}

void ranks_sum(double *values, int count) {
    if (world.count == 1) return;
    double *all = calloc((size_t)world.count * (size_t)count, sizeof *all);
    if (!all) ranks_abort(3);
    gather_all(values, all, count, MPI_DOUBLE);
    for (int i = 0; i < count; i++) {
        values[i] = 0;
        for (int r = 0; r < world.count; r++) values[i] += all[r * count + i];
    }
    free(all);
}

void ranks_barrier(void) {
    if (world.count == 1) return;
    watchdog_waits("waiting for the other ranks to begin");
    MPI_Barrier(talk);
    watchdog_goes_on();
}

void ranks_gather(const double *own, int count, double *all) {
    if (world.count > 1)
        gather_all(own, all, count, MPI_DOUBLE);
    else
        memcpy(all, own, (size_t)count * sizeof *own);
}

void ranks_gather_text(const char *own, int size, char *all) {
    if (world.count > 1)
        gather_all(own, all, size, MPI_CHAR);
    else
        memcpy(all, own, (size_t)size);
}

int ranks_first_other(uint64_t number) {
    if (world.count == 1) return -1;
    uint64_t *all = calloc((size_t)world.count, sizeof *all);
    if (!all) ranks_abort(3);
    gather_all(&number, all, 1, MPI_UINT64_T);
    int other = -1;
    for (int r = world.count - 1; r > 0; r--)
        if (all[r] != all[0]) other = r;
    free(all);
    return other;
}

void ranks_broadcast(void *memory, size_t bytes) {
    enum { PIECE = 1 << 30 }; /* counts are ints */
    watchdog_waits("waiting for what rank 0 sends");
    for (size_t at = 0; world.count > 1 && at < bytes; at += PIECE)
        MPI_Bcast((char *)memory + at, (int)(bytes - at < PIECE ? bytes - at : PIECE), MPI_BYTE, 0,
                  talk);
    watchdog_goes_on();
}

MPI_Comm ranks_communicator(void) { return talk; }

MPI_Datatype ranks_type(enum scalar type) { return type == SCALAR_S ? MPI_FLOAT : MPI_DOUBLE; }
