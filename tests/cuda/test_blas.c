/* The GPU's BLAS: every kernel in every type it has, with all transposes, triangles, leading
 * dimensions and increments, against the check that `flopstep blas` makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "bench/harness/check.h"
#include "kernels/device_module.h"
#include "tests/blas/call.h"
#include "tests/blas/cases.h"

static const struct device *device;

static blas_routine routine_of(const struct kernel *kernel, enum scalar type) {
    char name[64];
    if (!kernel->run[type]) return NULL;
    kernel_routine_name(kernel, type, name, sizeof name);
    return device->blas(device, name);
}

/* Runs the host's call on the device, its storage copied there and back, guards and gaps too. */
static void run_on_device(struct blas_call *host, long repetitions) {
    struct blas_call there = *host;
    size_t bytes[MAX_OPERANDS];
    for (int i = 0; i < MAX_OPERANDS; i++) {
        if (host->operand[i].kind == OPERAND_NONE) continue;
        assert_true(operand_bytes(&host->operand[i], &bytes[i]));
        there.operand[i].storage = device->allocate(device, bytes[i]);
        assert_non_null(there.operand[i].storage);
        device->copy_in(device, there.operand[i].storage, host->operand[i].storage, bytes[i]);
    }
    host->kernel->run[host->type](&there, routine_of(host->kernel, host->type), repetitions);
    device->synchronise(device);
    if (!kernel_output(host)) host->result = device->blas_result(device);
    host->step = there.step;
    for (int i = 0; i < MAX_OPERANDS; i++) {
        if (host->operand[i].kind == OPERAND_NONE) continue;
        device->copy_out(device, host->operand[i].storage, there.operand[i].storage, bytes[i]);
        device->release(device, there.operand[i].storage, bytes[i]);
    }
    if (device->error(device)) fail_msg("the device failed: %s", device->error(device));
}

static void describe(const struct blas_call *c, char *text, size_t size) {
    snprintf(text, size, "%s%s %c%c %c m %ld n %ld k %ld alpha %g beta %g strides %ld %ld %ld",
             scalar_letter(c->type), c->kernel->name, c->transa, c->transb, c->uplo, c->m, c->n,
             c->k, c->alpha, c->beta, c->operand[0].stride, c->operand[1].stride,
             c->operand[2].stride);
}

struct shape {
    long m, n, k;
};

/* What a case does with a call that has been checked once. */
typedef void after_check(struct blas_call *call, struct check *check);

static void checked_call(const struct kernel *kernel, enum scalar type, const char *trans,
                         char uplo, struct shape s, double beta, long increment, long pad,
                         after_check *after) {
    struct blas_call call;
    struct check check;
    char text[200];
    double alpha = kernel->default_alpha != 0 ? kernel->default_alpha : -0.75;
    call_make(&call, kernel, type, trans, uplo, s.m, s.n, s.k, alpha, beta, increment, pad);
    describe(&call, text, sizeof text);
    check_prepare(&check, &call, 3, -1, 1);
    check_arm(&check, &call);
    run_on_device(&call, 1);
    struct check_result result = check_verify(&check, &call);
    if (!result.passed)
        fail_msg("%s: %s (error %g, bound %g)", text, result.reason, result.error, result.bound);
    if (after) after(&call, &check);
    check_free(&check);
    call_free(&call);
}

static bool has_one_vector(const struct kernel *kernel) {
    return strcmp(kernel->name, "scal") == 0 || strcmp(kernel->name, "nrm2") == 0 ||
           strcmp(kernel->name, "asum") == 0;
}

typedef void type_case(const struct kernel *kernel, enum scalar type, const char *trans, char uplo);

