#include "kernels/cpu/layers/clones.h"
#include "kernels/cpu/layers/elementary.h"
#include "kernels/cpu/layers/elementary_typed.h"

/* softmax in place and -log of the right class's probability, from the sums: log of the sum of
 * exponentials, never of a probability that may have become 0. */
static double NAME(softmax_loss)(long n, REAL *z, int32_t label, const REAL *numbers) {
    REAL largest = z[0];
    double sum = 0, loss = 0;
    for (long j = 1; j < n; j++)
        if (z[j] > largest) largest = z[j];
    for (long j = 0; j < n; j++) sum += exp((double)(z[j] - largest));
    for (long j = 0; j < n; j++) {
        double shifted = (double)(z[j] - largest),
               target = numbers ? (double)numbers[j] : j == label;
        if (target != 0) loss += target * (log(sum) - shifted);
        z[j] = (REAL)(exp(shifted) / sum);
    }
    return loss;
}

/* sigmoid in place and binary cross-entropy, t log(1 + e^-z) + (1 - t) log(1 + e^z) */
static double NAME(sigmoid_loss)(long n, REAL *z, int32_t label, const REAL *numbers) {
    double loss = 0;
    for (long j = 0; j < n; j++) {
        double target = numbers ? (double)numbers[j] : n == 1 ? label : j == label;
        double v = (double)z[j], soft = log1p(exp(-fabs(v)));
        loss += target * (soft + fmax(-v, 0)) + (1 - target) * (soft + fmax(v, 0));
        if (v != v) loss = v;
        z[j] = (REAL)(1 / (1 + exp(-v)));
    }
    return loss;
}

static double NAME(squared_loss)(long n, const REAL *y, int32_t label, const REAL *numbers) {
    double loss = 0;
    for (long j = 0; j < n; j++) {
        double target = numbers ? (double)numbers[j] : n == 1 ? label : j == label;
        loss += ((double)y[j] - target) * ((double)y[j] - target);
    }
    return loss;
}

static long NAME(is_correct)(long n, const REAL *y, int32_t label) {
    if (n == 1) return (y[0] > (REAL)0.5) == (label == 1);
    for (long j = 0; j < n; j++)
        if (j != label && !(y[label] > y[j] || (y[label] == y[j] && label < j))) return 0;
    return 1;
}

/* One image. `numbers` NULL: the target is 1 at `label` and 0 elsewhere. */
static struct loss_row NAME(row_loss)(enum loss loss, long n, double weight, REAL *y, int32_t label,
                                      const REAL *numbers, REAL *dy) {
    struct loss_row row = {0, 0, 0};
    double slope = weight; /* of the loss by y - t */
    if (loss == LOSS_CATEGORICAL) {
        row.loss = NAME(softmax_loss)(n, y, label, numbers);
    } else if (loss == LOSS_BINARY) {
        row.loss = NAME(sigmoid_loss)(n, y, label, numbers);
    } else {
        double half = loss == LOSS_MEAN ? 1 : 0.5;
        row.loss = half * NAME(squared_loss)(n, y, label, numbers);
        slope = 2 * half * weight;
    }
    for (long j = 0; dy && j < n; j++) {
        REAL target = numbers ? numbers[j] : (REAL)(n == 1 ? label : j == label);
        dy[j] = (REAL)slope * (y[j] - target);
    }
    if (!numbers) row.correct = NAME(is_correct)(n, y, label);
    return row;
}

/* --- Images together: their exponentials and logarithms in whole vectors ------------------------
 */

static inline __attribute__((always_inline)) struct loss_row
NAME(categorical_row)(long n, double weight, double sum, double log_sum, struct loss_row row,
                      REAL *restrict y, int32_t label, const REAL *numbers, REAL *restrict dy) {
    const REAL share = (REAL)(1 / sum), slope = (REAL)weight;
    row.loss += (numbers ? row.total : 1) * log_sum;
    for (long j = 0; j < n; j++) y[j] *= share;
    for (long j = 0; dy && j < n; j++) dy[j] = slope * (y[j] - (numbers ? numbers[j] : 0));
    if (numbers) return row;
    if (dy) dy[label] = slope * (y[label] - 1);
    /* The first of the largest: none before it is as large, none after it larger; not NaN. */
    const REAL right = y[label];
    long worse = 0;
    for (long j = 0; j < n; j++) worse += j < label ? right > y[j] : right >= y[j];
    row.correct = worse == n;
    return row;
}

