/* Device memory: one reserved range of addresses, readable only while a call of the emulation runs;
 * pinned host memory; copies. */
#include "tests/cuda_on_host/host_device.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define HIDE(memory, bytes) ASAN_POISON_MEMORY_REGION(memory, bytes)
#define SHOW(memory, bytes) ASAN_UNPOISON_MEMORY_REGION(memory, bytes)
#else
#define HIDE(memory, bytes) ((void)0)
#define SHOW(memory, bytes) ((void)0)
#endif

namespace cuda_on_host {
namespace {

constexpr size_t alignment = 256, page = 4096;
constexpr size_t huge = 2 << 20; /* of a huge page: rights change hundreds of times faster */
constexpr int unset = 0xff;      /* CUDA does not zero: all-ones is a NaN in every type */

size_t up(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

struct block {
    size_t bytes; /* as asked for */
    size_t held;  /* with the gap behind it */
    int device;
};

/* Never destroyed: others call when the process ends. */
struct state {
    std::recursive_mutex lock;
    char *base = nullptr;
    size_t reserved = 0;
    size_t used = 0;                /* from base on; pages behind have never been opened */
    std::map<size_t, block> blocks; /* by offset */
    std::map<int, size_t> taken;    /* bytes by device */
    std::map<const char *, size_t> pinned;
    int open = 0;
    long mallocs = 0;
};
state &all() {
    static state *it = new state;
    return *it;
}

void protect(size_t from, size_t to, int rights) {
    if (from < to && mprotect(all().base + from, to - from, rights))
        die("mprotect of device memory: %s", strerror(errno));
}

void reserve() {
    state &s = all();
    if (s.base) return;
    /* twice what the cards have, so that fragments never matter */
    s.reserved = up(2 * options().memory * (size_t)options().devices + (64 << 20), huge);
    void *base = mmap(nullptr, s.reserved + huge, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) die("no %zu bytes of addresses for device memory", s.reserved);
    s.base = (char *)up((uintptr_t)base, huge);
    madvise(s.base, s.reserved, MADV_HUGEPAGE); /* where there are none, it is only slower */
}

/* First gap that is large enough. */
size_t place(size_t held) {
    size_t at = 0;
    for (const auto &entry : all().blocks) {
        if (entry.first - at >= held) return at;
        at = entry.first + entry.second.held;
    }
    return at;
}

void release(std::map<size_t, block>::iterator entry) {
    state &s = all();
    s.taken[entry->second.device] -= entry->second.held;
    char *begin = s.base + entry->first, *end = begin + entry->second.held;
    /* large ones go back to the system; what still points there reads nothing of use either way */
    char *first = (char *)up((uintptr_t)begin, huge), *last = end - (uintptr_t)end % huge;
    SHOW(begin, (size_t)(end - begin));
    if (last > first)
        madvise(first, (size_t)(last - first), MADV_DONTNEED);
    else
        memset(begin, unset, (size_t)(end - begin));
    HIDE(begin, (size_t)(end - begin));
    s.blocks.erase(entry);
}

bool inside(const std::map<const char *, size_t> &ranges, const void *memory, size_t bytes) {
    const char *at = (const char *)memory;
    auto next = ranges.upper_bound(at);
    if (next == ranges.begin()) return false;
    --next;
    size_t offset = (size_t)(at - next->first);
    return offset <= next->second && bytes <= next->second - offset;
}

/* What a kind of copy wants on each side; -1: whatever is there. */
struct sides {
    int to_device, from_device;
};
bool sides_of(cudaMemcpyKind kind, sides *result) {
    static const sides table[] = {{0, 0}, {1, 0}, {0, 1}, {1, 1}, {-1, -1}};
    if ((unsigned)kind >= sizeof table / sizeof *table) return false;
    *result = table[kind];
    return true;
}

cudaError_t check_side(const void *memory, size_t bytes, int device) {
    if (!memory) return cudaErrorInvalidValue;
    if (device < 0) device = in_device_range(memory);
    if (device) return is_device(memory, bytes) ? cudaSuccess : cudaErrorInvalidValue;
    return in_device_range(memory) ? cudaErrorInvalidValue : cudaSuccess;
}

cudaError_t check_copy(const void *to, const void *from, size_t bytes, cudaMemcpyKind kind) {
    sides want;
    if (!sides_of(kind, &want)) return cudaErrorInvalidMemcpyDirection;
    if (!bytes) return cudaSuccess;
    cudaError_t error = check_side(to, bytes, want.to_device);
    return error ? error : check_side(from, bytes, want.from_device);
}

} // namespace

call::call() { all().lock.lock(); }
call::~call() { all().lock.unlock(); }

access::access() {
    state &s = all();
    if (s.open++ == 0 && options().strict) protect(0, s.used, PROT_READ | PROT_WRITE);
}
access::~access() {
    state &s = all();
    if (--s.open == 0 && options().strict) protect(0, s.used, PROT_NONE);
}

bool in_device_range(const void *memory) {
    const state &s = all();
    return s.base && (const char *)memory >= s.base && (const char *)memory < s.base + s.reserved;
}

bool is_device(const void *memory, size_t bytes) {
    if (!in_device_range(memory)) return false;
    state &s = all();
    size_t at = (size_t)((const char *)memory - s.base);
    auto next = s.blocks.upper_bound(at);
    if (next == s.blocks.begin()) return false;
    --next;
    size_t offset = at - next->first;
    return offset <= next->second.bytes && bytes <= next->second.bytes - offset;
}

bool is_pinned(const void *memory, size_t bytes) { return inside(all().pinned, memory, bytes); }

bool is_reachable(const void *memory, size_t bytes) {
    return is_device(memory, bytes) || is_pinned(memory, bytes);
}

/* Numbers that happen to be an address of something are as good as impossible: doubles lie above
 * all addresses, counts below. */
void refuse_host_addresses(const char *kernel, const void *argument, size_t bytes) {
    const uintptr_t lowest = (uintptr_t)1 << 32, highest = (uintptr_t)1 << 47;
    if (!options().strict) return;
    for (size_t i = 0; i + sizeof(uintptr_t) <= bytes; i += sizeof(uintptr_t)) {
        uintptr_t word;
        unsigned char there;
        memcpy(&word, (const char *)argument + i, sizeof word);
        if (word < lowest || word >= highest) continue;
        const void *address = (const void *)word;
        if (in_device_range(address) || is_pinned(address, 1)) continue;
        if (mincore((void *)(word & ~(uintptr_t)4095), 1, &there)) continue; /* nothing is there */
        fprintf(stderr, "cuda_on_host: %s is handed %p, which is memory of the host\n", kernel,
                address);
        abort();
    }
}

} // namespace cuda_on_host

using namespace cuda_on_host;

cudaError_t cudaMalloc(void **memory, size_t bytes) {
    access hold;
    if (cudaError_t error = ready()) return fail(error);
    if (!memory) return fail(cudaErrorInvalidValue);
    *memory = nullptr;
    if (cudaError_t error = forbid_in_capture(forbidden::unless_relaxed)) return fail(error);
    state &s = all();
    s.mallocs++;
    if (options().refuse_after && s.mallocs >= options().refuse_after)
        return fail(cudaErrorMemoryAllocation);
    if (!bytes) return cudaSuccess;
    reserve();
    size_t card = options().memory, &taken = s.taken[current_device()];
    if (bytes > card) return fail(cudaErrorMemoryAllocation);
    /* a gap behind each block, so that the address sanitizer sees what runs over */
    size_t held = up(bytes, alignment);
#ifdef __SANITIZE_ADDRESS__
    held += alignment;
#endif
    if (held > card - taken) return fail(cudaErrorMemoryAllocation);
    size_t at = place(held);
    if (at > s.reserved || held > s.reserved - at) return fail(cudaErrorMemoryAllocation);
    size_t end = up(at + held, huge);
    if (end > s.used) {
        protect(s.used, end, PROT_READ | PROT_WRITE);
        HIDE(s.base + s.used, end - s.used);
        s.used = end;
    }
    s.blocks[at] = {bytes, held, current_device()};
    taken += held;
    SHOW(s.base + at, bytes);
    memset(s.base + at, unset, bytes);
    *memory = s.base + at;
    return cudaSuccess;
}

cudaError_t cudaFree(void *memory) {
    access hold;
    if (cudaError_t error = ready()) return fail(error);
    if (cudaError_t error = forbid_in_capture(forbidden::unless_relaxed)) return fail(error);
    run_late();
    if (cudaError_t error = synchronise()) return fail(error);
    if (!memory) return cudaSuccess;
    state &s = all();
    auto entry =
        in_device_range(memory) ? s.blocks.find((size_t)((char *)memory - s.base)) : s.blocks.end();
    if (entry == s.blocks.end()) return fail(cudaErrorInvalidValue);
    release(entry);
    return cudaSuccess;
}

cudaError_t cudaDeviceReset() {
    access hold;
    if (cudaError_t error = ready()) return fail(error);
    run_late();
    if (cudaError_t error = synchronise()) return fail(error);
    state &s = all();
    for (auto entry = s.blocks.begin(); entry != s.blocks.end();) {
        auto next = std::next(entry);
        if (entry->second.device == current_device()) release(entry);
        entry = next;
    }
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *available, size_t *total) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    if (!available || !total) return fail(cudaErrorInvalidValue);
    *total = options().memory;
    *available = *total - all().taken[current_device()];
    return cudaSuccess;
}

