/* Same seed, same threads: same bits. Random choices depend on their place alone. A step allocates
 * nothing, and every thread of the team flushes denormal numbers. */
#include "tests/nn/common.h"

#include <fenv.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernels/cpu/layers/cpu_layers.h"
#include "kernels/cpu/team.h"
#include "nn/training.h"

/* --- Counting allocations -----------------------------------------------------------------------
 * This program's own malloc takes the place of the C library's, for all libraries that it loads.
 * The sanitizers do the same, so there nothing is counted. */

#if defined __GLIBC__ && !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
#define COUNTS_ALLOCATIONS 1
static _Atomic long allocations;

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */
void *malloc(size_t size) {
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
    allocations++;
    return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    allocations++;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    allocations++;
    *memory = __libc_memalign(alignment, size);
    return *memory ? 0 : 12;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

/* The device's memory comes from here. */
void *mmap(void *address, size_t length, int protection, int flags, int file, off_t offset) {
    allocations++;
    return (void *)syscall(SYS_mmap, address, length, protection, flags, file, offset);
}
#else
#define COUNTS_ALLOCATIONS 0
#endif

/* --- A small training ------------------------------------------------------------------------- */

static const char *const small_cnn =
    "12x12x1 conv3x3x8 relu conv3x3x8pad1 tanh maxpool2 dropout0.25 40relu dropout0.3 10softmax";

static const char *const one_layer = "12x12x1 10softmax"; /* where samples are what counts */

struct run {
    struct queue queue;
    struct network network;
    struct optimizer optimizer;
    struct dataset data;
    struct training training;
};

static void run_begin(struct run *r, const char *text, const char *library, enum scalar type,
                      int threads, enum sampling sampling, const char *optimizer, long count,
                      long batch, uint64_t seed) {
    struct optimizer_settings settings;
    char reason[512];
    r->queue = make_queue(library, type, threads);
    make_network(&r->network, &r->queue, text, batch, LOSS_CATEGORICAL);
    assert_true(optimizer_parse(&settings, optimizer, reason, sizeof reason));
    assert_true(optimizer_plan(&r->optimizer, &settings, &r->queue, r->network.parameters));
    assert_true(dataset_random(&r->data, count, (struct extent){12, 12, 1}, 10, 3));
    if (!training_begin(&r->training, &r->network, &r->optimizer, &r->data, sampling, batch, seed,
                        reason, sizeof reason))
        fail_msg("%s", reason);
}

static void run_end(struct run *r) {
    training_end(&r->training);
    optimizer_free(&r->optimizer);
    network_free(&r->network);
    dataset_free(&r->data);
}

/* The weights after 20 steps, and the sum of the losses. Free them. */
static void *train(const char *library, enum scalar type, int threads, const char *optimizer,
                   uint64_t seed, double *losses, size_t *bytes) {
    struct run r;
    run_begin(&r, small_cnn, library, type, threads, SAMPLING_EPOCHS, optimizer, 150, 32, seed);
    *losses = 0;
    for (int step = 0; step < 20; step++) *losses += training_step(&r.training, NULL).loss;
    *bytes = (size_t)r.network.parameters * scalar_bytes(type);
    void *weights = malloc(*bytes);
    memcpy(weights, r.network.parameter.memory, *bytes);
    run_end(&r);
    return weights;
}

static void same_bits(void **state) {
    (void)state;
    static const char *const optimizers[] = {"adadelta", "nadam:lr=0.01"};
    for (size_t o = 0; o < COUNT(optimizers); o++)
        for (enum scalar type = SCALAR_S; type < SCALAR_CPU_COUNT; type++)
            for (int threads = 1; threads <= 3; threads++) {
                double losses[3];
                size_t bytes;
                void *a = train(NULL, type, threads, optimizers[o], 9, &losses[0], &bytes);
                void *b = train(NULL, type, threads, optimizers[o], 9, &losses[1], &bytes);
                void *c = train(NULL, type, threads, optimizers[o], 10, &losses[2], &bytes);
                assert_memory_equal(a, b, bytes);
                assert_true(losses[0] == losses[1]);
                assert_true(memcmp(a, c, bytes) != 0); /* the seed counts */
                assert_true(isfinite(losses[0]) && losses[0] != losses[2]);
                free(a), free(b), free(c);
            }
}

/* Other numbers of threads add in another order, no more than that. */
static void threads_change_only_rounding(void **state) {
    (void)state;
    double losses[3];
    size_t bytes;
    double *one = train(NULL, SCALAR_D, 1, "momentum", 9, &losses[0], &bytes);
    for (int threads = 2; threads <= 3; threads++) {
        double *more = train(NULL, SCALAR_D, threads, "momentum", 9, &losses[1], &bytes);
        double difference = 0, norm = 0;
        for (size_t i = 0; i < bytes / sizeof *one; i++) {
            difference += (one[i] - more[i]) * (one[i] - more[i]);
            norm += one[i] * one[i];
        }
        assert_true(sqrt(difference) <= 1e-11 * sqrt(norm));
        free(more);
    }
    free(one);
}

/* --- Dropout ---------------------------------------------------------------------------------- */

enum { IMAGES = 24, ELEMENTS = 1001 };

/* The mask that images [first, first + images) of a batch draw. */
static void draw(int threads, double rate, struct dropout_place place, long images, uint8_t *mask) {
    struct queue q = make_queue("naive", SCALAR_S, threads);
    float *y = malloc((size_t)(images * ELEMENTS) * sizeof *y);
    for (long i = 0; i < images * ELEMENTS; i++) y[i] = 3;
    q.device->layers->dropout_forward(&q, rate, place, images, ELEMENTS, y, mask);
    for (long i = 0; i < images * ELEMENTS; i++) {
        assert_true(mask[i] <= 1);
        assert_true(y[i] == (mask[i] ? 3 * (float)(1 / (1 - rate)) : 0));
        y[i] = 5;
    }
    q.device->layers->dropout_backward(&q, rate, images, ELEMENTS, mask, y);
    for (long i = 0; i < images * ELEMENTS; i++)
        assert_true(y[i] == (mask[i] ? 5 * (float)(1 / (1 - rate)) : 0));
    free(y);
}

static void masks_depend_on_their_place(void **state) {
    (void)state;
    static uint8_t whole[IMAGES * ELEMENTS], part[IMAGES * ELEMENTS];
    struct dropout_place place = {.seed = 5, .step = 7, .layer = 3};
    draw(1, 0.4, place, IMAGES, whole);
    for (int threads = 1; threads <= 3; threads++) {
        draw(threads, 0.4, place, IMAGES, part);
        assert_memory_equal(whole, part, sizeof whole);
        for (long first = 1; first < IMAGES; first += 5) { /* two ranks */
            struct dropout_place there = place;
            there.first_image = first;
            draw(threads, 0.4, place, first, part);
            draw(threads, 0.4, there, IMAGES - first, part + first * ELEMENTS);
            assert_memory_equal(whole, part, sizeof whole);
        }
    }
    struct dropout_place others[4] = {place, place, place, place};
    others[0].seed++, others[1].step++, others[2].layer++, others[3].first_image += IMAGES;
    for (int i = 0; i < 4; i++) {
        draw(1, 0.4, others[i], IMAGES, part);
        long equal = 0;
        for (long j = 0; j < IMAGES * ELEMENTS; j++) equal += part[j] == whole[j];
        /* Independent masks agree with probability 0.4^2 + 0.6^2. */
        double n = IMAGES * ELEMENTS, p = 0.52;
        assert_true(fabs((double)equal - n * p) < 5 * sqrt(n * p * (1 - p)));
    }
}

/* Five standard deviations of a binomial count: once in two million seeds, and the seed is fixed.
 */
static void rate_is_right(void **state) {
    (void)state;
    static uint8_t mask[IMAGES * ELEMENTS];
    const double rates[] = {0.05, 0.25, 0.5, 0.9};
    for (size_t r = 0; r < COUNT(rates); r++) {
        long kept = 0, pairs = 0;
        const long steps = 20, n = IMAGES * ELEMENTS * steps;
        for (long step = 0; step < steps; step++) {
            draw(2, rates[r], (struct dropout_place){.seed = 1, .step = (uint64_t)step}, IMAGES,
                 mask);
            for (long i = 0; i < IMAGES * ELEMENTS; i++) {
                kept += mask[i];
                pairs += i > 0 && mask[i] && mask[i - 1];
            }
        }
        double p = 1 - rates[r];
        assert_true(fabs((double)kept - (double)n * p) < 5 * sqrt((double)n * p * (1 - p)));
        /* Neighbours are independent; the variance of the count of pairs is below 3 n p^2. */
        double expected = (double)(n - steps) * p * p;
        assert_true(fabs((double)pairs - expected) < 5 * sqrt(3 * (double)n * p * p * (1 - p * p)));
    }
}

/* Not training, dropout lets all through: the same outputs as without it. */
static void no_dropout_in_use(void **state) {
    (void)state;
    struct queue q = make_queue("naive", SCALAR_D, 1);
    struct network with, without;
    double x[3 * 6];
    for (int i = 0; i < 18; i++) x[i] = number_at_place(1, i, -1, 1);
    make_network(&with, &q, "6 8tanh dropout0.5 4relu dropout0.5 3softmax", 3, LOSS_CATEGORICAL);
    make_network(&without, &q, "6 8tanh dropout0 4relu dropout0 3softmax", 3, LOSS_CATEGORICAL);
    const double *a = network_predict(&with, x, 3), *b = network_predict(&without, x, 3);
    double sum = 0;
    for (int i = 0; i < 9; i++) {
        assert_true(a[i] == b[i]);
        sum += a[i];
    }
    assert_true(fabs(sum - 3) < 1e-14); /* softmax is included */
    network_free(&with);
    network_free(&without);
}

/* --- Which samples a step sees ---------------------------------------------------------------- */

static void epochs_are_permutations(void **state) {
    (void)state;
    enum { SAMPLES = 100, BATCHES = 4 };
    static int64_t orders[4][SAMPLES];
    for (int run = 0; run < 2; run++) { /* the second run has another seed */
        struct run r;
        run_begin(&r, one_layer, "naive", SCALAR_S, 1, SAMPLING_EPOCHS, "sgd", SAMPLES, 32,
                  40 + (uint64_t)run);
        assert_int_equal(r.training.per_epoch, BATCHES);
        for (int epoch = 0; epoch < 2; epoch++) {
            bool seen[SAMPLES] = {false};
            long images = 0;
            for (int step = 0; step < BATCHES; step++) {
                long now = training_images(&r.training);
                assert_int_equal(now, step < 3 ? 32 : 4);
                training_step(&r.training, NULL);
                images += now;
            }
            assert_int_equal(images, SAMPLES);
            memcpy(orders[2 * run + epoch], r.training.order, sizeof orders[0]);
            for (int i = 0; i < SAMPLES; i++) {
                assert_in_range(r.training.order[i], 0, SAMPLES - 1);
                assert_false(seen[r.training.order[i]]);
                seen[r.training.order[i]] = true;
            }
        }
        run_end(&r);
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < i; j++) {
            int fixed = 0; /* in a random permutation one element on average stays */
            for (int k = 0; k < SAMPLES; k++) fixed += orders[i][k] == orders[j][k];
            assert_true(fixed < 10);
        }
}

/* Each sample comes first equally often: chi square with 9 degrees of freedom, 99.9 % at 27.9. */
static void shuffles_are_uniform(void **state) {
    (void)state;
    enum { SAMPLES = 10, EPOCHS = 2000 };
    long first[SAMPLES] = {0}, last[SAMPLES] = {0};
    struct run r;
    run_begin(&r, one_layer, "naive", SCALAR_S, 1, SAMPLING_EPOCHS, "sgd:lr=0", SAMPLES, SAMPLES,
              8);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        training_step(&r.training, NULL);
        first[r.training.order[0]]++;
        last[r.training.order[SAMPLES - 1]]++;
    }
    run_end(&r);
    double chi[2] = {0, 0}, expected = (double)EPOCHS / SAMPLES;
    for (int i = 0; i < SAMPLES; i++) {
        chi[0] += pow((double)first[i] - expected, 2) / expected;
        chi[1] += pow((double)last[i] - expected, 2) / expected;
    }
    assert_true(chi[0] < 27.9 && chi[1] < 27.9);
}

