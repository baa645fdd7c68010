/* Whole networks on every path and with every measure: the loss and every layer's gradient are
 * those of the plain path, which takes nothing together and does one thing after another. An
 * activation whose derivative is taken along twice, or never, is off by its whole size. */
#include "tests/nn/common.h"

#include "kernels/cpu/isa.h"

enum { BATCH = 5, ALL_MEASURES = (1U << MEASURE_COUNT) - 1 };

static const char *const networks[] = {
    /* lenet5 and cnn, small */
    "12x12x1 conv5x5x3pad2 tanh avgpool2 conv3x3x4 tanh avgpool2 9tanh 8tanh 10softmax",
    "10x10x1 conv3x3x18 relu conv3x3x17 relu maxpool2 dropout0.25 33relu dropout0.25 10softmax",
    /* activations between dense layers */
    "20 dense17 sigmoid dense16 elu dense15 leakyrelu dense10 softmax",
    "20 dense17 elu0.5 dense33 leakyrelu0.3 dense15 tanh dense10 sigmoid",
    "20 dense17 relu relu dense16 tanh tanh dense10 softmax",
    "20 dense17 tanh sigmoid relu dense16 relu elu dense10 softmax",
    "20 dense9 tanh dense5 tanh", /* an activation at the end that is no loss's */
    "20 dense9 sigmoid dense5 sigmoid sigmoid",
    "20 dense9 step dense16 tanh dense5 softmax",
    /* before the first layer with parameters */
    "20 tanh dense16 relu dense10 softmax",
    "8x8x2 relu conv3x3x4 tanh dense10 softmax",
    "8x8x2 maxpool2 tanh avgpool2 dense12 relu dense10 softmax",
    "20 sigmoid dense10 softmax",
    /* flatten between */
    "6x6x2 conv3x3x4 tanh flatten dense12 sigmoid flatten dense10 softmax",
    "6x6x2 conv3x3x4 flatten tanh dense12 flatten elu flatten dense10 softmax",
    "6x6x2 flatten dense12 tanh flatten dropout0.3 flatten dense10 softmax",
    /* pools behind activations, and what stands behind the pools */
    "8x8x1 conv3x3x6 tanh maxpool2 dropout0.4 dense10 softmax",
    "8x8x1 conv3x3x6 sigmoid maxpool2 flatten dropout0.4 flatten dense10 softmax",
    "8x8x1 conv3x3x6 elu maxpool2 relu dense10 softmax",
    "8x8x1 conv3x3x6 relu maxpool2 tanh conv2x2x5 elu dense10 softmax",
    "8x8x1 conv3x3x6 relu maxpool2 relu dropout0.4 dense10 softmax",
    "8x8x1 conv3x3x6 leakyrelu maxpool3stride1 leakyrelu avgpool2stride1 dense10 softmax",
    "8x8x1 conv3x3x6 tanh avgpool2 dropout0.4 tanh dense10 softmax",
    "8x8x1 conv3x3x6 tanh maxpool2 maxpool2stride1 dense10 softmax",
    "8x8x1 conv3x3x6 tanh maxpool2 softmax dense10 softmax",
    "8x8x1 conv3x3x6 maxpool2 tanh dropout0.3 dense10 softmax",
    "8x8x1 conv3x3x6 avgpool2 sigmoid conv2x2x3stride2 relu dense10 softmax",
    /* dropout between an activation and what would take its derivative */
    "20 dense32 tanh dropout0.3 dense10 softmax",
    "20 dense32 dropout0.3 tanh dense10 softmax",
    "20 dense32 relu dropout0.3 relu dropout0.3 dense10 softmax",
    "20 dropout0.2 dense32 relu dropout0 dense10 softmax",
    "8x8x1 conv3x3x6 sigmoid dropout0.3 avgpool2 tanh dropout0.3 dense10 softmax",
    /* maxout and softmax */
    "20 dense24 maxout3 dense12 maxout2 tanh dense10 softmax",
    "6x6x1 conv3x3x6 maxout3 maxpool2 dense8 tanh maxout2 dense10 softmax",
    "20 dense16 tanh softmax dense10 softmax",
    /* no dense layer */
    "8x8x2 conv3x3x4 tanh avgpool2 conv3x3x10 flatten softmax",
    "8x8x2 conv3x3x4 dropout0.3 maxpool2 relu conv3x3x5 sigmoid",
    "8x8x2 conv3x3x6 maxout2 avgpool6 elu",
    /* convolutions without input gradient on the direct path, or without one at all */
    "9x9x2 conv3x3x17stride2pad1 tanh conv3x3x16stride2 elu dense10 softmax",
    "7x7x3 conv2x2x16pad1 tanh conv3x3x33pad2 sigmoid conv1x1x4stride3 relu dense10 softmax",
    "7x7x16 conv3x3x16pad1 relu conv3x3x48pad1 relu conv1x1x16 tanh avgpool7 dense10 softmax",
};

