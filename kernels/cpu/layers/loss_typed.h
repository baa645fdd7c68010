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
    struct loss_row row = {0, 0};
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
