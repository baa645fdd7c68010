/* Images as matrices of columns, and back. */
#ifndef FLOPSTEP_KERNELS_CUDA_LAYERS_CONV_COLUMNS_CUH
#define FLOPSTEP_KERNELS_CUDA_LAYERS_CONV_COLUMNS_CUH

#include "kernels/cuda/layers/activation.cuh"

/* columns[image, oy, ox][ky][kx][c] = x[image][oy stride + ky - padding][ox stride + kx - padding]
 * [c]. The taps of one row of a window lie side by side in NHWC: `run` of them, of which those
 * inside the image are one stretch. */
template <class T> struct lower_body {
    enum { WIDE = wide_of<T>::count };
    struct conv_shape s;
    uint32_t run; /* kernel channels */
    long line;    /* width channels */
    const T *x;
    T *columns;
    struct known {
        const T *image;
        T *to;
        long top, left; /* left in elements; both may lie outside */
    };

    __device__ known row(long r) const {
        long above = quotient(r, s.out_width), ox = r - above * s.out_width;
        long image = quotient(above, s.out_height), oy = above - image * s.out_height;
        return {x + image * s.height * line, columns + r * s.kernel * run,
                oy * s.stride - s.padding, (ox * s.stride - s.padding) * s.channels};
    }
    template <int N> __device__ void at(const known &k, long t) const {
        uint32_t ky = (uint32_t)t / run;
        long y = k.top + ky, at = k.left + ((uint32_t)t - ky * run);
        few<T, N> values = {};
        if (y >= 0 && y < s.height && at >= 0 && at < line)
            values = load_few<N>(k.image + y * line + at);
        store_few(k.to + t, values);
    }
};

/* dx = sum of the columns' elements that came from it, times the derivative of `before` of x. A
 * thread has an input pixel and looks for its windows, so nothing is added by two threads. */
template <class T> struct raise_body {
    enum { WIDE = wide_of<T>::count };
    struct conv_shape s;
    function<T> before;
    const T *columns;
    const T *x; /* NULL without `before` */
    T *dx;
    struct known {
        long first, to, y, x; /* first: row of columns where the image begins; places padded */
        long oy, oy_last, ox, ox_last;
    };

    __device__ known row(long r) const {
        long above = quotient(r, s.width), image = quotient(above, s.height);
        long py = above - image * s.height + s.padding, px = r - above * s.width + s.padding;
        known k = {image * s.out_height * s.out_width, r * s.channels, py, px, 0, 0, 0, 0};
        k.oy = py < s.kernel ? 0 : quotient(py - s.kernel + s.stride, s.stride);
        k.ox = px < s.kernel ? 0 : quotient(px - s.kernel + s.stride, s.stride);
        k.oy_last = quotient(py, s.stride);
        k.ox_last = quotient(px, s.stride);
        if (k.oy_last >= s.out_height) k.oy_last = s.out_height - 1;
        if (k.ox_last >= s.out_width) k.ox_last = s.out_width - 1;
        return k;
    }
    template <int N> __device__ void at(const known &k, long c) const {
        few<T, N> sum = {};
        for (long oy = k.oy; oy <= k.oy_last; oy++)
            for (long ox = k.ox; ox <= k.ox_last; ox++) {
                long tap = (k.y - oy * s.stride) * s.kernel + k.x - ox * s.stride;
                long column = k.first + oy * s.out_width + ox;
                few<T, N> v =
                    load_few<N>(columns + (column * s.kernel * s.kernel + tap) * s.channels + c);
                for (int l = 0; l < N; l++) sum.v[l] += v.v[l];
            }
        if (x) {
            few<T, N> out = load_few<N>(x + k.to + c);
            for (int l = 0; l < N; l++) sum.v[l] *= before.derivative(out.v[l]);
        }
        store_few(dx + k.to + c, sum);
    }
};

#endif