/* --- One pass --------------------------------------------------------------------------------- */

/* What a queue is told, and how many images are taken from layer to layer at once: 0: as many as
 * the caches say, which in these small networks is all. */
struct setting {
    const char *library;
    enum dense_path dense;
    enum conv_path conv;
    const struct isa *isa;
    unsigned without;
    int threads;
    long slice;
};

static long slice_now;

static long slice_of(const struct queue *q, size_t bytes) {
    (void)q, (void)bytes;
    return slice_now;
}

/* The CPU, but for the slices. */
static const struct device *sliced_cpu(void) {
    static struct layer_operations operations;
    static struct device device;
    device = *device_find("cpu");
    operations = *device.layers;
    operations.slice = slice_of;
    device.layers = &operations;
    return &device;
}

static const struct setting plain = {"naive", DENSE_CBLAS, CONV_IM2COL, NULL, ALL_MEASURES, 1, 0};

static void describe(const struct setting *s, char *text, size_t size) {
    snprintf(text, size, "dense %s, conv %s, %s, without %#x, %d threads, slices of %ld",
             dense_path_names[s->dense], conv_path_names[s->conv], s->isa ? s->isa->name : "widest",
             s->without, s->threads, s->slice);
}

static struct queue queue_of(const struct setting *s, enum scalar type) {
    struct queue q = make_queue(s->library, type, s->threads);
    q.dense = s->dense;
    q.conv = s->conv;
    q.isa = s->isa;
    q.without = s->without;
    q.device->queue_enter(&q);
    slice_now = s->slice;
    if (s->slice) q.device = sliced_cpu();
    return q;
}

/* What a training step finds. */
struct result {
    long parameters, outputs;
    double loss;
    double *gradient, *prediction;
};

/* A layer's gradient at the moment when it is said to be complete. */
struct ready {
    const struct network *network;
    double *seen;
    long next; /* the parameter above which all are */
};

static void take_ready(void *context, void *gradient, long count) {
    struct ready *r = context;
    const struct network *n = r->network;
    size_t element = scalar_bytes(n->queue->type);
    long first = ((char *)gradient - n->gradient.memory) / (long)element;
    assert_int_equal(first + count, r->next); /* from the last layer to the first, each once */
    r->next = first;
    for (long i = first; i < first + count; i++) r->seen[i] = get(n->queue, n->gradient.memory, i);
}

static void result_free(struct result *r) { free(r->gradient), free(r->prediction); }

static void fill(const struct queue *q, void *x, uint32_t stream, long count) {
    for (long i = 0; i < count; i++) set(q, x, i, number_at_place(stream, i, -1, 1));
}

static enum loss loss_of(const char *text) {
    struct architecture a;
    char reason[NETWORK_REASON];
    if (!architecture_parse(&a, text, (struct extent){0, 0, 0}, reason, sizeof reason))
        fail_msg("%s: %s", text, reason);
    return network_usual_loss(&a);
}