static void replacement_and_order(void **state) {
    (void)state;
    enum { SAMPLES = 40, BATCH = 16, STEPS = 500 };
    long drawn[SAMPLES] = {0}, twice = 0;
    struct run r;
    run_begin(&r, one_layer, "naive", SCALAR_S, 1, SAMPLING_REPLACEMENT, "sgd:lr=0", SAMPLES, BATCH,
              8);
    for (int step = 0; step < STEPS; step++) {
        assert_int_equal(training_images(&r.training), BATCH);
        training_step(&r.training, NULL);
        for (int i = 0; i < BATCH; i++) {
            const int64_t *rows = r.training.order + r.training.first;
            assert_in_range(rows[i], 0, SAMPLES - 1);
            drawn[rows[i]]++;
            twice += i > 0 && rows[i] == rows[i - 1];
        }
    }
    run_end(&r);
    double chi = 0, expected = (double)BATCH * STEPS / SAMPLES;
    for (int i = 0; i < SAMPLES; i++) chi += pow((double)drawn[i] - expected, 2) / expected;
    assert_true(chi < 72.1); /* 39 degrees of freedom, 99.9 % */
    assert_true(twice > 0);  /* with replacement indeed */

    run_begin(&r, one_layer, "naive", SCALAR_S, 1, SAMPLING_ORDER, "sgd:lr=0", SAMPLES, BATCH, 8);
    for (int step = 0; step < 7; step++) {
        long begin = step % 3 * BATCH;
        assert_int_equal(training_images(&r.training), step % 3 < 2 ? BATCH : SAMPLES - 2 * BATCH);
        training_step(&r.training, NULL);
        for (int i = 0; i < SAMPLES; i++) assert_int_equal(r.training.order[i], i);
        /* The batch holds these rows. */
        float pixel = ((float *)r.training.x)[0];
        assert_true(pixel == (float)r.data.train.pixels[begin * 144] / 255);
        assert_int_equal(r.training.labels[0], r.data.train.labels[begin]);
    }
    run_end(&r);
}

