/* What lies between the host and a GPU: bandwidth and latency of copies, and what a launch costs.
 */
#include "kernels/cuda/probes.h"

/* ---- copies of the whole working set ---- */

template <cudaMemcpyKind KIND>
static void issue(struct cuda_state *s, void *memory, void *host, size_t bytes) {
    void *to = KIND == cudaMemcpyHostToDevice ? memory : host;
    const void *from = KIND == cudaMemcpyHostToDevice ? host : memory;
    cuda_check(s, cudaMemcpyAsync(to, from, bytes, KIND, s->stream), "copying");
}

template <cudaMemcpyKind KIND>
static void run_copies(const struct device *device, void *memory, void *host, size_t bytes,
                       long repetitions) {
    struct cuda_state *s = cuda_state_of(device);
    if (!probe_begin(device)) return;
    for (long i = 0; i < repetitions && !s->failed; i++) issue<KIND>(s, memory, host, bytes);
}

/* Copies that the host waits for one by one: of few bytes, the latency. */
template <cudaMemcpyKind KIND>
static void run_waiting(const struct device *device, void *memory, void *host, size_t bytes,
                        long repetitions) {
    struct cuda_state *s = cuda_state_of(device);
    if (!probe_begin(device)) return;
    for (long i = 0; i < repetitions && !s->failed; i++) {
        issue<KIND>(s, memory, host, bytes);
        cuda_check(s, cudaStreamSynchronize(s->stream), "copying");
    }
}

static double whole_set(const struct device *, size_t bytes) { return (double)bytes; }

/* ---- launches ---- */

static __global__ void nothing(int) {}

static void launch(struct cuda_state *s) {
    LAUNCH(nothing, 1, 1, 0, s->stream, 0);
    cuda_launched(s, "an empty kernel");
}

static void run_launches(const struct device *device, void *, void *, size_t, long repetitions) {
    struct cuda_state *s = cuda_state_of(device);
    if (!probe_begin(device)) return;
    for (long i = 0; i < repetitions && !s->failed; i++) launch(s);
}

static void run_launches_waiting(const struct device *device, void *, void *, size_t,
                                 long repetitions) {
    struct cuda_state *s = cuda_state_of(device);
    if (!probe_begin(device)) return;
    for (long i = 0; i < repetitions && !s->failed; i++) {
        launch(s);
        cuda_check(s, cudaStreamSynchronize(s->stream), "an empty kernel");
    }
}

/* Kernels in the recorded graph; about what a training step of a small network has. */
enum { GRAPH_KERNELS = 20, MOST_DEVICES = 64 };

static cudaGraphExec_t record_launches(struct cuda_state *s) {
    cuda_graph_begin(s, "recording a graph");
    for (int i = 0; i < GRAPH_KERNELS && !s->failed; i++) launch(s);
    return cuda_graph_end(s, "recording a graph");
}

/* Recorded at the first call, which is never a timed one, and kept while the process lives. */
static void run_graphs(const struct device *device, void *, void *, size_t, long repetitions) {
    static struct {
        cudaStream_t stream; /* of the opened device that recorded it */
        cudaGraphExec_t recorded;
    } graphs[MOST_DEVICES];
    struct cuda_state *s = cuda_state_of(device);
    if (!probe_begin(device)) return;
    auto *graph = &graphs[s->index % MOST_DEVICES];
    if (!graph->recorded || graph->stream != s->stream) {
        graph->recorded = record_launches(s);
        graph->stream = s->stream;
    }
    for (long i = 0; i < repetitions && !s->failed; i++)
        cuda_check(s, cudaGraphLaunch(graph->recorded, s->stream), "launching a graph");
}

static double one(const struct device *, size_t) { return 1; }
static double kernels_of_a_graph(const struct device *, size_t) { return GRAPH_KERNELS; }

struct probe_rows transfer_probes(void) {
    const cudaMemcpyKind in = cudaMemcpyHostToDevice, out = cudaMemcpyDeviceToHost;
    static const struct device_probe rows[] = {
        {"h2d", NULL, SCALAR_COUNT, PROBE_BYTES, PROBE_PINNED_TOO, probe_always, whole_set,
         run_copies<in>},
        {"d2h", NULL, SCALAR_COUNT, PROBE_BYTES, PROBE_PINNED_TOO, probe_always, whole_set,
         run_copies<out>},
        {"h2d-pageable", NULL, SCALAR_COUNT, PROBE_BYTES, PROBE_PAGEABLE_TOO, probe_always,
         whole_set, run_copies<in>},
        {"d2h-pageable", NULL, SCALAR_COUNT, PROBE_BYTES, PROBE_PAGEABLE_TOO, probe_always,
         whole_set, run_copies<out>},
        {"h2d-latency", NULL, SCALAR_COUNT, PROBE_SECONDS, PROBE_PINNED_TOO, probe_always, one,
         run_waiting<in>},
        {"d2h-latency", NULL, SCALAR_COUNT, PROBE_SECONDS, PROBE_PINNED_TOO, probe_always, one,
         run_waiting<out>},
        {"launch", NULL, SCALAR_COUNT, PROBE_SECONDS, PROBE_NO_MEMORY, probe_always, one,
         run_launches},
        {"launch-sync", NULL, SCALAR_COUNT, PROBE_SECONDS, PROBE_NO_MEMORY, probe_always, one,
         run_launches_waiting},
        {"graph-launch", NULL, SCALAR_COUNT, PROBE_SECONDS, PROBE_NO_MEMORY, probe_always,
         kernels_of_a_graph, run_graphs},
    };
    return {rows, sizeof rows / sizeof *rows};
}