static struct result pass_through(const char *text, const struct setting *s, enum scalar type,
                                  long planned, long images) {
    struct queue q = queue_of(s, type);
    struct network n;
    make_network(&n, &q, text, planned, loss_of(text));
    long in = extent_size(n.architecture.in);
    struct result r = {.parameters = n.parameters, .outputs = images * n.outputs};
    r.gradient = malloc((size_t)n.parameters * sizeof *r.gradient);
    r.prediction = malloc((size_t)r.outputs * sizeof *r.prediction);
    void *x = room(&q, images * in), *numbers = room(&q, r.outputs);
    int32_t labels[BATCH];
    fill(&q, x, 11, images * in);
    for (long i = 0; i < r.outputs; i++) set(&q, numbers, i, number_at_place(12, i, 0.05, 0.95));
    for (long i = 0; i < images; i++) labels[i] = (int32_t)((3 * i + 1) % n.outputs);
    bool labelled = n.loss == LOSS_CATEGORICAL;
    struct loss_targets targets = {labelled ? labels : NULL, labelled ? NULL : numbers};
    struct pass pass = training_pass(&n, images, 77, 3, 2);
    memset(n.gradient.memory, 0xff, n.gradient.bytes); /* NaN: what is not computed shows */
    memset(n.difference.memory, 0xff, n.difference.bytes);
    memset(n.activation.memory, 0xff, n.activation.bytes);
    network_forward(&n, &pass, x);
    r.loss = network_loss(&n, &pass, &targets, true).loss;
    struct ready ready = {&n, r.gradient, n.parameters};
    network_backward(&n, &pass, &(struct reducer){.gradient_ready = take_ready, .context = &ready});
    assert_int_equal(ready.next, 0);
    for (long i = 0; i < n.parameters; i++) {
        double last = get(&q, n.gradient.memory, i);
        if (!(r.gradient[i] == last)) fail_msg("%s: gradient %ld was not ready", text, i);
    }
    const void *y = network_predict(&n, x, images);
    for (long i = 0; i < r.outputs; i++) r.prediction[i] = get(&q, y, i);
    free(x), free(numbers);
    network_free(&n);
    return r;
}

/* The distance of two vectors by the length of the expected one. */
static double apart(const double *actual, const double *expected, long count) {
    double off = 0, norm = 0;
    for (long i = 0; i < count; i++) {
        off += (actual[i] - expected[i]) * (actual[i] - expected[i]);
        norm += expected[i] * expected[i];
    }
    return off == 0 ? 0 : sqrt(off / norm); /* NaN where anything is */
}

/* Layer by layer, weights and biases apart. */
static void compare(const char *text, const struct setting *s, enum scalar type,
                    const struct result *actual, const struct result *expected) {
    struct queue q = queue_of(&plain, type);
    struct network n;
    char setting[160];
    double allowed = type == SCALAR_D ? 1e-10 : 2e-4;
    describe(s, setting, sizeof setting);
    make_network(&n, &q, text, 1, loss_of(text));
    assert_int_equal(actual->parameters, n.parameters);
    if (!(fabs(actual->loss - expected->loss) <= allowed * fabs(expected->loss)))
        fail_msg("%s, %s, %s: loss %.17g, not %.17g", text, scalar_name(type), setting,
                 actual->loss, expected->loss);
    double off = apart(actual->prediction, expected->prediction, expected->outputs);
    if (!(off <= allowed))
        fail_msg("%s, %s, %s: predictions differ by %g", text, scalar_name(type), setting, off);
    for (int i = 0; i < n.count; i++) {
        const struct layer *l = &n.layers[i];
        long first = l->weights ? layer_offset(&n, l) : 0;
        if (!l->weights) continue;
        double weights = apart(actual->gradient + first, expected->gradient + first, l->weights);
        double biases = apart(actual->gradient + first + l->weights,
                              expected->gradient + first + l->weights, l->biases);
        if (!(weights <= allowed && biases <= allowed))
            fail_msg("%s, %s, %s: %s's gradient differs by %g, of the biases by %g", text,
                     scalar_name(type), setting, l->name, weights, biases);
    }
    network_free(&n);
}

/* --- Every path and measure ---------------------------------------------------------------------
 */

enum { MOST_SETTINGS = 256 };
static struct setting settings[MOST_SETTINGS];
static int setting_count;

