/* Losses with their gradients: rows in parallel, then one block adds them up in double, in a fixed
 * order, and writes the tally. A batch that one block can take at once needs no second launch. */
#include <math.h>

#include "kernels/cuda/layers/cuda_layers.h"
#include "kernels/cuda/layers/elementwise.cuh"
#include "kernels/cuda/layers/row_team.cuh"

struct loss_row {
    double loss;
    long correct; /* 0 or 1 */
};

/* Elements of a batch that one block takes alone: a launch costs more than what others would
 * save. */
enum { ONE_BLOCK_ELEMENTS = 16384 };

template <class T> struct loss_task {
    enum loss loss;
    long images, n;
    double weight; /* of the sum of the rows' losses */
    double half;   /* of squares */
    T slope;       /* of the loss by y - t */
    T *y;
    const int32_t *labels; /* or numbers */
    const T *numbers;
    T *dy; /* or NULL */
    struct loss_row *rows;
    struct tally *tally;
};

/* What an output should be. With one output a label is the number itself. */
template <class T>
static __device__ T target_of(const loss_task<T> &t, long row, long j, int32_t label) {
    if (t.numbers) return t.numbers[row * t.n + j];
    return (T)(t.n == 1 ? label : j == label);
}

/* softmax in place, and -sum t log y of this thread's share from the sums: log of the sum of
 * exponentials, never of a probability that may have become 0. A single class is no choice: its
 * label must be 0. */
template <class T, int LANES>
static __device__ double softmax_loss(const loss_task<T> &t, long row, long own, int32_t label) {
    const int lane = (int)threadIdx.x % LANES;
    T *z = t.y + row * t.n, largest = (T)-INFINITY;
    double sum = 0, loss = 0, total = 0;
    for (long j = lane; j < own; j += LANES) largest = z[j] > largest ? z[j] : largest;
    largest = combine<LANES>(largest, larger_op());
    for (long j = lane; j < own; j += LANES) {
        T shifted = z[j] - largest;
        double target = t.numbers ? (double)t.numbers[row * t.n + j] : (double)(j == label);
        total += target;
        if (target != 0) loss -= target * (double)shifted;
        z[j] = exp(shifted);
        sum += (double)z[j];
    }
    sum = combine<LANES>(sum, sum_op());
    T share = (T)(1 / sum);
    for (long j = lane; j < own; j += LANES) z[j] *= share;
    return loss + (total != 0 || sum != sum ? total * log(sum) : 0);
}

/* sigmoid in place and binary cross-entropy, t log(1 + e^-z) + (1 - t) log(1 + e^z) */
template <class T>
static __device__ double sigmoid_loss(const loss_task<T> &t, long row, long j, int32_t label) {
    T *z = t.y + row * t.n + j, small = exp(-fabs(*z));
    double v = (double)*z, soft = log1p((double)small), target = target_of(t, row, j, label);
    *z = (v < 0 ? small : 1) / (1 + small);
    if (v != v) return v;
    return target * (soft + fmax(-v, 0.0)) + (1 - target) * (soft + fmax(v, 0.0));
}

template <class T>
static __device__ double squared_loss(const loss_task<T> &t, long row, long j, int32_t label) {
    double off = (double)t.y[row * t.n + j] - (double)target_of(t, row, j, label);
    return t.half * off * off;
}

/* Whether output j says that the image is not `label`: of equal ones the first counts. */
template <class T> static __device__ bool speaks_against(const T *y, long j, int32_t label) {
    return j != label && !(y[label] > y[j] || (y[label] == y[j] && label < j));
}

template <class T, int LANES>
static __device__ void one_row(const loss_task<T> &t, long row, bool there) {
    const int lane = (int)threadIdx.x % LANES;
    const long own = there ? t.n : 0;
    const int32_t label = there && t.labels ? t.labels[row] : -1;
    T *y = t.y + row * t.n;
    double loss = 0;
    if (t.loss == LOSS_CATEGORICAL) loss = softmax_loss<T, LANES>(t, row, own, label);
    for (long j = lane; j < own; j += LANES) {
        if (t.loss == LOSS_BINARY) loss += sigmoid_loss(t, row, j, label);
        if (t.loss < LOSS_BINARY) loss += squared_loss(t, row, j, label);
        if (t.dy) t.dy[row * t.n + j] = t.slope * (y[j] - target_of(t, row, j, label));
    }
    loss = combine<LANES>(loss, sum_op());
    team_sync<LANES>(); /* y[label] is another thread's */
    int against = 0;
    if (t.n == 1)
        against = there && lane == 0 && (y[0] > (T)0.5) != (label == 1);
    else
        for (long j = lane; t.labels && j < own; j += LANES) against += speaks_against(y, j, label);
    against = combine<LANES>(against, sum_op());
    if (there && lane == 0) t.rows[row] = {loss, against == 0};
}

