/* Streams beside the device's own: copies and reductions that run while its kernels do. */
#include "kernels/cuda/cuda_device.h"

static void use(const struct device *device) {
    cuda_check(cuda_state_of(device), cudaSetDevice(cuda_state_of(device)->index),
               "choosing the device");
}

static cudaStream_t native(const struct cuda_state *s, void *stream) {
    return stream ? (cudaStream_t)stream : s->stream;
}

static void *stream_new(const struct device *device) {
    cudaStream_t stream = NULL;
    use(device);
    cuda_check(cuda_state_of(device), cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking),
               "a stream");
    return stream;
}

static void stream_free(const struct device *device, void *stream) {
    if (!stream) return;
    use(device);
    cuda_check(cuda_state_of(device), cudaStreamSynchronize((cudaStream_t)stream),
               "running on the device");
    cudaStreamDestroy((cudaStream_t)stream);
}

static void issue_copy(const struct device *device, void *stream, void *to, const void *from,
                       size_t bytes, cudaMemcpyKind kind, const char *doing) {
    struct cuda_state *s = cuda_state_of(device);
    if (s->failed || !bytes) return;
    cuda_check(s, cudaMemcpyAsync(to, from, bytes, kind, native(s, stream)), doing);
}

static void stream_copy_in(const struct device *device, void *stream, void *to, const void *from,
                           size_t bytes) {
    issue_copy(device, stream, to, from, bytes, cudaMemcpyHostToDevice, "copying to the device");
}

static void stream_copy_out(const struct device *device, void *stream, void *to, const void *from,
                            size_t bytes) {
    issue_copy(device, stream, to, from, bytes, cudaMemcpyDeviceToHost, "copying from the device");
}

static void stream_record(const struct device *device, void *stream, void *event) {
    struct cuda_state *s = cuda_state_of(device);
    if (!s->failed)
        cuda_check(s, cudaEventRecord((cudaEvent_t)event, native(s, stream)), "an event");
}

static void stream_wait(const struct device *device, void *stream, void *event) {
    struct cuda_state *s = cuda_state_of(device);
    if (!s->failed)
        cuda_check(s, cudaStreamWaitEvent(native(s, stream), (cudaEvent_t)event, 0),
                   "waiting for an event");
}

static void *stream_native(const struct device *device, void *stream) {
    use(device);
    return native(cuda_state_of(device), stream);
}

/* The next call of the thread that issues meets an error again and keeps it: nothing is written
 * here, so other threads may ask. */
static bool event_reached(const struct device *device, void *event) {
    (void)device;
    cudaError_t error = cudaEventQuery((cudaEvent_t)event);
    if (error != cudaErrorNotReady) return true;
    cudaGetLastError(); /* "not ready" counts as an error of the next launch */
    return false;
}

static void event_wait(const struct device *device, void *event) {
    cudaSetDevice(cuda_state_of(device)->index);
    cudaEventSynchronize((cudaEvent_t)event);
}

void cuda_streams(struct device *d) {
    d->stream_new = stream_new;
    d->stream_free = stream_free;
    d->stream_copy_in = stream_copy_in;
    d->stream_copy_out = stream_copy_out;
    d->stream_record = stream_record;
    d->stream_wait = stream_wait;
    d->stream_native = stream_native;
    d->event_reached = event_reached;
    d->event_wait = event_wait;
}
