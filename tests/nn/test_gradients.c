/* Every gradient against differences of the loss, in double.
 *
 * With C(h) = (f(w + h) - f(w - h)) / 2h, (4 C(h/2) - C(h)) / 3 is the derivative up to
 * h^4 f'''''/480 (Richardson's extrapolation) and to the rounding error of f, a few eps |f|,
 * divided by h. With h = 1e-4 the first is about 1e-18 f''''' and vanishes behind the second. Where
 * the loss has a kink within h of w (a maximum that changes, a ReLU at 0) differences say nothing;
 * such places are left out and must be few. There the one-sided differences do not approach each
 * other like h: D(h) = (f(w + h) - 2 f(w) + f(w - h)) / h stays; with D(h) - 2 D(h/2) = O(h^3) and
 * C(h) - C(h/2) = O(h^2) where it is smooth. */
#include "tests/nn/common.h"

#include "kernels/cpu/isa.h"
#include "nn/optimizer.h"

static const double H = 1e-4;
static const double ROUNDINGS = 16; /* errors of f in eps |f|: sums of doubles, short ones */

enum { BATCH = 4, MOST_INPUTS = 4096, MOST_OUTPUTS = 256 };

struct problem {
    const char *text;
    enum loss loss;
    bool numbers;  /* targets are numbers, not labels */
    bool constant; /* behind a step: gradients are 0 */
    long planned, images;
    int threads;
    double l2;
    double most_skipped; /* share of the parameters; 0: the usual one */
};

struct state {
    struct queue queue;
    struct network network;
    struct pass pass;
    struct loss_targets targets;
    int32_t labels[BATCH];
    double x[MOST_INPUTS], numbers[MOST_OUTPUTS];
};

static long places, skipped; /* over all problems */

/* What the queues are told: paths of products, instruction set, measures that are left out. */
static struct queue told;

/* Probabilities that add to 1 for cross-entropy, in [0, 1] for all. */
static void make_targets(struct state *s, const struct problem *p) {
    long n = s->network.outputs;
    assert_true(p->images * n <= MOST_OUTPUTS);
    for (long i = 0; i < p->images; i++) {
        double sum = 0;
        s->labels[i] = (int32_t)((3 * i + 1) % (n > 1 ? n : 2));
        for (long j = 0; j < n; j++)
            sum += s->numbers[i * n + j] = number_at_place(12, i * n + j, 0.05, 0.95);
        for (long j = 0; j < n && p->loss == LOSS_CATEGORICAL; j++) s->numbers[i * n + j] /= sum;
    }
    s->targets = p->numbers ? (struct loss_targets){NULL, s->numbers}
                            : (struct loss_targets){s->labels, NULL};
}

static void begin(struct state *s, const struct problem *p) {
    s->queue = make_queue("naive", SCALAR_D, p->threads ? p->threads : 1);
    s->queue.dense = told.dense;
    s->queue.conv = told.conv;
    s->queue.isa = told.isa;
    s->queue.without = told.without;
    s->queue.device->queue_enter(&s->queue);
    make_network(&s->network, &s->queue, p->text, p->planned, p->loss);
    long in = p->images * extent_size(s->network.architecture.in);
    assert_true(in <= MOST_INPUTS);
    for (long i = 0; i < in; i++) s->x[i] = number_at_place(11, i, -1, 1);
    make_targets(s, p);
    s->pass = training_pass(&s->network, p->images, 77, 3, 2);
}

/* Loss and, for L2, half the squared norm of the weights. */
static double loss_of(struct state *s, const struct problem *p) {
    double norm = 0;
    network_forward(&s->network, &s->pass, s->x);
    double loss = network_loss(&s->network, &s->pass, &s->targets, false).loss;
    for (int i = 0; i < s->network.count && p->l2 > 0; i++)
        for (long j = 0; j < s->network.layers[i].weights; j++) {
            double w = ((double *)s->network.layers[i].w)[j];
            norm += w * w;
        }
    return loss + 0.5 * p->l2 * norm;
}