static void add(struct setting s) {
    assert_true(setting_count < MOST_SETTINGS);
    settings[setting_count++] = s;
}

/* Every pair of paths with all measures and with none; every instruction set on every path; every
 * measure alone and every one left out, with and without own products. */
static void find_settings(void) {
    size_t count;
    const struct isa *table = isa_table(&count);
    if (setting_count) return;
    add((struct setting){.threads = 1}); /* nothing is said */
    for (enum conv_path conv = CONV_AUTO; conv <= CONV_DIRECT; conv++) {
        for (enum dense_path dense = DENSE_CBLAS; dense < DENSE_COUNT; dense++)
            for (int none = 0; none < 2; none++)
                add((struct setting){conv == CONV_TILED ? NULL : "naive", dense, conv, NULL,
                                     none ? ALL_MEASURES : 0, 1 + (int)dense % 2, 0});
        for (size_t i = 0; i < count; i++)
            if (table[i].supported())
                add((struct setting){"naive", DENSE_OWN, conv, &table[i], 0, i % 4 == 3 ? 3 : 1,
                                     0});
    }
    for (long slice = 1; slice < BATCH; slice++) {
        unsigned alone = ALL_MEASURES & ~(1U << MEASURE_SLICED);
        add((struct setting){"naive", DENSE_OWN, CONV_AUTO, NULL, 0, 1, slice});
        add((struct setting){"naive", DENSE_OWN, CONV_DIRECT, NULL, 0, 2, slice});
        add((struct setting){"naive", DENSE_CBLAS, CONV_IM2COL, NULL, alone, 1, slice});
        add((struct setting){"naive", DENSE_CBLAS, CONV_TILED, NULL, alone, 2, slice});
        add((struct setting){"naive", DENSE_OWN, CONV_AUTO, NULL, 1U << MEASURE_SLICED, 1, slice});
    }
    for (int m = 0; m < MEASURE_COUNT; m++) {
        add((struct setting){"naive", DENSE_OWN, CONV_DIRECT, NULL, 1U << m, 1, 0});
        add((struct setting){"naive", DENSE_OWN, CONV_AUTO, NULL, ALL_MEASURES & ~(1U << m), 1, 0});
        add((struct setting){"naive", DENSE_CBLAS, CONV_TILED, NULL, 1U << m, 1, 0});
        add((struct setting){"naive", DENSE_CBLAS, CONV_IM2COL, NULL, ALL_MEASURES & ~(1U << m), 1,
                             0});
    }
}

/* `every`: that setting only, beginning with another one for each network. */
static void same_on_every_path(enum scalar type, long images, int every) {
    find_settings();
    for (size_t i = 0; i < COUNT(networks); i++) {
        struct result expected = pass_through(networks[i], &plain, type, BATCH, images);
        assert_true(isfinite(expected.loss));
        for (int s = (int)i % every; s < setting_count; s += every) {
            struct result r = pass_through(networks[i], &settings[s], type, BATCH, images);
            compare(networks[i], &settings[s], type, &r, &expected);
            result_free(&r);
        }
        result_free(&expected);
    }
}

static void in_double(void **state) {
    (void)state;
    same_on_every_path(SCALAR_D, BATCH, 1);
}

static void in_single(void **state) {
    (void)state;
    same_on_every_path(SCALAR_S, BATCH, 2);
}

/* The last batch of an epoch is smaller than planned. */
static void in_part_of_a_batch(void **state) {
    (void)state;
    same_on_every_path(SCALAR_D, 2, 4);
}

