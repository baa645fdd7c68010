/* Ten training steps against PyTorch's, kept in tests/golden/train_reference.txt; the script beside
 * it makes that file and says what its lines hold.
 *
 * Projections on vectors with independent elements of variance 1/3 see an error d of the weights
 * with mean square |d|^2 / 3, so sqrt(3 / 8 sum of squares) over eight of them estimates |d|. */
#include "tests/nn/common.h"

#include "nn/optimizer.h"

enum { STEPS = 10, PROJECTIONS = 8, PIXELS = 784, MOST_TENSORS = 16 };

static const struct golden {
    const char *name, *network; /* a name, or as written */
    long batch;
    const char *optimizer;
} cases[] = {
    {"mlp5-rmsprop", "mlp5", 16, "rmsprop:lr=0.001,rho=0.9,eps=1e-5"},
    {"cnn-adadelta",
     "28x28x1 conv3x3x32 relu conv3x3x32 relu maxpool2 dropout0 256relu dropout0 10softmax", 4,
     "adadelta:lr=1,rho=0.95,eps=1e-6"},
    {"lenet5-momentum", "lenet5", 8, "momentum:lr=0.05,mu=0.9"},
    {"small-sgd", "784-20tanh-10softmax", 16, "sgd:lr=0.3"},
    {"small-momentum", "784-20tanh-10softmax", 16, "momentum:lr=0.1,mu=0.8"},
    {"small-nesterov", "784-20tanh-10softmax", 16, "nesterov:lr=0.1,mu=0.8"},
    {"small-rmsprop", "784-20tanh-10softmax", 16, "rmsprop:lr=0.002,rho=0.8,eps=1e-4"},
    {"small-adadelta", "784-20tanh-10softmax", 16, "adadelta:lr=1,rho=0.9,eps=1e-5"},
    {"small-adam", "784-20tanh-10softmax", 16, "adam:lr=0.003,beta1=0.8,beta2=0.99,eps=1e-5"},
    {"small-nadam", "784-20tanh-10softmax", 16, "nadam:lr=0.003,beta1=0.8,beta2=0.99,eps=1e-5"},
};

/* units(stream, index) of the script. */
static double unit(uint64_t stream, uint64_t index) {
    uint64_t x = (stream << 40) + index + 1;
    x *= 0x9E3779B97F4A7C15u;
    x ^= x >> 32;
    x *= 0xD6E8FEB86659FD93u;
    x ^= x >> 32;
    return (double)(x >> 11) * 0x1p-53;
}

/* --- What is expected --------------------------------------------------------------------------
 */

struct tensor {
    double norm, change, projection[PROJECTIONS];
    char samples[512];
};

struct expected {
    double loss[STEPS];
    struct tensor tensor[MOST_TENSORS];
    int tensors;
};

static FILE *open_reference(void) {
    char path[1024];
    snprintf(path, sizeof path, "%s", __FILE__); /* …/tests/nn/test_golden.c */
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(path, '/');
        assert_non_null(slash);
        *slash = '\0';
    }
    snprintf(path + strlen(path), sizeof path - strlen(path), "/golden/train_reference.txt");
    FILE *file = fopen(path, "r");
    if (!file) fail_msg("%s is not there", path);
    return file;
}

static void read_tensor(struct expected *e, const char *line) {
    int t, used, at;
    struct tensor *tensor = &e->tensor[e->tensors++];
    assert_in_range(e->tensors, 1, MOST_TENSORS);
    assert_int_equal(sscanf(line, "tensor %d %lf %lf%n", &t, &tensor->norm, &tensor->change, &at),
                     3);
    assert_int_equal(t, e->tensors - 1);
    for (int k = 0; k < PROJECTIONS; k++, at += used)
        assert_int_equal(sscanf(line + at, "%lf%n", &tensor->projection[k], &used), 1);
}

static void read_case(const char *name, struct expected *e) {
    FILE *file = open_reference();
    char line[1024];
    bool here = false;
    int losses = 0;
    *e = (struct expected){.tensors = 0};
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "case ", 5) == 0) here = strcmp(line + 5, name) == 0;
        if (!here) continue;
        if (strncmp(line, "loss ", 5) == 0) {
            int step;
            assert_in_range(losses, 0, STEPS - 1);
            assert_int_equal(sscanf(line, "loss %d %lf", &step, &e->loss[losses]), 2);
            assert_int_equal(step, losses++);
        }
        if (strncmp(line, "tensor ", 7) == 0) read_tensor(e, line);
        if (strncmp(line, "samples ", 8) == 0) {
            assert_true(e->tensors > 0);
            snprintf(e->tensor[e->tensors - 1].samples, sizeof e->tensor[0].samples, "%s",
                     strchr(line + 8, ' '));
        }
    }
    fclose(file);
    if (losses != STEPS) fail_msg("%s: %d losses in the reference", name, losses);
}

/* --- The steps --------------------------------------------------------------------------------
 */

static void fill(const struct network *n) {
    uint64_t t = 0;
    for (int i = 0; i < n->count; i++) {
        const struct layer *l = &n->layers[i];
        if (!l->weights) continue;
        double limit = sqrt(6.0 / (double)(l->fan_in + l->fan_out));
        for (long j = 0; j < l->weights; j++)
            set(n->queue, l->w, j, (2 * unit(t, (uint64_t)j) - 1) * limit);
        for (long j = 0; j < l->biases; j++)
            set(n->queue, l->b, j, (2 * unit(t + 1, (uint64_t)j) - 1) * 0.1);
        t += 2;
    }
}

static double tolerance(const struct queue *q) { return q->type == SCALAR_D ? 1e-9 : 1e-4; }

