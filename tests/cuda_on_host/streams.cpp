/* Streams, events and graphs. Work is done when it is issued; while a stream captures it is kept
 * instead, and done each time the graph is launched. With the switch `late` work is done as late as
 * CUDA allows: when the host waits for it, and of other streams only what that waits for. */
#include "tests/cuda_on_host/host_device.h"

#include <ctime>
#include <deque>
#include <memory>
#include <set>
#include <thread>
#include <vector>

struct CUgraphNode_st {
    std::function<void()> work;
};
using node_list = std::vector<std::shared_ptr<CUgraphNode_st>>;

struct CUgraph_st {
    node_list nodes;
};
struct CUgraphExec_st {
    node_list nodes;
};
/* A point in a stream's work; an event holds the latest one. */
struct point {
    cudaStream_t stream;
    bool passed;
    double time_ms;
};
using point_of_event = std::shared_ptr<point>;
struct late_work {
    std::function<void()> work;
    point_of_event passes, awaits; /* or one of these */
};

struct CUstream_st {
    explicit CUstream_st(bool waits_for_legacy) : blocking(waits_for_legacy) {}
    bool blocking;
    int device = cuda_on_host::current_device();
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
    std::thread::id capturing_thread;
    node_list nodes;
    std::deque<late_work> late;
};
struct CUevent_st {
    explicit CUevent_st(bool times) : timing(times) {}
    bool timing;
    int device = cuda_on_host::current_device();
    enum { never, recorded, captured } status = never;
    point_of_event latest;
};

