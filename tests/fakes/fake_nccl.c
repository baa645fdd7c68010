/* An NCCL without GPUs, for tests: FLOPSTEP_NCCL=.../libfake_nccl.so. It sums by MPI what the
 * emulated device (tests/cuda_on_host) hands it, copied out and in through that device's own
 * stream, and returns when that is done. It refuses what NCCL refuses: ids of different ranks that
 * differ, two ranks on one card of a host. What goes wrong is a script in FLOPSTEP_FAKE_NCCL, words
 * separated by commas:
 *
 *   no-id         ncclGetUniqueId is ncclSystemError
 *   no-start      ncclCommInitRank is ncclUnhandledCudaError
 *   fails-after=N the N-th ncclAllReduce and all behind it are ncclInternalError
 *   wrong-after=N from the N-th ncclAllReduce on, the first sum is 1 too large on the last rank
 *
 * Any other word ends the process. FLOPSTEP_FAKE_NCCL_CALLS names a file to which rank 0 appends a
 * line for each sum: count and type. */
#include <dlfcn.h>
#include <mpi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SUCCESS = 0,
    UNHANDLED_CUDA_ERROR = 1,
    SYSTEM_ERROR = 2,
    INTERNAL_ERROR = 3,
    INVALID_ARGUMENT = 4,
    INVALID_USAGE = 5
};
enum { FLOAT32 = 7, FLOAT64 = 8, SUM = 0 };
enum { DEVICE_TO_HOST = 2, HOST_TO_DEVICE = 1 };

struct id {
    char bytes[128];
};
struct ncclComm {
    MPI_Comm ranks;
    int device;
    int (*copy)(void *, const void *, size_t, int, void *);
    int (*wait)(void *);
    int (*current)(int *);
};

static bool no_id, no_start;
static long fails_after, wrong_after, sums;

static void read_script(void) {
    const char *script = getenv("FLOPSTEP_FAKE_NCCL");
    char words[256], *rest = words, *word;
    snprintf(words, sizeof words, "%s", script ? script : "");
    while ((word = strsep(&rest, ","))) {
        if (strcmp(word, "no-id") == 0)
            no_id = true;
        else if (strcmp(word, "no-start") == 0)
            no_start = true;
        else if (strncmp(word, "fails-after=", 12) == 0)
            fails_after = atol(word + 12);
        else if (strncmp(word, "wrong-after=", 12) == 0)
            wrong_after = atol(word + 12);
        else if (*word) {
            fprintf(stderr, "fake NCCL: FLOPSTEP_FAKE_NCCL: '%s' is no word of it\n", word);
            abort();
        }
    }
}

int ncclGetVersion(int *version);
int ncclGetVersion(int *version) {
    *version = 22703;
    return SUCCESS;
}

const char *ncclGetErrorString(int code);
const char *ncclGetErrorString(int code) {
    static const char *const words[] = {
        "no error",       "unhandled cuda error", "unhandled system error",
        "internal error", "invalid argument",     "invalid usage"};
    return code >= 0 && code <= INVALID_USAGE ? words[code] : "unknown result code";
}

int ncclGetUniqueId(struct id *id);
int ncclGetUniqueId(struct id *id) {
    read_script();
    if (no_id) return SYSTEM_ERROR;
    memset(id, 0, sizeof *id);
    snprintf(id->bytes, sizeof id->bytes, "fake %d", (int)getpid());
    return SUCCESS;
}

/* The emulation is loaded already, as flopstep's module of GPUs. */
static bool find_emulation(struct ncclComm *c) {
    const char *path = getenv("FLOPSTEP_CUDA_MODULE");
    void *module = path ? dlopen(path, RTLD_NOW | RTLD_NOLOAD) : NULL;
    if (!module) return false;
    c->copy = (int (*)(void *, const void *, size_t, int, void *))dlsym(module, "cudaMemcpyAsync");
    c->wait = (int (*)(void *))dlsym(module, "cudaStreamSynchronize");
    c->current = (int (*)(int *))dlsym(module, "cudaGetDevice");
    dlclose(module);
    return c->copy && c->wait && c->current;
}

