#include "kernels/cpu/topology.h"

#include <hwloc.h>
#include <hwloc/linux.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static hwloc_topology_t machine;
static struct topology facts;
static hwloc_cpuset_t start_mask; /* the processors the process was started with */

static int sharers(hwloc_obj_t cache) {
    return hwloc_get_nbobjs_inside_cpuset_by_type(machine, cache->cpuset, HWLOC_OBJ_CORE);
}

static void read_caches(void) {
    static const hwloc_obj_type_t levels[4] = {HWLOC_OBJ_MACHINE, HWLOC_OBJ_L1CACHE,
                                               HWLOC_OBJ_L2CACHE, HWLOC_OBJ_L3CACHE};
    for (int level = 1; level <= 3; level++) {
        hwloc_obj_t cache = hwloc_get_obj_by_type(machine, levels[level], 0);
        if (!cache || !cache->attr) continue;
        facts.cache_bytes[level] = cache->attr->cache.size;
        facts.cache_sharers[level] = sharers(cache);
    }
}

static int count_inside(hwloc_obj_type_t type) {
    return hwloc_get_nbobjs_inside_cpuset_by_type(machine, start_mask, type);
}

/* With OMP_PROC_BIND, OMP_PLACES or GOMP_CPU_AFFINITY set, OpenMP has bound this thread to its
 * first place before main() began; all places together are where the process may run. */
static void add_openmp_places(void) {
    for (int place = 0; place < omp_get_num_places(); place++) {
        int count = omp_get_place_num_procs(place);
        int *processors = calloc((size_t)(count > 0 ? count : 1), sizeof *processors);
        if (!processors) return;
        omp_get_place_proc_ids(place, processors);
        for (int i = 0; i < count; i++) hwloc_bitmap_set(start_mask, (unsigned)processors[i]);
        free(processors);
    }
}

static void count_processors(void) {
    facts.hardware_threads = count_inside(HWLOC_OBJ_PU);
    facts.cores = count_inside(HWLOC_OBJ_CORE);
    if (facts.hardware_threads < 1) facts.hardware_threads = 1;
    /* A mask that cuts through cores has no whole core inside. */
    if (facts.cores < 1) facts.cores = facts.hardware_threads;
}

static void discover(void) {
    start_mask = hwloc_bitmap_alloc();
    if (!start_mask || hwloc_topology_init(&machine) || hwloc_topology_load(machine)) {
        fprintf(stderr, "flopstep: hwloc cannot read this machine's topology\n");
        exit(3);
    }
    if (hwloc_get_cpubind(machine, start_mask, HWLOC_CPUBIND_THREAD))
        hwloc_bitmap_copy(start_mask, hwloc_topology_get_allowed_cpuset(machine));
    add_openmp_places();
    count_processors();
    facts.sockets = hwloc_get_nbobjs_by_type(machine, HWLOC_OBJ_PACKAGE);
    facts.numa_nodes = hwloc_get_nbobjs_by_type(machine, HWLOC_OBJ_NUMANODE);
    facts.memory_bytes = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
    read_caches();
}

const struct topology *topology_get(void) {
    if (!machine) discover();
    return &facts;
}

static int bind(pid_t thread, hwloc_const_cpuset_t set) {
    if (thread == 0) return hwloc_set_cpubind(machine, set, HWLOC_CPUBIND_THREAD) ? -1 : 0;
    return hwloc_linux_set_tid_cpubind(machine, thread, set) ? -1 : 0;
}

void topology_take_part(int part, int parts) {
    int cores = topology_get()->cores;
    int first = part * cores / parts, end = (part + 1) * cores / parts;
    if (end == first) end = first + 1;
    hwloc_bitmap_t mine = hwloc_bitmap_alloc();
    for (int c = first; mine && c < end; c++) {
        hwloc_obj_t core =
            hwloc_get_obj_inside_cpuset_by_type(machine, start_mask, HWLOC_OBJ_CORE, (unsigned)c);
        if (!core) /* a mask that cuts through cores */
            core =
                hwloc_get_obj_inside_cpuset_by_type(machine, start_mask, HWLOC_OBJ_PU, (unsigned)c);
        if (core) hwloc_bitmap_or(mine, mine, core->cpuset);
    }
    if (!mine || hwloc_bitmap_iszero(mine) || hwloc_bitmap_and(mine, mine, start_mask) ||
        bind(0, mine)) {
        hwloc_bitmap_free(mine);
        return;
    }
    hwloc_bitmap_free(start_mask);
    start_mask = mine;
    count_processors();
}

size_t topology_last_level_cache(void) {
    const struct topology *t = topology_get();
    for (int level = 3; level >= 1; level--)
        if (t->cache_bytes[level]) return t->cache_bytes[level];
    return (size_t)32 << 20;
}

/* Hardware thread number `thread`: first one of every core within the start mask, then the second
 * ones. */
static hwloc_obj_t processor_of(int thread) {
    thread %= facts.hardware_threads;
    hwloc_obj_t core = hwloc_get_obj_inside_cpuset_by_type(machine, start_mask, HWLOC_OBJ_CORE,
                                                           (unsigned)(thread % facts.cores));
    hwloc_obj_t processor =
        core ? hwloc_get_obj_inside_cpuset_by_type(machine, core->cpuset, HWLOC_OBJ_PU,
                                                   (unsigned)(thread / facts.cores))
             : NULL;
    if (processor) return processor;
    return hwloc_get_obj_inside_cpuset_by_type(machine, start_mask, HWLOC_OBJ_PU, (unsigned)thread);
}

int topology_pin(pid_t thread, int core) {
    topology_get();
    hwloc_obj_t processor = processor_of(core);
    return processor ? bind(thread, processor->cpuset) : -1;
}

int topology_unpin(pid_t thread) {
    topology_get();
    return bind(thread, start_mask);
}

void topology_affinity(pid_t thread, char *text, size_t size) {
    topology_get();
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    snprintf(text, size, "unknown");
    if (set && hwloc_linux_get_tid_cpubind(machine, thread, set) == 0)
        hwloc_bitmap_list_snprintf(text, size, set);
    hwloc_bitmap_free(set);
}

void topology_numa_text(char *text, size_t size) {
    const struct topology *t = topology_get();
    if (t->numa_nodes <= 1)
        snprintf(text, size, "1 NUMA node");
    else
        snprintf(text, size, "%d NUMA nodes, pages first touched by their own thread",
                 t->numa_nodes);
}

void topology_summary(char *text, size_t size) {
    const struct topology *t = topology_get();
    int used = snprintf(text, size, "%d socket%s, %d core%s, %d hardware thread%s", t->sockets,
                        t->sockets == 1 ? "" : "s", t->cores, t->cores == 1 ? "" : "s",
                        t->hardware_threads, t->hardware_threads == 1 ? "" : "s");
    static const char *const names[4] = {"", "L1d", "L2", "L3"};
    for (int level = 1; level <= 3 && used > 0 && (size_t)used < size; level++)
        if (t->cache_bytes[level])
            used += snprintf(text + used, size - (size_t)used, ", %s %zu KiB", names[level],
                             t->cache_bytes[level] >> 10);
}
