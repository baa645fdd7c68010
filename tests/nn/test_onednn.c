/* Convolutions by oneDNN against kernels/reference, in the bounds of test_operations.c: a sum of n
 * products is wrong by gamma_n times the sum of their magnitudes at most (Higham, Accuracy and
 * Stability of Numerical Algorithms, 3.1). Winograd's algorithm would not keep them. Whole numbers
 * make every sum exact. */
#include "tests/nn/common.h"

#include <float.h>

#include "kernels/cpu/layers/conv_onednn.h"
#include "kernels/reference/reference.h"

static struct queue q;
static bool whole; /* which numbers are drawn */

struct array {
    long count;
    float *device;
    double *exact, *magnitude;
};

static void refresh(struct array *a) {
    for (long i = 0; i < a->count; i++) {
        a->exact[i] = (double)a->device[i];
        a->magnitude[i] = fabs(a->exact[i]);
    }
}

static struct array array_new(uint32_t stream, long count) {
    struct array a = {count, room(&q, count), malloc((size_t)count * sizeof(double)),
                      malloc((size_t)count * sizeof(double))};
    for (long i = 0; i < count; i++) {
        double v = number_at_place(stream, i, -1, 1);
        set(&q, a.device, i, whole ? round(4 * v) : v);
    }
    refresh(&a);
    return a;
}

static void array_free(struct array *a) {
    free(a->device);
    free(a->exact);
    free(a->magnitude);
}

static void compare(const struct array *actual, const double *expected, const double *magnitude,
                    double terms, const char *what) {
    double u = (double)FLT_EPSILON / 2;
    double gamma = terms * u / (1 - terms * u) + terms * DBL_EPSILON;
    for (long i = 0; i < actual->count; i++) {
        double allowed = whole ? 0 : gamma * magnitude[i], value = (double)actual->device[i];
        if (!(fabs(value - expected[i]) <= allowed))
            fail_msg("%s, %d threads: element %ld of %ld is %.9g, not %.9g (allowed %g)", what,
                     q.threads, i, actual->count, value, expected[i], allowed);
    }
}

static struct conv_shape conv_of(const long *c) {
    return (struct conv_shape){.images = c[0],
                               .height = c[1],
                               .width = c[2],
                               .channels = c[3],
                               .kernel = c[4],
                               .stride = c[5],
                               .padding = c[6],
                               .out_height = (c[1] + 2 * c[6] - c[4]) / c[5] + 1,
                               .out_width = (c[2] + 2 * c[6] - c[4]) / c[5] + 1,
                               .filters = c[7]};
}

/* images, height, width, channels, kernel, stride, padding, filters */
static const long shapes[][8] = {
    {1, 1, 1, 1, 1, 1, 0, 1},     {3, 5, 4, 2, 3, 1, 0, 3},
    {2, 5, 7, 1, 3, 1, 1, 4},     {2, 7, 5, 2, 3, 2, 1, 3},
    {2, 6, 6, 2, 1, 4, 0, 3},                                 /* pixels that no window meets */
    {2, 1, 1, 3, 5, 3, 4, 2},                                 /* nearly all padding */
    {7, 12, 12, 4, 5, 1, 2, 6},   {2, 28, 28, 1, 5, 1, 2, 6}, /* LeNet-5's */
    {5, 14, 14, 6, 5, 1, 0, 16},                              /* and its second */
    {3, 28, 28, 1, 3, 1, 0, 32},                              /* cnn's */
    {3, 26, 26, 32, 3, 1, 0, 32}, {2, 9, 9, 17, 3, 2, 1, 33},
    {4, 12, 12, 64, 3, 1, 1, 64}, /* where Winograd pays */
};

static void start(int threads) {
    q = make_queue("naive", SCALAR_S, threads);
    q.conv = CONV_ONEDNN;
}

/* The own path, should the library not take a shape. */
static void take_scratch(const struct conv_shape *s) {
    q.scratch_bytes = q.device->layers->conv_scratch(&q, s);
    q.scratch = malloc(q.scratch_bytes);
    assert_non_null(q.scratch);
}

static const struct elementwise relu = {ACTIVATION_RELU, 0};

