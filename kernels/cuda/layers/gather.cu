/* Rows of the data become the batch. The data and its order lie in the device's memory, so a step
 * needs nothing of the host but the place of its first image. */
#include "kernels/cuda/layers/cuda_layers.h"
#include "kernels/cuda/layers/elementwise.cuh"

/* Row of the data for image i. */
struct gather_rows {
    const struct step_values *live; /* NULL: `first` counts */
    const int64_t *order;
    long first;

    __device__ long operator()(long i) const {
        long at = (live ? live->position : first) + i;
        return order ? (long)order[at] : at;
    }
};

static __device__ float number_of(uint8_t pixel, float) { return (float)pixel / 255; }
static __device__ double number_of(uint8_t pixel, double) { return (double)pixel / 255; }
template <class T> static __device__ T number_of(double number, T) { return (T)number; }

template <class T, class From> struct gather_body {
    enum { WIDE = 4 };
    gather_rows rows;
    long n;
    const From *data;
    T *x;
    struct ends {
        const From *from;
        T *to;
    };

    __device__ ends row(long i) const { return {data + rows(i) * n, x + i * n}; }
    template <int N> __device__ void at(const ends &e, long c) const {
        few<From, N> values = load_few<N>(e.from + c);
        few<T, N> numbers;
        for (int l = 0; l < N; l++) numbers.v[l] = number_of(values.v[l], T());
        store_few(e.to + c, numbers);
    }
};

struct gather_labels_body {
    enum { WIDE = 1 };
    gather_rows rows;
    const int32_t *labels;
    int32_t *to;

    template <int N> __device__ void at(long i) const { to[i] = labels[rows(i)]; }
};

template <class T, class From>
static void gather(const struct queue *q, const gather_rows &rows, long count, long n,
                   const From *data, T *x) {
    gather_body<T, From> body = {rows, n, data, x};
    for_rows(q, count, n, is_aligned<4>(data) && is_aligned<4>(x), body, "gathering a batch");
}

void cuda_gather(struct queue *q, long count, long n, const uint8_t *pixels, const double *numbers,
                 const int64_t *order, long first, void *x) {
    gather_rows rows = {cuda_live_values(q), order, first};
    by_type(q, [&](auto zero) {
        using T = decltype(zero);
        if (pixels)
            gather(q, rows, count, n, pixels, (T *)x);
        else
            gather(q, rows, count, n, numbers, (T *)x);
    });
}

void cuda_gather_labels(struct queue *q, long count, const int32_t *labels, const int64_t *order,
                        long first, int32_t *to) {
    gather_labels_body body = {{cuda_live_values(q), order, first}, labels, to};
    for_each(q, count, false, body, "gathering labels");
}
