/* How networks are written: what is read, what is refused and where the reason points, and what
 * follows for the networks of the lectures. */
#include "tests/nn/common.h"

static const struct extent none = {0, 0, 0}, mnist = {28, 28, 1};

static struct architecture read_text(const char *text, struct extent input) {
    struct architecture a;
    char reason[NETWORK_REASON] = "";
    if (!architecture_parse(&a, text, input, reason, sizeof reason))
        fail_msg("%s: %s", text, reason);
    return a;
}

static void same_extent(struct extent a, long height, long width, long channels) {
    assert_int_equal(a.height, height);
    assert_int_equal(a.width, width);
    assert_int_equal(a.channels, channels);
}

/* --- Right texts ------------------------------------------------------------------------------ */

static void every_way_to_write_it(void **state) {
    (void)state;
    static const char *const texts[] = {
        "784-200relu-10softmax",
        "784 200relu 10softmax",
        "784 200 relu 10 softmax",
        "784 dense200 relu dense10 softmax",
        "784-dense200-relu-dense10-softmax",
        "784\n200relu # a comment - with conv3\n10softmax\n# the end",
        "# first\n  784\t200relu\r\n10softmax#last",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct architecture a = read_text(texts[i], none);
        assert_int_equal(a.count, 4);
        assert_ptr_equal(a.layers[0].kind, &dense_kind);
        assert_ptr_equal(a.layers[1].kind, &relu_kind);
        assert_ptr_equal(a.layers[2].kind, &dense_kind);
        assert_ptr_equal(a.layers[3].kind, &softmax_kind);
        assert_string_equal(a.layers[2].name, "dense2");
        same_extent(a.in, 1, 1, 784);
        same_extent(a.layers[1].out, 1, 1, 200);
        assert_int_equal(a.layers[0].weights + a.layers[0].biases, 157000);
        assert_null(strchr(a.text, '\n'));
        assert_null(strchr(a.text, '#'));
        struct architecture b = read_text(a.text, none); /* and is read back */
        assert_string_equal(b.text, a.text);
        assert_int_equal(b.count, 4);
    }
}

static void the_input(void **state) {
    (void)state;
    same_extent(read_text("28x28x1 dense10", none).in, 28, 28, 1);
    same_extent(read_text("28x20 dense10", none).in, 28, 20, 1);
    same_extent(read_text("784 dense10", mnist).in, 28, 28, 1);
    same_extent(read_text("28x28x1 dense10", mnist).in, 28, 28, 1);
    same_extent(read_text("200relu-10softmax", mnist).in, 28, 28, 1);
    same_extent(read_text("dense200 relu dense10", mnist).in, 28, 28, 1);
    same_extent(read_text("14x56x1 dense10", mnist).in, 14, 56, 1);
    struct architecture a = read_text("784 conv3x3x2", mnist); /* rows and columns are known */
    same_extent(a.layers[0].out, 26, 26, 2);
}

static void numbers_of_layers(void **state) {
    (void)state;
    struct architecture a = read_text(
        "9x8x3 conv3x3x4 conv3x3x4pad1 conv2x2x5stride2pad1 conv2x2x5pad0stride1 maxpool2", none);
    const struct layer *l = a.layers;
    assert_int_equal(a.count, 5);
    same_extent(l[0].out, 7, 6, 4);
    assert_int_equal(l[0].weights, 3 * 3 * 3 * 4);
    assert_int_equal(l[0].biases, 4);
    same_extent(l[1].out, 7, 6, 4);
    same_extent(l[2].out, 4, 4, 5);
    assert_true(l[2].stride == 2 && l[2].padding == 1 && l[2].kernel == 2);
    same_extent(l[3].out, 3, 3, 5);
    same_extent(l[4].out, 1, 1, 5);
    a = read_text(
        "6x5x4 maxpool3stride2 avgpool2stride1 leakyrelu leakyrelu0.25 elu elu0.5 maxout2 "
        "dropout0.25 dropout0 flatten 6tanh",
        none);
    l = a.layers;
    same_extent(l[0].out, 2, 2, 4);
    same_extent(l[1].out, 1, 1, 4);
    assert_true(l[2].slope == 0.1 && l[3].slope == 0.25 && l[4].slope == 1 && l[5].slope == 0.5);
    same_extent(l[6].out, 1, 1, 2);
    assert_true(l[7].rate == 0.25 && l[8].rate == 0);
    assert_string_equal(l[8].name, "dropout2");
    same_extent(l[9].out, 1, 1, 2);
    assert_ptr_equal(l[11].kind, &tanh_kind);
}

/* --- Wrong texts ------------------------------------------------------------------------------ */