/* As each_case, in all types that the device and the kernel have. */
static void each_type(type_case *body) {
    static const char *const all[] = {"", "n", "t", "nn", "nt", "tn", "tt"};
    for (const struct kernel *const *row = kernel_table(); *row; row++)
        for (enum scalar type = 0; type < SCALAR_COUNT; type++)
            for (size_t t = 0; t < sizeof all / sizeof *all; t++) {
                if (!kernel_takes_trans(*row, all[t]) || !(*row)->run[type]) continue;
                if (!device->has_type(device, type)) continue;
                body(*row, type, all[t], 'l');
                if ((*row)->has_uplo) body(*row, type, all[t], 'u');
            }
}

static void small_case(const struct kernel *kernel, enum scalar type, const char *trans,
                       char uplo) {
    static const struct shape shapes[] = {{1, 1, 1}, {2, 3, 4}, {33, 17, 40}};
    static const double betas[] = {1, 0, -0.5};
    static const struct { long increment, pad; } spacings[] = {{1, 0}, {2, 7}, {-3, 1}};
    for (size_t i = 0; i < 9; i++) {
        long increment = spacings[i % 3].increment;
        if (has_one_vector(kernel)) increment = labs(increment); /* the other way is not defined */
        double beta = betas[(i + i / 3) % 3];
        checked_call(kernel, type, trans, uplo, shapes[i / 3], beta, increment, spacings[i % 3].pad,
                     NULL);
    }
}

static void every_kernel_is_right(void **state) {
    (void)state;
    each_type(small_case);
}

/* Outputs that are compared through vectors of signs: square, and of few rows. */
static void large_case(const struct kernel *kernel, enum scalar type, const char *trans,
                       char uplo) {
    if (!kernel->is_product || uplo == 'u') return;
    checked_call(kernel, type, trans, uplo, (struct shape){170, 165, 160}, 1, 1, 3, NULL);
    checked_call(kernel, type, trans, uplo, (struct shape){2, 1500, 750}, 0, 1, 0, NULL);
}

static void large_outputs_are_right(void **state) {
    (void)state;
    each_type(large_case);
}

/* One element off by a hundredth of its value, in bf16, which holds two digits, by a tenth. In a
 * sum of many elements with signs an error must stand out of the rounding errors of all. */
static void spoil(struct blas_call *call, struct check *check) {
    check_arm(check, call);
    run_on_device(call, 1);
    struct operand *out = kernel_output(call);
    long best = 0;
    for (long j = 0; j < out->columns; j++)
        for (long i = 0; i < out->rows; i++) {
            long at = operand_offset(out, i, j);
            if (fabs(operand_load(out, at)) > fabs(operand_load(out, best))) best = at;
        }
    bool summed = check->vectors < out->columns, few_bits = call->type == SCALAR_BF16;
    double wrong = operand_load(out, best) * (1 + (summed ? 10 : 1) * (few_bits ? 0.1 : 0.01));
    void *data = operand_data(out);
    if (call->type == SCALAR_H) ((uint16_t *)data)[best] = half_from(wrong);
    if (call->type == SCALAR_BF16) ((uint16_t *)data)[best] = bf16_from(wrong);
    if (call->type == SCALAR_TF32) ((float *)data)[best] = (float)wrong;
    struct check_result result = check_verify(check, call);
    if (result.passed)
        fail_msg("%s%s of %ld: a wrong element was not seen, error %g, bound %g",
                 scalar_letter(call->type), call->kernel->name, call->n, result.error,
                 result.bound);
    assert_non_null(strstr(result.reason, "wrong result"));
}

static void spoilt_case(const struct kernel *kernel, enum scalar type, const char *trans,
                        char uplo) {
    if (!scalar_is_mixed(type)) return;
    checked_call(kernel, type, trans, uplo, (struct shape){24, 24, 24}, 1, 1, 0, spoil);
    checked_call(kernel, type, trans, uplo, (struct shape){1, 1, 1}, 0, 1, 0, spoil);
    checked_call(kernel, type, trans, uplo, (struct shape){180, 180, 180}, 1, 1, 0, spoil);
}