/* The state of a training is its step: one that begins there makes the same steps. */
static void continues_from_any_step(void **state) {
    (void)state;
    struct run a, b;
    run_begin(&a, small_cnn, NULL, SCALAR_S, 2, SAMPLING_EPOCHS, "sgd", 150, 32, 4);
    run_begin(&b, small_cnn, NULL, SCALAR_S, 2, SAMPLING_EPOCHS, "sgd", 150, 32, 4);
    for (int step = 0; step < 7; step++) training_step(&a.training, NULL);
    memcpy(b.network.parameter.memory, a.network.parameter.memory, a.network.parameter.bytes);
    b.training.step = 7;
    for (int step = 0; step < 7; step++)
        assert_true(training_step(&a.training, NULL).loss == training_step(&b.training, NULL).loss);
    assert_memory_equal(a.network.parameter.memory, b.network.parameter.memory,
                        a.network.parameter.bytes);
    run_end(&a);
    run_end(&b);
}

/* What a training refuses: one line each. */
static void wrong_sizes(void **state) {
    (void)state;
    struct run r;
    struct training t;
    struct dataset other;
    char reason[512];
    run_begin(&r, small_cnn, "naive", SCALAR_S, 1, SAMPLING_EPOCHS, "sgd", 40, 16, 1);
    assert_false(training_begin(&t, &r.network, &r.optimizer, &r.data, SAMPLING_EPOCHS, 41, 1,
                                reason, sizeof reason));
    assert_non_null(strstr(reason, "has 40 training samples"));
    assert_false(training_begin(&t, &r.network, &r.optimizer, &r.data, SAMPLING_EPOCHS, 17, 1,
                                reason, sizeof reason));
    assert_non_null(strstr(reason, "room for 16"));
    assert_false(training_begin(&t, &r.network, &r.optimizer, &r.data, SAMPLING_EPOCHS, 0, 1,
                                reason, sizeof reason)); /* all 40 at once */
    assert_true(dataset_random(&other, 40, (struct extent){12, 11, 1}, 10, 1));
    assert_false(training_begin(&t, &r.network, &r.optimizer, &other, SAMPLING_EPOCHS, 16, 1,
                                reason, sizeof reason));
    assert_non_null(strstr(reason, "takes 144 numbers"));
    dataset_free(&other);
    assert_true(dataset_random(&other, 40, (struct extent){12, 12, 1}, 7, 1));
    assert_false(training_begin(&t, &r.network, &r.optimizer, &other, SAMPLING_EPOCHS, 16, 1,
                                reason, sizeof reason));
    assert_non_null(strstr(reason, "has 10 outputs"));
    dataset_free(&other);
    run_end(&r);
}

