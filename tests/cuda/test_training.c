/* Whole training steps on the CUDA device against those of the CPU: the same networks, data, masks
 * and optimizers give the same weights to rounding, recorded or not. */
#include "tests/nn/common.h"

#include <unistd.h>

#include "kernels/device_module.h"
#include "nn/checkpoint.h"
#include "nn/training.h"

static const struct device *gpu;

static const char *const small_cnn =
    "12x12x1 conv3x3x8 relu conv3x3x4pad1stride2 tanh maxpool2 dropout0.25 20relu dropout0.3 "
    "10softmax";
static const char *const small_mlp = "12x12x1 30sigmoid 20elu 20leakyrelu 10softmax";
static const char *const pooled = "12x12x1 conv5x5x3 avgpool2 tanh 12maxout2 10softmax";
static const char *const one_layer = "12x12x1 10softmax";

struct run {
    struct queue queue;
    struct network network;
    struct optimizer optimizer;
    struct dataset data;
    struct training training;
};

static struct queue queue_on(const struct device *device, enum scalar type, unsigned without) {
    struct queue q = device == &cpu_device ? make_queue("naive", type, 1)
                                           : (struct queue){.device = device, .type = type};
    q.without = without;
    q.device->queue_enter(&q);
    q.device->layers->tally_clear(&q); /* queues of one device share it */
    return q;
}

static void run_begin(struct run *r, const char *text, const struct device *device,
                      enum scalar type, unsigned without, enum sampling sampling,
                      const char *optimizer, long count, long batch) {
    struct optimizer_settings settings;
    struct architecture a;
    char reason[512];
    *r = (struct run){.queue = queue_on(device, type, without)};
    if (!architecture_parse(&a, text, (struct extent){0, 0, 0}, reason, sizeof reason) ||
        !network_plan(&r->network, &a, &r->queue, batch, LOSS_CATEGORICAL, true, reason,
                      sizeof reason))
        fail_msg("%s: %s", text, reason);
    network_initialise(&r->network, INITIAL_GLOROT, 5);
    assert_true(optimizer_parse(&settings, optimizer, reason, sizeof reason));
    assert_true(optimizer_plan(&r->optimizer, &settings, &r->queue, r->network.parameters));
    assert_true(dataset_random(&r->data, count, (struct extent){12, 12, 1}, 10, 3));
    if (!training_begin(&r->training, &r->network, &r->optimizer, &r->data, sampling, batch, 4,
                        reason, sizeof reason))
        fail_msg("%s", reason);
}

static void run_end(struct run *r) {
    training_end(&r->training);
    optimizer_free(&r->optimizer);
    network_free(&r->network);
    dataset_free(&r->data);
}

static void assert_fine(const struct run *r) {
    const struct device *device = r->queue.device;
    device->synchronise(device);
    if (device->error && device->error(device)) fail_msg("%s", device->error(device));
}

/* The weights as they are now; to be freed. */
static double *weights_of(const struct run *r) {
    double *w = calloc((size_t)r->network.parameters, sizeof *w);
    assert_non_null(w);
    doubles_out(&r->queue, r->network.parameters, r->network.parameter.memory, w);
    assert_fine(r);
    return w;
}

/* Largest difference over the largest magnitude. */
static double distance(const double *a, const double *b, long count) {
    double off = 0, most = 0;
    for (long i = 0; i < count; i++) {
        if (isnan(a[i]) != isnan(b[i])) return NAN;
        if (!isnan(a[i])) off = fmax(off, fabs(a[i] - b[i]));
        if (!isnan(b[i])) most = fmax(most, fabs(b[i]));
    }
    return off / most;
}

/* Steps on both devices; how far weights and summed losses lie apart. */
static void compare(const char *text, enum scalar type, unsigned without, enum sampling sampling,
                    const char *optimizer, int steps, double tolerance) {
    struct run a, b;
    run_begin(&a, text, &cpu_device, type, 0, sampling, optimizer, 75, 16);
    run_begin(&b, text, gpu, type, without, sampling, optimizer, 75, 16);
    double *start = weights_of(&b);
    for (int i = 0; i < steps; i++) training_issue(&a.training, NULL);
    for (int i = 0; i < steps; i++) training_issue(&b.training, NULL);
    struct tally on_cpu, on_gpu;
    a.queue.device->layers->tally(&a.queue, &on_cpu);
    b.queue.device->layers->tally(&b.queue, &on_gpu);
    double *wa = weights_of(&a), *wb = weights_of(&b);
    long n = a.network.parameters;
    double off = distance(wb, wa, n), moved = distance(wb, start, n);
    if (!(off <= tolerance))
        fail_msg("%s, %s, %s: weights lie %g apart, allowed are %g", text, optimizer,
                 scalar_name(type), off, tolerance);
    if (!(moved > 100 * off)) fail_msg("%s, %s: weights moved by %g", text, optimizer, moved);
    assert_int_equal(on_cpu.calls, on_gpu.calls);
    assert_int_equal(on_cpu.images, on_gpu.images);
    assert_int_equal(on_gpu.fine, on_gpu.calls);
    assert_true(fabs(on_cpu.weighted_sum - on_gpu.weighted_sum) <=
                tolerance * fabs(on_cpu.weighted_sum));
    if (type == SCALAR_D) assert_int_equal(on_cpu.correct_sum, on_gpu.correct_sum);
    free(start), free(wa), free(wb);
    run_end(&a);
    run_end(&b);
}

