/* Launches: the threads of a block are fibers of one thread of the host. A fiber runs thread after
 * thread until one waits at a barrier; then the next fiber goes on with the threads not yet begun.
 * So a kernel without barriers costs one fiber, whatever the size of its blocks. */
#include "tests/cuda_on_host/emulation.h"
#include "tests/cuda_on_host/host_device.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

#if !defined(__x86_64__) || defined(__SHSTK__) || defined(FLOPSTEP_FIBERS_UCONTEXT)
#define USE_UCONTEXT
#include <ucontext.h>
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(low, high) ((void)0)
#endif

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

#ifndef USE_UCONTEXT
/* Saves what a call must preserve, changes the stack, goes on there. */
extern "C" void cuda_on_host_switch(void **from, void *to);
asm(".text\n"
    ".p2align 4\n"
    ".hidden cuda_on_host_switch\n"
    ".globl cuda_on_host_switch\n"
    ".type cuda_on_host_switch, @function\n"
    "cuda_on_host_switch:\n"
    "    pushq %rbp\n"
    "    pushq %rbx\n"
    "    pushq %r12\n"
    "    pushq %r13\n"
    "    pushq %r14\n"
    "    pushq %r15\n"
    "    movq %rsp, (%rdi)\n"
    "    movq %rsi, %rsp\n"
    "    popq %r15\n"
    "    popq %r14\n"
    "    popq %r13\n"
    "    popq %r12\n"
    "    popq %rbx\n"
    "    popq %rbp\n"
    "    ret\n"
    ".size cuda_on_host_switch, .-cuda_on_host_switch\n");
#endif