static void wrong_elements_of_few_bits_are_seen(void **state) {
    (void)state;
    each_type(spoilt_case);
}

static double largest(const struct blas_call *call) {
    struct blas_call copy = *call;
    const struct operand *out = kernel_output(&copy);
    double most = 0;
    for (long j = 0; j < out->columns; j++)
        for (long i = 0; i < out->rows; i++) {
            double value = operand_at(out, i, j);
            if (!isfinite(value)) fail_msg("an element is %g", value);
            most = fmax(most, fabs(value));
        }
    return most;
}

/* However often a call is repeated, its output neither grows nor decays: 16-bit numbers end early.
 */
static void repeated_case(const struct kernel *kernel, enum scalar type, const char *trans,
                          char uplo) {
    static const double betas[] = {1, 0.5, -2};
    if (!updates(kernel) || uplo == 'u') return;
    for (int b = 0; b < (has_beta(kernel) ? 3 : 1); b++) {
        struct blas_call call;
        call_make(&call, kernel, type, trans, uplo, 12, 12, 12, 1, betas[b], 1, 0);
        if (kernel->default_alpha != 0) call.alpha = kernel->default_alpha;
        check_fill_for_timing(&call, 1, -1, 1);
        double before = largest(&call);
        run_on_device(&call, 100);
        double now = largest(&call);
        if (now > 8 * before || now < before / 8)
            fail_msg("%s%s %s beta %g: the largest element went from %g to %g", scalar_letter(type),
                     kernel->name, trans, betas[b], before, now);
        assert_int_equal(call.step, strchr(kernel->name, 'v') && !has_beta(kernel) ? 0 : 100);
        call_free(&call);
    }
}

static void repeated_calls_keep_their_size(void **state) {
    (void)state;
    each_type(repeated_case);
}

static void results_of_reductions_are_waited_for(void **state) {
    (void)state;
    struct blas_call call;
    call_make(&call, kernel_find("asum"), SCALAR_S, "", 'l', -1, 5, -1, 1, 1, 1, 0);
    check_fill_for_timing(&call, 1, -1, 1);
    for (long i = 0; i < 5; i++) ((float *)operand_data(&call.operand[0]))[i] = -1.5f;
    run_on_device(&call, 3);
    assert_true(call.result == 7.5);
    call_free(&call);
    call_make(&call, kernel_find("nrm2"), SCALAR_D, "", 'l', -1, 2, -1, 1, 1, 1, 0);
    ((double *)operand_data(&call.operand[0]))[0] = 3;
    ((double *)operand_data(&call.operand[0]))[1] = -4;
    run_on_device(&call, 1);
    assert_true(fabs(call.result - 5) < 1e-14);
    call_free(&call);
}

static void names_are_those_of_cblas(void **state) {
    (void)state;
    static const char *const there[] = {"cblas_daxpy", "cblas_sgemm_batch_strided", "cblas_hgemm",
                                        "cblas_bf16gemm", "cblas_tf32gemm_batch_strided"};
    static const char *const missing[] = {"cblas_haxpy", "cblas_dgemmm", "dgemm", "",
                                          "cblas_zgemm"};
    for (size_t i = 0; i < sizeof there / sizeof *there; i++)
        assert_non_null(device->blas(device, there[i]));
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
        assert_null(device->blas(device, missing[i]));
    assert_string_equal(device->library, "cublas");
}

int main(void) {
    char reason[512] = "";
    bool unknown;
    device = device_open("cuda", reason, sizeof reason, &unknown);
    if (!device) {
        printf("skipped: %s\n", reason);
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_is_right),
        cmocka_unit_test(large_outputs_are_right),
        cmocka_unit_test(wrong_elements_of_few_bits_are_seen),
        cmocka_unit_test(repeated_calls_keep_their_size),
        cmocka_unit_test(results_of_reductions_are_waited_for),
        cmocka_unit_test(names_are_those_of_cblas),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    device_close_all();
    return failed;
}