static void wrong_texts(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool has_data; /* MNIST's */
        long at;       /* 0: the whole */
        const char *reason;
    } rows[] = {
        {"", false, 0, "no layers"},
        {"", true, 0, "no layers"},
        {"784", false, 0, "no layers"},
        {"# nothing", true, 0, "no layers"},
        {"200relu-10softmax", false, 1, "the input comes first"},
        {"  relu", false, 3, "the input comes first"},
        {"784-200rellu-10", false, 8, "no layer is called 'rellu'; there are dense conv"},
        {"784 Dense10", false, 5, "no layer is called 'Dense'"},
        {"784 verylongnameofalayerthatisnone", false, 5, "no layer is called"},
        {"784 ?", false, 5, "a layer or a number is expected"},
        {"784 +10", false, 5, "a layer or a number is expected"},
        {"784 10 =relu", false, 8, "a layer or a number is expected"},
        {"784 10.5", false, 7, "a layer or a number is expected"},
        {"784 dense", false, 10, "the number of units is missing"},
        {"784 dense0", false, 10, "the number of units must be 1 at least"},
        {"784 0", false, 5, "the number of units must be 1 at least"},
        {"784 dense1048577", false, 10, "is too large (at most 1048576)"},
        {"784 dense99999999999999999999999", false, 10, "is too large"},
        {"784 dense10relu", false, 12, "nothing more may follow"},
        {"784 10relu5", false, 11, "nothing more may follow"},
        {"784 10softmax5", false, 14, "nothing more may follow"},
        {"784 10relu10", false, 11, "nothing more may follow"},
        {"28x28x1 conv", false, 13, "the kernel's height is missing"},
        {"28x28x1 conv3", false, 14, "an 'x' between two sizes is missing"},
        {"28x28x1 conv3x", false, 15, "the kernel's width is missing"},
        {"28x28x1 conv3x3", false, 16, "an 'x' between two sizes is missing"},
        {"28x28x1 conv3x3x", false, 17, "the number of filters is missing"},
        {"28x28x1 conv3x5x8", false, 13, "only square kernels"},
        {"28x28x1 conv3x3x8strid2", false, 18, "only stride and pad"},
        {"28x28x1 conv3x3x8stride", false, 24, "the stride is missing"},
        {"28x28x1 conv3x3x8stride0", false, 24, "the stride must be 1 at least"},
        {"28x28x1 conv3x3x8pad", false, 21, "the padding is missing"},
        {"28x28x1 conv3x3x8pad3", false, 9, "the padding must be smaller than the kernel"},
        {"4x4x1 conv5x5x2", false, 7, "a 5x5 window does not fit into 4x4"},
        {"4x4x1 conv2x2x1 conv6x6x2pad1", false, 17, "does not fit"},
        {"784 conv3x3x8", false, 5, "a 3x3 window does not fit into 1x1"},
        {"28x28x1 maxpool", false, 16, "the window is missing"},
        {"28x28x1 maxpool2pad1", false, 17, "nothing more may follow"},
        {"28x28x1 avgpool2stride", false, 23, "the stride is missing"},
        {"4x3x1 maxpool4", false, 7, "a 4x4 window does not fit into 4x3"},
        {"784 dropout", false, 12, "the probability is missing"},
        {"784 dropout1", false, 12, "the probability must be below 1"},
        {"784 dropout2.5", false, 12, "the probability must be below 1"},
        {"784 dropout0.5.5", false, 12, "the probability is missing or no number"},
        {"784 dropout.", false, 12, "the probability is missing or no number"},
        {"784 dropout-0.5", false, 12, "the probability is missing"},
        {"784 10leakyrelu0.1.2", false, 16, "the slope is missing or no number"},
        {"784 dense10 maxout3", false, 13, "10 sums do not make groups of 3"},
        {"784 dense10 maxout", false, 19, "the size of a group is missing"},
        {"784 dense10 maxout0", false, 19, "must be 1 at least"},
        {"28x28x1x1 dense10", false, 9, "three sizes at most"},
        {"28x dense10", false, 4, "a size of the input is missing"},
        {"0 dense1", false, 1, "must be 1 at least"},
        {"28x0x1 dense1", false, 4, "must be 1 at least"},
        {"1000000x1000000x10 dense1", false, 1, "this input is too large"},
        {"784 dense1000000 dense1000000", false, 18, "too large"},
        {"4x4x64 conv1048576x1048576x1048576pad1048575", false, 8, "too large"},
        {"100 dense10", true, 1, "an input of 100, but the data's have 784 numbers"},
        {"28x28x3 dense10", true, 1, "an input of 2352, but the data's have 784 numbers"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct architecture a;
        char reason[NETWORK_REASON] = "", place[40];
        if (architecture_parse(&a, rows[i].text, rows[i].has_data ? mnist : none, reason,
                               sizeof reason))
            fail_msg("'%s' was read", rows[i].text);
        snprintf(place, sizeof place, rows[i].at ? "network, at %ld (" : "network:", rows[i].at);
        if (strncmp(reason, place, strlen(place)) != 0 || !strstr(reason, rows[i].reason))
            fail_msg("'%s': %s\n(expected at %ld: %s)", rows[i].text, reason, rows[i].at,
                     rows[i].reason);
        assert_null(strchr(reason, '\n'));
    }
}

