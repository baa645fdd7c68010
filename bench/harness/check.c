#include "bench/harness/check.h"

#include <Random123/philox.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/harness/error.h"

/* Up to this many multiplications every element is compared. */
static const double full_comparison = 1 << 22;

static double *reals(long n) {
    double *v = calloc((size_t)(n > 0 ? n : 1), sizeof *v);
    if (!v) die(EXIT_MISSING, "out of memory for a check");
    return v;
}

static struct operand_values values_of(const struct check *check, int operand, bool repeatable) {
    return (struct operand_values){check->seed, (uint32_t)operand, check->low, check->high,
                                   repeatable};
}

static void fill(const struct check *check, struct blas_call *call, bool repeatable) {
    for (int i = 0; i < MAX_OPERANDS && call->operand[i].kind != OPERAND_NONE; i++) {
        struct operand_values values = values_of(check, i, repeatable);
        operand_fill(&call->operand[i], &values);
    }
    call->step = 0;
}

/* A shape's own extent of multiplications for one column of the output. */
static double cost_of_one_vector(const struct blas_call *call) {
    double sum = 0;
    for (int i = 0; i < MAX_OPERANDS && call->operand[i].kind != OPERAND_NONE; i++)
        sum += (double)call->operand[i].rows * (double)call->operand[i].columns;
    return sum;
}

/* Random signs for vector number v: +-1, so that the norm of error * t estimates the Frobenius norm
 * of the error, and no element's error is multiplied by 0. */
static void random_signs(const struct check *check, long v, long n, double *t) {
    philox4x32_key_t key = {{(uint32_t)check->seed, 0x7369676e}};
    for (long i = 0; i < n; i++) {
        philox4x32_ctr_t counter = {{(uint32_t)i, (uint32_t)v, 0, 0}};
        t[i] = philox4x32(counter, key).v[0] & 1 ? 1 : -1;
    }
}

/* Vectors longer than this are folded: element i is added to row i % rows with a random sign, which
 * is the vector as a matrix times t. So a check needs little memory beside the operands. */
enum { LONGEST_VECTOR = 1 << 20, FOLDED_ROWS = 1 << 16 };

static double element_of(const struct blas_call *call, const struct operand *out, long i) {
    return out ? operand_at(out, i, 0) : call->kernel->element(call, i);
}

/* y = the folded vector: what `out` holds, or where it is NULL what it should hold. */
static void fold(const struct check *check, const struct blas_call *call, const struct operand *out,
                 long n, double *y) {
    long folds = (n + check->rows - 1) / check->rows;
    double *t = reals(folds), *lost = reals(check->rows);
    random_signs(check, 0, folds, t);
    for (long i = 0; i < check->rows; i++) y[i] = 0;
    for (long f = 0; f < folds; f++)
        for (long i = f * check->rows; i < n && i < (f + 1) * check->rows; i++) {
            long row = i - f * check->rows;
            add_compensated(&y[row], &lost[row], t[f] * element_of(call, out, i));
        }
    for (long i = 0; i < check->rows; i++) y[i] += lost[i];
    free(t);
    free(lost);
}

/* The error of sums in single precision and of results rounded to the type, in units of the type's
 * bound: see docs/checks.md. `scale` is that of the sums, `probes` the number of vectors of signs.
 */
static double mixed_scale(const struct check *check, const struct blas_call *call, double scale,
                          long columns, double probes) {
    double epsilon = scalar_epsilon(call->type), sum = 0;
    for (long i = 0; i < check->rows * check->vectors; i++)
        sum += check->expected[i] * check->expected[i];
    double stored = scalar_stored_epsilon(call->type) / epsilon;
    double least = scalar_smallest(call->type) * sqrt((double)check->rows * (double)columns);
    double sums = scale * scalar_epsilon(SCALAR_S) / epsilon;
    return sqrt(probes) * (sums + stored * least) + 2 * stored * sqrt(sum);
}

/* As many vectors of signs as tell the size of a result of few rows. */
enum { LEAST_VALUES = 16 };

void check_prepare(struct check *check, struct blas_call *call, uint64_t seed, double low,
                   double high) {
    const struct kernel *kernel = call->kernel;
    *check = (struct check){.seed = seed, .low = low, .high = high};
    fill(check, call, false);
    const struct operand *out = kernel_output(call);
    long columns = out ? out->columns : 1;
    check->rows = out ? out->rows : 1;
    if (kernel->element && check->rows > LONGEST_VECTOR) check->rows = FOLDED_ROWS;
    bool full = cost_of_one_vector(call) * (double)columns <= full_comparison;
    check->vectors = full ? columns : 1;
    if (!full && scalar_is_mixed(call->type) && check->rows < LEAST_VALUES)
        check->vectors = (LEAST_VALUES + check->rows - 1) / check->rows;
    check->t = reals(check->vectors * columns);
    check->expected = reals(check->vectors * check->rows);
    for (long v = 0; v < check->vectors; v++) {
        double *t = check->t + v * columns;
        if (full)
            t[v] = 1;
        else
            random_signs(check, v, columns, t);
        if (kernel->element && out)
            fold(check, call, NULL, out->rows, check->expected);
        else
            kernel->expected(call, t, check->expected + v * check->rows);
    }
    double norm[MAX_OPERANDS] = {0};
    for (int i = 0; i < MAX_OPERANDS && call->operand[i].kind != OPERAND_NONE; i++)
        norm[i] = operand_norm(&call->operand[i]);
    check->scale = kernel->scale(call, norm);
    if (scalar_is_mixed(call->type))
        check->scale =
            mixed_scale(check, call, check->scale, columns, full ? 1 : (double)check->vectors);
    check->bound = check->scale > 0 ? scalar_epsilon(call->type) / 2 : 0;
}

