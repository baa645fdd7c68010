/* The emulated cards: errors, properties, what happens when one is lost. */
#include "tests/cuda_on_host/host_device.h"

#include <cstdio>
#include <cstring>

namespace cuda_on_host {
namespace {

/* The card that is emulated. Its rates mean nothing: nothing is measured on it. */
constexpr int multiprocessors = 4, l2_bytes = 1 << 20, warp = 32;
constexpr int clock_khz = 1000000, memory_clock_khz = 1000000, memory_bus_bits = 128;
constexpr int block_threads = 1024, shared_bytes = 48 << 10;

thread_local int chosen = 0;
thread_local cudaError_t last = cudaSuccess;
enum { well, lost_unknown, lost } health = well; /* guarded by call */
long launches = 0;

struct error_text {
    cudaError_t error;
    const char *name, *what;
};
#define ROW(error, what)                                                                           \
    { error, #error, what }
const error_text errors[] = {
    ROW(cudaSuccess, "no error"),
    ROW(cudaErrorInvalidValue, "invalid argument"),
    ROW(cudaErrorMemoryAllocation, "out of memory"),
    ROW(cudaErrorInitializationError, "initialization error"),
    ROW(cudaErrorInvalidConfiguration, "invalid configuration argument"),
    ROW(cudaErrorInvalidMemcpyDirection, "invalid copy direction for memcpy"),
    ROW(cudaErrorInsufficientDriver,
        "CUDA driver version is insufficient for CUDA runtime version"),
    ROW(cudaErrorInvalidDeviceFunction, "invalid device function"),
    ROW(cudaErrorNoDevice, "no CUDA-capable device is detected"),
    ROW(cudaErrorInvalidDevice, "invalid device ordinal"),
    ROW(cudaErrorNoKernelImageForDevice,
        "no kernel image is available for execution on the device"),
    ROW(cudaErrorInvalidResourceHandle, "invalid resource handle"),
    ROW(cudaErrorNotReady, "device not ready"),
    ROW(cudaErrorIllegalAddress, "an illegal memory access was encountered"),
    ROW(cudaErrorLaunchFailure, "unspecified launch failure"),
    ROW(cudaErrorStreamCaptureUnsupported, "operation not permitted when stream is capturing"),
    ROW(cudaErrorStreamCaptureInvalidated,
        "operation failed due to a previous error during capture"),
    ROW(cudaErrorStreamCaptureUnmatched, "capture was not ended in the same stream as it began"),
    ROW(cudaErrorStreamCaptureImplicit,
        "operation would make the legacy stream depend on a capturing blocking stream"),
    ROW(cudaErrorCapturedEvent, "operation not permitted on an event last recorded in a capturing "
                                "stream"),
    ROW(cudaErrorUnknown, "unknown error"),
};
#undef ROW

const error_text *find(cudaError_t error) {
    for (const error_text &row : errors)
        if (row.error == error) return &row;
    return nullptr;
}

struct attribute_value {
    cudaDeviceAttr attribute;
    int value;
};
const attribute_value attributes[] = {
    {cudaDevAttrMaxThreadsPerBlock, block_threads},
    {cudaDevAttrMaxBlockDimX, block_threads},
    {cudaDevAttrMaxBlockDimY, block_threads},
    {cudaDevAttrMaxBlockDimZ, 64},
    {cudaDevAttrMaxGridDimX, 0x7fffffff},
    {cudaDevAttrMaxGridDimY, 65535},
    {cudaDevAttrMaxGridDimZ, 65535},
    {cudaDevAttrMaxSharedMemoryPerBlock, shared_bytes},
    {cudaDevAttrWarpSize, warp},
    {cudaDevAttrClockRate, clock_khz},
    {cudaDevAttrMultiProcessorCount, multiprocessors},
    {cudaDevAttrIntegrated, 0},
    {cudaDevAttrCanMapHostMemory, 1},
    {cudaDevAttrConcurrentKernels, 0},
    {cudaDevAttrEccEnabled, 0},
    {cudaDevAttrPciDeviceId, 0},
    {cudaDevAttrPciDomainId, 0},
    {cudaDevAttrMemoryClockRate, memory_clock_khz},
    {cudaDevAttrGlobalMemoryBusWidth, memory_bus_bits},
    {cudaDevAttrL2CacheSize, l2_bytes},
    {cudaDevAttrMaxThreadsPerMultiProcessor, 2 * block_threads},
    {cudaDevAttrAsyncEngineCount, 0},
    {cudaDevAttrUnifiedAddressing, 1},
    {cudaDevAttrMaxSharedMemoryPerMultiprocessor, shared_bytes},
    {cudaDevAttrManagedMemory, 0},
    {cudaDevAttrSingleToDoublePrecisionPerfRatio, 2},
    {cudaDevAttrCooperativeLaunch, 0},
};

/* What every call meets where there is no device to talk to. */
cudaError_t present() {
    if (!options().driver) return cudaErrorInsufficientDriver;
    return options().devices ? cudaSuccess : cudaErrorNoDevice;
}

bool exists(int device) { return device >= 0 && device < options().devices; }

} // namespace

cudaError_t ready() {
    if (cudaError_t error = present()) return error;
    return health == lost ? cudaErrorIllegalAddress : cudaSuccess;
}

cudaError_t fail(cudaError_t error) {
    if (error) last = error;
    return error;
}

void lose_device() {
    if (health == well) health = lost_unknown;
}

bool alive() { return health == well; }

cudaError_t synchronise() {
    if (health == lost_unknown) health = lost;
    return ready();
}

bool count_launch() {
    if (!alive()) return false;
    launches++;
    if (options().lost_after && launches >= options().lost_after) lose_device();
    return alive();
}

int current_device() { return chosen; }
int device_count() { return options().devices; }

} // namespace cuda_on_host

using namespace cuda_on_host;

cudaError_t cudaGetDeviceCount(int *count) {
    call hold;
    if (!count) return fail(cudaErrorInvalidValue);
    *count = 0;
    if (cudaError_t error = present()) return fail(error);
    *count = options().devices;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    if (!exists(device)) return fail(cudaErrorInvalidDevice);
    chosen = device;
    return cudaSuccess;
}

cudaError_t cudaGetDevice(int *device) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    if (!device) return fail(cudaErrorInvalidValue);
    *device = chosen;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int device) {
    call hold;
    if (cudaError_t error = present()) return fail(error);
    if (!properties) return fail(cudaErrorInvalidValue);
    if (!exists(device)) return fail(cudaErrorInvalidDevice);
    *properties = cudaDeviceProp();
    snprintf(properties->name, sizeof properties->name, "CUDA emulated on the host");
    properties->totalGlobalMem = options().memory;
    properties->sharedMemPerBlock = shared_bytes;
    properties->warpSize = warp;
    properties->maxThreadsPerBlock = block_threads;
    properties->major = options().major;
    properties->minor = options().minor;
    properties->multiProcessorCount = multiprocessors;
    properties->l2CacheSize = l2_bytes;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int device) {
    call hold;
    if (cudaError_t error = present()) return fail(error);
    if (!value) return fail(cudaErrorInvalidValue);
    if (!exists(device)) return fail(cudaErrorInvalidDevice);
    switch (attribute) {
    case cudaDevAttrComputeCapabilityMajor: *value = options().major; return cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor: *value = options().minor; return cudaSuccess;
    case cudaDevAttrPciBusId: *value = device + 1; return cudaSuccess;
    default: break;
    }
    for (const attribute_value &row : attributes)
        if (row.attribute == attribute) {
            *value = row.value;
            return cudaSuccess;
        }
    return fail(cudaErrorInvalidValue);
}