namespace cuda_on_host {
namespace {

constexpr size_t page = 4096, shared_limit = 48 << 10;
constexpr unsigned warp_lanes = 32, most_threads = 1024;
#ifdef __SANITIZE_ADDRESS__
constexpr size_t stack_bytes = 512 << 10; /* its frames are larger */
#else
constexpr size_t stack_bytes = 64 << 10;
#endif

/* Where a fiber, or the scheduler, goes on. */
struct place {
#ifdef USE_UCONTEXT
    ucontext_t context;
#else
    void *stack_pointer;
#endif
    void *fake_stack = nullptr; /* the address sanitizer's */
};

struct fiber {
    place at;
    char *stack;
    unsigned thread; /* the one it runs */
};

enum status { unstarted, running, at_block_barrier, at_warp_barrier, ended };

struct thread_state {
    enum status status;
    fiber *on;
    /* of a warp barrier */
    unsigned mask;
    uint64_t value;
    int source;
    bool vote;
    unsigned votes;
    const char *operation;
};

/* The launch that runs; one at a time, guarded by access. */
struct running_launch {
    const char *kernel;
    const std::function<void()> *body;
    unsigned threads, begun, finished, waiting; /* of the block; waiting at __syncthreads */
    bool reverse;
    thread_state thread[most_threads];
    unsigned arrived[most_threads / warp_lanes]; /* lanes at a warp barrier, by warp */
    std::vector<unsigned> ready;                 /* threads whose barrier is open, from `next` on */
    size_t next;
    std::vector<fiber *> idle;
    fiber *current;
    place scheduler;
    const void *scheduler_stack;
    size_t scheduler_stack_bytes;
    alignas(256) char shared[shared_limit];
};
running_launch &now() {
    static running_launch *it = new running_launch();
    return *it;
}

void switch_to(place *from, place *to, const void *stack, size_t bytes) {
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(&from->fake_stack, stack, bytes);
#else
    (void)stack, (void)bytes;
#endif
#ifdef USE_UCONTEXT
    swapcontext(&from->context, &to->context);
#else
    cuda_on_host_switch(&from->stack_pointer, to->stack_pointer);
#endif
}

void switched(place *back, const void **stack, size_t *bytes) {
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(back ? back->fake_stack : nullptr, stack, bytes);
#else
    (void)back, (void)stack, (void)bytes;
#endif
}

void leave(fiber *self) {
    running_launch &l = now();
    switch_to(&self->at, &l.scheduler, l.scheduler_stack, l.scheduler_stack_bytes);
    switched(&self->at, &l.scheduler_stack, &l.scheduler_stack_bytes);
}

void set_thread(unsigned thread) {
    threadIdx.x = thread % blockDim.x;
    threadIdx.y = thread / blockDim.x % blockDim.y;
    threadIdx.z = thread / blockDim.x / blockDim.y;
}

unsigned in_order(unsigned index) {
    const running_launch &l = now();
    return l.reverse ? l.threads - 1 - index : index;
}

void fiber_main() {
    running_launch &l = now();
    switched(nullptr, &l.scheduler_stack, &l.scheduler_stack_bytes);
    fiber *self = l.current;
    for (;;) {
        while (l.begun < l.threads && l.next == l.ready.size()) {
            self->thread = in_order(l.begun++);
            thread_state &t = l.thread[self->thread];
            t.status = running, t.on = self;
            set_thread(self->thread);
            (*l.body)();
            l.thread[self->thread].status = ended;
            l.finished++;
        }
        l.idle.push_back(self);
        leave(self);
    }
}

fiber *new_fiber() {
    /* one page below that can't be touched: a stack that runs over dies at once */
    void *memory = mmap(nullptr, page + stack_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, page, PROT_NONE))
        die("no stack for a thread of a kernel: %s", strerror(errno));
    fiber *made = new fiber();
    made->stack = (char *)memory + page;
    (void)VALGRIND_STACK_REGISTER(made->stack, made->stack + stack_bytes);
#ifdef USE_UCONTEXT
    getcontext(&made->at.context);
    made->at.context.uc_stack.ss_sp = made->stack;
    made->at.context.uc_stack.ss_size = stack_bytes;
    made->at.context.uc_link = nullptr;
    makecontext(&made->at.context, fiber_main, 0);
#else
    /* as if cuda_on_host_switch had been called by nobody, to return into fiber_main */
    void **top = (void **)(made->stack + stack_bytes);
    *--top = nullptr;
    *--top = (void *)fiber_main;
    for (int i = 0; i < 6; i++) *--top = nullptr;
    made->at.stack_pointer = top;
#endif
    return made;
}

void resume(fiber *f) {
    running_launch &l = now();
    l.current = f;
    switch_to(&l.scheduler, &f->at, f->stack, stack_bytes);
    switched(&l.scheduler, nullptr, nullptr);
}

struct where {
    unsigned x, y, z;
};
where where_is(unsigned thread) {
    return {thread % blockDim.x, thread / blockDim.x % blockDim.y,
            thread / blockDim.x / blockDim.y};
}

/* Nobody can go on: says who waits for whom. */
[[noreturn]] void stuck() {
    running_launch &l = now();
    unsigned waits = 0, other;
    while (l.thread[waits].status == ended) waits++;
    const thread_state &w = l.thread[waits];
    bool warp = w.status == at_warp_barrier;
    auto missing = [&](unsigned t) {
        const thread_state &o = l.thread[t];
        if (!warp) return o.status != at_block_barrier;
        return t / warp_lanes == waits / warp_lanes && w.mask >> t % warp_lanes & 1 &&
               (o.status != at_warp_barrier || o.mask != w.mask);
    };
    for (other = 0; other < l.threads && !missing(other); other++) continue;
    where a = where_is(waits), b = where_is(std::min(other, l.threads - 1));
    const thread_state &o = l.thread[std::min(other, l.threads - 1)];
    const char *does = o.status == ended              ? "has ended"
                       : o.status == at_block_barrier ? "waits at __syncthreads"
                       : o.mask != w.mask && warp     ? "waits with another mask"
                                                      : o.operation;
    die("kernel %s, block (%u,%u,%u): thread (%u,%u,%u) waits at %s for thread (%u,%u,%u), which "
        "%s%s",
        l.kernel, blockIdx.x, blockIdx.y, blockIdx.z, a.x, a.y, a.z,
        warp ? w.operation : "__syncthreads", b.x, b.y, b.z, does == o.operation ? "waits at " : "",
        does);
}

void open_block_barrier() {
    running_launch &l = now();
    l.waiting = 0;
    for (unsigned i = 0; i < l.threads; i++) {
        l.thread[in_order(i)].status = running;
        l.ready.push_back(in_order(i));
    }
}

void run_block() {
    running_launch &l = now();
    l.begun = l.finished = l.waiting = 0;
    l.ready.clear(), l.next = 0;
    for (unsigned t = 0; t < l.threads; t++) l.thread[t].status = unstarted;
    std::fill(std::begin(l.arrived), std::end(l.arrived), 0u);
    while (l.finished < l.threads) {
        if (l.next < l.ready.size()) {
            unsigned t = l.ready[l.next++];
            if (l.next == l.ready.size()) l.ready.clear(), l.next = 0;
            set_thread(t);
            resume(l.thread[t].on);
        } else if (l.begun < l.threads) {
            fiber *f;
            if (l.idle.empty())
                f = new_fiber();
            else
                f = l.idle.back(), l.idle.pop_back();
            resume(f);
        } else if (l.waiting == l.threads)
            open_block_barrier();
        else
            stuck();
    }
}

void run_grid(const char *kernel, dim3 grid, dim3 block, size_t shared_bytes,
              const std::function<void()> &body) {
    if (!count_launch()) return;
    running_launch &l = now();
    l.kernel = kernel, l.body = &body;
    l.threads = block.x * block.y * block.z;
    l.reverse = options().reverse;
    gridDim = grid, blockDim = block;
#ifdef __SANITIZE_ADDRESS__
    ASAN_UNPOISON_MEMORY_REGION(l.shared, shared_limit);
    ASAN_POISON_MEMORY_REGION(l.shared + shared_bytes, shared_limit - shared_bytes);
#endif
    for (unsigned z = 0; z < grid.z; z++)
        for (unsigned y = 0; y < grid.y; y++)
            for (unsigned x = 0; x < grid.x; x++) {
                blockIdx.x = x, blockIdx.y = y, blockIdx.z = z;
                if (shared_bytes) memset(l.shared, 0xff, shared_bytes); /* NaN */
                run_block();
            }
}

cudaError_t check(dim3 grid, dim3 block, size_t shared_bytes) {
    bool block_good = block.x && block.y && block.z && block.x <= most_threads &&
                      block.y <= most_threads && block.z <= 64 &&
                      block.x * block.y * block.z <= most_threads;
    bool grid_good =
        grid.x && grid.y && grid.z && grid.x <= 0x7fffffff && grid.y <= 65535 && grid.z <= 65535;
    if (!block_good || !grid_good) return cudaErrorInvalidConfiguration;
    return shared_bytes <= shared_limit ? cudaSuccess : cudaErrorInvalidValue;
}

/* Gives up the fiber until the barrier opens. */
void wait() { leave(now().current); }

} // namespace