static void same_settings_same_bits(void **state) {
    (void)state;
    find_settings();
    for (size_t i = 0; i < COUNT(networks); i++)
        for (int s = (int)i % 5; s < setting_count; s += 5)
            for (enum scalar type = SCALAR_S; type < SCALAR_CPU_COUNT; type++) {
                struct result r[2];
                for (int k = 0; k < 2; k++)
                    r[k] = pass_through(networks[i], &settings[s], type, BATCH, BATCH);
                size_t bytes = (size_t)r[0].parameters * sizeof(double);
                /* Bits, not values. NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
                if (memcmp(&r[0].loss, &r[1].loss, sizeof r[0].loss) != 0 ||
                    memcmp(r[0].gradient, r[1].gradient, bytes) != 0) {
                    char text[160];
                    describe(&settings[s], text, sizeof text);
                    fail_msg("%s, %s: other bits the second time", networks[i], text);
                }
                result_free(&r[0]), result_free(&r[1]);
            }
}

/* --- What is taken together, and what may lie in one place --------------------------------------
 */

/* One letter a layer: T takes the activation behind it, B the derivative of the one before, X both,
 * '.' neither; the activation's row of letters says which of its passes are left out: F, K
 * (backward), S both, '.' none. `shared`: 1 where y is the place of x. */
static const struct {
    const char *text, *fused, *skipped, *shared, *shared_plain;
} plans[] = {
    /* clang-format off */
    {"6 dense5 tanh dense4 softmax",
     "T.B.", ".S..", "0101", "0101"},
    {"6 dense5 flatten tanh flatten dense4 softmax",
     "T...B.", "..S...", "011101", "011101"},
    {"6 tanh dense5 relu relu dense4 softmax",
     ".T..B.", "..FK..", "001001", "001001"},
    {"8x8x1 conv3x3x6 tanh maxpool2 dropout0.4 dense4 softmax",
     "T.B...", ".S....", "010001", "010101"},
    {"8x8x1 conv3x3x6 tanh maxpool2 flatten dropout0.4 dense4 softmax",
     "T.B....", ".S.....", "0101001", "0101101"},
    {"8x8x1 conv3x3x6 relu maxpool2 dropout0.4 dense4 softmax",
     "T.B...", ".S....", "010101", "010101"},
    {"8x8x1 conv3x3x6 relu maxpool2 relu dense4 softmax",
     "T.B.B.", ".S.K..", "010001", "010101"},
    {"8x8x1 conv3x3x6 tanh avgpool2 tanh dense4 softmax",
     "T.B.B.", ".S.K..", "010101", "010101"},
    {"6 dense5 tanh dropout0.4 dense4 softmax",
     "T....", ".F...", "01001", "01001"},
    {"6 dense5 relu dropout0.4 dense4 softmax",
     "T....", ".F...", "01101", "01101"},
    {"6 dense5 dropout0.4 tanh dense4 softmax",
     "...B.", "..K..", "01101", "01101"},
    {"6 dense6 maxout2 tanh dense4 softmax",
     "...B.", "..K..", "00101", "00101"},
    {"6 dense5 sigmoid dense4 sigmoid",
     "T.B.", ".S..", "0101", "0101"},
    /* clang-format on */
};

static char letter(bool first, bool second, const char *letters) {
    return letters[first + 2 * second];
}

static void check_plan(const char *text, const char *fused, const char *skipped, const char *shared,
                       unsigned without, bool training) {
    struct queue q = make_queue("naive", SCALAR_D, 1);
    struct architecture a;
    struct network n;
    char reason[NETWORK_REASON] = "", found[3][MOST_LAYERS] = {"", "", ""};
    q.without = without;
    assert_true(architecture_parse(&a, text, (struct extent){0, 0, 0}, reason, sizeof reason));
    assert_true(
        network_plan(&n, &a, &q, 3, network_usual_loss(&a), training, reason, sizeof reason));
    for (int i = 0; i < n.count; i++) {
        const struct layer *l = &n.layers[i];
        found[0][i] = letter(l->has_then, l->has_before, ".TBX");
        found[1][i] = letter(l->skips_forward, l->skips_backward, ".FKS");
        found[2][i] = i && l->x == l->y ? '1' : '0';
    }
    if (strcmp(found[0], fused) != 0 || strcmp(found[1], skipped) != 0 ||
        strcmp(found[2], shared) != 0)
        fail_msg("%s, without %#x: %s %s %s, not %s %s %s", text, without, found[0], found[1],
                 found[2], fused, skipped, shared);
    network_free(&n);
}

static void what_is_taken_together(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(plans); i++) {
        char none[MOST_LAYERS] = "", forward[MOST_LAYERS] = "", skipped[MOST_LAYERS] = "";
        size_t count = strlen(plans[i].fused);
        for (size_t l = 0; l < count; l++) {
            none[l] = '.'; /* without gradients nothing is taken but what is behind */
            forward[l] = strchr("TX", plans[i].fused[l]) ? 'T' : '.';
            skipped[l] = strchr("FS", plans[i].skipped[l]) ? 'F' : '.';
        }
        check_plan(plans[i].text, plans[i].fused, plans[i].skipped, plans[i].shared, 0, true);
        check_plan(plans[i].text, forward, skipped, plans[i].shared, 0, false);
        for (int training = 0; training < 2; training++) {
            check_plan(plans[i].text, none, none, plans[i].shared_plain, 1U << MEASURE_FUSED,
                       training);
            check_plan(plans[i].text, none, none, plans[i].shared_plain, ALL_MEASURES, training);
        }
    }
}

/* Layers up to the first dense one take slices, where there is a convolution among them and the
 * batch is larger. */
static void what_is_sliced(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int sliced;
    } rows[] = {{"20 dense17 tanh dense10 softmax", 0},
                {"8x8x2 maxpool2 tanh dense10 softmax", 0},
                {"8x8x2 conv3x3x4 tanh maxpool2 dropout0.2 dense10 tanh dense10 softmax", 4},
                {"8x8x2 tanh conv3x3x4 flatten dense10 softmax", 3},
                {"8x8x2 conv3x3x4 avgpool6 softmax", 2},
                {"8x8x2 conv3x3x4 avgpool6 tanh", 3}};
    for (size_t i = 0; i < COUNT(rows); i++)
        for (long batch = 1; batch <= 4; batch++)
            for (int without = 0; without < 2; without++) {
                struct setting s = plain;
                s.slice = 2;
                s.without = without ? 1U << MEASURE_SLICED : 0;
                struct queue q = queue_of(&s, SCALAR_D);
                struct network n;
                make_network(&n, &q, rows[i].text, batch, loss_of(rows[i].text));
                assert_int_equal(n.sliced, batch > 2 && !without ? rows[i].sliced : 0);
                if (n.sliced) assert_int_equal(n.slice, 2);
                network_free(&n);
            }
}

