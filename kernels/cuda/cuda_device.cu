/* The CUDA device: memory, one stream, events and errors. Needs CUDA 11.0 or newer. */
#include "kernels/cuda/cuda_device.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "kernels/cuda/launch.h"
#include "kernels/device_module.h"

bool cuda_check(struct cuda_state *state, cudaError_t error, const char *doing) {
    if (error != cudaSuccess && !state->failed) {
        state->failed = true;
        snprintf(state->error, sizeof state->error, "%s: %s", doing, cudaGetErrorString(error));
    }
    return !state->failed;
}

static const char *cublas_status_text(cublasStatus_t status) {
    static const struct {
        cublasStatus_t status;
        const char *text;
    } texts[] = {{CUBLAS_STATUS_NOT_INITIALIZED, "not initialised"},
                 {CUBLAS_STATUS_ALLOC_FAILED, "not enough memory"},
                 {CUBLAS_STATUS_INVALID_VALUE, "invalid value"},
                 {CUBLAS_STATUS_ARCH_MISMATCH, "this GPU lacks the feature"},
                 {CUBLAS_STATUS_MAPPING_ERROR, "memory could not be mapped"},
                 {CUBLAS_STATUS_EXECUTION_FAILED, "execution failed"},
                 {CUBLAS_STATUS_INTERNAL_ERROR, "internal error"},
                 {CUBLAS_STATUS_NOT_SUPPORTED, "not supported"}};
    for (const auto &row : texts)
        if (row.status == status) return row.text;
    return "unknown error";
}

bool cuda_check(struct cuda_state *state, cublasStatus_t status, const char *doing) {
    if (status != CUBLAS_STATUS_SUCCESS && !state->failed) {
        cudaError_t error = cudaPeekAtLastError(); /* says more where it is the cause */
        state->failed = true;
        snprintf(state->error, sizeof state->error, "%s: cuBLAS: %s%s%s", doing,
                 cublas_status_text(status), error ? ", " : "",
                 error ? cudaGetErrorString(error) : "");
    }
    return !state->failed;
}

/* ---- the device table ---- */

static bool has_type(const struct device *device, enum scalar type) {
    const struct cuda_state *s = cuda_state_of(device);
    if (type == SCALAR_S || type == SCALAR_D) return true;
    if (strcmp(scalar_letter(type), "h") == 0) return s->major >= 6;
    return s->major >= 8; /* bf16 and TF32 came with Ampere */
}

static void use(const struct device *device) {
    cuda_check(cuda_state_of(device), cudaSetDevice(cuda_state_of(device)->index),
               "choosing the device");
}

static size_t memory_available(const struct device *device) {
    size_t available = 0, whole = 0;
    use(device);
    if (!cuda_check(cuda_state_of(device), cudaMemGetInfo(&available, &whole), "asking for memory"))
        return 0;
    return available;
}

static void *allocate(const struct device *device, size_t bytes) {
    void *memory = NULL;
    use(device);
    if (cuda_state_of(device)->failed) return NULL;
    cudaError_t error = cudaMalloc(&memory, bytes ? bytes : 1);
    if (error == cudaSuccess) return memory;
    cudaGetLastError(); /* too little memory harms nothing that comes behind */
    if (error != cudaErrorMemoryAllocation)
        cuda_check(cuda_state_of(device), error, "allocating memory");
    return NULL;
}

static void release(const struct device *device, void *memory, size_t bytes) {
    (void)bytes;
    if (!memory) return;
    use(device);
    cuda_check(cuda_state_of(device), cudaFree(memory), "releasing memory");
}

static void synchronise(const struct device *device) {
    struct cuda_state *s = cuda_state_of(device);
    cuda_check(s, cudaStreamSynchronize(s->stream), "running on the device");
}

static void issue_copy(const struct device *device, void *to, const void *from, size_t bytes,
                       cudaMemcpyKind kind, const char *doing) {
    struct cuda_state *s = cuda_state_of(device);
    if (s->failed || !bytes) return;
    cuda_check(s, cudaMemcpyAsync(to, from, bytes, kind, s->stream), doing);
}