/* The gradient by parameter w; false where the loss has a kink. */
static bool difference(struct state *s, const struct problem *p, double *w, double f0, double unit,
                       double *gradient) {
    double value = *w, f[4];
    const double steps[4] = {H, -H, H / 2, -H / 2};
    for (int i = 0; i < 4; i++) {
        *w = value + steps[i];
        f[i] = loss_of(s, p);
    }
    *w = value;
    double whole = (f[0] - f[1]) / (2 * H), half = (f[2] - f[3]) / H;
    double bend = (f[0] - 2 * f0 + f[1]) / H, half_bend = (f[2] - 2 * f0 + f[3]) / (H / 2);
    *gradient = (4 * half - whole) / 3;
    double size = 1 + fabs(*gradient); /* h^2 f''' / 8 is allowed to be 1e-7 of it */
    return fabs(bend - 2 * half_bend) < 16 * unit && fabs(whole - half) < 1e-7 * size;
}

/* What the update takes off with a learning rate of 1 is the gradient, L2 included. */
static void gradients(struct state *s, const struct problem *p, double *gradient) {
    struct network *n = &s->network;
    network_forward(n, &s->pass, s->x);
    network_loss(n, &s->pass, &s->targets, true);
    network_backward(n, &s->pass, NULL);
    memcpy(gradient, n->gradient.memory, (size_t)n->parameters * sizeof *gradient);
    if (p->l2 == 0) return;
    struct optimizer_settings settings;
    struct optimizer o;
    char text[64], reason[256];
    double *before = malloc((size_t)n->parameters * sizeof *before),
           *w = (void *)n->parameter.memory;
    memcpy(before, w, (size_t)n->parameters * sizeof *before);
    snprintf(text, sizeof text, "sgd:lr=1,l2=%.17g", p->l2);
    assert_true(optimizer_parse(&settings, text, reason, sizeof reason));
    assert_true(optimizer_plan(&o, &settings, &s->queue, n->parameters));
    network_update(n, &o);
    for (long i = 0; i < n->parameters; i++) {
        gradient[i] = before[i] - w[i];
        w[i] = before[i];
    }
    optimizer_free(&o);
    free(before);
}

static void check_layer(struct state *s, const struct problem *p, const struct layer *l,
                        const double *gradient) {
    double f0 = loss_of(s, p), unit = ROUNDINGS * 0x1p-52 * (fabs(f0) + 1) / H;
    double error = 0, norm = 0;
    long count = l->weights + l->biases, kinks = 0, zeros = 0;
    for (long i = 0; i < count; i++) {
        double expected, actual = gradient[layer_offset(&s->network, l) + i];
        zeros += actual == 0;
        if (!difference(s, p, (double *)l->w + i, f0, unit, &expected)) {
            kinks++;
            continue;
        }
        error += (actual - expected) * (actual - expected);
        norm += expected * expected;
    }
    places += count;
    skipped += kinks;
    double most = p->most_skipped > 0 ? p->most_skipped : 0.1;
    if ((double)kinks > most * (double)count + 1)
        fail_msg("%s, loss %d, %s: %ld of %ld places left out", p->text, p->loss, l->name, kinks,
                 count);
    /* Undetected kinks add as much as the detection allows. */
    double allowed = 32 * unit * sqrt((double)count);
    if (!(sqrt(error) <= allowed))
        fail_msg("%s, loss %d, %s: differs by %g, norm %g, allowed %g", p->text, p->loss, l->name,
                 sqrt(error), sqrt(norm), allowed);
    if (p->constant && l + 1 < s->network.layers + s->network.count - 2) {
        assert_int_equal(zeros, count); /* it lies before the step */
        return;
    }
    /* A gradient that is all zero, or lost in the tolerance, proves nothing. */
    if (!(sqrt(norm) > 1e5 * unit) || (count - zeros) * 10 < count ||
        !(sqrt(error) <= 1e-6 * sqrt(norm)))
        fail_msg("%s, loss %d, %s: norm %g, error %g, %ld of %ld are 0", p->text, p->loss, l->name,
                 sqrt(norm), sqrt(error), zeros, count);
}

