/* Activations, element by element, and what is added before one. */
#include "kernels/cuda/layers/activation.cuh"
#include "kernels/cuda/layers/cuda_layers.h"

template <class T> struct activate_body {
    enum { WIDE = wide_of<T>::count };
    function<T> f;
    T *y;

    template <int N> __device__ void at(long i) const {
        few<T, N> values = load_few<N>(y + i);
        for (int l = 0; l < N; l++) values.v[l] = f(values.v[l]);
        store_few(y + i, values);
    }
};

template <class T> struct differentiate_body {
    enum { WIDE = wide_of<T>::count };
    function<T> f;
    const T *y;
    T *dy;

    template <int N> __device__ void at(long i) const {
        few<T, N> out = load_few<N>(y + i), values = load_few<N>(dy + i);
        for (int l = 0; l < N; l++) values.v[l] *= f.derivative(out.v[l]);
        store_few(dy + i, values);
    }
};

void cuda_activation_forward(struct queue *q, const struct elementwise *f, long count, void *y) {
    by_type(q, [&](auto zero) {
        using T = decltype(zero);
        constexpr int wide = wide_of<T>::count;
        activate_body<T> body = {function<T>(f), (T *)y};
        for_each(q, count, is_aligned<wide>(body.y), body, "activation forward");
    });
}

void cuda_activation_backward(struct queue *q, const struct elementwise *f, long count,
                              const void *y, void *dy) {
    by_type(q, [&](auto zero) {
        using T = decltype(zero);
        constexpr int wide = wide_of<T>::count;
        differentiate_body<T> body = {function<T>(f), (const T *)y, (T *)dy};
        bool aligned = is_aligned<wide>(body.y) && is_aligned<wide>(body.dy);
        for_each(q, count, aligned, body, "activation backward");
    });
}

template <class T> struct bias_body {
    enum { WIDE = wide_of<T>::count };
    function<T> f;
    const T *b;
    long columns;
    T *y;

    __device__ T *row(long r) const { return y + r * columns; }
    template <int N> __device__ void at(T *row, long c) const {
        few<T, N> values = load_few<N>(row + c), more = load_few<N>(b + c);
        for (int l = 0; l < N; l++) values.v[l] = f(values.v[l] + more.v[l]);
        store_few(row + c, values);
    }
};

void cuda_bias_activate(const struct queue *q, long rows, long columns, const void *b,
                        const struct elementwise *then, void *y) {
    by_type(q, [&](auto zero) {
        using T = decltype(zero);
        constexpr int wide = wide_of<T>::count;
        bias_body<T> body = {function<T>(then), (const T *)b, columns, (T *)y};
        bool aligned = is_aligned<wide>(body.b) && is_aligned<wide>(body.y);
        for_rows(q, rows, columns, aligned, body, "adding the biases");
    });
}