/* 75 samples in batches of 16: every fifth one is short and goes unrecorded. */
static void networks(void **state) {
    (void)state;
    static const char *const texts[] = {small_cnn, small_mlp, pooled, one_layer};
    for (size_t i = 0; i < COUNT(texts); i++) {
        compare(texts[i], SCALAR_D, 0, SAMPLING_EPOCHS, "momentum:lr=0.05,mu=0.9", 12, 1e-11);
        compare(texts[i], SCALAR_S, 0, SAMPLING_EPOCHS, "momentum:lr=0.05,mu=0.9", 6, 2e-5);
    }
}

static void optimizers(void **state) {
    (void)state;
    char optimizer[64];
    for (const struct optimizer_kind *kind = optimizer_kinds; kind->name; kind++) {
        snprintf(optimizer, sizeof optimizer, "%s:lr=0.01", kind->name);
        compare(small_mlp, SCALAR_D, 0, SAMPLING_EPOCHS, optimizer, 12, 1e-9);
    }
    /* L2 leaves biases out: layers are then updated by themselves. */
    compare(small_cnn, SCALAR_D, 0, SAMPLING_EPOCHS, "sgd:lr=0.1,l2=0.01", 12, 1e-11);
}

static void samplings(void **state) {
    (void)state;
    compare(one_layer, SCALAR_D, 0, SAMPLING_ORDER, "sgd:lr=0.1", 12, 1e-12);
    compare(one_layer, SCALAR_D, 0, SAMPLING_REPLACEMENT, "sgd:lr=0.1", 12, 1e-12);
    compare(one_layer, SCALAR_D, 1U << MEASURE_GRAPH, SAMPLING_REPLACEMENT, "sgd:lr=0.1", 12,
            1e-12);
}

/* Each measure left out. */
static void measures(void **state) {
    (void)state;
    for (int i = 0; i < MEASURE_COUNT; i++)
        compare(small_cnn, SCALAR_D, 1U << i, SAMPLING_EPOCHS, "adam:lr=0.01", 7, 1e-9);
    compare(small_cnn, SCALAR_D, (1U << MEASURE_COUNT) - 1, SAMPLING_EPOCHS, "adam:lr=0.01", 7,
            1e-9);
}

/* Steps whose values come from a ring that is written again and again: rates and masks must be
 * those of their step, also when the host is far ahead. */
static void many_steps(void **state) {
    (void)state;
    struct run a, b;
    enum { STEPS = 2600 };
    static const char *const tiny = "12x12x1 avgpool6 dropout0.5 10softmax";
    run_begin(&a, tiny, &cpu_device, SCALAR_D, 0, SAMPLING_EPOCHS, "adam:lr=0.01", 32, 16);
    run_begin(&b, tiny, gpu, SCALAR_D, 0, SAMPLING_EPOCHS, "adam:lr=0.01", 32, 16);
    a.optimizer.schedule = b.optimizer.schedule = SCHEDULE_COSINE;
    a.optimizer.steps = b.optimizer.steps = STEPS;
    for (int i = 0; i < STEPS; i++) training_issue(&a.training, NULL);
    for (int i = 0; i < STEPS; i++) training_issue(&b.training, NULL);
    double *wa = weights_of(&a), *wb = weights_of(&b);
    assert_true(distance(wb, wa, a.network.parameters) <= 1e-9);
    free(wa), free(wb);
    run_end(&a);
    run_end(&b);
}

/* Recorded and not: the same bits, and the same as in another run. */
static void recorded(void **state) {
    (void)state;
    static const unsigned without[] = {0, 1U << MEASURE_GRAPH, 0};
    double *first = NULL;
    for (int i = 0; i < 3; i++) {
        struct run r;
        run_begin(&r, small_cnn, gpu, SCALAR_S, without[i], SAMPLING_EPOCHS, "adam:lr=0.01", 75,
                  16);
        for (int step = 0; step < 14; step++) training_issue(&r.training, NULL);
        double *w = weights_of(&r);
        assert_true((r.training.replay.recording != NULL) == (without[i] == 0));
        if (first) assert_memory_equal(first, w, (size_t)r.network.parameters * sizeof *w);
        if (i == 0)
            first = w;
        else
            free(w);
        run_end(&r);
    }
    free(first);
}

