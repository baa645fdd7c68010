/* Maxout: the largest of neighbours, one thread a unit. */
#include "kernels/cuda/layers/cuda_layers.h"
#include "kernels/cuda/layers/elementwise.cuh"

template <class T> struct maxout_body {
    enum { WIDE = 1 };
    long pieces;
    const T *x;
    T *y;
    int32_t *where;

    template <int N> __device__ void at(long i) const {
        const T *from = x + i * pieces;
        T best = from[0];
        int32_t place = 0;
        for (int32_t p = 1; p < pieces; p++) {
            T value = from[p];
            if (!(value > best)) continue;
            best = value;
            place = p;
        }
        y[i] = best;
        where[i] = place;
    }
};

template <class T> struct maxout_back_body {
    enum { WIDE = 1 };
    long pieces;
    const T *dy;
    const int32_t *where;
    T *dx;

    __device__ long row(long unit) const { return unit; }
    template <int N> __device__ void at(long unit, long p) const {
        dx[unit * pieces + p] = where[unit] == p ? dy[unit] : 0;
    }
};

void cuda_maxout_forward(struct queue *q, long rows, long out, long pieces, const void *x, void *y,
                         int32_t *where) {
    by_type(q, [&](auto zero) {
        using T = decltype(zero);
        maxout_body<T> body = {pieces, (const T *)x, (T *)y, where};
        for_each(q, rows * out, false, body, "maxout forward");
    });
}

void cuda_maxout_backward(struct queue *q, long rows, long out, long pieces, const void *dy,
                          const int32_t *where, void *dx) {
    by_type(q, [&](auto zero) {
        using T = decltype(zero);
        maxout_back_body<T> body = {pieces, (const T *)dy, where, (T *)dx};
        for_rows(q, rows * out, pieces, false, body, "maxout backward");
    });
}
