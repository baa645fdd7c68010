/* Optimizers against their papers' formulas in long double, element by element; how they are
 * written; L2 and the schedule. */
#include "tests/nn/common.h"

#include "nn/optimizer.h"

enum { STEPS = 6 };

typedef long double real;

/* What one parameter remembers between steps. */
struct memory {
    real a, b;
};

/* One step of each method as its paper writes it; t counts from 1. */
static real gradient_descent(const struct update_numbers *n, struct memory *m, real w, real g,
                             int t) {
    (void)m, (void)t;
    return w - n->lr * g;
}

static real momentum(const struct update_numbers *n, struct memory *m, real w, real g, int t) {
    (void)t;
    m->a = n->mu * m->a + g;
    return w - n->lr * m->a;
}

static real nesterov(const struct update_numbers *n, struct memory *m, real w, real g, int t) {
    (void)t;
    m->a = n->mu * m->a + g;
    return w - n->lr * (g + n->mu * m->a);
}

static real rmsprop(const struct update_numbers *n, struct memory *m, real w, real g, int t) {
    (void)t;
    m->a = n->rho * m->a + (1 - (real)n->rho) * g * g;
    return w - n->lr * g / (sqrtl(m->a) + n->eps);
}

static real adadelta(const struct update_numbers *n, struct memory *m, real w, real g, int t) {
    (void)t;
    m->a = n->rho * m->a + (1 - (real)n->rho) * g * g;
    real step = sqrtl((m->b + n->eps) / (m->a + n->eps)) * g;
    m->b = n->rho * m->b + (1 - (real)n->rho) * step * step;
    return w - n->lr * step;
}

static real adam_uncorrected(const struct update_numbers *n, struct memory *m, real w, real g,
                             int t) {
    (void)t;
    m->a = n->b1 * m->a + (1 - (real)n->b1) * g;
    m->b = n->b2 * m->b + (1 - (real)n->b2) * g * g;
    return w - n->lr * m->a / (sqrtl(m->b) + n->eps);
}

static real adam(const struct update_numbers *n, struct memory *m, real w, real g, int t) {
    m->a = n->b1 * m->a + (1 - (real)n->b1) * g;
    m->b = n->b2 * m->b + (1 - (real)n->b2) * g * g;
    real mean = m->a / (1 - powl(n->b1, t)), square = m->b / (1 - powl(n->b2, t));
    return w - n->lr * mean / (sqrtl(square) + n->eps);
}

/* Dozat, Incorporating Nesterov Momentum into Adam, ICLR 2016, algorithm 2. */
static real nadam(const struct update_numbers *n, struct memory *m, real w, real g, int t) {
    real product = 1, mu = 0;
    for (int i = 1; i <= t; i++) {
        mu = n->b1 * (1 - 0.5L * powl(0.96L, i * 0.004L));
        product *= mu;
    }
    real next = n->b1 * (1 - 0.5L * powl(0.96L, (t + 1) * 0.004L));
    m->a = n->b1 * m->a + (1 - (real)n->b1) * g;
    m->b = n->b2 * m->b + (1 - (real)n->b2) * g * g;
    real mean = next * m->a / (1 - product * next) + (1 - mu) * g / (1 - product);
    real square = m->b / (1 - powl(n->b2, t));
    return w - n->lr * mean / (sqrtl(square) + n->eps);
}

static const struct {
    const char *text;
    real (*step)(const struct update_numbers *, struct memory *, real w, real g, int t);
} methods[] = {
    {"sgd:lr=0.3", gradient_descent},
    {"sgd:lr=0.3,l2=0.01", gradient_descent},
    {"momentum:lr=0.05,mu=0.8", momentum},
    {"momentum:lr=0.05,mu=0.8,l2=0.1", momentum},
    {"nesterov:lr=0.05,mu=0.8", nesterov},
    {"nesterov:lr=0.05,mu=0.8,l2=0.1", nesterov},
    {"rmsprop:lr=0.01,rho=0.8,eps=0.001", rmsprop},
    {"rmsprop:lr=0.01,l2=0.02", rmsprop},
    {"adadelta:lr=0.7,rho=0.9,eps=0.0001", adadelta},
    {"adadelta:l2=0.02", adadelta},
    {"adam:lr=0.01,beta1=0.8,beta2=0.95,eps=0.001", adam},
    {"adam", adam},
    {"adam:lr=0.01,l2=0.3", adam},
    {"adam:lr=0.01,correction=0", adam_uncorrected},
    {"nadam:lr=0.01,beta1=0.8,beta2=0.95,eps=0.001", nadam},
    {"nadam:l2=0.1", nadam},
};

