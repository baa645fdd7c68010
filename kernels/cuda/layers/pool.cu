/* Pooling. Forward a thread has an output of one window; backward it has an input pixel and gathers
 * what the windows that it lies in hand down, in their order, so nothing is added by two threads.
 */
#include "kernels/cuda/layers/activation.cuh"
#include "kernels/cuda/layers/cuda_layers.h"

/* Where a row of a functor lies: an output, or an input pixel. */
struct pixel {
    long image, y, x;
};

static __device__ pixel pixel_of(long index, long height, long width) {
    long row = quotient(index, width), image = quotient(row, height);
    return {image, row - image * height, index - row * width};
}

/* Windows that a coordinate lies in, along one axis. */
struct span_of_windows {
    long first, last;
};

static __device__ span_of_windows windows_over(long at, long window, long stride, long count) {
    long first = at < window ? 0 : quotient(at - window + stride, stride);
    long last = quotient(at, stride);
    return {first, last < count ? last : count - 1};
}

/* `where`: which tap of the window, as a byte where that is enough. */
template <class T, class Place> struct max_forward_body {
    enum { WIDE = wide_of<T>::count };
    struct pool_shape s;
    const T *x;
    T *y;
    Place *where;
    struct ends {
        const T *corner;
        long to;
    };

    __device__ ends row(long r) const {
        pixel p = pixel_of(r, s.out_height, s.out_width);
        long from = (p.image * s.height + p.y * s.stride) * s.width + p.x * s.stride;
        return {x + from * s.channels, r * s.channels};
    }
    template <int N> __device__ void at(const ends &e, long c) const {
        few<T, N> best = load_few<N>(e.corner + c);
        few<Place, N> place = {};
        for (long ky = 0, tap = 0; ky < s.window; ky++)
            for (long kx = 0; kx < s.window; kx++, tap++) {
                few<T, N> v = load_few<N>(e.corner + (ky * s.width + kx) * s.channels + c);
                for (int l = 0; l < N; l++) {
                    bool larger = v.v[l] > best.v[l] || v.v[l] != v.v[l]; /* NaN stays */
                    best.v[l] = larger ? v.v[l] : best.v[l];
                    place.v[l] = larger ? (Place)tap : place.v[l];
                }
            }
        store_few(y + e.to + c, best);
        store_few(where + e.to + c, place);
    }
};

template <class T, class Place> struct max_backward_body {
    enum { WIDE = wide_of<T>::count };
    struct pool_shape s;
    function<T> before; /* of y */
    const T *dy;
    const Place *where;
    const T *y; /* NULL without `before` */
    T *dx;
    struct known {
        long to, image, row, column;
        span_of_windows down, across;
    };

    __device__ known row(long r) const {
        pixel p = pixel_of(r, s.height, s.width);
        return {r * s.channels,
                p.image,
                p.y,
                p.x,
                windows_over(p.y, s.window, s.stride, s.out_height),
                windows_over(p.x, s.window, s.stride, s.out_width)};
    }
    template <int N> __device__ void at(const known &k, long c) const {
        few<T, N> sum = {};
        for (long oy = k.down.first; oy <= k.down.last; oy++)
            for (long ox = k.across.first; ox <= k.across.last; ox++) {
                long from = ((k.image * s.out_height + oy) * s.out_width + ox) * s.channels + c;
                long tap = (k.row - oy * s.stride) * s.window + k.column - ox * s.stride;
                few<Place, N> place = load_few<N>(where + from);
                few<T, N> d = load_few<N>(dy + from), out = d;
                if (y) out = load_few<N>(y + from);
                for (int l = 0; l < N; l++) {
                    T share = y ? d.v[l] * before.derivative(out.v[l]) : d.v[l];
                    if ((long)place.v[l] == tap) sum.v[l] += share;
                }
            }
        store_few(dx + k.to + c, sum);
    }
};

template <class T> struct average_forward_body {
    enum { WIDE = wide_of<T>::count };
    struct pool_shape s;
    T share;
    const T *x;
    T *y;
    struct ends {
        const T *corner;
        T *to;
    };

    __device__ ends row(long r) const {
        pixel p = pixel_of(r, s.out_height, s.out_width);
        long from = (p.image * s.height + p.y * s.stride) * s.width + p.x * s.stride;
        return {x + from * s.channels, y + r * s.channels};
    }
    template <int N> __device__ void at(const ends &e, long c) const {
        few<T, N> sum = {};
        for (long ky = 0; ky < s.window; ky++)
            for (long kx = 0; kx < s.window; kx++) {
                few<T, N> v = load_few<N>(e.corner + (ky * s.width + kx) * s.channels + c);
                for (int l = 0; l < N; l++) sum.v[l] += v.v[l];
            }
        for (int l = 0; l < N; l++) sum.v[l] *= share;
        store_few(e.to + c, sum);
    }
};