static void issue_copy_in(const struct device *device, void *to, const void *from, size_t bytes) {
    issue_copy(device, to, from, bytes, cudaMemcpyHostToDevice, "copying to the device");
}

static void issue_copy_out(const struct device *device, void *to, const void *from, size_t bytes) {
    issue_copy(device, to, from, bytes, cudaMemcpyDeviceToHost, "copying from the device");
}

static void copy_in(const struct device *device, void *to, const void *from, size_t bytes) {
    issue_copy_in(device, to, from, bytes);
    synchronise(device);
}

static void copy_out(const struct device *device, void *to, const void *from, size_t bytes) {
    issue_copy_out(device, to, from, bytes);
    synchronise(device);
    if (cuda_state_of(device)->failed) memset(to, 0xff, bytes); /* NaN, never a stale number */
}

static void copy(const struct device *device, void *to, const void *from, size_t bytes) {
    issue_copy(device, to, from, bytes, cudaMemcpyDeviceToDevice, "copying on the device");
}

static void zero(const struct device *device, void *memory, size_t bytes) {
    struct cuda_state *s = cuda_state_of(device);
    if (s->failed || !bytes) return;
    cuda_check(s, cudaMemsetAsync(memory, 0, bytes, s->stream), "zeroing memory");
}

static void queue_enter(struct queue *queue) { use(queue->device); }

static const char *error_of(const struct device *device) {
    const struct cuda_state *s = cuda_state_of(device);
    return s->failed ? s->error : NULL;
}

static void *allocate_pinned(const struct device *device, size_t bytes) {
    void *memory = NULL;
    use(device);
    if (cudaMallocHost(&memory, bytes ? bytes : 1) == cudaSuccess) return memory;
    cudaGetLastError();
    return NULL;
}

static void release_pinned(const struct device *device, void *memory) {
    use(device);
    if (memory) cuda_check(cuda_state_of(device), cudaFreeHost(memory), "releasing pinned memory");
}

static void *event_new(const struct device *device) {
    cudaEvent_t event = NULL;
    use(device);
    cuda_check(cuda_state_of(device), cudaEventCreate(&event), "creating an event");
    return event;
}

static void event_free(const struct device *device, void *event) {
    (void)device;
    if (event) cudaEventDestroy((cudaEvent_t)event);
}

static void event_record(const struct device *device, void *event) {
    struct cuda_state *s = cuda_state_of(device);
    if (!s->failed) cuda_check(s, cudaEventRecord((cudaEvent_t)event, s->stream), "an event");
}

static double event_seconds(const struct device *device, void *from, void *to) {
    struct cuda_state *s = cuda_state_of(device);
    float milliseconds = 0;
    if (s->failed ||
        !cuda_check(s, cudaEventSynchronize((cudaEvent_t)to), "running on the device") ||
        !cuda_check(s, cudaEventElapsedTime(&milliseconds, (cudaEvent_t)from, (cudaEvent_t)to),
                    "reading a time"))
        return NAN;
    return milliseconds * 1e-3;
}

/* ---- opening ---- */

enum { MOST_DEVICES = 64, MOST_TEXT = 256 };

/* One GPU with the texts that its table points to. */
struct card {
    struct device device;
    struct cuda_state state;
    char name[32], what[MOST_TEXT], bus_id[32], versions[MOST_TEXT];
    bool open;
};
static struct card cards[MOST_DEVICES];

static int attribute(int index, cudaDeviceAttr name) {
    int value = 0;
    if (cudaDeviceGetAttribute(&value, name, index) != cudaSuccess) {
        cudaGetLastError();
        return 0;
    }
    return value;
}

static void version_text(int version, char *text, size_t size) {
    snprintf(text, size, "%d.%d", version / 1000, version % 1000 / 10);
}

