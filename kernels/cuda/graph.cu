/* CUDA graphs: what is issued between begin and end, as one thing to launch. */
#include "kernels/cuda/cuda_device.h"

void cuda_graph_begin(struct cuda_state *s, const char *doing) {
    if (s->failed) return;
    cuda_check(s, cudaStreamBeginCapture(s->stream, cudaStreamCaptureModeThreadLocal), doing);
}

cudaGraphExec_t cuda_graph_end(struct cuda_state *s, const char *doing) {
    cudaGraph_t graph = NULL;
    cudaGraphExec_t executable = NULL;
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    cudaStreamIsCapturing(s->stream, &status);
    if (status == cudaStreamCaptureStatusNone) return NULL;
    /* Ends the capture after an error, too: nothing else may be issued before. */
    cudaError_t error = cudaStreamEndCapture(s->stream, &graph);
    if (!cuda_check(s, error, doing)) {
        if (graph) cudaGraphDestroy(graph);
        return NULL;
    }
#if CUDART_VERSION >= 12000
    error = cudaGraphInstantiate(&executable, graph, 0);
#else
    error = cudaGraphInstantiate(&executable, graph, NULL, NULL, 0);
#endif
    cudaGraphDestroy(graph);
    return cuda_check(s, error, doing) ? executable : NULL;
}