void launch_threads(const char *kernel, dim3 grid, dim3 block, size_t shared_bytes,
                    cudaStream_t stream, std::function<void()> body) {
    call hold;
    cudaError_t error = ready();
    if (!error && !options().image) error = cudaErrorNoKernelImageForDevice;
    if (!error && !stream_fits(stream)) error = cudaErrorInvalidResourceHandle;
    if (!error) error = check(grid, block, shared_bytes);
    if (!error)
        error = issue(stream, [kernel, grid, block, shared_bytes, body = std::move(body)] {
            run_grid(kernel, grid, block, shared_bytes, body);
        });
    fail(error);
}

void *dynamic_shared() { return now().shared; }

void block_barrier() {
    running_launch &l = now();
    if (l.threads == 1) return;
    l.thread[l.current->thread].status = at_block_barrier;
    l.waiting++;
    wait();
}

int lane() { return (int)(now().current->thread % warp_lanes); }

uint64_t warp_exchange(unsigned mask, uint64_t value, int source, bool vote, unsigned *votes,
                       const char *operation) {
    running_launch &l = now();
    unsigned self = l.current->thread, first = self / warp_lanes * warp_lanes;
    unsigned lanes = std::min(warp_lanes, l.threads - first);
    thread_state *warp = l.thread + first, &me = l.thread[self];
    if (!(mask >> (self - first) & 1))
        die("kernel %s: thread %u of a block calls %s with mask 0x%08x, which lacks its own lane",
            l.kernel, self, operation, mask);
    /* lanes the block doesn't have are not waited for */
    unsigned needed = lanes == warp_lanes ? mask : mask & ((1u << lanes) - 1);
    me.mask = needed, me.value = value, me.source = source, me.vote = vote;
    me.operation = operation, me.status = at_warp_barrier;
    unsigned &arrived = l.arrived[first / warp_lanes];
    arrived |= 1u << (self - first);

    bool all = (arrived & needed) == needed;
    unsigned ballot = 0;
    for (unsigned i = 0; all && i < lanes; i++)
        if (needed >> i & 1) {
            all = warp[i].mask == needed;
            ballot |= (unsigned)warp[i].vote << i;
        }
    if (all) {
        uint64_t values[warp_lanes];
        for (unsigned i = 0; i < lanes; i++) values[i] = warp[i].value;
        for (unsigned k = 0; k < lanes; k++) {
            unsigned i = l.reverse ? lanes - 1 - k : k;
            if (!(needed >> i & 1)) continue;
            bool takes_part = (unsigned)warp[i].source < lanes && needed >> warp[i].source & 1;
            warp[i].value = takes_part ? values[warp[i].source] : ~(uint64_t)0; /* NaN */
            warp[i].votes = ballot;
            warp[i].status = running;
            l.ready.push_back(first + i);
        }
        arrived &= ~needed;
    }
    wait();
    *votes = me.votes;
    return me.value;
}

} // namespace cuda_on_host