static inline __attribute__((always_inline)) void
NAME(categorical_block)(long rows, long n, double weight, REAL *y, const int32_t *labels,
                        const REAL *numbers, REAL *dy, struct loss_row *row) {
    double sums[MOST_ROWS], logs[MOST_ROWS];
    for (long i = 0; i < rows; i++) {
        REAL *z = y + i * n;
        row[i] = (struct loss_row){0, 0, 0};
        NAME(shift_row)(n, z);
        if (labels) row[i].loss = -(double)z[labels[i]];
        for (long j = 0; !labels && j < n; j++) {
            double target = (double)numbers[i * n + j];
            row[i].total += target;
            if (target != 0) row[i].loss -= target * (double)z[j];
        }
    }
    NAME(exp_all)(rows * n, y);
    for (long i = 0; i < rows; i++) {
        double sum = 0;
        for (long j = 0; j < n; j++) sum += (double)y[i * n + j];
        sums[i] = logs[i] = sum;
    }
    log_all(rows, logs);
    for (long i = 0; i < rows; i++)
        row[i] = NAME(categorical_row)(n, weight, sums[i], logs[i], row[i], y + i * n,
                                       labels ? labels[i] : -1, labels ? NULL : numbers + i * n,
                                       dy ? dy + i * n : NULL);
}

/* Ten classes, which most data sets here have, as constant: short loops are unrolled. */
CLONES static void NAME(categorical_rows)(long rows, long n, double weight, REAL *y,
                                          const int32_t *labels, const REAL *numbers, REAL *dy,
                                          struct loss_row *row) {
    if (n == 10)
        NAME(categorical_block)(rows, 10, weight, y, labels, numbers, dy, row);
    else
        NAME(categorical_block)(rows, n, weight, y, labels, numbers, dy, row);
}

/* At most MOST_ELEMENTS elements, one image after the other. */
CLONES static void NAME(binary_rows)(long rows, long n, double weight, REAL *y,
                                     const int32_t *labels, const REAL *numbers, REAL *dy,
                                     struct loss_row *row) {
    REAL small[MOST_ELEMENTS]; /* e^-|z| */
    double soft[MOST_ELEMENTS];
    const REAL one = 1, slope = (REAL)weight;
    const long count = rows * n;
    for (long i = 0; i < count; i++) small[i] = -FUNCTION(fabs)(y[i]);
    NAME(exp_all)(count, small);
    for (long i = 0; i < count; i++) soft[i] = (double)small[i];
    log1p_all(count, soft);
    for (long i = 0; i < rows; i++) {
        row[i] = (struct loss_row){0, 0, 0};
        for (long j = 0; j < n; j++) {
            /* All were filled above. NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign) */
            double v = (double)y[i * n + j], log_part = soft[i * n + j];
            double target = !labels  ? (double)numbers[i * n + j]
                            : n == 1 ? labels[i]
                                     : j == labels[i];
            row[i].loss +=
                target * (log_part + fmax(-v, 0)) + (1 - target) * (log_part + fmax(v, 0));
            if (v != v) row[i].loss = v;
        }
    }
    for (long i = 0; i < count; i++) y[i] = (y[i] < 0 ? small[i] : one) / (one + small[i]);
    for (long i = 0; i < rows; i++) {
        for (long j = 0; dy && j < n; j++) {
            REAL target = !labels  ? numbers[i * n + j]
                          : n == 1 ? (REAL)labels[i]
                                   : (REAL)(j == labels[i]);
            dy[i * n + j] = slope * (y[i * n + j] - target);
        }
        if (labels) row[i].correct = NAME(is_correct)(n, y + i * n, labels[i]);
    }
}