/* --- Divergence ------------------------------------------------------------------------------- */

static void divergence_stops(void **state) {
    (void)state;
    struct run r;
    run_begin(&r, small_cnn, "naive", SCALAR_S, 1, SAMPLING_EPOCHS, "sgd", 40, 16, 1);
    assert_null(first_not_finite(&r.network, 16));
    const struct layer *broken = &r.network.layers[2];
    ((float *)broken->w)[5] = NAN;
    size_t bytes = r.network.parameter.bytes;
    void *before = malloc(bytes);
    memcpy(before, r.network.parameter.memory, bytes);
    assert_false(isfinite(training_step(&r.training, NULL).loss));
    assert_memory_equal(before, r.network.parameter.memory, bytes); /* nothing was updated */
    assert_ptr_equal(first_not_finite(&r.network, 16), broken);
    free(before);
    run_end(&r);
}

/* --- Threads ---------------------------------------------------------------------------------- */

enum { TEAM = 4 };

struct look {
    uint32_t product[TEAM]; /* its bits: a comparison may take denormal numbers for 0 */
    long thread[TEAM];
    cpu_set_t cores[TEAM];
};

static void look_at(int thread, int threads, void *argument) {
    (void)threads;
    struct look *look = argument;
    volatile float small = 1e-30f, smaller = 1e-10f; /* their product is denormal */
    float product = small * smaller;
    memcpy(&look->product[thread], &product, sizeof product);
    look->thread[thread] = syscall(SYS_gettid);
    sched_getaffinity(0, sizeof look->cores[thread], &look->cores[thread]);
}