static void parse(struct optimizer_settings *s, const char *text) {
    char reason[512] = "";
    if (!optimizer_parse(s, text, reason, sizeof reason)) fail_msg("%s: %s", text, reason);
}

static void follow(size_t which, enum scalar type, int threads, bool decays) {
    enum { OFFSET = 5 };
    const long N = threads > 1 ? 34001 : 1001; /* two threads share what is large enough */
    struct queue q = make_queue("naive", type, threads);
    struct optimizer_settings s;
    struct optimizer o;
    parse(&s, methods[which].text);
    assert_true(optimizer_plan(&o, &s, &q, N + OFFSET));
    void *w = room(&q, N), *g = room(&q, N);
    real *expected = malloc((size_t)N * sizeof *expected);
    struct memory *memory = calloc((size_t)N, sizeof *memory);
    for (long i = 0; i < N; i++) {
        set(&q, w, i, number_at_place(1, i, -1, 1));
        expected[i] = get(&q, w, i);
    }
    for (int t = 1; t <= STEPS; t++) {
        for (long i = 0; i < N; i++) { /* some gradients are small, some 0 */
            double size = i % 3 == 0 ? 1 : i % 3 == 1 ? 1e-3 : i % 6 == 2 ? 0 : 10;
            set(&q, g, i, size * number_at_place(1 + (uint32_t)t, i, -1, 1));
            real slope = get(&q, g, i);
            if (decays) slope += s.numbers.decay * expected[i];
            expected[i] = methods[which].step(&s.numbers, &memory[i], expected[i], slope, t);
        }
        optimizer_advance(&o);
        optimizer_update(&o, OFFSET, N / 2, w, g, decays); /* in two pieces */
        optimizer_update(&o, OFFSET + N / 2, N - N / 2,
                         (char *)w + (size_t)(N / 2) * scalar_bytes(type),
                         (char *)g + (size_t)(N / 2) * scalar_bytes(type), decays);
    }
    /* A step makes less than 32 roundings; means of squares are never below (1 - rho) g^2, so
     * what is divided by their root is bounded by 1 / sqrt(1 - rho) < 32 times lr. */
    double eps = scalar_epsilon(type);
    for (long i = 0; i < N; i++) {
        double error = (double)fabsl(get(&q, w, i) - expected[i]);
        double moved = 1 + (double)fabsl(expected[i]) + 32 * s.numbers.lr;
        if (!(error <= 32 * STEPS * eps * moved))
            fail_msg("%s, %s, element %ld: %.17g, not %.17g", methods[which].text,
                     scalar_name(type), i, get(&q, w, i), (double)expected[i]);
    }
    optimizer_free(&o);
    free(w), free(g), free(expected), free(memory);
}

static void follow_their_papers(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(methods); i++)
        for (enum scalar type = SCALAR_S; type < SCALAR_CPU_COUNT; type++)
            for (int decays = 0; decays < 2; decays++) follow(i, type, 1, decays);
    for (size_t i = 0; i < COUNT(methods); i++) follow(i, SCALAR_S, 2, true);
}

/* Differences that a wrong formula would hide in rounding are none: methods differ visibly. */
static void methods_differ(void **state) {
    (void)state;
    const struct update_numbers n = {
        .lr = 0.1, .mu = 0.9, .rho = 0.9, .b1 = 0.9, .b2 = 0.999, .eps = 1e-7};
    real result[8];
    int count = 0;
    for (size_t i = 0; i < COUNT(methods); i++) {
        struct memory m = {0, 0};
        real w = 1;
        for (int t = 1; t <= 3; t++) w = methods[i].step(&n, &m, w, 0.5L / t, t);
        bool seen = i > 0 && methods[i].step == methods[i - 1].step;
        if (seen || (i > 1 && methods[i].step == adam && count > 6)) continue;
        for (int j = 0; j < count; j++) assert_true(fabsl(w - result[j]) > 1e-4L);
        result[count++] = w;
    }
    assert_true(count >= 7);
}