/* By one block. */
template <class T> static __device__ void add_rows(const loss_task<T> &t) {
    double loss = 0;
    long correct = 0;
    for (long i = threadIdx.x; i < t.images; i += TEAM_BLOCK) {
        loss += t.rows[i].loss;
        correct += t.rows[i].correct;
    }
    loss = combine<TEAM_BLOCK>(loss, sum_op());
    correct = combine<TEAM_BLOCK>(correct, sum_op());
    if (threadIdx.x == 0) tally_add(t.tally, loss * t.weight, t.labels ? correct : -1, t.images);
}

template <class T> static __global__ void loss_sum_kernel(loss_task<T> t) { add_rows(t); }

template <class T, int LANES> static __global__ void loss_kernel(loss_task<T> t) {
    const int teams = TEAM_BLOCK / LANES;
    for (long base = (long)blockIdx.x * teams; base < t.images; base += (long)gridDim.x * teams) {
        long row = base + threadIdx.x / LANES;
        one_row<T, LANES>(t, row, row < t.images);
    }
    if (gridDim.x > 1) return;
    __syncthreads(); /* this block's rows are written */
    add_rows(t);
}

template <class T> static void (*kernel_for(int lanes))(loss_task<T>) {
    if (lanes == FEW_LANES) return loss_kernel<T, FEW_LANES>;
    return lanes == WARP ? loss_kernel<T, WARP> : loss_kernel<T, MOST_LANES>;
}

static double weight_of(enum loss loss, long images, long outputs) {
    if (loss == LOSS_HALF_SUM) return 1;
    if (loss == LOSS_MEAN) return 1 / ((double)images * (double)outputs);
    return 1 / (double)images;
}

size_t cuda_loss_scratch(const struct queue *q, long images) {
    (void)q;
    return (size_t)images * sizeof(struct loss_row);
}

template <class T> static void run(const struct queue *q, const loss_task<T> &task) {
    struct cuda_state *state = cuda_state_of(q);
    const int lanes = lanes_for(task.n);
    const bool one = task.images * task.n <= ONE_BLOCK_ELEMENTS;
    dim3 grid(one ? 1 : blocks_for(q, task.images, TEAM_BLOCK / lanes)), block(TEAM_BLOCK);
    auto kernel = kernel_for<T>(lanes);
    LAUNCH(kernel, grid, block, 0, state->stream, task);
    cuda_launched(state, "loss");
    if (grid.x == 1) return;
    LAUNCH((loss_sum_kernel<T>), dim3(1), block, 0, state->stream, task);
    cuda_launched(state, "sum of the losses");
}

void cuda_loss(struct queue *q, enum loss loss, long images, long outputs, void *y,
               const struct loss_targets *targets, void *dy) {
    struct cuda_state *state = cuda_state_of(q);
    if (state->failed) return;
    if (q->scratch_bytes < cuda_loss_scratch(q, images)) {
        cuda_check(state, cudaErrorInvalidValue, "a loss without scratch memory for its images");
        return;
    }
    double weight = weight_of(loss, images, outputs);
    double share = weight_of(loss, q->images_in_all ? q->images_in_all : images, outputs);
    by_type(q, [&](auto zero) {
        using T = decltype(zero);
        loss_task<T> task = {loss,
                             images,
                             outputs,
                             weight,
                             loss == LOSS_MEAN ? 1.0 : 0.5,
                             (T)(loss == LOSS_MEAN ? 2 * share : share),
                             (T *)y,
                             targets->labels,
                             targets->labels ? NULL : (const T *)targets->numbers,
                             (T *)dy,
                             (struct loss_row *)q->scratch,
                             cuda_tally(q)};
        run(q, task);
    });
}