static void limits(void **state) {
    (void)state;
    struct architecture a;
    char text[4096] = "8", reason[NETWORK_REASON];
    for (int i = 0; i < MOST_LAYERS; i++) strcat(text, " relu");
    assert_int_equal(read_text(text, none).count, MOST_LAYERS);
    strcat(text, " tanh");
    assert_false(architecture_parse(&a, text, none, reason, sizeof reason));
    assert_non_null(strstr(reason, "('tanh'): more than 64 layers"));
    /* A text that could not be kept whole could not be read again. */
    snprintf(text, sizeof text, "8");
    for (int i = 0; i < 60; i++) strcat(text, " leakyrelu0.100000000000000");
    assert_false(architecture_parse(&a, text, none, reason, sizeof reason));
    assert_non_null(strstr(reason, "more than 1023 characters"));
    assert_false(architecture_parse(&a, "784 denze", none, reason, 20)); /* cut, not overrun */
    assert_true(strlen(reason) < 20);
}

/* Damaged texts are read or refused; the sanitizers see the rest. */
static void damaged_texts(void **state) {
    (void)state;
    static const char letters[] = "0123456789x-. #\nconvrelupadst";
    long refused = 0, read = 0;
    for (long i = 0; i < 20000; i++) {
        char text[200], reason[NETWORK_REASON] = "";
        struct architecture a;
        long rows = 0;
        while (named_networks[rows].name) rows++;
        snprintf(text, sizeof text, "%s", named_networks[i % rows].notation);
        size_t length = strlen(text);
        for (int change = 0; change < 3; change++) {
            size_t at = random_below(1, 1, (uint64_t)i, (uint64_t)change, length);
            text[at] =
                letters[random_below(1, 2, (uint64_t)i, (uint64_t)change, sizeof letters - 1)];
        }
        if (i % 5 == 0) text[length / 2] = '\0';
        bool good = architecture_parse(&a, text, i % 2 ? mnist : none, reason, sizeof reason);
        if (good) {
            for (int j = 0; j < a.count; j++) assert_true(extent_size(a.layers[j].out) > 0);
            read++;
        } else {
            assert_int_equal(strncmp(reason, "network", 7), 0);
            refused++;
        }
    }
    assert_true(refused > 1000 && read > 100);
}

/* --- The lectures' networks ------------------------------------------------------------------- */

/* Parameters by hand:
 *   softmax   784 10 + 10
 *   two-layer 784 50 + 50 + 50 10 + 10
 *   mlp15     784 15 + 15 + 15 10 + 10
 *   mlp16     784 16 + 16 + 16 16 + 16 + 16 10 + 10
 *   mlp128    784 128 + 128 + 128 10 + 10
 *   mlp5      784 200 + 200 + 200 100 + 100 + 100 60 + 60 + 60 30 + 30 + 30 10 + 10
 *   mlp-wide  784 1024 + 1024 + 1024 1024 + 1024 + 1024 10 + 10
 *   lenet5    25 6 + 6 + 25 6 16 + 16 + 400 120 + 120 + 120 84 + 84 + 84 10 + 10
 *   cnn       9 32 + 32 + 9 32 32 + 32 + 4608 256 + 256 + 256 10 + 10
 * FLOP of an image, forward and backward, are 6 times the multiply-adds, 4 times in the first
 * layer. */
static const struct {
    const char *name;
    int layers;
    long parameters;
    double megaflops; /* to the digits that are published; 0: not */
    double digits;
} lectures[] = {
    {"softmax", 2, 7850, 0.031, 0.0005}, {"two-layer", 4, 39760, 0, 0},
    {"mlp15", 4, 11935, 0, 0},           {"mlp16", 6, 13002, 0.053, 0.0005},
    {"mlp128", 5, 101770, 0, 0},         {"mlp5", 10, 185300, 0.80, 0.005},
    {"mlp-wide", 6, 1863690, 0, 0},      {"lenet5", 12, 61706, 2.26, 0.005},
    {"cnn", 11, 1192042, 39.7, 0.05},
};

