/* Dropout with the masks of kernels/cpu/layers/dropout.c, bit for bit. */
#include "kernels/cuda/layers/cuda_layers.h"
#include "kernels/cuda/layers/elementwise.cuh"
#include "kernels/cuda/layers/philox.cuh"

/* A thread draws four numbers, for elements whose places have the same quotient by 4. */
template <class T> struct dropout_body {
    enum { WIDE = 1 };
    const struct step_values *live; /* NULL: place.step counts */
    struct dropout_place place;
    uint64_t offset; /* place of the first element */
    long count;
    uint32_t least; /* bits from here on: the element stays */
    T scale;
    bool aligned; /* groups of four begin at multiples of 16 bytes */
    T *y;
    uint8_t *mask;

    template <int N> __device__ void at(long g) const {
        uint64_t step = live ? live->step : place.step, group = offset / 4 + (uint64_t)g;
        philox_bits bits = philox_at(place.seed, place.layer, step, group);
        long first = (long)(4 * group - offset); /* negative: the group began before */
        if (aligned && first >= 0 && first + 4 <= count) {
            few<T, 4> values = load_few<4>(y + first);
            few<uint8_t, 4> stays;
            for (int l = 0; l < 4; l++) {
                stays.v[l] = bits.v[l] >= least;
                values.v[l] = stays.v[l] ? values.v[l] * scale : 0;
            }
            store_few(y + first, values);
            store_few(mask + first, stays);
            return;
        }
        for (int l = 0; l < 4; l++) {
            long i = first + l;
            if (i < 0 || i >= count) continue;
            bool stays = bits.v[l] >= least;
            mask[i] = stays;
            y[i] = stays ? y[i] * scale : 0;
        }
    }
};

template <class T> struct mask_body {
    enum { WIDE = 4 };
    T scale;
    const uint8_t *mask;
    T *dy;

    template <int N> __device__ void at(long i) const {
        few<uint8_t, N> stays = load_few<N>(mask + i);
        few<T, N> values = load_few<N>(dy + i);
        for (int l = 0; l < N; l++) values.v[l] = stays.v[l] ? values.v[l] * scale : 0;
        store_few(dy + i, values);
    }
};

void cuda_dropout_forward(struct queue *q, double rate, struct dropout_place place, long images,
                          long n, void *y, uint8_t *mask) {
    uint64_t offset = (uint64_t)place.first_image * (uint64_t)n;
    long count = images * n;
    if (count <= 0) return;
    long groups = (long)((offset + (uint64_t)count + 3) / 4 - offset / 4);
    by_type(q, [&](auto zero) {
        using T = decltype(zero);
        dropout_body<T> body = {cuda_live_values(q),
                                place,
                                offset,
                                count,
                                (uint32_t)(rate * 4294967296.0),
                                (T)(1 / (1 - rate)),
                                offset % 4 == 0 && is_aligned<4>((T *)y) && is_aligned<4>(mask),
                                (T *)y,
                                mask};
        for_each(q, groups, false, body, "dropout forward");
    });
}

void cuda_dropout_backward(struct queue *q, double rate, long images, long n, const uint8_t *mask,
                           void *dy) {
    by_type(q, [&](auto zero) {
        using T = decltype(zero);
        mask_body<T> body = {(T)(1 / (1 - rate)), mask, (T *)dy};
        for_each(q, images * n, is_aligned<4>(mask) && is_aligned<4>(body.dy), body,
                 "dropout backward");
    });
}