/* Of all bytes that the operand lies in. */
static uint64_t checksum(const struct operand *o) {
    size_t bytes;
    if (!operand_bytes(o, &bytes)) return 0;
    uint64_t sum = 0;
    for (const uint32_t *word = o->storage, *end = word + bytes / sizeof *word; word < end; word++)
        sum = (sum << 5 | sum >> 59) + *word;
    return sum;
}

/* Rounding errors spread over all elements, a wrong one stands out: no element may be farther off
 * than this many times what the bound allows on average. Without it a single wrong element of a
 * large matrix would drown in the norm. */
static const double most_over_rms = 4;

void check_arm(struct check *check, struct blas_call *call) {
    struct operand *out = kernel_output(call);
    if (out) { /* the call before has changed it */
        struct operand_values values = values_of(check, (int)(out - call->operand), false);
        operand_fill(out, &values);
    }
    for (int i = 0; i < MAX_OPERANDS && call->operand[i].kind != OPERAND_NONE; i++)
        operand_poison(&call->operand[i], call->operand[i].written && !call->operand[i].read);
    call->step = 0;
    call->result = NAN;
    for (int i = 0; i < MAX_OPERANDS && call->operand[i].kind != OPERAND_NONE; i++)
        if (!call->operand[i].written) check->inputs[i] = checksum(&call->operand[i]);
}

struct check_result check_verify(const struct check *check, struct blas_call *call) {
    struct operand *out = kernel_output(call);
    struct check_result result = {.bound = check->bound};
    bool intact = true;
    for (int i = 0; i < MAX_OPERANDS && call->operand[i].kind != OPERAND_NONE; i++)
        intact = operand_poison_intact(&call->operand[i]) && intact;
    for (int i = 0; i < MAX_OPERANDS && call->operand[i].kind != OPERAND_NONE; i++) {
        struct operand *input = &call->operand[i];
        if (input->written || check->inputs[i] == checksum(input)) continue;
        intact = false;
        struct operand_values values = values_of(check, i, false);
        operand_fill(input, &values); /* so that the next library is not blamed */
    }
    double sum = 0, largest = 0;
    double *actual = reals(check->rows);
    long columns = out ? out->columns : 1;
    for (long v = 0; v < check->vectors; v++) {
        if (call->kernel->element && out)
            fold(check, call, out, out->rows, actual);
        else
            call->kernel->actual(call, check->t + v * columns, actual);
        for (long i = 0; i < check->rows; i++) {
            double difference = actual[i] - check->expected[v * check->rows + i];
            sum += difference * difference;
            largest = fmax(largest, fabs(difference));
        }
    }
    free(actual);
    double root = sqrt((double)check->rows * (double)check->vectors);
    double error = fmax(sqrt(sum), largest * root / most_over_rms) + 0 * sum; /* NaN stays NaN */
    for (int i = 0; i < MAX_OPERANDS && call->operand[i].kind != OPERAND_NONE; i++)
        operand_unpoison(&call->operand[i]);
    result.error = check->scale > 0 ? error / check->scale : error;
    result.passed = intact && result.error <= check->bound; /* false for NaN too */
    if (!intact)
        snprintf(result.reason, sizeof result.reason,
                 "it wrote outside its output: into an input or memory that it must not touch");
    else if (isnan(result.error))
        snprintf(result.reason, sizeof result.reason,
                 "the result holds NaN: part of the output was not written, or memory was read "
                 "that is not an input");
    else if (!result.passed)
        snprintf(result.reason, sizeof result.reason,
                 "wrong result: error %.2g is over the bound %.2g", result.error, result.bound);
    return result;
}

void check_free(struct check *check) {
    free(check->t);
    free(check->expected);
    *check = (struct check){0};
}

void check_fill_for_timing(struct blas_call *call, uint64_t seed, double low, double high) {
    struct check values = {.seed = seed, .low = low, .high = high};
    fill(&values, call, true);
    for (int i = 0; i < MAX_OPERANDS && call->operand[i].kind != OPERAND_NONE; i++)
        operand_unpoison(&call->operand[i]);
}