cudaError_t cudaHostAlloc(void **memory, size_t bytes, unsigned flags) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    if (!memory ||
        flags > (cudaHostAllocPortable | cudaHostAllocMapped | cudaHostAllocWriteCombined))
        return fail(cudaErrorInvalidValue);
    *memory = nullptr;
    if (cudaError_t error = forbid_in_capture(forbidden::unless_relaxed)) return fail(error);
    if (!bytes) return cudaSuccess;
    if (posix_memalign(memory, page, bytes)) {
        *memory = nullptr;
        return fail(cudaErrorMemoryAllocation);
    }
    memset(*memory, unset, bytes);
    all().pinned[(const char *)*memory] = bytes;
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void **memory, size_t bytes) {
    return cudaHostAlloc(memory, bytes, cudaHostAllocDefault);
}

cudaError_t cudaFreeHost(void *memory) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    if (cudaError_t error = forbid_in_capture(forbidden::unless_relaxed)) return fail(error);
    run_late();
    if (cudaError_t error = synchronise()) return fail(error);
    if (!memory) return cudaSuccess;
    if (!all().pinned.erase((const char *)memory)) return fail(cudaErrorInvalidValue);
    free(memory);
    return cudaSuccess;
}

cudaError_t cudaHostGetDevicePointer(void **device, void *host, unsigned flags) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    if (!device || flags || !is_pinned(host, 0)) return fail(cudaErrorInvalidValue);
    *device = host;
    return cudaSuccess;
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind) {
    access hold;
    if (cudaError_t error = ready()) return fail(error);
    if (cudaError_t error = forbid_in_capture(forbidden::always)) return fail(error);
    if (cudaError_t error = synchronise()) return fail(error);
    if (cudaError_t error = check_copy(to, from, bytes, kind)) return fail(error);
    if (bytes) memmove(to, from, bytes);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
    access hold;
    if (cudaError_t error = ready()) return fail(error);
    if (cudaError_t error = check_copy(to, from, bytes, kind)) return fail(error);
    if (!bytes) return cudaSuccess;
    /* a graph would read pageable memory at a time its owner doesn't know */
    if (stream_captures(stream) && !(is_reachable(to, bytes) && is_reachable(from, bytes)))
        return fail(spoil_capture(stream, cudaErrorStreamCaptureUnsupported));
    /* of pageable memory only what is there at the call counts, and it is filled behind it */
    if (!stream_captures(stream) && !(is_reachable(to, bytes) && is_reachable(from, bytes))) {
        cudaError_t error = issue(stream, [to, from, bytes] { memmove(to, from, bytes); });
        run_late(stream);
        return fail(error);
    }
    return fail(issue(stream, [to, from, bytes] { memmove(to, from, bytes); }));
}

cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream) {
    access hold;
    if (cudaError_t error = ready()) return fail(error);
    if (!bytes) return cudaSuccess;
    if (!is_reachable(memory, bytes)) return fail(cudaErrorInvalidValue);
    return fail(issue(stream, [memory, value, bytes] { memset(memory, value, bytes); }));
}