static void check(struct problem p) {
    static struct state s;
    if (!p.images) p.images = BATCH;
    if (!p.planned) p.planned = p.images;
    begin(&s, &p);
    double *gradient = malloc((size_t)s.network.parameters * sizeof *gradient);
    gradients(&s, &p, gradient);
    for (int i = 0; i < s.network.count; i++)
        if (s.network.layers[i].weights) check_layer(&s, &p, &s.network.layers[i], gradient);
    free(gradient);
    network_free(&s.network);
}

/* What a loss wants behind the last dense layer; NULL: anything. */
static const struct {
    enum loss loss;
    const char *end;
} losses[] = {{LOSS_HALF_SUM, NULL},
              {LOSS_HALF_MEAN, NULL},
              {LOSS_MEAN, NULL},
              {LOSS_BINARY, "sigmoid"},
              {LOSS_CATEGORICAL, "softmax"}};

static const char *const activations[] = {"",          "sigmoid",      "tanh", "relu",
                                          "leakyrelu", "leakyrelu0.3", "elu",  "elu0.5",
                                          "softmax",   "maxout2"};

/* `body` with every activation in the place of %s, under every loss, with labels and numbers, and
 * for squared errors also with the activation at the end. */
static void with_everything(const char *body, const char *last) {
    char text[256], inner[200];
    for (size_t a = 0; a < COUNT(activations); a++)
        for (size_t l = 0; l < COUNT(losses); l++)
            for (int numbers = 0; numbers < 2; numbers++) {
                snprintf(inner, sizeof inner, body, activations[a]);
                snprintf(text, sizeof text, "%s %s %s", inner, last,
                         losses[l].end ? losses[l].end : "");
                check((struct problem){
                    .text = text, .loss = losses[l].loss, .numbers = numbers == 1});
                if (losses[l].end) continue;
                snprintf(text, sizeof text, "%s %s %s", inner, last, activations[a]);
                check((struct problem){
                    .text = text, .loss = losses[l].loss, .numbers = numbers == 1});
            }
}

static void dense(void **state) {
    (void)state;
    with_everything("7 dense6 %s", "dense4");
}

static void conv(void **state) {
    (void)state;
    with_everything("5x4x2 conv3x3x4pad1 %s conv2x2x2stride2", "dense4");
}

static void max_pool(void **state) {
    (void)state;
    with_everything("6x6x1 conv3x3x4 %s maxpool2", "dense4");
}

static void average_pool(void **state) {
    (void)state;
    with_everything("6x6x1 conv3x3x4 %s avgpool2", "dense4");
}

static void flattened(void **state) {
    (void)state;
    with_everything("4x4x1 conv2x2x2 %s flatten dense4 tanh", "dense4");
}

static void dropped(void **state) {
    (void)state;
    with_everything("6 dense12 %s dropout0.3", "dense4");
    with_everything("6 dense12 dropout0.3 %s", "dense4");
}

/* Rows in which layers share memory, or must not. */
static void in_place(void **state) {
    (void)state;
    static const char *const texts[] = {
        "6 tanh dense5 tanh dense4 softmax",
        "6 dropout0.3 dense8 tanh dense4 softmax",
        "3x3x1 flatten dense5 tanh dense4 softmax",
        "6 dense5 tanh tanh dense4 softmax",
        "6 dense5 sigmoid tanh dense4 softmax",
        "6 dense8 relu sigmoid dense4 softmax",
        "6 dense8 leakyrelu elu dense4 softmax",
        "6 dense8 relu relu tanh dense4 softmax",
        "6 dense8 tanh dropout0.4 tanh dense4 softmax",
        "6 dense8 relu dropout0.4 sigmoid dense4 softmax",
        "6 dense8 relu dropout0.4 elu dense4 softmax",
        "6 dense8 relu dropout0.4 softmax dense4 softmax",
        "6 dense8 leakyrelu dropout0.4 elu dense4 softmax",
        "6 dense8 leakyrelu dropout0.4 dropout0.2 sigmoid dense4 softmax",
        "6 dense8 sigmoid dropout0.4 dropout0.2 dense4 softmax",
        "6 dense8 dropout0.4 dense4 dropout0.2 softmax",
        "4x4x1 conv2x2x3 tanh flatten dropout0.3 dense4 softmax",
        "4x4x1 conv2x2x3 relu flatten dropout0.3 sigmoid flatten dense4 softmax",
        "6 dense8 maxout2 dropout0.3 dense4 softmax",
        "6 dense8 softmax dropout0.3 dense4 softmax",
        "6 dense4 tanh softmax",
        "6 dense4 relu softmax",
        "6 dense8 maxout2 softmax",
    };
    for (size_t i = 0; i < COUNT(texts); i++)
        for (int numbers = 0; numbers < 2; numbers++)
            check((struct problem){
                .text = texts[i], .loss = LOSS_CATEGORICAL, .numbers = numbers == 1});
}