template <class T> struct average_backward_body {
    enum { WIDE = wide_of<T>::count };
    struct pool_shape s;
    T share;
    function<T> before; /* of x */
    const T *dy;
    const T *x; /* NULL without `before` */
    T *dx;
    struct known {
        long to, image;
        span_of_windows down, across;
    };

    __device__ known row(long r) const {
        pixel p = pixel_of(r, s.height, s.width);
        return {r * s.channels, p.image, windows_over(p.y, s.window, s.stride, s.out_height),
                windows_over(p.x, s.window, s.stride, s.out_width)};
    }
    template <int N> __device__ void at(const known &k, long c) const {
        few<T, N> sum = {};
        for (long oy = k.down.first; oy <= k.down.last; oy++)
            for (long ox = k.across.first; ox <= k.across.last; ox++) {
                long from = ((k.image * s.out_height + oy) * s.out_width + ox) * s.channels + c;
                few<T, N> d = load_few<N>(dy + from);
                for (int l = 0; l < N; l++) sum.v[l] += share * d.v[l];
            }
        if (x) {
            few<T, N> out = load_few<N>(x + k.to + c);
            for (int l = 0; l < N; l++) sum.v[l] *= before.derivative(out.v[l]);
        }
        store_few(dx + k.to + c, sum);
    }
};

static long outputs_of(const struct pool_shape *s) {
    return s->images * s->out_height * s->out_width;
}
static long inputs_of(const struct pool_shape *s) { return s->images * s->height * s->width; }
static bool byte_is_enough(const struct pool_shape *s) { return s->window <= 16; }

template <class T, class Place>
static void max_forward(const struct queue *q, const struct pool_shape *s, const T *x, T *y,
                        Place *where) {
    constexpr int wide = wide_of<T>::count;
    max_forward_body<T, Place> body = {*s, x, y, where};
    bool aligned = is_aligned<wide>(x) && is_aligned<wide>(y) && is_aligned<wide>(where);
    for_rows(q, outputs_of(s), s->channels, aligned, body, "max pool forward");
}

template <class T, class Place>
static void max_backward(const struct queue *q, const struct pool_shape *s, const T *dy,
                         const Place *where, const struct elementwise *before, const T *y, T *dx) {
    constexpr int wide = wide_of<T>::count;
    max_backward_body<T, Place> body = {*s, function<T>(before), dy, where, before ? y : NULL, dx};
    bool aligned = is_aligned<wide>(dy) && is_aligned<wide>(body.y) && is_aligned<wide>(dx) &&
                   is_aligned<wide>(where);
    for_rows(q, inputs_of(s), s->channels, aligned, body, "max pool backward");
}

void cuda_max_pool_forward(struct queue *q, const struct pool_shape *s, const void *x, void *y,
                           void *where) {
    by_type(q, [&](auto zero) {
        using T = decltype(zero);
        if (byte_is_enough(s))
            max_forward(q, s, (const T *)x, (T *)y, (uint8_t *)where);
        else
            max_forward(q, s, (const T *)x, (T *)y, (int32_t *)where);
    });
}

void cuda_max_pool_backward(struct queue *q, const struct pool_shape *s, const void *dy,
                            const void *where, const struct elementwise *before, const void *y,
                            void *dx) {
    by_type(q, [&](auto zero) {
        using T = decltype(zero);
        if (byte_is_enough(s))
            max_backward(q, s, (const T *)dy, (const uint8_t *)where, before, (const T *)y,
                         (T *)dx);
        else
            max_backward(q, s, (const T *)dy, (const int32_t *)where, before, (const T *)y,
                         (T *)dx);
    });
}

void cuda_average_pool_forward(struct queue *q, const struct pool_shape *s, const void *x,
                               void *y) {
    by_type(q, [&](auto zero) {
        using T = decltype(zero);
        constexpr int wide = wide_of<T>::count;
        T share = (T)1 / (T)(s->window * s->window);
        average_forward_body<T> body = {*s, share, (const T *)x, (T *)y};
        bool aligned = is_aligned<wide>(body.x) && is_aligned<wide>(body.y);
        for_rows(q, outputs_of(s), s->channels, aligned, body, "average pool forward");
    });
}

void cuda_average_pool_backward(struct queue *q, const struct pool_shape *s, const void *dy,
                                const struct elementwise *before, const void *x, void *dx) {
    by_type(q, [&](auto zero) {
        using T = decltype(zero);
        constexpr int wide = wide_of<T>::count;
        T share = (T)1 / (T)(s->window * s->window);
        average_backward_body<T> body = {
            *s, share, function<T>(before), (const T *)dy, before ? (const T *)x : NULL, (T *)dx};
        bool aligned =
            is_aligned<wide>(body.dy) && is_aligned<wide>(body.x) && is_aligned<wide>(body.dx);
        for_rows(q, inputs_of(s), s->channels, aligned, body, "average pool backward");
    });
}