static void check_tensor(const struct golden *g, const struct queue *q, const struct tensor *e,
                         int t, const void *w, long count) {
    double squares = 0, off = 0, allowed = tolerance(q) * e->norm;
    for (long j = 0; j < count; j++) squares += get(q, w, j) * get(q, w, j);
    for (int k = 0; k < PROJECTIONS; k++) {
        double sum = 0;
        for (long j = 0; j < count; j++)
            sum += get(q, w, j) * (2 * unit(2000 + (uint64_t)k, (uint64_t)j) - 1);
        off += (sum - e->projection[k]) * (sum - e->projection[k]);
    }
    double difference = sqrt(3 * off / PROJECTIONS);
    if (!(fabs(sqrt(squares) - e->norm) <= allowed) || !(difference <= allowed))
        fail_msg("%s, %s, tensor %d: norm %.12g, not %.12g; differs by %g, allowed %g", g->name,
                 scalar_name(q->type), t, sqrt(squares), e->norm, difference, allowed);
    assert_true(e->change > 10 * allowed); /* else standing still would pass */
    const char *at = e->samples;
    long j;
    double value;
    int used, samples = 0;
    for (; sscanf(at, " %ld %lf%n", &j, &value, &used) == 2; at += used, samples++) {
        assert_in_range(j, 0, count - 1);
        if (!(fabs(get(q, w, j) - value) <= allowed))
            fail_msg("%s, tensor %d, element %ld: %.12g, not %.12g", g->name, t, j, get(q, w, j),
                     value);
    }
    assert_int_equal(samples, 5);
}

/* `told`: paths of products and measures that are left out. */
static void follow_on(const struct golden *g, enum scalar type, int threads,
                      const struct queue *told) {
    static struct expected e;
    struct queue q = make_queue(NULL, type, threads);
    q.dense = told->dense;
    q.conv = told->conv;
    q.without = told->without;
    q.device->queue_enter(&q);
    const struct named_network *named = named_network_find(g->network);
    struct network n;
    struct optimizer_settings settings;
    struct optimizer o;
    char reason[512];
    read_case(g->name, &e);
    make_network(&n, &q, named ? named->notation : g->network, g->batch, LOSS_CATEGORICAL);
    fill(&n);
    assert_true(optimizer_parse(&settings, g->optimizer, reason, sizeof reason));
    assert_true(optimizer_plan(&o, &settings, &q, n.parameters));
    void *x = room(&q, g->batch * PIXELS);
    int32_t *labels = malloc((size_t)g->batch * sizeof *labels);
    for (long step = 0; step < STEPS; step++) {
        long first = step * g->batch;
        for (long j = 0; j < g->batch * PIXELS; j++)
            set(&q, x, j, floor(256 * unit(1000, (uint64_t)(first * PIXELS + j))) / 255);
        for (long i = 0; i < g->batch; i++)
            labels[i] = (int32_t)(10 * unit(1001, (uint64_t)(first + i)));
        struct loss_targets targets = {labels, NULL};
        struct pass pass = training_pass(&n, g->batch, 1, (uint64_t)step, 0);
        double loss = train_step(&n, &o, &pass, x, &targets, NULL).loss;
        if (!(fabs(loss - e.loss[step]) <= tolerance(&q) * e.loss[step]))
            fail_msg("%s, %s: the loss of step %ld is %.12g, not %.12g", g->name, scalar_name(type),
                     step, loss, e.loss[step]);
    }
    int t = 0;
    for (int i = 0; i < n.count; i++) {
        if (!n.layers[i].weights) continue;
        assert_true(t + 1 < e.tensors);
        check_tensor(g, &q, &e.tensor[t], t, n.layers[i].w, n.layers[i].weights);
        check_tensor(g, &q, &e.tensor[t + 1], t + 1, n.layers[i].b, n.layers[i].biases);
        t += 2;
    }
    assert_int_equal(t, e.tensors);
    free(x);
    free(labels);
    optimizer_free(&o);
    network_free(&n);
}

static void follow(const struct golden *g, enum scalar type, int threads) {
    follow_on(g, type, threads, &(struct queue){0});
}

static void in_double(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) follow(&cases[i], SCALAR_D, 2);
}

static void in_single(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) follow(&cases[i], SCALAR_S, 2);
}

/* The plain path, the other ones, and own loops for everything. */
static void on_every_path(void **state) {
    (void)state;
    const unsigned all = (1U << MEASURE_COUNT) - 1;
    const struct queue paths[] = {
        {.dense = DENSE_CBLAS, .conv = CONV_IM2COL, .without = all},
        {.dense = DENSE_CBLAS, .conv = CONV_TILED},
        {.dense = DENSE_OWN, .conv = CONV_IM2COL, .without = 1U << MEASURE_FUSED},
        {.dense = DENSE_OWN, .conv = CONV_DIRECT},
        {.dense = DENSE_OWN, .conv = CONV_DIRECT, .without = all},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t k = 0; k < COUNT(paths); k++) {
            follow_on(&cases[i], SCALAR_D, 1, &paths[k]);
            follow_on(&cases[i], SCALAR_S, 2, &paths[k]);
        }
}

/* The networks that have names are those of the reference. */
static void names_stay(void **state) {
    (void)state;
    assert_string_equal(named_network_find("mlp5")->notation,
                        "784-200relu-100relu-60relu-30relu-10softmax");
    assert_string_equal(named_network_find("cnn")->notation,
                        "28x28x1 conv3x3x32 relu conv3x3x32 relu maxpool2 dropout0.25 dense256 "
                        "relu dropout0.25 dense10 softmax");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_double),
        cmocka_unit_test(in_single),
        cmocka_unit_test(on_every_path),
        cmocka_unit_test(names_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