static void shapes(void **state) {
    (void)state;
    static const char *const texts[] = {
        "7x5x2 conv3x3x3stride2 tanh dense4 softmax",
        "7x5x2 dense3 tanh dense4 softmax",
        "7x5x1 conv1x1x3 tanh conv3x3x2stride3pad2 tanh dense4 softmax",
        "5x6x1 conv2x2x3pad1 tanh conv3x3x2pad2 tanh conv3x3x2stride2pad1 tanh dense4 softmax",
        "3x3x2 conv3x3x4 tanh conv1x1x3 tanh dense4 softmax",
        "1x1x5 conv1x1x3 tanh conv3x3x2pad1 tanh dense4 softmax",
        "1x1x2 conv5x5x3pad4stride3 tanh conv3x3x3stride2pad2 tanh dense4 softmax",
        "7x6x1 conv2x2x3 tanh maxpool3stride2 dense4 softmax",
        "7x6x1 conv2x2x3 tanh maxpool2stride3 dense4 softmax",
        "7x6x1 conv2x2x3 tanh maxpool3stride1 dense4 softmax",
        "7x6x1 conv2x2x3 tanh avgpool3stride2 dense4 softmax",
        "7x6x1 conv2x2x3 tanh avgpool2stride3 dense4 softmax",
        "7x6x1 conv2x2x3 tanh avgpool3stride1 avgpool2 dense4 softmax",
        "7x6x1 maxpool2 conv2x2x3 tanh dense4 softmax",
        "7x6x1 avgpool2stride1 conv2x2x3 maxpool2stride1 tanh avgpool2stride1 dense4 softmax",
        "6x6x1 conv3x3x6 maxout3 maxpool2 dense8 maxout2 dense4 softmax",
        "6x6x1 conv3x3x6 dropout0.2 maxpool2 dense4 softmax",
        "6x6x1 conv3x3x6 maxpool2 dropout0.2 dense4 softmax",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        check((struct problem){.text = texts[i], .loss = LOSS_CATEGORICAL});
        check((struct problem){.text = texts[i], .loss = LOSS_CATEGORICAL, .threads = 2});
        check((struct problem){
            .text = texts[i], .loss = LOSS_CATEGORICAL, .planned = BATCH, .images = 3});
        check((struct problem){.text = texts[i],
                               .loss = LOSS_CATEGORICAL,
                               .planned = BATCH + 3,
                               .images = 1,
                               .threads = 3});
    }
}

/* One output: a label is then the target itself. */
static void one_output(void **state) {
    (void)state;
    for (int numbers = 0; numbers < 2; numbers++) {
        check((struct problem){
            .text = "3 dense5 tanh dense1 sigmoid", .loss = LOSS_BINARY, .numbers = numbers == 1});
        for (enum loss loss = LOSS_HALF_SUM; loss <= LOSS_MEAN; loss++)
            check((struct problem){
                .text = "3 dense5 tanh dense1", .loss = loss, .numbers = numbers == 1});
    }
}

/* Behind a step nothing arrives; the layers after it learn. */
static void behind_a_step(void **state) {
    (void)state;
    check((struct problem){
        .text = "6 dense8 step dense4 softmax", .loss = LOSS_CATEGORICAL, .constant = true});
    check((struct problem){.text = "6 dense7 tanh dense8 step dense4 softmax",
                           .loss = LOSS_CATEGORICAL,
                           .constant = true});
}