namespace cuda_on_host {
namespace {

/* The handles that are good now; never destroyed. */
template <class T> std::set<T *> &known() {
    static std::set<T *> *handles = new std::set<T *>;
    return *handles;
}
template <class T> bool good(T *handle) { return handle && known<T>().count(handle); }
template <class T> T *keep(T *handle) {
    known<T>().insert(handle);
    return handle;
}
template <class T> cudaError_t drop(T *handle) {
    if (!good(handle)) return cudaErrorInvalidResourceHandle;
    known<T>().erase(handle);
    delete handle;
    return cudaSuccess;
}

double now_ms() {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

bool captures(const CUstream_st *stream) { return stream->status != cudaStreamCaptureStatusNone; }

/* Why nothing can be issued to it, or cudaSuccess. */
cudaError_t usable(cudaStream_t stream) {
    if (stream) return good(stream) ? cudaSuccess : cudaErrorInvalidResourceHandle;
    /* the legacy default stream waits for all blocking streams */
    for (CUstream_st *other : known<CUstream_st>())
        if (captures(other) && other->blocking) {
            other->status = cudaStreamCaptureStatusInvalidated;
            return cudaErrorStreamCaptureImplicit;
        }
    return cudaSuccess;
}

void run_to(const point_of_event &goal);

/* The first thing that the stream has still to do. */
void run_first(cudaStream_t stream) {
    late_work first = std::move(stream->late.front());
    stream->late.pop_front();
    if (first.awaits) run_to(first.awaits);
    if (first.work && alive()) first.work();
    if (first.passes) {
        first.passes->passed = true;
        first.passes->time_ms = now_ms();
    }
}

/* Streams wait for points that were issued before, so this ends. */
void run_to(const point_of_event &goal) {
    while (!goal->passed) run_first(goal->stream);
}

void run_all_of(cudaStream_t stream) {
    if (!good(stream) || stream->late.empty()) return;
    access hold;
    while (!stream->late.empty()) run_first(stream);
}

/* Now, or behind what the stream has still to do. The legacy stream keeps nothing. */
void do_or_keep(cudaStream_t stream, late_work work) {
    access hold;
    if (options().late && stream) {
        stream->late.push_back(std::move(work));
        return;
    }
    if (work.work && alive()) work.work();
    if (!work.passes) return;
    work.passes->passed = true;
    work.passes->time_ms = now_ms();
}

cudaError_t issue_nodes(cudaStream_t stream, const node_list &nodes) {
    if (cudaError_t error = usable(stream)) return error;
    if (stream && stream->status == cudaStreamCaptureStatusInvalidated)
        return cudaErrorStreamCaptureInvalidated;
    if (stream && captures(stream)) {
        stream->nodes.insert(stream->nodes.end(), nodes.begin(), nodes.end());
        return cudaSuccess;
    }
    access hold;
    for (const auto &node : nodes) do_or_keep(stream, {node->work, nullptr, nullptr});
    return cudaSuccess;
}

} // namespace

void run_late(cudaStream_t stream) { run_all_of(stream); }

void run_late() {
    for (CUstream_st *stream : known<CUstream_st>()) run_all_of(stream);
}

bool stream_fits(cudaStream_t stream) {
    return !stream || !good(stream) || stream->device == current_device();
}

bool stream_exists(cudaStream_t stream) { return !stream || good(stream); }

bool stream_captures(cudaStream_t stream) { return good(stream) && captures(stream); }

cudaError_t issue(cudaStream_t stream, std::function<void()> work) {
    if (!stream_captures(stream)) { /* nothing to keep */
        if (cudaError_t error = usable(stream)) return error;
        do_or_keep(stream, {std::move(work), nullptr, nullptr});
        return cudaSuccess;
    }
    auto node = std::make_shared<CUgraphNode_st>();
    node->work = std::move(work);
    return issue_nodes(stream, {node});
}

cudaError_t spoil_capture(cudaStream_t stream, cudaError_t error) {
    if (stream_captures(stream)) stream->status = cudaStreamCaptureStatusInvalidated;
    return error;
}

cudaError_t forbid_in_capture(forbidden when) {
    cudaError_t error = cudaSuccess;
    for (CUstream_st *stream : known<CUstream_st>()) {
        if (!captures(stream)) continue;
        bool mine = stream->capturing_thread == std::this_thread::get_id();
        bool counts = stream->mode == cudaStreamCaptureModeGlobal ||
                      (mine && (when == forbidden::always ||
                                stream->mode == cudaStreamCaptureModeThreadLocal));
        if (counts) error = spoil_capture(stream, cudaErrorStreamCaptureUnsupported);
    }
    return error;
}

} // namespace cuda_on_host

using namespace cuda_on_host;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    if (!stream || flags > cudaStreamNonBlocking) return fail(cudaErrorInvalidValue);
    *stream = keep(new CUstream_st(flags == cudaStreamDefault));
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    run_all_of(stream);
    return fail(drop(stream));
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    if (cudaError_t error = usable(stream)) return fail(error);
    if (stream_captures(stream))
        return fail(spoil_capture(stream, cudaErrorStreamCaptureUnsupported));
    if (cudaError_t error = forbid_in_capture(forbidden::unless_relaxed)) return fail(error);
    run_all_of(stream);
    return fail(synchronise());
}

/* In a capture it would make another stream part of the graph: not emulated. */
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    if (!good(event)) return fail(cudaErrorInvalidResourceHandle);
    if (flags) return fail(cudaErrorInvalidValue);
    if (cudaError_t error = usable(stream)) return fail(error);
    if (stream_captures(stream) || event->status == CUevent_st::captured)
        return fail(spoil_capture(stream, cudaErrorStreamCaptureUnsupported));
    if (event->latest && !event->latest->passed)
        do_or_keep(stream, {nullptr, nullptr, event->latest});
    return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    if (!stream) return fail(cudaErrorStreamCaptureUnsupported); /* the legacy stream */
    if (!good(stream)) return fail(cudaErrorInvalidResourceHandle);
    if (captures(stream)) return fail(spoil_capture(stream, cudaErrorInvalidValue));
    stream->status = cudaStreamCaptureStatusActive;
    stream->mode = mode;
    stream->capturing_thread = std::this_thread::get_id();
    stream->nodes.clear();
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    if (!graph) return fail(cudaErrorInvalidValue);
    *graph = nullptr;
    if (!good(stream)) return fail(cudaErrorInvalidResourceHandle);
    if (!captures(stream)) return fail(cudaErrorInvalidValue);
    bool valid = stream->status == cudaStreamCaptureStatusActive;
    stream->status = cudaStreamCaptureStatusNone;
    node_list nodes;
    nodes.swap(stream->nodes);
    if (!valid) return fail(cudaErrorStreamCaptureInvalidated);
    *graph = keep(new CUgraph_st{nodes});
    return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus *status) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    if (!status) return fail(cudaErrorInvalidValue);
    if (cudaError_t error = usable(stream)) return fail(error);
    *status = stream ? stream->status : cudaStreamCaptureStatusNone;
    return cudaSuccess;
}