/* A pixel that is always 0 has weights whose gradients are: they stay as they are. */
static void zero_gradients_change_nothing(void **state) {
    (void)state;
    static const char *const texts[] = {"rmsprop:eps=1e-30", "adadelta:eps=1e-30", "adam:eps=1e-30",
                                        "nadam:eps=1e-30"};
    for (size_t i = 0; i < COUNT(texts); i++)
        for (enum scalar type = SCALAR_S; type < SCALAR_CPU_COUNT; type++) {
            struct queue q = make_queue("naive", type, 1);
            struct optimizer_settings s;
            struct optimizer o;
            parse(&s, texts[i]);
            assert_true(optimizer_plan(&o, &s, &q, 1));
            double w = 0, g = 0; /* 0 in both types */
            set(&q, &w, 0, 0.5);
            for (int t = 0; t < 3; t++) {
                optimizer_advance(&o);
                optimizer_update(&o, 0, 1, &w, &g, true);
            }
            assert_true(get(&q, &w, 0) == 0.5);
            optimizer_free(&o);
        }
}

static void l2_leaves_biases_out(void **state) {
    (void)state;
    struct queue q = make_queue("naive", SCALAR_D, 1);
    struct network n;
    struct optimizer_settings s;
    struct optimizer o;
    make_network(&n, &q, "5x5x1 conv2x2x3 tanh dense4 softmax", 2, LOSS_CATEGORICAL);
    parse(&s, "sgd:lr=0.5,l2=0.25");
    assert_true(optimizer_plan(&o, &s, &q, n.parameters));
    double *before = malloc((size_t)n.parameters * sizeof *before), *w = (void *)n.parameter.memory;
    memcpy(before, w, (size_t)n.parameters * sizeof *before);
    network_update(&n, &o); /* fresh gradients are 0 */
    long at = 0;
    for (int i = 0; i < n.count; i++) {
        for (long j = 0; j < n.layers[i].weights; j++, at++)
            assert_true(fabs(w[at] - 0.875 * before[at]) <= 1e-15);
        for (long j = 0; j < n.layers[i].biases; j++, at++) {
            assert_true(before[at] != 0);
            assert_true(w[at] == before[at]);
        }
    }
    assert_int_equal(at, n.parameters);
    free(before);
    optimizer_free(&o);
    network_free(&n);
}

static void cosine(void **state) {
    (void)state;
    struct queue q = make_queue("naive", SCALAR_D, 1);
    struct optimizer_settings s;
    struct optimizer o;
    double w = 0, g = 1, sum = 0;
    parse(&s, "sgd:lr=0.4");
    assert_true(optimizer_plan(&o, &s, &q, 1));
    assert_true(optimizer_rate(&o, 1) == 0.4 && optimizer_rate(&o, 1000) == 0.4);
    o.schedule = SCHEDULE_COSINE;
    o.steps = 100;
    assert_true(optimizer_rate(&o, 1) == 0.4);
    assert_true(fabs(optimizer_rate(&o, 51) - 0.2) < 1e-15); /* the middle */
    assert_true(fabs(optimizer_rate(&o, 26) - 0.4 * 0.5 * (1 + sqrt(0.5))) < 1e-15);
    assert_true(fabs(optimizer_rate(&o, 101)) < 1e-15); /* past the end it stays there */
    assert_true(fabs(optimizer_rate(&o, 500)) < 1e-15);
    for (long step = 1; step <= 100; step++) {
        assert_true(step == 1 || optimizer_rate(&o, step) < optimizer_rate(&o, step - 1));
        sum += optimizer_rate(&o, step);
        optimizer_advance(&o);
        optimizer_update(&o, 0, 1, &w, &g, true);
    }
    assert_true(fabs(w + sum) < 1e-12); /* and it is what the update takes */
    optimizer_free(&o);
}

static bool same_settings(const struct optimizer_settings *a, const struct optimizer_settings *b) {
    const struct update_numbers *x = &a->numbers, *y = &b->numbers;
    return a->kind == b->kind && a->corrects == b->corrects && x->lr == y->lr && x->mu == y->mu &&
           x->rho == y->rho && x->b1 == y->b1 && x->b2 == y->b2 && x->eps == y->eps &&
           x->decay == y->decay && a->momentum_decay == b->momentum_decay;
}