/* A network for predictions alone has no room for gradients, and says the same. */
static void predictions_alone(void **state) {
    (void)state;
    find_settings();
    for (size_t i = 0; i < COUNT(networks); i++) {
        struct result expected = pass_through(networks[i], &plain, SCALAR_D, BATCH, BATCH);
        for (int s = (int)i % 3; s < setting_count; s += 3) {
            struct queue q = queue_of(&settings[s], SCALAR_D);
            struct architecture a;
            struct network n;
            char reason[NETWORK_REASON] = "";
            assert_true(architecture_parse(&a, networks[i], (struct extent){0, 0, 0}, reason,
                                           sizeof reason));
            assert_true(network_plan(&n, &a, &q, BATCH, network_usual_loss(&a), false, reason,
                                     sizeof reason));
            network_initialise(&n, INITIAL_GLOROT, 5); /* as make_network does */
            for (int l = 0; l < n.count; l++)
                for (long j = 0; j < n.layers[l].biases; j++)
                    set(&q, n.layers[l].b, j, number_at_place(100 + (uint32_t)l, j, -0.3, 0.3));
            void *x = room(&q, BATCH * extent_size(a.in));
            fill(&q, x, 11, BATCH * extent_size(a.in));
            const double *y = network_predict(&n, x, BATCH);
            if (!(apart(y, expected.prediction, expected.outputs) <= 1e-10))
                fail_msg("%s, setting %d: other predictions", networks[i], s);
            free(x);
            network_free(&n);
        }
        result_free(&expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken_together),
        cmocka_unit_test(what_is_sliced),
        cmocka_unit_test(in_double),
        cmocka_unit_test(in_single),
        cmocka_unit_test(in_part_of_a_batch),
        cmocka_unit_test(same_settings_same_bits),
        cmocka_unit_test(predictions_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