static void the_lectures(void **state) {
    (void)state;
    size_t rows = 0;
    for (const struct named_network *row = named_networks; row->name; row++, rows++) {
        struct architecture a = read_text(row->notation, mnist);
        struct queue q = make_queue("naive", SCALAR_S, 1);
        struct network n;
        struct optimizer_settings settings;
        char reason[NETWORK_REASON] = "";
        if (!network_plan(&n, &a, &q, 2, row->loss, true, reason, sizeof reason))
            fail_msg("%s: %s", row->name, reason);
        if (!optimizer_parse(&settings, row->optimizer, reason, sizeof reason))
            fail_msg("%s: %s", row->name, reason);
        assert_int_equal(n.outputs, 10);
        double flops = network_flops(&n, "forward") + network_flops(&n, "backward"), sum = 0;
        long parameters = 0;
        for (int i = 0; i < n.count; i++) {
            parameters += n.layers[i].weights + n.layers[i].biases;
            sum += 6.0 * (double)(n.layers[i].weights *
                                  (n.layers[i].kind == &conv_kind
                                       ? n.layers[i].out.height * n.layers[i].out.width
                                       : 1));
            if (i == 0)
                sum -= 2.0 * (double)(n.layers[i].weights *
                                      (n.layers[i].kind == &conv_kind
                                           ? n.layers[i].out.height * n.layers[i].out.width
                                           : 1));
        }
        assert_int_equal(n.parameters, parameters);
        assert_true(flops == sum);
        bool found = false;
        for (size_t i = 0; i < COUNT(lectures); i++) {
            if (strcmp(lectures[i].name, row->name) != 0) continue;
            found = true;
            long expected = lectures[i].parameters;
            if (expected != parameters)
                fail_msg("%s has %ld parameters, not %ld", row->name, parameters, expected);
            assert_int_equal(n.count, lectures[i].layers);
            if (lectures[i].megaflops > 0 &&
                !(fabs(flops * 1e-6 - lectures[i].megaflops) <= lectures[i].digits))
                fail_msg("%s: %g MFLOP an image", row->name, flops * 1e-6);
        }
        assert_true(found);
        network_free(&n);
    }
    assert_int_equal(rows, COUNT(lectures));
}

static void shapes_of_cnn_and_lenet5(void **state) {
    (void)state;
    struct architecture a = read_text(named_network_find("cnn")->notation, mnist);
    same_extent(a.layers[0].out, 26, 26, 32);
    same_extent(a.layers[2].out, 24, 24, 32);
    same_extent(a.layers[4].out, 12, 12, 32);
    assert_int_equal(extent_size(a.layers[6].in), 4608);
    same_extent(a.layers[6].out, 1, 1, 256);
    a = read_text(named_network_find("lenet5")->notation, mnist);
    same_extent(a.layers[0].out, 28, 28, 6);
    same_extent(a.layers[2].out, 14, 14, 6);
    same_extent(a.layers[3].out, 10, 10, 16);
    same_extent(a.layers[5].out, 5, 5, 16);
    assert_int_equal(a.layers[6].weights, 400 * 120);
    assert_null(named_network_find("nothing"));
    assert_null(named_network_find(""));
}

/* --- Losses that do not fit ------------------------------------------------------------------- */

static void losses_want_their_end(void **state) {
    (void)state;
    struct queue q = make_queue("naive", SCALAR_S, 1);
    struct network n;
    char reason[NETWORK_REASON];
    struct architecture a = read_text("784 10sigmoid", none);
    assert_false(network_plan(&n, &a, &q, 2, LOSS_CATEGORICAL, true, reason, sizeof reason));
    assert_non_null(strstr(reason, "softmax at the end"));
    a = read_text("784 10softmax", none);
    assert_false(network_plan(&n, &a, &q, 2, LOSS_BINARY, true, reason, sizeof reason));
    assert_non_null(strstr(reason, "sigmoid at the end"));
    assert_false(network_plan(&n, &a, &q, 1L << 40, LOSS_MEAN, true, reason, sizeof reason));
    assert_non_null(strstr(reason, "take a smaller batch"));
    size_t bytes = network_bytes(&a, &q, 2, true);
    assert_true(network_plan(&n, &a, &q, 2, LOSS_MEAN, true, reason, sizeof reason));
    assert_true(bytes >= (size_t)(2 * 7850 + 3 * 20) * sizeof(float));
    network_free(&n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_to_write_it),
        cmocka_unit_test(the_input),
        cmocka_unit_test(numbers_of_layers),
        cmocka_unit_test(wrong_texts),
        cmocka_unit_test(limits),
        cmocka_unit_test(damaged_texts),
        cmocka_unit_test(the_lectures),
        cmocka_unit_test(shapes_of_cnn_and_lenet5),
        cmocka_unit_test(losses_want_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