static void evaluations(void **state) {
    (void)state;
    struct run a, b;
    run_begin(&a, small_cnn, &cpu_device, SCALAR_D, 0, SAMPLING_EPOCHS, "sgd:lr=0.1", 75, 16);
    run_begin(&b, small_cnn, gpu, SCALAR_D, 0, SAMPLING_EPOCHS, "sgd:lr=0.1", 75, 16);
    for (int i = 0; i < 7; i++) {
        training_issue(&a.training, NULL);
        training_issue(&b.training, NULL);
    }
    struct evaluation ea = training_evaluate(&a.training, &a.data.train);
    struct evaluation eb = training_evaluate(&b.training, &b.data.train);
    assert_true(fabs(ea.loss - eb.loss) <= 1e-10 * ea.loss);
    assert_true(ea.accuracy == eb.accuracy);
    assert_true(isnan(training_evaluate(&b.training, &b.data.test).loss));
    double ya[10], yb[10];
    training_predict(&a.training, &a.data.train, 40, ya);
    training_predict(&b.training, &b.data.train, 40, yb);
    assert_true(distance(yb, ya, 10) <= 1e-10);
    /* Samples that are not of the data. */
    double numbers[2 * 144];
    int32_t labels[2] = {3, 4};
    struct samples mine = {.count = 2, .numbers = numbers, .labels = labels};
    for (long i = 0; i < 2 * 144; i++) numbers[i] = number_at_place(9, i, 0, 1);
    training_predict(&a.training, &mine, 1, ya);
    training_predict(&b.training, &mine, 1, yb);
    assert_true(distance(yb, ya, 10) <= 1e-10);
    assert_true(isfinite(yb[0]));
    /* The training goes on as if nothing had been. */
    for (int i = 0; i < 7; i++) {
        training_issue(&a.training, NULL);
        training_issue(&b.training, NULL);
    }
    double *wa = weights_of(&a), *wb = weights_of(&b);
    assert_true(distance(wb, wa, a.network.parameters) <= 1e-10);
    free(wa), free(wb);
    run_end(&a);
    run_end(&b);
}

/* A step whose loss is not finite changes no weight; the tally tells which one was the first. */
static void divergence(void **state) {
    (void)state;
    struct run a, b;
    static const char *const deep = "12x12x1 30relu 30relu 30relu 10softmax";
    run_begin(&a, deep, &cpu_device, SCALAR_S, 0, SAMPLING_EPOCHS, "sgd:lr=1000", 75, 16);
    run_begin(&b, deep, gpu, SCALAR_S, 0, SAMPLING_EPOCHS, "sgd:lr=1000", 75, 16);
    for (int i = 0; i < 9; i++) training_issue(&a.training, NULL);
    for (int i = 0; i < 9; i++) training_issue(&b.training, NULL);
    struct tally on_cpu, on_gpu;
    a.queue.device->layers->tally(&a.queue, &on_cpu);
    b.queue.device->layers->tally(&b.queue, &on_gpu);
    assert_in_range(on_cpu.fine, 1, 8);
    assert_int_equal(on_cpu.fine, on_gpu.fine);
    assert_int_equal(on_gpu.calls, 9);
    assert_false(isfinite(on_gpu.loss));
    double *wa = weights_of(&a), *wb = weights_of(&b);
    assert_true(distance(wb, wa, a.network.parameters) <= 1e-4);
    const struct layer *bad = first_not_finite(&b.network, 11);
    assert_non_null(bad);
    assert_string_equal(bad->name, first_not_finite(&a.network, 11)->name);
    free(wa), free(wb);
    run_end(&a);
    run_end(&b);
}

/* A checkpoint of one device goes on on the other. */
static void checkpoints(void **state) {
    (void)state;
    struct run a, b;
    char path[] = "/tmp/flopstep-XXXXXX", reason[512];
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    run_begin(&a, small_mlp, gpu, SCALAR_D, 0, SAMPLING_EPOCHS, "adam:lr=0.01", 75, 16);
    for (int i = 0; i < 6; i++) training_issue(&a.training, NULL);
    struct checkpoint written, read;
    checkpoint_describe(&written, &a.training);
    if (!checkpoint_write(path, &written, &a.network, &a.optimizer, NULL, reason, sizeof reason))
        fail_msg("%s", reason);
    run_begin(&b, small_mlp, &cpu_device, SCALAR_D, 0, SAMPLING_EPOCHS, "adam:lr=0.01", 75, 16);
    if (!checkpoint_load(path, &read, &b.network, &b.optimizer, NULL, reason, sizeof reason) ||
        !checkpoint_resume(&read, &b.training, reason, sizeof reason))
        fail_msg("%s", reason);
    for (int i = 0; i < 6; i++) {
        training_issue(&a.training, NULL);
        training_issue(&b.training, NULL);
    }
    double *wa = weights_of(&a), *wb = weights_of(&b);
    assert_true(distance(wb, wa, a.network.parameters) <= 1e-10);
    free(wa), free(wb);
    run_end(&a);
    run_end(&b);
    unlink(path);
}

int main(void) {
    char reason[512];
    bool unknown;
    gpu = device_open("cuda", reason, sizeof reason, &unknown);
    if (!gpu) {
        printf("skipped: %s\n", reason);
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks),    cmocka_unit_test(optimizers), cmocka_unit_test(samplings),
        cmocka_unit_test(measures),    cmocka_unit_test(many_steps), cmocka_unit_test(recorded),
        cmocka_unit_test(evaluations), cmocka_unit_test(divergence), cmocka_unit_test(checkpoints),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    device_close_all();
    return failed;
}
