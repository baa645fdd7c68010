#include "mpi/nccl.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mpi/ranks.h"

/* The part of NCCL that is used, declared here since it may be missing where flopstep is built.
 * Names, values and arguments: NVIDIA, NCCL API reference. */
typedef struct ncclComm *nccl_communicator;
struct nccl_id {
    char bytes[128];
};
enum { NCCL_SUCCESS = 0, NCCL_FLOAT = 7, NCCL_DOUBLE = 8, NCCL_SUM = 0 };

static struct {
    void *library;
    int (*version)(int *version);
    int (*new_id)(struct nccl_id *id);
    int (*init)(nccl_communicator *communicator, int ranks, struct nccl_id id, int rank);
    int (*all_reduce)(const void *from, void *to, size_t count, int type, int operation,
                      nccl_communicator communicator, void *stream);
    int (*destroy)(nccl_communicator communicator);
    const char *(*words)(int code);
} nccl; /* the same for all devices; stays open */

struct nccl {
    const struct device *device;
    nccl_communicator communicator;
    int users;
    struct nccl *next;
};
static struct nccl *joined;

static bool load(char *reason, size_t size) {
    const char *path = getenv("FLOPSTEP_NCCL");
    if (nccl.library) return true;
    if (!path || !*path) path = "libnccl.so.2";
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *error = dlerror();
        snprintf(reason, size, "it does not load: %s", error ? error : path);
        return false;
    }
    const struct {
        const char *name;
        void *function;
    } wanted[] = {{"ncclGetVersion", &nccl.version},  {"ncclGetUniqueId", &nccl.new_id},
                  {"ncclCommInitRank", &nccl.init},   {"ncclAllReduce", &nccl.all_reduce},
                  {"ncclCommDestroy", &nccl.destroy}, {"ncclGetErrorString", &nccl.words}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        void *function = dlsym(library, wanted[i].name);
        memcpy(wanted[i].function, &function, sizeof function);
        if (function) continue;
        snprintf(reason, size, "%s is no NCCL: it lacks %s", path, wanted[i].name);
        dlclose(library);
        return false;
    }
    nccl.library = library;
    return true;
}

/* Ranks of a node that sit on the same GPU: -1, or the lowest rank that shares with a lower one. */
static int first_sharer(const struct device *device, int *with) {
    const struct rank_place *table = ranks_table();
    const int ranks = ranks_get()->count;
    char own[RANK_TEXT] = "", *all = calloc((size_t)ranks, RANK_TEXT);
    int found = -1;
    if (!all) ranks_abort(3);
    if (device->bus_id) snprintf(own, sizeof own, "%s", device->bus_id);
    ranks_gather_text(own, RANK_TEXT, all);
    for (int r = ranks - 1; r > 0; r--)
        for (int s = r - 1; s >= 0; s--)
            if (table[r].node == table[s].node &&
                strcmp(all + (size_t)r * RANK_TEXT, all + (size_t)s * RANK_TEXT) == 0)
                found = r, *with = s;
    free(all);
    return found;
}

bool nccl_usable(const struct device *device, char *reason, size_t size) {
    int with = -1, rank = first_sharer(device, &with); /* all ranks take part, whatever comes */
    if (!load(reason, size)) return false;
    if (rank < 0) return true;
    snprintf(reason, size,
             "ranks %d and %d (%s) share a GPU (%s), it wants one each; start as many ranks a node "
             "as it has GPUs",
             with, rank, ranks_table()[rank].host,
             device->bus_id ? device->bus_id : "bus id unknown");
    return false;
}

const char *nccl_version(void) {
    static char text[24];
    char reason[RANK_REASON];
    int version = 0;
    if (!load(reason, sizeof reason) || nccl.version(&version) != NCCL_SUCCESS) return "";
    /* 2.9 and newer: 10000 a major version, before that 1000 */
    int major = version >= 10000 ? 10000 : 1000;
    snprintf(text, sizeof text, "%d.%d.%d", version / major, version % major / 100, version % 100);
    return text;
}

/* Rank 0's id, and what became of asking for it, on all ranks. */
static int share_id(struct nccl_id *id) {
    struct {
        int code;
        struct nccl_id id;
    } answer = {0};
    if (ranks_get()->rank == 0) answer.code = nccl.new_id(&answer.id);
    ranks_broadcast(&answer, sizeof answer);
    *id = answer.id;
    return answer.code;
}

struct nccl *nccl_join(const struct device *device, char *reason, size_t size) {
    const struct ranks *r = ranks_get();
    struct nccl_id id;
    for (struct nccl *n = joined; n; n = n->next)
        if (n->device == device) return n->users++, n;
    struct nccl *n = calloc(1, sizeof *n);
    if (!n) ranks_abort(3);
    device->stream_native(device, NULL); /* the communicator is of the current device */
    int code = share_id(&id), worst;
    if (code == NCCL_SUCCESS) code = nccl.init(&n->communicator, r->count, id, r->rank);
    double all = code;
    ranks_max(&all, 1);
    worst = (int)all;
    if (worst == NCCL_SUCCESS) {
        *n = (struct nccl){device, n->communicator, 1, joined};
        return joined = n;
    }
    if (code == NCCL_SUCCESS && n->communicator) nccl.destroy(n->communicator);
    free(n);
    snprintf(reason, size, "it does not start: %s (NCCL_DEBUG=INFO tells more)", nccl.words(worst));
    return NULL;
}

void nccl_leave(struct nccl *n) {
    if (!n || --n->users) return;
    for (struct nccl **at = &joined; *at; at = &(*at)->next)
        if (*at == n) {
            *at = n->next;
            break;
        }
    n->device->stream_native(n->device, NULL);
    nccl.destroy(n->communicator);
    free(n);
}

const char *nccl_sum(struct nccl *n, void *at, size_t count, enum scalar type, void *stream) {
    void *native = n->device->stream_native(n->device, stream);
    int code = nccl.all_reduce(at, at, count, type == SCALAR_S ? NCCL_FLOAT : NCCL_DOUBLE, NCCL_SUM,
                               n->communicator, native);
    return code == NCCL_SUCCESS ? NULL : nccl.words(code);
}