static int count(char *reason, size_t size) {
    int devices = 0, driver = 0, runtime = 0;
    cudaError_t error = cudaGetDeviceCount(&devices);
    if (error == cudaSuccess && devices > 0) return devices;
    cudaGetLastError();
    char driver_text[16], runtime_text[16];
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    version_text(driver, driver_text, sizeof driver_text);
    version_text(runtime, runtime_text, sizeof runtime_text);
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    if (driver == 0)
        snprintf(reason, size, "there is no NVIDIA driver here");
    else if (error == cudaErrorInsufficientDriver || driver / 1000 < runtime / 1000)
        snprintf(reason, size,
                 "the driver is too old: it supports CUDA %s, this build needs %s; update the "
                 "driver or build with an older toolkit",
                 driver_text, runtime_text);
    else if (visible && (error == cudaErrorNoDevice || error == cudaSuccess))
        snprintf(reason, size, "CUDA_VISIBLE_DEVICES='%s' hides every GPU; unset it", visible);
    else
        snprintf(reason, size, "no GPU is usable: %s",
                 cudaGetErrorString(error == cudaSuccess ? cudaErrorNoDevice : error));
    return -1;
}

static void describe(struct card *card, const cudaDeviceProp *properties) {
    struct cuda_state *s = &card->state;
    int driver = 0, runtime = 0, cublas = 0;
    char driver_text[16], runtime_text[16], compiled_text[16];
    s->major = attribute(s->index, cudaDevAttrComputeCapabilityMajor);
    s->minor = attribute(s->index, cudaDevAttrComputeCapabilityMinor);
    s->multiprocessors = attribute(s->index, cudaDevAttrMultiProcessorCount);
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    cublasGetVersion(s->cublas, &cublas);
    version_text(driver, driver_text, sizeof driver_text);
    version_text(runtime, runtime_text, sizeof runtime_text);
    version_text(CUDART_VERSION, compiled_text, sizeof compiled_text);
    snprintf(card->versions, sizeof card->versions,
             "driver for CUDA %s, runtime %s, compiled with %s, cuBLAS %d", driver_text,
             runtime_text, compiled_text, cublas);
    if (s->index)
        snprintf(card->name, sizeof card->name, CUDA_DEVICE_NAME ":%d", s->index);
    else
        snprintf(card->name, sizeof card->name, CUDA_DEVICE_NAME);
    snprintf(card->what, sizeof card->what,
             "%.128s, %d multiprocessors, sm_%d%d, %.1f GB, L2 %.0f MB", properties->name,
             s->multiprocessors, s->major, s->minor, (double)properties->totalGlobalMem * 1e-9,
             (double)attribute(s->index, cudaDevAttrL2CacheSize) / (1 << 20));
    if (cudaDeviceGetPCIBusId(card->bus_id, sizeof card->bus_id, s->index) != cudaSuccess) {
        cudaGetLastError(); /* unknown harms nothing */
        card->bus_id[0] = '\0';
    }
}

static __global__ void touch(int *where) { *where = 1; }

/* Whether this build has code that the GPU can run. */
static bool runs(struct card *card, char *reason, size_t size) {
    struct cuda_state *s = &card->state;
    int *where = (int *)s->workspace;
    LAUNCH(touch, 1, 1, 0, s->stream, where);
    cudaError_t error = cudaGetLastError();
    if (error == cudaSuccess) error = cudaStreamSynchronize(s->stream);
    if (error == cudaSuccess) return true;
    if (error == cudaErrorNoKernelImageForDevice || error == cudaErrorInvalidDeviceFunction)
        snprintf(reason, size,
                 "this build has no code for sm_%d%d; build again with "
                 "-DCMAKE_CUDA_ARCHITECTURES=%d%d (Pascal and Volta need CUDA 12 or older)",
                 s->major, s->minor, s->major, s->minor);
    else
        snprintf(reason, size, "the first kernel failed: %s", cudaGetErrorString(error));
    return false;
}

static void close_card(struct card *card) {
    struct cuda_state *s = &card->state;
    cudaSetDevice(s->index);
    if (s->steps) cuda_steps_free(s->steps);
    if (s->plans) cuda_gemm_plans_free(s->plans);
    if (s->result) cudaFree(s->result);
    if (s->workspace) cudaFree(s->workspace);
    if (s->cublaslt) cublasLtDestroy(s->cublaslt);
    if (s->cublas) cublasDestroy(s->cublas);
    if (s->stream) cudaStreamDestroy(s->stream);
    memset(s, 0, sizeof *s);
    card->open = false;
}