static void one(const struct conv_shape *s, bool fused) {
    const struct layer_operations *device = q.device->layers;
    const struct elementwise *f = fused ? &relu : NULL;
    long pixels = s->images * s->out_height * s->out_width;
    long taps = s->kernel * s->kernel * s->channels;
    struct array x = array_new(1, s->images * s->height * s->width * s->channels);
    struct array w = array_new(2, taps * s->filters), b = array_new(3, s->filters);
    struct array dy = array_new(4, pixels * s->filters), y = array_new(5, dy.count);
    struct array dx = array_new(6, x.count), dw = array_new(7, w.count), db = array_new(8, b.count);
    char what[200];
    snprintf(what, sizeof what, "%ld %ldx%ldx%ld, %ldx%ldx%ld stride %ld pad %ld", s->images,
             s->height, s->width, s->channels, s->kernel, s->kernel, s->filters, s->stride,
             s->padding);
    for (long i = 0; fused && i < x.count; i++) x.device[i] = fmaxf(x.device[i], 0);
    refresh(&x);
    take_scratch(s);
    assert_string_equal(device->conv_path(&q, s, "forward"), "onednn");
    assert_string_equal(device->conv_path(&q, s, "backward"), "onednn");

    device->conv_forward(&q, s, x.device, w.device, b.device, f, y.device);
    reference_conv(s, x.exact, w.exact, b.exact, y.exact);
    reference_conv(s, x.magnitude, w.magnitude, b.magnitude, y.magnitude);
    for (long i = 0; fused && i < y.count; i++) y.exact[i] = fmax(y.exact[i], 0);
    compare(&y, y.exact, y.magnitude, (double)(taps + 1), what);

    reference_conv_weight_gradient(s, x.exact, dy.exact, dw.exact, db.exact);
    reference_conv_weight_gradient(s, x.magnitude, dy.magnitude, dw.magnitude, db.magnitude);
    for (int times = 1; times <= 3; times++) { /* alone, then added to what is there */
        device->conv_weight_gradient(&q, s, x.device, dy.device, times > 1, dw.device, db.device);
        struct array *sums[] = {&dw, &db};
        for (size_t a = 0; a < COUNT(sums); a++) {
            double *expected = malloc((size_t)sums[a]->count * sizeof(double));
            for (long i = 0; i < sums[a]->count; i++) expected[i] = times * sums[a]->exact[i];
            for (long i = 0; i < sums[a]->count; i++)
                sums[a]->magnitude[i] *= times == 1 ? 1 : (double)times / (times - 1);
            compare(sums[a], expected, sums[a]->magnitude, (double)(pixels + q.threads + times),
                    what);
            free(expected);
        }
    }

    device->conv_input_gradient(&q, s, dy.device, w.device, f, f ? x.device : NULL, dx.device);
    reference_conv_input_gradient(s, dy.exact, w.exact, dx.exact);
    reference_conv_input_gradient(s, dy.magnitude, w.magnitude, dx.magnitude);
    for (long i = 0; fused && i < dx.count; i++)
        if (x.device[i] <= 0) dx.exact[i] = 0;
    compare(&dx, dx.exact, dx.magnitude, (double)(s->kernel * s->kernel * s->filters), what);

    struct array *all[] = {&x, &w, &b, &dy, &y, &dx, &dw, &db};
    for (size_t i = 0; i < COUNT(all); i++) array_free(all[i]);
    free(q.scratch);
}

static void agrees_with_reference(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(shapes); i++)
        for (int kind = 0; kind < 3; kind++) {
            struct conv_shape s = conv_of(shapes[i]);
            whole = kind == 1;
            start(1 + ((int)i + kind) % 3);
            one(&s, kind > 0);
        }
    whole = false;
}

/* A queue in double goes the own way and says so. */
static void double_is_not_taken(void **state) {
    (void)state;
    struct conv_shape s = conv_of(shapes[6]);
    q = make_queue("naive", SCALAR_D, 1);
    const char *own = q.device->layers->conv_path(&q, &s, "forward");
    q.conv = CONV_ONEDNN;
    assert_string_equal(q.device->layers->conv_path(&q, &s, "forward"), own);
    assert_string_equal(q.device->layers->conv_path(&q, &s, "backward"), own);
}

/* A training that diverges must not be made whole by ReLU. */
static void nan_stays(void **state) {
    (void)state;
    static const struct conv_shape s = {1, 8, 8, 16, 3, 1, 1, 8, 8, 16};
    start(1);
    struct array x = array_new(1, 8 * 8 * 16), w = array_new(2, 9 * 16 * 16), b = array_new(3, 16);
    float *y = room(&q, x.count);
    x.device[0] = NAN;
    take_scratch(&s);
    q.device->layers->conv_forward(&q, &s, x.device, w.device, b.device, &relu, y);
    assert_true(isnan(y[0]) && isnan(y[15]) && !isnan(y[x.count - 1]));
    array_free(&x), array_free(&w), array_free(&b);
    free(y), free(q.scratch);
}

/* The same bits again, though other shapes were computed in between. */
static void same_bits_again(void **state) {
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        struct conv_shape s = conv_of(shapes[10]), other = conv_of(shapes[8]);
        start(threads);
        struct array x = array_new(1, s.images * s.height * s.width * s.channels);
        struct array dy = array_new(4, s.images * s.out_height * s.out_width * s.filters);
        long weights = s.kernel * s.kernel * s.channels * s.filters;
        float *dw[2] = {room(&q, weights), room(&q, weights)}, *db = room(&q, s.filters);
        take_scratch(&s);
        for (int i = 0; i < 2; i++)
            q.device->layers->conv_weight_gradient(&q, &s, x.device, dy.device, false, dw[i], db);
        free(q.scratch);
        one(&other, true);
        assert_memory_equal(dw[0], dw[1], (size_t)weights * sizeof(float));
        take_scratch(&s);
        q.device->layers->conv_weight_gradient(&q, &s, x.device, dy.device, false, dw[1], db);
        assert_memory_equal(dw[0], dw[1], (size_t)weights * sizeof(float));
        array_free(&x), array_free(&dy);
        free(dw[0]), free(dw[1]), free(db), free(q.scratch);
    }
}

/* LeakSanitizer takes the library's large thread-local blocks for those of an old glibc and reads
 * beyond them; where it leaves thread-local memory out, it misses who holds what dlerror says. */
const char *__lsan_default_options(void);
const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void) { return "use_tls=0"; }
const char *__lsan_default_suppressions(void) {
    return "leak:_dlerror_run\nleak:_dl_exception\nleak:ld-linux\nleak:libc.so\nleak:libdnnl";
}

int main(void) {
    char reason[512];
    if (!conv_onednn_open(reason, sizeof reason)) {
        printf("skipped: %s\n", reason);
        return 77;
    }
    printf("%s\n", conv_onednn_version());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_reference),
        cmocka_unit_test(double_is_not_taken),
        cmocka_unit_test(nan_stays),
        cmocka_unit_test(same_bits_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