cudaError_t cudaDeviceGetPCIBusId(char *id, int size, int device) {
    call hold;
    if (cudaError_t error = present()) return fail(error);
    if (!id || size < 13) return fail(cudaErrorInvalidValue);
    if (!exists(device)) return fail(cudaErrorInvalidDevice);
    snprintf(id, (size_t)size, "0000:%02x:00.0", (unsigned)(device + 1));
    return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    if (cudaError_t error = forbid_in_capture(forbidden::always)) return fail(error);
    run_late();
    return fail(synchronise());
}

/* 0 without a driver, as CUDA says it. */
cudaError_t cudaDriverGetVersion(int *version) {
    call hold;
    if (!version) return fail(cudaErrorInvalidValue);
    *version = options().driver ? CUDART_VERSION : 0;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version) {
    call hold;
    if (!version) return fail(cudaErrorInvalidValue);
    *version = CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaPeekAtLastError() {
    call hold;
    return health == lost ? cudaErrorIllegalAddress : last;
}

cudaError_t cudaGetLastError() {
    call hold;
    cudaError_t error = health == lost ? cudaErrorIllegalAddress : last;
    last = cudaSuccess;
    return error;
}

const char *cudaGetErrorName(cudaError_t error) {
    const error_text *row = find(error);
    return row ? row->name : "unrecognized error code";
}

const char *cudaGetErrorString(cudaError_t error) {
    const error_text *row = find(error);
    return row ? row->what : "unrecognized error code";
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *attributes_of, const void *kernel) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    if (!attributes_of) return fail(cudaErrorInvalidValue);
    if (!kernel) return fail(cudaErrorInvalidDeviceFunction);
    if (!options().image) return fail(cudaErrorNoKernelImageForDevice);
    *attributes_of = cudaFuncAttributes();
    attributes_of->maxThreadsPerBlock = block_threads;
    attributes_of->numRegs = 32;
    attributes_of->ptxVersion = attributes_of->binaryVersion =
        options().major * 10 + options().minor;
    return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, const void *kernel,
                                                          int threads, size_t shared) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    if (!blocks || threads < 1) return fail(cudaErrorInvalidValue);
    if (!kernel) return fail(cudaErrorInvalidDeviceFunction);
    if (!options().image) return fail(cudaErrorNoKernelImageForDevice);
    *blocks = threads > block_threads || shared > (size_t)shared_bytes ? 0 : 2;
    return cudaSuccess;
}