struct seat {
    struct id id;
    char host[64];
    int device;
};

/* One rank a card, the same id. */
static bool seated(const struct seat *all, int ranks) {
    for (int r = 0; r < ranks; r++) {
        if (memcmp(&all[r].id, &all[0].id, sizeof all[0].id) != 0) return false;
        for (int s = 0; s < r; s++)
            if (all[r].device == all[s].device && strcmp(all[r].host, all[s].host) == 0)
                return false;
    }
    return true;
}

int ncclCommInitRank(struct ncclComm **communicator, int ranks, struct id id, int rank);
int ncclCommInitRank(struct ncclComm **communicator, int ranks, struct id id, int rank) {
    struct ncclComm *c = calloc(1, sizeof *c);
    struct seat own = {.id = id}, *all = calloc((size_t)ranks, sizeof *all);
    int count, place;
    if (rank) read_script();
    MPI_Comm_dup(MPI_COMM_WORLD, &c->ranks);
    MPI_Comm_size(c->ranks, &count);
    MPI_Comm_rank(c->ranks, &place);
    bool fine = !no_start && find_emulation(c) && c->current(&c->device) == 0;
    own.device = c->device;
    gethostname(own.host, sizeof own.host - 1);
    MPI_Allgather(&own, sizeof own, MPI_BYTE, all, sizeof own, MPI_BYTE, c->ranks);
    bool right = count == ranks && place == rank && seated(all, ranks);
    free(all);
    if (fine && right) {
        *communicator = c;
        return SUCCESS;
    }
    MPI_Comm_free(&c->ranks);
    free(c);
    return fine ? INVALID_USAGE : UNHANDLED_CUDA_ERROR;
}

int ncclCommDestroy(struct ncclComm *c);
int ncclCommDestroy(struct ncclComm *c) {
    MPI_Comm_free(&c->ranks);
    free(c);
    return SUCCESS;
}

static void note_call(const struct ncclComm *c, size_t count, int type) {
    const char *path = getenv("FLOPSTEP_FAKE_NCCL_CALLS");
    int rank;
    MPI_Comm_rank(c->ranks, &rank);
    FILE *file = path && rank == 0 ? fopen(path, "a") : NULL;
    if (!file) return;
    fprintf(file, "%zu %s\n", count, type == FLOAT32 ? "float" : "double");
    fclose(file);
}

static void spoil(const struct ncclComm *c, void *numbers, int type) {
    int rank, ranks;
    MPI_Comm_rank(c->ranks, &rank);
    MPI_Comm_size(c->ranks, &ranks);
    if (rank != ranks - 1) return;
    if (type == FLOAT32)
        *(float *)numbers += 1;
    else
        *(double *)numbers += 1;
}

int ncclAllReduce(const void *from, void *to, size_t count, int type, int operation,
                  struct ncclComm *c, void *stream);
int ncclAllReduce(const void *from, void *to, size_t count, int type, int operation,
                  struct ncclComm *c, void *stream) {
    size_t bytes = count * (type == FLOAT32 ? sizeof(float) : sizeof(double));
    int device = -1;
    if ((type != FLOAT32 && type != FLOAT64) || operation != SUM) return INVALID_ARGUMENT;
    if (c->current(&device) != 0 || device != c->device) return INVALID_USAGE;
    sums++;
    if (fails_after && sums >= fails_after) return INTERNAL_ERROR;
    note_call(c, count, type);
    char *own = malloc(2 * bytes), *all = own + bytes;
    if (!own) return SYSTEM_ERROR;
    bool fine = c->copy(own, from, bytes, DEVICE_TO_HOST, stream) == 0 && c->wait(stream) == 0;
    MPI_Allreduce(own, all, (int)count, type == FLOAT32 ? MPI_FLOAT : MPI_DOUBLE, MPI_SUM,
                  c->ranks);
    if (wrong_after && sums >= wrong_after) spoil(c, all, type);
    fine = c->copy(to, all, bytes, HOST_TO_DEVICE, stream) == 0 && fine;
    fine = c->wait(stream) == 0 && fine;
    free(own);
    return fine ? SUCCESS : UNHANDLED_CUDA_ERROR;
}