static void text_is_read_back(void **state) {
    (void)state;
    static const char *const texts[] = {
        "sgd",
        "momentum",
        "nesterov",
        "rmsprop",
        "adadelta",
        "adam",
        "nadam",
        "sgd:lr=0.1,l2=1e-4",
        "momentum:lr=0.30000000000000004,mu=0.99",
        "rmsprop:rho=0.3333333333333333,eps=1e-30",
        "adam:correction=0",
        "adam:correction=1",
        ("adam:lr=1.2345678901234567e-05,beta1=0.12345678901234568,beta2=0.98765432109876543,"
         "eps=1.2345678901234567e-08,l2=1.2345678901234567e-03,correction=0")};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct optimizer_settings first, again;
        char text[OPTIMIZER_TEXT], twice[OPTIMIZER_TEXT];
        parse(&first, texts[i]);
        optimizer_text(&first, text, sizeof text);
        parse(&again, text);
        if (!same_settings(&first, &again)) fail_msg("'%s' became '%s'", texts[i], text);
        optimizer_text(&again, twice, sizeof twice);
        assert_string_equal(text, twice);
    }
    struct optimizer_settings s;
    char text[OPTIMIZER_TEXT];
    parse(&s, "adadelta:rho=0.9");
    optimizer_text(&s, text, sizeof text);
    assert_string_equal(text, "adadelta:lr=1,rho=0.9,eps=1e-07");
}

static void wrong_texts(void **state) {
    (void)state;
    static const struct {
        const char *text, *reason;
    } rows[] = {
        {"", "no optimizer is called ''"},
        {"adamm", "no optimizer is called 'adamm'; there are sgd momentum nesterov rmsprop"},
        {"Adam", "no optimizer is called 'Adam'"},
        {"sgd:", "write name=value, with name one of lr l2"},
        {"sgd:lr", "'lr': write name=value"},
        {"sgd:lr=", "lr: '' is no number"},
        {"sgd:lr=fast", "lr: 'fast' is no number"},
        {"sgd:lr=0.1x", "lr: '0.1x' is no number"},
        {"sgd:lr=nan", "is no number"},
        {"sgd:lr=inf", "is no number"},
        {"sgd:lr=1e999", "is no number"},
        {"sgd:lr=-0.1", "lr must be 0 at least"},
        {"sgd:lr=0.1,", "'': write name=value"},
        {"sgd:lr=0.1,,l2=0", "'': write name=value"},
        {"sgd:lr,l2=0", "'lr': write name=value"},
        {"sgd:mu=0.9", "sgd has no 'mu'; it has lr l2"},
        {"sgd:l=0.9", "sgd has no 'l'"},
        {"momentum:mu=1", "mu must be 0 at least and below 1"},
        {"rmsprop:rho=1.5", "rho must be"},
        {"adam:beta1=1", "beta1 must be"},
        {"adam:beta=0.5", "adam has no 'beta'"},
        {"adam:eps=-1e-7", "eps must be"},
        {"rmsprop:eps=0", "eps must be 1e-30 at least and below 1"},
        {"nadam:correction=0", "nadam has no 'correction'"},
        {"sgd:l2=-1", "l2 must be"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct optimizer_settings s;
        char reason[512] = "";
        assert_false(optimizer_parse(&s, rows[i].text, reason, sizeof reason));
        if (!strstr(reason, rows[i].reason)) fail_msg("'%s': %s", rows[i].text, reason);
        assert_null(strchr(reason, '\n'));
    }
    struct optimizer_settings s;
    char reason[512], tail[40], text[400];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_false(optimizer_parse(&s, text, reason, sizeof reason));
    assert_non_null(strstr(reason, "at most"));
    assert_false(optimizer_parse(&s, "adamm", tail, sizeof tail)); /* cut, not overrun */
    assert_true(strlen(tail) < sizeof tail);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follow_their_papers),
        cmocka_unit_test(methods_differ),
        cmocka_unit_test(zero_gradients_change_nothing),
        cmocka_unit_test(l2_leaves_biases_out),
        cmocka_unit_test(cosine),
        cmocka_unit_test(text_is_read_back),
        cmocka_unit_test(wrong_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