static void usual_arithmetic(int thread, int threads, void *argument) {
    (void)thread, (void)threads, (void)argument;
    fesetenv(FE_DFL_ENV);
}

/* Operations of all sizes use one thread, some or all; the team stays the same one: pinned, and
 * flushing denormal numbers. */
static void the_team_stays(void **state) {
    (void)state;
#if !defined __SSE2__ && !defined __aarch64__
    print_message("skipped: how this processor flushes denormal numbers is not known here\n");
    skip();
#endif
    if (team_limit() < TEAM) {
        print_message("skipped: the system permits %d threads\n", team_limit());
        skip();
    }
    struct queue q = make_queue("naive", SCALAR_S, TEAM);
    struct look before = {0}, after = {0};
    team_run(TEAM, usual_arithmetic, NULL);
    team_run(TEAM, look_at, &before);
    for (int i = 0; i < TEAM; i++) assert_true(before.product[i] > 0);
    q.device->queue_enter(&q);
    team_run(TEAM, look_at, &before);
    float *y = calloc(TEAM * ELEMENT_GRAIN, sizeof *y);
    for (int round = 0; round < 3; round++)
        for (long parts = 1; parts <= TEAM; parts++)
            q.device->layers->activation_forward(&q, &(struct elementwise){ACTIVATION_RELU, 0},
                                                 parts * ELEMENT_GRAIN, y);
    team_run(TEAM, look_at, &after);
    for (int i = 0; i < TEAM; i++) {
        assert_true(before.product[i] == 0 && after.product[i] == 0);
        assert_int_equal(before.thread[i], after.thread[i]);
        assert_memory_equal(&before.cores[i], &after.cores[i], sizeof(cpu_set_t));
    }
    free(y);
}

#if COUNTS_ALLOCATIONS
static long allocations_of_steps(const char *library, int threads, int steps) {
    struct run r;
    run_begin(&r, small_cnn, library, SCALAR_S, threads, SAMPLING_EPOCHS, "adam", 400, 32, 1);
    assert_true(allocations > 0); /* it counts */
    for (int step = 0; step < 3; step++) training_step(&r.training, NULL);
    long before = allocations;
    for (int step = 0; step < steps; step++) training_step(&r.training, NULL);
    long now = allocations - before;
    run_end(&r);
    return now;
}
#endif

static void a_step_allocates_nothing(void **state) {
    (void)state;
#if COUNTS_ALLOCATIONS
    /* The built-in library: what others allocate inside a call is theirs (OpenBLAS 0.3.21 does so
     * in products by its AVX-512 kernels). */
    for (int threads = 1; threads <= TEAM; threads++)
        assert_int_equal(allocations_of_steps("naive", threads, 20), 0);
#else
    print_message("skipped: a sanitizer has malloc of its own\n");
    skip();
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits),
        cmocka_unit_test(threads_change_only_rounding),
        cmocka_unit_test(masks_depend_on_their_place),
        cmocka_unit_test(rate_is_right),
        cmocka_unit_test(no_dropout_in_use),
        cmocka_unit_test(epochs_are_permutations),
        cmocka_unit_test(shuffles_are_uniform),
        cmocka_unit_test(replacement_and_order),
        cmocka_unit_test(continues_from_any_step),
        cmocka_unit_test(wrong_sizes),
        cmocka_unit_test(divergence_stops),
        cmocka_unit_test(the_team_stays),
        cmocka_unit_test(a_step_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
