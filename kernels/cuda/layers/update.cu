/* The optimizers' arithmetic, as kernels/cpu/layers/update_typed.h has it. Inside a step its
 * numbers come from the device's memory, so that one recording serves every learning rate. */
#include <math.h>

#include "kernels/cuda/layers/cuda_layers.h"
#include "kernels/cuda/layers/elementwise.cuh"

template <class T> struct typed_numbers {
    T lr, mu, rho, b1, b2, eps, from_m, from_g, scale_s, rest, rest1, rest2, decay;

    __device__ typed_numbers(const struct update_numbers &n, double decays)
        : lr((T)n.lr), mu((T)n.mu), rho((T)n.rho), b1((T)n.b1), b2((T)n.b2), eps((T)n.eps),
          from_m((T)n.from_m), from_g((T)n.from_g), scale_s((T)n.scale_s), rest((T)(1 - n.rho)),
          rest1((T)(1 - n.b1)), rest2((T)(1 - n.b2)), decay((T)decays) {}
};

/* Arrays that a rule keeps. */
static constexpr __host__ __device__ int slots_of(int rule) {
    return rule == UPDATE_GRADIENT_DESCENT                  ? 0
           : rule == UPDATE_ADADELTA || rule == UPDATE_ADAM ? 2
                                                            : 1;
}

/* One parameter. */
template <int RULE, class T>
static __device__ void move(const typed_numbers<T> &n, T &w, T g, T &slot0, T &slot1) {
    g += n.decay * w;
    if (RULE == UPDATE_GRADIENT_DESCENT) w -= n.lr * g;
    if (RULE == UPDATE_MOMENTUM) {
        slot0 = n.mu * slot0 + g;
        w -= n.lr * slot0;
    }
    if (RULE == UPDATE_NESTEROV) {
        slot0 = n.mu * slot0 + g;
        w -= n.lr * (g + n.mu * slot0);
    }
    if (RULE == UPDATE_RMSPROP) {
        slot0 = n.rho * slot0 + n.rest * g * g;
        w -= n.lr * g / (sqrt(slot0) + n.eps);
    }
    if (RULE == UPDATE_ADADELTA) {
        slot0 = n.rho * slot0 + n.rest * g * g;
        T d = sqrt((slot1 + n.eps) / (slot0 + n.eps)) * g;
        slot1 = n.rho * slot1 + n.rest * d * d;
        w -= n.lr * d;
    }
    if (RULE == UPDATE_ADAM) {
        slot0 = n.b1 * slot0 + n.rest1 * g;
        slot1 = n.b2 * slot1 + n.rest2 * g * g;
        w -= (n.from_m * slot0 + n.from_g * g) / (sqrt(slot1 * n.scale_s) + n.eps);
    }
}

template <class T> struct update_arrays {
    T *w;
    const T *g;
    T *slot0, *slot1;
};

template <int RULE, int N, class T>
static __device__ void move_few(const typed_numbers<T> &n, const update_arrays<T> &a, long i) {
    const int slots = slots_of(RULE);
    few<T, N> w = load_few<N>(a.w + i), g = load_few<N>(a.g + i), slot0 = g, slot1 = g;
    if (slots > 0) slot0 = load_few<N>(a.slot0 + i);
    if (slots > 1) slot1 = load_few<N>(a.slot1 + i);
    for (int l = 0; l < N; l++) move<RULE>(n, w.v[l], g.v[l], slot0.v[l], slot1.v[l]);
    store_few(a.w + i, w);
    if (slots > 0) store_few(a.slot0 + i, slot0);
    if (slots > 1) store_few(a.slot1 + i, slot1);
}

/* `live` and `tally`: NULL outside of steps. Where the loss is not finite nothing changes. */
template <class T, int RULE>
static __global__ void update_kernel(const struct step_values *live, const struct tally *tally,
                                     struct update_numbers given, long count, long groups,
                                     update_arrays<T> arrays) {
    const int wide = wide_of<T>::count;
    if (tally && !(tally->loss - tally->loss == 0)) return;
    const typed_numbers<T> numbers(live ? live->numbers : given, given.decay);
    long me = (long)blockIdx.x * blockDim.x + threadIdx.x, all = (long)gridDim.x * blockDim.x;
    for (long i = me; i < groups; i += all) move_few<RULE, wide>(numbers, arrays, i * wide);
    for (long i = groups * wide + me; i < count; i += all) move_few<RULE, 1>(numbers, arrays, i);
}

template <class T>
static void update(const struct queue *q, enum update_rule rule,
                   const struct update_numbers *numbers, long count,
                   const update_arrays<T> &arrays) {
    /* in the order of enum update_rule */
    static void (*const kernels[])(const struct step_values *, const struct tally *,
                                   struct update_numbers, long, long, update_arrays<T>) = {
        update_kernel<T, UPDATE_GRADIENT_DESCENT>, update_kernel<T, UPDATE_MOMENTUM>,
        update_kernel<T, UPDATE_NESTEROV>,         update_kernel<T, UPDATE_RMSPROP>,
        update_kernel<T, UPDATE_ADADELTA>,         update_kernel<T, UPDATE_ADAM>};
    constexpr int wide = wide_of<T>::count;
    struct cuda_state *state = cuda_state_of(q);
    bool aligned = is_aligned<wide>(arrays.w) && is_aligned<wide>(arrays.g) &&
                   is_aligned<wide>(arrays.slot0) && is_aligned<wide>(arrays.slot1);
    long groups = aligned ? count / wide : 0;
    const struct step_values *live = cuda_live_values(q);
    const struct tally *tally = live ? cuda_tally(q) : NULL;
    dim3 grid(blocks_for(q, groups ? groups : count, BLOCK_THREADS)), block(BLOCK_THREADS);
    auto kernel = kernels[rule];
    LAUNCH(kernel, grid, block, 0, state->stream, live, tally, *numbers, count, groups, arrays);
    cuda_launched(state, "update");
}

void cuda_update(struct queue *q, enum update_rule rule, const struct update_numbers *numbers,
                 long count, void *w, const void *g, void *slot0, void *slot1) {
    if (count <= 0 || cuda_state_of(q)->failed) return;
    by_type(q, [&](auto zero) {
        using T = decltype(zero);
        update_arrays<T> arrays = {(T *)w, (const T *)g, (T *)slot0, (T *)slot1};
        update(q, rule, numbers, count, arrays);
    });
}
