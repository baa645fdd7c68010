/* What hwloc says about this machine: cores, caches, NUMA nodes, and where threads may run. */
#ifndef FLOPSTEP_KERNELS_CPU_TOPOLOGY_H
#define FLOPSTEP_KERNELS_CPU_TOPOLOGY_H

#include <stddef.h>
#include <sys/types.h>

struct topology {
    int cores;            /* physical cores this process may use */
    int hardware_threads; /* hardware threads this process may use */
    int sockets;
    int numa_nodes;
    size_t cache_bytes[4]; /* data or unified cache seen by one core, [1]..[3] = L1d..L3; 0: none */
    int cache_sharers[4];  /* cores that share that cache */
    size_t memory_bytes;
};

/* Discovered on first use, kept until exit. Cores are counted within the affinity mask the process
 * was started with, so a Slurm or taskset restriction is respected. */
const struct topology *topology_get(void);

/* Leaves this process the cores of one of `parts` equal parts of those it may use, as if it had
 * been started with them; where there are fewer cores than parts, one core that others use too. To
 * be called before there are other threads. */
void topology_take_part(int part, int parts);

/* Bytes of the last-level cache; 32 MiB where the machine does not say. */
size_t topology_last_level_cache(void);

/* Binds one thread (0: the calling one) to hardware thread `core`, counted so that 0 … cores-1 are
 * the first ones of every core and the second ones follow. Returns 0, or -1 where the system does
 * not permit it. */
int topology_pin(pid_t thread, int core);

/* Gives the thread (0: the calling one) back the mask the process was started with. */
int topology_unpin(pid_t thread);

/* Writes the processors the thread may run on as measured now, e.g. "0" or "0-3,8". */
void topology_affinity(pid_t thread, char *text, size_t size);

/* Writes the NUMA placement in words, e.g. "1 NUMA node" or "pages on nodes 0-1 by first touch". */
void topology_numa_text(char *text, size_t size);

/* Writes the hwloc version and a one-line summary, e.g.
 * "1 socket, 2 cores, 2 threads, L1d 48 KiB, L2 1 MiB, L3 32 MiB". */
void topology_summary(char *text, size_t size);

#endif