static bool open_card(struct card *card, int index, char *reason, size_t size) {
    struct cuda_state *s = &card->state;
    cudaDeviceProp properties;
    s->index = index;
    s->workspace_bytes = CUDA_WORKSPACE_BYTES;
    bool good =
        cuda_check(s, cudaSetDevice(index), "choosing the device") &&
        cuda_check(s, cudaGetDeviceProperties(&properties, index), "asking for its properties") &&
        cuda_check(s, cudaStreamCreateWithFlags(&s->stream, cudaStreamNonBlocking), "a stream") &&
        cuda_check(s, cudaMalloc(&s->workspace, s->workspace_bytes), "allocating workspace") &&
        cuda_check(s, cudaMalloc((void **)&s->result, sizeof *s->result), "allocating") &&
        cuda_check(s, cublasCreate(&s->cublas), "opening cuBLAS") &&
        cuda_check(s, cublasSetStream(s->cublas, s->stream), "opening cuBLAS") &&
        cuda_check(s, cublasLtCreate(&s->cublaslt), "opening cuBLASLt");
#if CUDART_VERSION >= 11020 /* its own workspace could not be part of a graph */
    good = good &&
           cuda_check(s, cublasSetWorkspace(s->cublas, s->workspace, s->workspace_bytes), "cuBLAS");
#endif
    if (good) describe(card, &properties);
    if (good && !runs(card, reason, size)) return false;
    if (good) s->plans = cuda_gemm_plans_new();
    if (good) s->steps = cuda_steps_new(s);
    if (s->failed) snprintf(reason, size, "GPU %d is not usable: %s", index, s->error);
    return !s->failed;
}

static const struct device *open_device(int index, char *reason, size_t size) {
    if (index < 0 || index >= MOST_DEVICES) return NULL;
    struct card *card = &cards[index];
    if (card->open) return &card->device;
    if (!open_card(card, index, reason, size)) {
        close_card(card);
        return NULL;
    }
    struct device *d = &card->device;
    d->name = card->name;
    d->what = card->what;
    d->bus_id = card->bus_id[0] ? card->bus_id : NULL;
    d->library = "cublas";
    d->versions = card->versions;
    d->own_memory = true;
    d->runs_behind = true;
    d->cache_bytes = (size_t)attribute(index, cudaDevAttrL2CacheSize);
    d->square_extent = CUDA_SQUARE_EXTENT;
    d->state = &card->state;
    d->has_type = has_type;
    d->memory_available = memory_available;
    d->allocate = allocate;
    d->release = release;
    d->copy_in = copy_in;
    d->copy_out = copy_out;
    d->copy = copy;
    d->zero = zero;
    d->synchronise = synchronise;
    d->queue_enter = queue_enter;
    d->layers = &cuda_layers;
    d->error = error_of;
    d->allocate_pinned = allocate_pinned;
    d->release_pinned = release_pinned;
    d->issue_copy_in = issue_copy_in;
    d->issue_copy_out = issue_copy_out;
    d->event_new = event_new;
    d->event_free = event_free;
    d->event_record = event_record;
    d->event_seconds = event_seconds;
    cuda_streams(d);
    d->blas = cuda_blas;
    d->blas_result = cuda_blas_result;
    d->probes = cuda_probes;
    card->open = true;
    return d;
}

static void close_all(void) {
    for (int i = 0; i < MOST_DEVICES; i++)
        if (cards[i].open) close_card(&cards[i]);
}

#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)
#ifndef CUDA_ARCHITECTURES_TEXT
#define CUDA_ARCHITECTURES_TEXT "emulated"
#endif

extern "C" {
extern const struct device_module flopstep_device_module;
const struct device_module flopstep_device_module = {
    DEVICE_MODULE_ABI,
    sizeof(struct device),
    sizeof(struct layer_operations),
    CUDA_DEVICE_NAME,
    "CUDART " TEXT(CUDART_VERSION) "; " CUDA_ARCHITECTURES_TEXT,
    count,
    open_device,
    close_all,
};
}