static void l2(void **state) {
    (void)state;
    check((struct problem){
        .text = "6 dense5 tanh dense4 softmax", .loss = LOSS_CATEGORICAL, .l2 = 0.3});
    check((struct problem){.text = "5x5x1 conv3x3x2 tanh dense4 sigmoid",
                           .loss = LOSS_BINARY,
                           .numbers = true,
                           .l2 = 0.05});
}

/* All of it at once, with the layers of `cnn` and of `lenet5`. */
static void whole_networks(void **state) {
    (void)state;
    static const char *const texts[] = {
        "10x10x1 conv3x3x4 relu conv3x3x5 relu maxpool2 dropout0.25 dense12 relu dropout0.25 "
        "dense10 softmax",
        "12x12x1 conv5x5x3pad2 tanh avgpool2 conv3x3x4 tanh avgpool2 dense9 tanh dense8 tanh "
        "dense10 softmax"};
    for (size_t i = 0; i < COUNT(texts); i++)
        for (int threads = 1; threads <= 2; threads++)
            check((struct problem){.text = texts[i], .loss = LOSS_CATEGORICAL, .threads = threads});
}

/* The other paths than the usual ones, with what is taken together there and without. */
static void on_other_paths(void **state) {
    const unsigned all = (1U << MEASURE_COUNT) - 1;
    size_t count;
    const struct isa *narrowest = isa_table(&count);
    const struct queue paths[] = {
        {.dense = DENSE_CBLAS, .conv = CONV_IM2COL, .without = all},
        {.dense = DENSE_CBLAS, .conv = CONV_IM2COL},
        {.dense = DENSE_OWN, .conv = CONV_DIRECT, .isa = narrowest},
        {.dense = DENSE_OWN, .conv = CONV_DIRECT, .without = 1U << MEASURE_FUSED},
        {.dense = DENSE_OWN, .conv = CONV_TILED, .without = all & ~(1U << MEASURE_FUSED)},
    };
    for (size_t i = 0; i < COUNT(paths); i++) {
        told = paths[i];
        in_place(state);
        shapes(state);
        whole_networks(state);
        if (i % 2) continue; /* the rest is alike with and without measures */
        dense(state);
        conv(state);
        max_pool(state);
        average_pool(state);
    }
    told = (struct queue){0};
}

/* What is left out is what has a kink, and nothing else. */
static void kinks_are_found(void **state) {
    (void)state;
    static struct state s;
    const struct problem p = {
        .text = "1 dense1 relu", .planned = 1, .images = 1, .loss = LOSS_HALF_SUM, .numbers = true};
    const double at[] = {0, 0.1, -0.2, 0.3333333, 0.49, 0.5, 0.51, -0.7, 0.9, -0.99, 1.01, -3};
    begin(&s, &p);
    double *w = s.network.layers[0].w, gradient;
    s.x[0] = 1;
    s.network.queue->device->copy_in(s.network.queue->device, s.network.layers[0].b, &(double){0},
                                     sizeof(double));
    for (size_t i = 0; i < COUNT(at); i++) {
        *w = at[i] * H;
        double f0 = loss_of(&s, &p), unit = ROUNDINGS * 0x1p-52 * (fabs(f0) + 1) / H;
        bool smooth = difference(&s, &p, w, f0, unit, &gradient);
        if (smooth != (fabs(at[i]) > 1)) fail_msg("kink at %g h: smooth %d", at[i], smooth);
    }
    network_free(&s.network);
}

static void few_were_left_out(void **state) {
    (void)state;
    print_message("%ld of %ld places have a kink nearby\n", skipped, places);
    assert_true(places > 10000);
    assert_true((double)skipped < 0.01 * (double)places);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dense),
        cmocka_unit_test(conv),
        cmocka_unit_test(max_pool),
        cmocka_unit_test(average_pool),
        cmocka_unit_test(flattened),
        cmocka_unit_test(dropped),
        cmocka_unit_test(in_place),
        cmocka_unit_test(shapes),
        cmocka_unit_test(one_output),
        cmocka_unit_test(behind_a_step),
        cmocka_unit_test(l2),
        cmocka_unit_test(whole_networks),
        cmocka_unit_test(on_other_paths),
        cmocka_unit_test(kinks_are_found),
        cmocka_unit_test(few_were_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