static cudaError_t instantiate(cudaGraphExec_t *exec, cudaGraph_t graph) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    if (!exec || !good(graph)) return fail(cudaErrorInvalidValue);
    *exec = keep(new CUgraphExec_st{graph->nodes});
    return cudaSuccess;
}

#if CUDART_VERSION >= 12000
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph,
                                 unsigned long long flags) {
    (void)flags;
    return instantiate(exec, graph);
}
#else
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, cudaGraphNode_t *error,
                                 char *log, size_t log_size) {
    if (error) *error = nullptr;
    if (log && log_size) *log = 0;
    return instantiate(exec, graph);
}
#endif

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    if (!good(exec)) return fail(cudaErrorInvalidValue);
    return fail(issue_nodes(stream, exec->nodes));
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    return fail(drop(exec));
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    return fail(drop(graph));
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t *nodes, size_t *count) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    if (!good(graph) || !count) return fail(cudaErrorInvalidValue);
    size_t held = graph->nodes.size();
    for (size_t i = 0; nodes && i < *count; i++)
        nodes[i] = i < held ? graph->nodes[i].get() : nullptr;
    if (!nodes || *count > held) *count = held;
    return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    if (!event || flags > (cudaEventBlockingSync | cudaEventDisableTiming))
        return fail(cudaErrorInvalidValue);
    *event = keep(new CUevent_st(!(flags & cudaEventDisableTiming)));
    return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t *event) {
    return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    return fail(drop(event));
}

/* In a capture it only orders the graph's work, which is in order here anyway. */
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    if (!good(event)) return fail(cudaErrorInvalidResourceHandle);
    if (good(stream) && stream->device != event->device)
        return fail(cudaErrorInvalidResourceHandle);
    if (cudaError_t error = issue_nodes(stream, {})) return fail(error);
    event->status = stream_captures(stream) ? CUevent_st::captured : CUevent_st::recorded;
    if (event->status == CUevent_st::captured) return cudaSuccess;
    event->latest = std::make_shared<point>(point{stream, false, 0});
    do_or_keep(stream, {nullptr, event->latest, nullptr});
    return cudaSuccess;
}

/* With `late` each question gets the stream one piece of work further. */
cudaError_t cudaEventQuery(cudaEvent_t event) {
    access hold;
    if (cudaError_t error = ready()) return fail(error);
    if (!good(event)) return fail(cudaErrorInvalidResourceHandle);
    if (cudaError_t error = forbid_in_capture(forbidden::unless_relaxed)) return fail(error);
    if (event->status == CUevent_st::captured) return fail(cudaErrorCapturedEvent);
    if (!event->latest || event->latest->passed) return fail(synchronise());
    run_first(event->latest->stream);
    return fail(cudaErrorNotReady);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    if (!good(event)) return fail(cudaErrorInvalidResourceHandle);
    if (cudaError_t error = forbid_in_capture(forbidden::always)) return fail(error);
    if (event->status == CUevent_st::captured) return fail(cudaErrorCapturedEvent);
    if (event->latest) {
        access open;
        run_to(event->latest);
    }
    return fail(synchronise());
}

cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t begin, cudaEvent_t end) {
    call hold;
    if (cudaError_t error = ready()) return fail(error);
    if (!milliseconds) return fail(cudaErrorInvalidValue);
    for (cudaEvent_t event : {begin, end}) {
        if (!good(event) || !event->timing || event->status == CUevent_st::never)
            return fail(cudaErrorInvalidResourceHandle);
        if (event->status == CUevent_st::captured) return fail(cudaErrorCapturedEvent);
        if (!event->latest->passed) return fail(cudaErrorNotReady);
    }
    *milliseconds = (float)(end->latest->time_ms - begin->latest->time_ms);
    return cudaSuccess;
}
