/* The layer operations of the CUDA device against those of the CPU in double, on the same numbers:
 * odd shapes, addresses that allow wide loads and such that do not, in both types.
 *
 * A sum of n products, in whatever order and with or without FMA, is wrong by gamma_n times the sum
 * of the products' magnitudes at most, gamma_n = n u / (1 - n u) with the unit roundoff u (Higham,
 * Accuracy and Stability of Numerical Algorithms, 3.1). Those magnitudes are what the CPU's
 * operation makes of |x|, |w|, |b|. The CPU errs likewise, in double. */
#include "tests/nn/common.h"

#include <float.h>

#include "kernels/device_module.h"

static struct queue cpu, gpu;
static const struct layer_operations *cpu_ops, *gpu_ops;
static long shift; /* elements between an aligned address and those of the arrays */

/* --- Arrays ----------------------------------------------------------------------------------- */

enum { GUARD = 256, GUARD_BYTE = 0xa5 };

/* Memory of the device between guards. */
struct block {
    size_t bytes, offset, whole;
    char *memory, *at;
};

static struct block block_new(size_t bytes, size_t element, const void *content) {
    struct block b = {.bytes = bytes, .offset = GUARD + (size_t)shift * element};
    b.whole = b.offset + bytes + GUARD;
    unsigned char *host = malloc(b.whole);
    assert_non_null(host);
    memset(host, GUARD_BYTE, b.whole);
    if (content)
        memcpy(host + b.offset, content, bytes);
    else
        memset(host + b.offset, 0xff, bytes); /* NaN */
    b.memory = gpu.device->allocate(gpu.device, b.whole);
    assert_non_null(b.memory);
    gpu.device->copy_in(gpu.device, b.memory, host, b.whole);
    b.at = b.memory + b.offset;
    free(host);
    return b;
}

/* What lies there now; to be freed. Nothing around it may have changed. */
static void *block_fetch(const struct block *b, const char *what) {
    unsigned char *host = malloc(b->whole);
    assert_non_null(host);
    gpu.device->copy_out(gpu.device, host, b->memory, b->whole);
    if (gpu.device->error(gpu.device)) fail_msg("%s: %s", what, gpu.device->error(gpu.device));
    for (size_t i = 0; i < b->whole; i++)
        if ((i < b->offset || i >= b->offset + b->bytes) && host[i] != GUARD_BYTE)
            fail_msg("%s writes %ld bytes from its array of %zu", what, (long)i - (long)b->offset,
                     b->bytes);
    memmove(host, host + b->offset, b->bytes);
    return host;
}

static void block_free(struct block *b) { gpu.device->release(gpu.device, b->memory, b->whole); }

/* Numbers of the queue's type on the device, the same ones in double, and their magnitudes. */
struct array {
    long count;
    struct block device;
    double *exact, *magnitude;
};

static struct array array_of(long count, const double *values) {
    struct array a = {.count = count,
                      .exact = malloc((size_t)count * sizeof(double)),
                      .magnitude = malloc((size_t)count * sizeof(double))};
    size_t element = scalar_bytes(gpu.type);
    char *host = malloc((size_t)count * element);
    assert_true(a.exact && a.magnitude && host);
    for (long i = 0; i < count; i++) {
        set(&gpu, host, i, values ? values[i] : NAN);
        a.exact[i] = get(&gpu, host, i);
        a.magnitude[i] = fabs(a.exact[i]);
    }
    a.device = block_new((size_t)count * element, element, host);
    free(host);
    return a;
}

static struct array array_drawn(uint32_t stream, long count) {
    double *values = malloc((size_t)count * sizeof *values);
    assert_non_null(values);
    for (long i = 0; i < count; i++) values[i] = number_at_place(stream, i, -1, 1);
    struct array a = array_of(count, values);
    free(values);
    return a;
}

static struct array array_empty(long count) { return array_of(count, NULL); }

static void array_free(struct array *a) {
    block_free(&a->device);
    free(a->exact), free(a->magnitude);
}

static void free_all(struct array *const *arrays, size_t count) {
    for (size_t i = 0; i < count; i++) array_free(arrays[i]);
}
#define FREE_ALL(...)                                                                              \
    free_all((struct array *[]){__VA_ARGS__}, COUNT(((struct array *[]){__VA_ARGS__})))

/* An error bound for each element: of the exact numbers, what the device may be off by. */
static double gamma_of(double terms) {
    double u = scalar_epsilon(gpu.type) / 2;
    return terms * u / (1 - terms * u) + terms * DBL_EPSILON;
}

/* Whether the device has those numbers, off by `relative` times `of` and `absolute` at most. */
static void compare(const struct array *a, const double *expected, double relative,
                    const double *of, double absolute, const char *what) {
    void *host = block_fetch(&a->device, what);
    for (long i = 0; i < a->count; i++) {
        double value = get(&gpu, host, i), allowed = absolute + (of ? relative * of[i] : 0);
        if (isnan(expected[i]) && isnan(value)) continue;
        if (!(fabs(value - expected[i]) <= allowed))
            fail_msg("%s, %s, shifted by %ld: element %ld of %ld is %.17g, not %.17g (off by %g, "
                     "allowed %g)",
                     what, scalar_name(gpu.type), shift, i, a->count, value, expected[i],
                     fabs(value - expected[i]), allowed);
    }
    free(host);
}

/* Both types, aligned and not. */
static void everywhere(void (*body)(void)) {
    for (enum scalar type = SCALAR_S; type <= SCALAR_D; type++)
        for (shift = 0; shift < 2; shift++) {
            gpu.type = type;
            body();
        }
    shift = 0;
}

static struct block scratch;
static void take_scratch(size_t bytes) {
    long before = shift;
    shift = 0;
    scratch = block_new(bytes, 1, NULL);
    shift = before;
    gpu.scratch = scratch.at;
    gpu.scratch_bytes = bytes;
}
static void give_scratch(const char *what) {
    free(block_fetch(&scratch, what));
    block_free(&scratch);
    gpu.scratch = NULL;
    gpu.scratch_bytes = 0;
}

static long choose(uint32_t stream, long place, long count) {
    return (long)number_at_place(stream, place, 0, (double)count);
}

/* --- Activations that are part of an operation ------------------------------------------------ */

static const struct elementwise functions[] = {
    {ACTIVATION_STEP, 0}, {ACTIVATION_SIGMOID, 0}, {ACTIVATION_TANH, 0},
    {ACTIVATION_RELU, 0}, {ACTIVATION_ELU, 0.5},   {ACTIVATION_LEAKY_RELU, 0.3},
};

static const struct elementwise *choose_function(uint32_t stream, long place) {
    long f = choose(stream, place, COUNT(functions) + 1);
    return f < (long)COUNT(functions) ? &functions[f] : NULL;
}

/* `sums` with the error bound gamma magnitude, then the activation: none is steeper than 1. */
static void compare_after(const struct array *a, const struct elementwise *then, double *sums,
                          const double *magnitude, double terms, const char *what) {
    double gamma = gamma_of(terms), u = scalar_epsilon(gpu.type);
    if (!then) {
        compare(a, sums, gamma, magnitude, 0, what);
        return;
    }
    double *allowed = malloc((size_t)a->count * sizeof *allowed);
    assert_non_null(allowed);
    for (long i = 0; i < a->count; i++) {
        allowed[i] = gamma * magnitude[i] + 16 * u * (1 + fabs(sums[i]));
        /* either side of a step */
        if (then->activation == ACTIVATION_STEP && fabs(sums[i]) <= allowed[i]) allowed[i] = 1;
    }
    cpu_ops->activation_forward(&cpu, then, a->count, sums);
    compare(a, sums, 1, allowed, 0, what);
    free(allowed);
}

/* Outputs of that activation, as x has to be where its derivative is asked for. */
static struct array array_before(const struct elementwise *before, uint32_t stream, long count) {
    double *values = malloc((size_t)count * sizeof *values);
    assert_non_null(values);
    for (long i = 0; i < count; i++) values[i] = number_at_place(stream, i, -2, 2);
    if (before) cpu_ops->activation_forward(&cpu, before, count, values);
    struct array a = array_of(count, values);
    free(values);
    return a;
}

static const void *seen(const struct elementwise *before, const void *x) {
    return before ? x : NULL;
}

/* --- Dense ------------------------------------------------------------------------------------ */

static void one_dense(const struct dense_shape *s, const struct elementwise *then,
                      const struct elementwise *before) {
    struct array x = array_before(before, 1, s->images * s->in);
    struct array w = array_drawn(2, s->in * s->out), b = array_drawn(3, s->out);
    struct array dy = array_drawn(4, s->images * s->out), y = array_empty(dy.count);
    struct array dx = array_empty(x.count), dw = array_empty(w.count), db = array_empty(b.count);

    gpu_ops->dense_forward(&gpu, s, x.device.at, w.device.at, b.device.at, then, y.device.at);
    cpu_ops->dense_forward(&cpu, s, x.exact, w.exact, b.exact, NULL, y.exact);
    cpu_ops->dense_forward(&cpu, s, x.magnitude, w.magnitude, b.magnitude, NULL, y.magnitude);
    compare_after(&y, then, y.exact, y.magnitude, (double)s->in + 2, "dense forward");

    gpu_ops->dense_weight_gradient(&gpu, s, x.device.at, dy.device.at, dw.device.at, db.device.at);
    cpu_ops->dense_weight_gradient(&cpu, s, x.exact, dy.exact, dw.exact, db.exact);
    cpu_ops->dense_weight_gradient(&cpu, s, x.magnitude, dy.magnitude, dw.magnitude, db.magnitude);
    compare(&dw, dw.exact, gamma_of((double)s->images), dw.magnitude, 0, "dense weight gradient");
    compare(&db, db.exact, gamma_of((double)s->images), db.magnitude, 0, "dense bias gradient");

    gpu_ops->dense_input_gradient(&gpu, s, dy.device.at, w.device.at, before,
                                  seen(before, x.device.at), dx.device.at);
    cpu_ops->dense_input_gradient(&cpu, s, dy.exact, w.exact, before, seen(before, x.exact),
                                  dx.exact);
    cpu_ops->dense_input_gradient(&cpu, s, dy.magnitude, w.magnitude, NULL, NULL, dx.magnitude);
    compare(&dx, dx.exact, gamma_of((double)s->out + 8), dx.magnitude, 0, "dense input gradient");
    FREE_ALL(&x, &w, &b, &dy, &y, &dx, &dw, &db);
}

static void dense_body(void) {
    static const struct dense_shape shapes[] = {
        {1, 1, 1},     {1, 7, 3},     {2, 300, 400}, {5, 3, 1},     {40, 70, 61}, {3, 16, 32},
        {13, 257, 10}, {700, 15, 17}, {64, 784, 10}, {33, 128, 64}, {2100, 3, 6}};
    for (size_t i = 0; i < COUNT(shapes); i++) {
        long place = (long)i + 100 * (long)gpu.type + 200 * shift;
        one_dense(&shapes[i], choose_function(40, place), choose_function(41, place));
    }
    for (size_t f = 0; f < COUNT(functions); f++)
        one_dense(&(struct dense_shape){5, 9, 12}, &functions[f], &functions[f]);
}

static void dense(void **state) {
    (void)state;
    everywhere(dense_body);
}

/* No image: empty sums. */
static void no_images(void **state) {
    (void)state;
    const struct dense_shape s = {0, 5, 3};
    const double zeros[15] = {0};
    gpu.type = SCALAR_S;
    struct array x = array_drawn(1, 4), dw = array_empty(15), db = array_empty(3);
    gpu_ops->dense_weight_gradient(&gpu, &s, x.device.at, x.device.at, dw.device.at, db.device.at);
    compare(&dw, zeros, 0, NULL, 0, "weight gradient of no image");
    compare(&db, zeros, 0, NULL, 0, "bias gradient of no image");
    gpu_ops->dense_forward(&gpu, &s, x.device.at, x.device.at, x.device.at, NULL, x.device.at);
    gpu_ops->activation_forward(&gpu, &functions[1], 0, x.device.at);
    compare(&x, x.exact, 0, NULL, 0, "operations on nothing");
    FREE_ALL(&x, &dw, &db);
}

/* A training that diverges must show: ReLU does not make 0 of NaN. */
static void nan_body(void) {
    enum { IMAGES = 70, IN = 40, OUT = 36 };
    const struct dense_shape s = {IMAGES, IN, OUT};
    for (size_t f = 0; f <= COUNT(functions); f++) {
        const struct elementwise *then = f < COUNT(functions) ? &functions[f] : NULL;
        if (then && then->activation == ACTIVATION_STEP) continue;
        struct array x = array_drawn(1, IMAGES * IN), b = array_drawn(3, OUT);
        struct array y = array_empty(IMAGES * OUT);
        double *values = malloc(IN * OUT * sizeof *values);
        assert_non_null(values);
        for (long i = 0; i < IN * OUT; i++) values[i] = NAN;
        struct array w = array_of(IN * OUT, values);
        gpu_ops->dense_forward(&gpu, &s, x.device.at, w.device.at, b.device.at, then, y.device.at);
        void *host = block_fetch(&y.device, "NaN");
        for (long i = 0; i < y.count; i++)
            if (!isnan(get(&gpu, host, i)))
                fail_msg("activation %d makes %g of NaN", then ? (int)then->activation : -1,
                         get(&gpu, host, i));
        free(host), free(values);
        FREE_ALL(&x, &w, &b, &y);
    }
}

static void nan_stays(void **state) {
    (void)state;
    everywhere(nan_body);
}

/* --- Convolutions ----------------------------------------------------------------------------- */

static void take_cpu_scratch(const struct conv_shape *s) {
    cpu.scratch_bytes = cpu_ops->conv_scratch(&cpu, s);
    cpu.scratch = malloc(cpu.scratch_bytes);
    assert_non_null(cpu.scratch);
}

static void give_cpu_scratch(void) {
    free(cpu.scratch);
    cpu.scratch = NULL;
}

/* `images`: as many have room at a time; 0: as the device says. */
static void one_conv(const struct conv_shape *s, const struct elementwise *then,
                     const struct elementwise *before, long images) {
    long taps = s->kernel * s->kernel * s->channels, pixels = s->out_height * s->out_width;
    struct array x = array_before(before, 1, s->images * s->height * s->width * s->channels);
    struct array w = array_drawn(2, taps * s->filters), b = array_drawn(3, s->filters);
    struct array dy = array_drawn(4, s->images * pixels * s->filters), y = array_empty(dy.count);
    struct array dx = array_empty(x.count), dw = array_drawn(5, w.count),
                 db = array_drawn(6, b.count);
    char what[3][160];
    const char *const passes[] = {"forward", "weight gradient", "input gradient"};
    for (int i = 0; i < 3; i++)
        snprintf(what[i], sizeof what[i],
                 "conv %s of %ld of %ldx%ldx%ld, kernel %ld stride %ld padding %ld, %ld filters",
                 passes[i], s->images, s->height, s->width, s->channels, s->kernel, s->stride,
                 s->padding, s->filters);
    struct conv_shape room_for = *s;
    if (images) room_for.images = images;
    take_scratch(gpu_ops->conv_scratch(&gpu, &room_for));
    take_cpu_scratch(s);

    gpu_ops->conv_forward(&gpu, s, x.device.at, w.device.at, b.device.at, then, y.device.at);
    cpu_ops->conv_forward(&cpu, s, x.exact, w.exact, b.exact, NULL, y.exact);
    cpu_ops->conv_forward(&cpu, s, x.magnitude, w.magnitude, b.magnitude, NULL, y.magnitude);
    compare_after(&y, then, y.exact, y.magnitude, (double)taps + 2, what[0]);

    for (int add = 1; add >= 0; add--) { /* first to what is there already */
        double terms = (double)(s->images * pixels + 1);
        gpu_ops->conv_weight_gradient(&gpu, s, x.device.at, dy.device.at, add, dw.device.at,
                                      db.device.at);
        cpu_ops->conv_weight_gradient(&cpu, s, x.exact, dy.exact, add, dw.exact, db.exact);
        cpu_ops->conv_weight_gradient(&cpu, s, x.magnitude, dy.magnitude, add, dw.magnitude,
                                      db.magnitude);
        compare(&dw, dw.exact, gamma_of(terms), dw.magnitude, 0, what[1]);
        compare(&db, db.exact, gamma_of(terms), db.magnitude, 0, what[1]);
    }

    gpu_ops->conv_input_gradient(&gpu, s, dy.device.at, w.device.at, before,
                                 seen(before, x.device.at), dx.device.at);
    cpu_ops->conv_input_gradient(&cpu, s, dy.exact, w.exact, before, seen(before, x.exact),
                                 dx.exact);
    cpu_ops->conv_input_gradient(&cpu, s, dy.magnitude, w.magnitude, NULL, NULL, dx.magnitude);
    compare(&dx, dx.exact, gamma_of((double)(s->kernel * s->kernel * s->filters) + 8), dx.magnitude,
            0, what[2]);
    give_scratch(what[2]);
    give_cpu_scratch();
    FREE_ALL(&x, &w, &b, &dy, &y, &dx, &dw, &db);
}

static void conv_body(void) {
    /* images, height, width, channels, kernel, stride, padding, filters */
    static const long shapes[][8] = {
        {1, 1, 1, 1, 1, 1, 0, 1},    {3, 5, 4, 2, 3, 1, 0, 3},   {2, 5, 7, 1, 3, 1, 1, 4},
        {2, 7, 5, 2, 3, 2, 1, 3},    {1, 4, 4, 1, 3, 3, 2, 2},   {2, 1, 1, 3, 5, 3, 4, 2},
        {2, 6, 6, 2, 1, 4, 0, 3},    {3, 12, 12, 4, 5, 1, 2, 6}, {30, 3, 2, 1, 2, 1, 0, 2},
        {2, 28, 28, 1, 3, 1, 0, 32}, {2, 3, 3, 2, 2, 1, 2, 5},   {1, 2, 3, 3, 3, 2, 7, 33},
        {2, 4, 6, 16, 1, 3, 3, 6},   {3, 9, 9, 3, 2, 5, 1, 16},  {2, 6, 5, 8, 1, 1, 0, 12},
        {2, 14, 14, 6, 5, 1, 0, 16}, {1, 9, 10, 32, 3, 1, 0, 32}};
    for (size_t i = 0; i < COUNT(shapes); i++) {
        const long *c = shapes[i], place = (long)i + 100 * (long)gpu.type + 200 * shift;
        struct conv_shape s = {c[0],
                               c[1],
                               c[2],
                               c[3],
                               c[4],
                               c[5],
                               c[6],
                               (c[1] + 2 * c[6] - c[4]) / c[5] + 1,
                               (c[2] + 2 * c[6] - c[4]) / c[5] + 1,
                               c[7]};
        one_conv(&s, choose_function(42, place), choose_function(43, place), 0);
    }
    const struct conv_shape several = {7, 6, 5, 4, 3, 1, 1, 6, 5, 8};
    for (long images = 1; images < 4; images++)
        one_conv(&several, &functions[3], &functions[1], images);
}

static void conv(void **state) {
    (void)state;
    everywhere(conv_body);
}

/* --- Pooling ---------------------------------------------------------------------------------- */

static void one_pool(const struct pool_shape *s, const struct elementwise *before) {
    long outputs = s->images * s->out_height * s->out_width * s->channels;
    struct array x = array_before(before, 1, s->images * s->height * s->width * s->channels);
    struct array dy = array_drawn(2, outputs), y = array_empty(outputs), dx = array_empty(x.count);
    struct block where = block_new((size_t)outputs * 4, 4, NULL);
    int32_t *places = malloc((size_t)outputs * sizeof *places);
    assert_non_null(places);
    double cells = (double)(s->window * s->window);

    gpu_ops->max_pool_forward(&gpu, s, x.device.at, y.device.at, where.at);
    cpu_ops->max_pool_forward(&cpu, s, x.exact, y.exact, places);
    compare(&y, y.exact, 0, NULL, 0, "max pool"); /* a choice rounds nothing */
    free(block_fetch(&where, "places of a max pool"));

    gpu_ops->max_pool_backward(&gpu, s, dy.device.at, where.at, before, seen(before, y.device.at),
                               dx.device.at);
    cpu_ops->max_pool_backward(&cpu, s, dy.exact, places, before, seen(before, y.exact), dx.exact);
    cpu_ops->max_pool_backward(&cpu, s, dy.magnitude, places, NULL, NULL, dx.magnitude);
    compare(&dx, dx.exact, before ? gamma_of(cells + 8) : gamma_of(cells - 1), dx.magnitude, 0,
            "max pool gradient");

    gpu_ops->average_pool_forward(&gpu, s, x.device.at, y.device.at);
    cpu_ops->average_pool_forward(&cpu, s, x.exact, y.exact);
    cpu_ops->average_pool_forward(&cpu, s, x.magnitude, y.magnitude);
    compare(&y, y.exact, gamma_of(cells + 2), y.magnitude, 0, "average pool");

    gpu_ops->average_pool_backward(&gpu, s, dy.device.at, before, seen(before, x.device.at),
                                   dx.device.at);
    cpu_ops->average_pool_backward(&cpu, s, dy.exact, before, seen(before, x.exact), dx.exact);
    cpu_ops->average_pool_backward(&cpu, s, dy.magnitude, NULL, NULL, dx.magnitude);
    compare(&dx, dx.exact, gamma_of(cells + 10), dx.magnitude, 0, "average pool gradient");
    block_free(&where), free(places);
    FREE_ALL(&x, &dy, &y, &dx);
}

static void pool_body(void) {
    /* images, height, width, channels, window, stride */
    static const long shapes[][6] = {
        {1, 1, 1, 1, 1, 1},  {3, 6, 4, 2, 2, 2},    {2, 7, 5, 3, 2, 2},
        {2, 7, 6, 4, 3, 2},  {2, 5, 5, 8, 3, 1},    {2, 8, 7, 2, 2, 3},
        {2, 9, 9, 16, 2, 2}, {1, 20, 19, 3, 17, 1}, {40, 3, 3, 1, 2, 1}};
    for (size_t i = 0; i < COUNT(shapes); i++) {
        const long *c = shapes[i], place = (long)i + 100 * (long)gpu.type + 200 * shift;
        struct pool_shape s = {
            c[0], c[1], c[2], c[3], c[4], c[5], (c[1] - c[4]) / c[5] + 1, (c[2] - c[4]) / c[5] + 1};
        one_pool(&s, NULL);
        one_pool(&s, choose_function(44, place));
    }
}

static void pool(void **state) {
    (void)state;
    everywhere(pool_body);
}

/* The first of equals counts, and NaN is larger than everything. */
static void pool_places_body(void) {
    const struct pool_shape s = {1, 2, 8, 1, 2, 2, 1, 4};
    const double pixels[16] = {1, 1, 0, 2, NAN, 1, 5, 4, 1, 1, 2, 2, 3, 1, NAN, 6};
    const double dy_values[4] = {1, 2, 4, 8};
    const double dx_expected[16] = {1, 0, 0, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0};
    struct array x = array_of(16, pixels), dy = array_of(4, dy_values);
    struct array y = array_empty(4), dx = array_empty(16);
    struct block where = block_new(16, 4, NULL);
    gpu_ops->max_pool_forward(&gpu, &s, x.device.at, y.device.at, where.at);
    gpu_ops->max_pool_backward(&gpu, &s, dy.device.at, where.at, NULL, NULL, dx.device.at);
    compare(&y, (double[]){1, 2, NAN, NAN}, 0, NULL, 0, "largest of equals and NaN");
    compare(&dx, dx_expected, 0, NULL, 0, "place of the largest");
    block_free(&where);
    FREE_ALL(&x, &dy, &y, &dx);
}

static void pool_places(void **state) {
    (void)state;
    everywhere(pool_places_body);
}

/* --- Activations ------------------------------------------------------------------------------ */

static void activations_body(void) {
    static const long counts[] = {1, 3, 4, 33, 257, 5000};
    double u = scalar_epsilon(gpu.type);
    for (size_t f = 0; f < COUNT(functions); f++)
        for (size_t c = 0; c < COUNT(counts); c++) {
            long count = counts[c];
            double *values = malloc((size_t)count * sizeof *values);
            assert_non_null(values);
            for (long i = 0; i < count; i++)
                values[i] =
                    count < 5000 ? number_at_place(1, i, -2, 2) : number_at_place(1, i, -100, 100);
            struct array y = array_of(count, values), dy = array_drawn(2, count);
            gpu_ops->activation_forward(&gpu, &functions[f], count, y.device.at);
            cpu_ops->activation_forward(&cpu, &functions[f], count, y.exact);
            for (long i = 0; i < count; i++) y.magnitude[i] = fabs(y.exact[i]);
            compare(&y, y.exact, 8 * u, y.magnitude, 2 * (double)FLT_MIN, "activation");
            for (long i = 0; i < count; i++) y.exact[i] = number_at_place(3, i, -0.4, 1);
            struct array out = array_of(count, y.exact);
            gpu_ops->activation_backward(&gpu, &functions[f], count, out.device.at, dy.device.at);
            cpu_ops->activation_backward(&cpu, &functions[f], count, out.exact, dy.exact);
            compare(&dy, dy.exact, 8 * u, dy.magnitude, 0, "derivative of an activation");
            free(values);
            FREE_ALL(&y, &dy, &out);
        }
}

static void activations(void **state) {
    (void)state;
    everywhere(activations_body);
}

static void maxout_body(void) {
    static const long shapes[][3] = {{1, 1, 1}, {3, 5, 2}, {40, 7, 3}, {2, 3, 300}, {200, 2, 4}};
    for (size_t i = 0; i < COUNT(shapes); i++) {
        long rows = shapes[i][0], out = shapes[i][1], pieces = shapes[i][2];
        struct array x = array_drawn(1, rows * out * pieces), y = array_empty(rows * out);
        struct array dy = array_drawn(2, rows * out), dx = array_empty(x.count);
        int32_t *places = malloc((size_t)(rows * out) * sizeof *places);
        struct block where = block_new((size_t)(rows * out) * 4, 4, NULL);
        assert_non_null(places);
        gpu_ops->maxout_forward(&gpu, rows, out, pieces, x.device.at, y.device.at,
                                (int32_t *)(void *)where.at);
        cpu_ops->maxout_forward(&cpu, rows, out, pieces, x.exact, y.exact, places);
        compare(&y, y.exact, 0, NULL, 0, "maxout");
        void *found = block_fetch(&where, "places of maxout");
        assert_memory_equal(found, places, where.bytes);
        gpu_ops->maxout_backward(&gpu, rows, out, pieces, dy.device.at,
                                 (const int32_t *)(void *)where.at, dx.device.at);
        cpu_ops->maxout_backward(&cpu, rows, out, pieces, dy.exact, places, dx.exact);
        compare(&dx, dx.exact, 0, NULL, 0, "maxout gradient");
        free(found), free(places), block_free(&where);
        FREE_ALL(&x, &y, &dy, &dx);
    }
}

static void maxout(void **state) {
    (void)state;
    everywhere(maxout_body);
}

/* Rows for every number of threads that share one, and more rows than a block takes at once. */
static const long row_shapes[][2] = {{1, 1},   {1, 2},   {5, 3},    {700, 10}, {3, 16},  {3, 17},
                                     {40, 32}, {70, 33}, {2, 1024}, {3, 1025}, {5, 3000}};

static void softmax_body(void) {
    double u = scalar_epsilon(gpu.type);
    for (size_t i = 0; i < COUNT(row_shapes); i++) {
        long rows = row_shapes[i][0], n = row_shapes[i][1], count = rows * n;
        double *values = malloc((size_t)count * sizeof *values);
        assert_non_null(values);
        for (long j = 0; j < count; j++) /* far from 0 on either side */
            values[j] = number_at_place(1, j, -30, 30) + (j / n % 2 ? -1000 : 1000);
        struct array y = array_of(count, values), dy = array_drawn(2, count);
        gpu_ops->softmax_forward(&gpu, rows, n, y.device.at);
        cpu_ops->softmax_forward(&cpu, rows, n, y.exact);
        for (long j = 0; j < count; j++) y.magnitude[j] = y.exact[j];
        compare(&y, y.exact, ((double)n + 16) * u, y.magnitude, 2 * (double)FLT_MIN, "softmax");
        struct array out = array_of(count, y.exact);
        gpu_ops->softmax_backward(&gpu, rows, n, out.device.at, dy.device.at);
        cpu_ops->softmax_backward(&cpu, rows, n, out.exact, dy.exact);
        for (long j = 0; j < count; j++) out.magnitude[j] += DBL_MIN;
        compare(&dy, dy.exact, ((double)n + 8) * 2 * u, out.magnitude, 0, "softmax gradient");
        free(values);
        FREE_ALL(&y, &dy, &out);
    }
}

static void softmax(void **state) {
    (void)state;
    everywhere(softmax_body);
}

/* --- Steps ------------------------------------------------------------------------------------ */

static void begin_step(const struct step_values *values) {
    gpu_ops->step_values(&gpu, values);
    gpu_ops->step_open(&gpu);
    assert_true(gpu.in_step);
}

static void end_step(void) {
    gpu_ops->step_close(&gpu);
    assert_false(gpu.in_step);
}

/* --- Dropout ---------------------------------------------------------------------------------- */

static void one_dropout(double rate, struct dropout_place place, long images, long n,
                        bool in_step) {
    long count = images * n;
    struct array y = array_drawn(1, count), dy = array_drawn(2, count);
    struct block mask = block_new((size_t)count, 1, NULL);
    uint8_t *expected = malloc((size_t)count);
    struct dropout_place told = place;
    assert_non_null(expected);
    if (in_step) {
        begin_step(&(struct step_values){.step = place.step});
        told.step += 7; /* must not count */
    }
    gpu_ops->dropout_forward(&gpu, rate, told, images, n, y.device.at, (uint8_t *)mask.at);
    gpu_ops->dropout_backward(&gpu, rate, images, n, (const uint8_t *)mask.at, dy.device.at);
    if (in_step) end_step();
    cpu_ops->dropout_forward(&cpu, rate, place, images, n, y.exact, expected);
    cpu_ops->dropout_backward(&cpu, rate, images, n, expected, dy.exact);
    void *found = block_fetch(&mask, "mask of dropout");
    for (long i = 0; i < count; i++)
        if (((uint8_t *)found)[i] != expected[i])
            fail_msg("mask of %ld x %ld from image %ld: element %ld differs", images, n,
                     place.first_image, i);
    /* |y| < 1, times 1 / (1 - rate) */
    double allowed = 2 * scalar_epsilon(gpu.type) / (1 - rate);
    compare(&y, y.exact, 0, NULL, allowed, "dropout");
    compare(&dy, dy.exact, 0, NULL, allowed, "dropout gradient");
    free(found), free(expected), block_free(&mask);
    FREE_ALL(&y, &dy);
}

static void dropout_body(void) {
    static const long shapes[][3] = {{1, 1, 0}, {3, 5, 1}, {7, 33, 3}, {10, 100, 9}, {1, 3, 1}};
    for (size_t i = 0; i < COUNT(shapes); i++)
        for (int in_step = 0; in_step < 2; in_step++)
            for (int r = 0; r < 3; r++) {
                struct dropout_place place = {0x123456789abcdef0U + i, 0xfffffff0U + i, (uint32_t)i,
                                              shapes[i][2]};
                one_dropout(0.25 * r, place, shapes[i][0], shapes[i][1], in_step);
            }
}

static void dropout(void **state) {
    (void)state;
    everywhere(dropout_body);
}

/* --- Losses ----------------------------------------------------------------------------------- */

static void loss_scratches(long images) {
    take_scratch(gpu_ops->loss_scratch(&gpu, images));
    cpu.scratch_bytes = cpu_ops->loss_scratch(&cpu, images);
    cpu.scratch = malloc(cpu.scratch_bytes);
    assert_non_null(cpu.scratch);
}

static void compare_tallies(const struct tally *found, const struct tally *expected, double error,
                            const char *what) {
    const double pairs[][2] = {{found->loss, expected->loss},
                               {found->loss_sum, expected->loss_sum},
                               {found->weighted_sum, expected->weighted_sum}};
    for (size_t i = 0; i < COUNT(pairs); i++) {
        if (!isfinite(pairs[i][1]) && !isfinite(pairs[i][0])) continue;
        if (!(fabs(pairs[i][0] - pairs[i][1]) <= error * (1 + fabs(pairs[i][1]))))
            fail_msg("%s: number %zu of the tally is %.17g, not %.17g", what, i, pairs[i][0],
                     pairs[i][1]);
    }
    if (found->correct != expected->correct || found->correct_sum != expected->correct_sum ||
        found->images != expected->images || found->calls != expected->calls ||
        found->fine != expected->fine)
        fail_msg("%s: %ld correct (%ld in all), %ld images, %ld calls, %ld fine; not %ld (%ld), "
                 "%ld, %ld, %ld",
                 what, found->correct, found->correct_sum, found->images, found->calls, found->fine,
                 expected->correct, expected->correct_sum, expected->images, expected->calls,
                 expected->fine);
}

static void one_loss(enum loss loss, long images, long n, bool with_labels, double size) {
    long count = images * n;
    char what[96];
    snprintf(what, sizeof what, "loss %d of %ld x %ld, %s", (int)loss, images, n,
             with_labels ? "labels" : "numbers");
    double *values = malloc((size_t)count * sizeof *values), u = scalar_epsilon(gpu.type);
    double *targets_drawn = malloc((size_t)count * sizeof *targets_drawn);
    int32_t *labels = malloc((size_t)images * sizeof *labels);
    assert_true(values && targets_drawn && labels);
    for (long i = 0; i < count; i++) {
        values[i] = size * number_at_place(1, i, -1, 1);
        targets_drawn[i] = i % 3 ? number_at_place(2, i, 0, 2) / (double)n : 0;
    }
    for (long i = 0; i < images; i++)
        labels[i] = (int32_t)number_at_place(3, i, 0, (double)(n > 1 ? n : 2));
    struct array y = array_of(count, values), numbers = array_of(count, targets_drawn);
    struct array dy = array_empty(count);
    struct block on_device = block_new((size_t)images * sizeof *labels, 4, labels);
    struct loss_targets there = {0}, here = {0};
    if (with_labels)
        there.labels = (const int32_t *)(void *)on_device.at, here.labels = labels;
    else
        there.numbers = numbers.device.at, here.numbers = numbers.exact;
    struct tally found, expected;
    loss_scratches(images);
    gpu_ops->tally_clear(&gpu), cpu_ops->tally_clear(&cpu);
    gpu_ops->loss(&gpu, loss, images, n, y.device.at, &there, dy.device.at);
    cpu_ops->loss(&cpu, loss, images, n, y.exact, &here, dy.exact);
    gpu_ops->tally(&gpu, &found), cpu_ops->tally(&cpu, &expected);
    /* Equal outputs in single may be different ones in double: what counts is the device's. */
    double error = (4 * size + (double)n + 16) * u;
    void *outputs = block_fetch(&y.device, what);
    for (long i = 0, right = 0; with_labels && i < images; i++) {
        long best = 0;
        for (long j = 1; j < n; j++)
            if (get(&gpu, outputs, i * n + j) > get(&gpu, outputs, i * n + best)) best = j;
        right += n > 1 ? best == labels[i] : (get(&gpu, outputs, i) > 0.5) == (labels[i] == 1);
        expected.correct = expected.correct_sum = right;
    }
    compare_tallies(&found, &expected, error * (double)(n > 1 ? n : 2) * (1 + size), what);
    for (long i = 0; i < count; i++) y.magnitude[i] = fabs(y.exact[i]);
    compare(&y, y.exact, error, y.magnitude, 2 * (double)FLT_MIN, what);
    double scale = loss == LOSS_HALF_SUM ? 1 : 1 / (double)images;
    compare(&dy, dy.exact, 0, NULL, error * scale * (1 + size), what);
    /* Without a gradient the same loss: the same bits. */
    struct array again = array_of(count, values);
    gpu_ops->loss(&gpu, loss, images, n, again.device.at, &there, NULL);
    double first = found.loss;
    gpu_ops->tally(&gpu, &found);
    assert_true(found.loss == first && found.calls == 2 && found.images == 2 * images);
    give_scratch(what), give_cpu_scratch();
    free(values), free(targets_drawn), free(labels), free(outputs), block_free(&on_device);
    FREE_ALL(&y, &numbers, &dy, &again);
}

static void loss_body(void) {
    for (enum loss loss = 0; loss < LOSS_COUNT; loss++)
        for (int labels = 0; labels < 2; labels++)
            for (size_t i = 0; i < COUNT(row_shapes); i++) {
                if (loss == LOSS_CATEGORICAL && row_shapes[i][1] == 1) continue;
                one_loss(loss, row_shapes[i][0], row_shapes[i][1], labels, i % 2 ? 3 : 40);
            }
    one_loss(LOSS_CATEGORICAL, 2500, 10, true, 3); /* more than one block */
    one_loss(LOSS_MEAN, 2500, 10, true, 3);
}

static void losses(void **state) {
    (void)state;
    everywhere(loss_body);
}

/* A label of 0 and 1 with a single class: 1 is wrong, and costs nothing. */
static void a_single_class(void **state) {
    (void)state;
    const int32_t labels[3] = {0, 1, 0};
    const double sums[3] = {3, -2, 0.5};
    struct tally found, expected;
    gpu.type = SCALAR_D;
    struct array y = array_of(3, sums), dy = array_empty(3);
    struct block on_device = block_new(sizeof labels, 4, labels);
    loss_scratches(3);
    gpu_ops->tally_clear(&gpu), cpu_ops->tally_clear(&cpu);
    gpu_ops->loss(&gpu, LOSS_CATEGORICAL, 3, 1, y.device.at,
                  &(struct loss_targets){.labels = (const int32_t *)(void *)on_device.at},
                  dy.device.at);
    cpu_ops->loss(&cpu, LOSS_CATEGORICAL, 3, 1, y.exact, &(struct loss_targets){.labels = labels},
                  dy.exact);
    gpu_ops->tally(&gpu, &found), cpu_ops->tally(&cpu, &expected);
    compare_tallies(&found, &expected, 0, "a single class");
    compare(&y, y.exact, 0, NULL, 0, "a single class");
    compare(&dy, dy.exact, 0, NULL, 0, "a single class");
    give_scratch("a single class"), give_cpu_scratch(), block_free(&on_device);
    FREE_ALL(&y, &dy);
}

/* Over several losses, one of them not finite. */
static void tally_of_several(void **state) {
    (void)state;
    enum { CALLS = 5, IMAGES = 6, N = 3 };
    struct tally found, expected;
    const int32_t labels[IMAGES] = {0, 1, 2, 0, 1, 2};
    gpu.type = SCALAR_D;
    struct block on_device = block_new(sizeof labels, 4, labels);
    loss_scratches(IMAGES);
    gpu_ops->tally_clear(&gpu), cpu_ops->tally_clear(&cpu);
    gpu_ops->tally(&gpu, &found), cpu_ops->tally(&cpu, &expected);
    compare_tallies(&found, &expected, 0, "a cleared tally");
    for (int call = 0; call < CALLS; call++) {
        long images = call == 2 ? IMAGES - 1 : IMAGES;
        struct array y = array_drawn(10 + (uint32_t)call, IMAGES * N);
        struct array numbers = array_drawn(30, IMAGES * N);
        if (call == 3) {
            array_free(&y);
            double values[IMAGES * N] = {0};
            values[4] = NAN;
            y = array_of(IMAGES * N, values);
        }
        struct loss_targets there = {.labels = (const int32_t *)(void *)on_device.at};
        struct loss_targets here = {.labels = labels};
        if (call == 1) { /* numbers: nothing is correct or wrong */
            there = (struct loss_targets){.numbers = numbers.device.at};
            here = (struct loss_targets){.numbers = numbers.exact};
        }
        gpu_ops->loss(&gpu, LOSS_HALF_MEAN, images, N, y.device.at, &there, NULL);
        cpu_ops->loss(&cpu, LOSS_HALF_MEAN, images, N, y.exact, &here, NULL);
        gpu_ops->tally(&gpu, &found), cpu_ops->tally(&cpu, &expected);
        compare_tallies(&found, &expected, 1e-14, "a tally");
        FREE_ALL(&y, &numbers);
    }
    assert_int_equal(found.fine, 3);
    assert_int_equal(found.calls, CALLS);
    give_scratch("a tally"), give_cpu_scratch(), block_free(&on_device);
}

static void nan_shows_in_every_loss(void **state) {
    (void)state;
    const int32_t labels[2] = {0, 2};
    struct tally found;
    gpu.type = SCALAR_S;
    struct block on_device = block_new(sizeof labels, 4, labels);
    take_scratch(gpu_ops->loss_scratch(&gpu, 2));
    for (enum loss loss = 0; loss < LOSS_COUNT; loss++)
        for (int at = 0; at < 6; at++) {
            double values[6];
            for (int i = 0; i < 6; i++) values[i] = i == at ? NAN : 0.1 * i;
            struct array y = array_of(6, values);
            gpu_ops->loss(&gpu, loss, 2, 3, y.device.at,
                          &(struct loss_targets){.labels = (const int32_t *)(void *)on_device.at},
                          NULL);
            gpu_ops->tally(&gpu, &found);
            assert_true(isnan(found.loss));
            array_free(&y);
        }
    give_scratch("a loss of NaN"), block_free(&on_device);
}

/* --- Update ----------------------------------------------------------------------------------- */

static const struct update_numbers some_numbers = {.lr = 0.1,
                                                   .mu = 0.9,
                                                   .rho = 0.95,
                                                   .b1 = 0.9,
                                                   .b2 = 0.99,
                                                   .eps = 1e-5,
                                                   .from_m = 0.11,
                                                   .from_g = 0.02,
                                                   .scale_s = 1.5,
                                                   .decay = 0.01};

/* A loss that is finite, or not. */
static void put_loss(double value) {
    struct block y = block_new(scalar_bytes(gpu.type), 4, NULL);
    struct array one = array_of(1, &value);
    take_scratch(gpu_ops->loss_scratch(&gpu, 1));
    struct array target = array_of(1, (double[]){0});
    gpu_ops->loss(&gpu, LOSS_MEAN, 1, 1, one.device.at,
                  &(struct loss_targets){.numbers = target.device.at}, NULL);
    give_scratch("a loss");
    block_free(&y);
    FREE_ALL(&one, &target);
}

static void one_update(enum update_rule rule, long count, bool in_step, double loss) {
    struct array w = array_drawn(1, count), g = array_drawn(2, count);
    struct array slot0 = array_drawn(3, count), slot1 = array_drawn(4, count);
    double *before = malloc((size_t)count * sizeof *before), u = scalar_epsilon(gpu.type);
    double *magnitude = malloc((size_t)count * sizeof *magnitude);
    assert_true(before && magnitude);
    /* means of squares are not negative, and not so small that one root is another */
    for (long i = 0; i < count; i++)
        slot0.magnitude[i] = fabs(slot0.exact[i]) + 0.5, slot1.magnitude[i] += 0.5;
    bool squares = rule == UPDATE_RMSPROP || rule == UPDATE_ADADELTA;
    struct array s0 = array_of(count, squares ? slot0.magnitude : slot0.exact);
    struct array s1 = array_of(count, slot1.magnitude);
    bool one = rule != UPDATE_GRADIENT_DESCENT,
         two = rule == UPDATE_ADADELTA || rule == UPDATE_ADAM;
    struct update_numbers told = some_numbers;
    memcpy(before, w.exact, (size_t)count * sizeof *before);
    if (in_step) {
        struct step_values values = {.numbers = some_numbers};
        values.numbers.decay = 77;                                            /* must not count, */
        told = (struct update_numbers){.lr = 5, .decay = some_numbers.decay}; /* nor these */
        put_loss(loss);
        begin_step(&values);
    }
    gpu_ops->update(&gpu, rule, &told, count, w.device.at, g.device.at, one ? s0.device.at : NULL,
                    two ? s1.device.at : NULL);
    if (in_step) end_step();
    if (isfinite(loss))
        cpu_ops->update(&cpu, rule, &some_numbers, count, w.exact, g.exact, one ? s0.exact : NULL,
                        two ? s1.exact : NULL);
    /* A few roundings of numbers of about 1. */
    double allowed = isfinite(loss) ? 32 * u : 0;
    compare(&w, w.exact, 0, NULL, allowed, "update of weights");
    if (one) compare(&s0, s0.exact, 0, NULL, allowed, "update of a slot");
    if (two) compare(&s1, s1.exact, 0, NULL, allowed, "update of another slot");
    if (!isfinite(loss)) compare(&w, before, 0, NULL, 0, "no update after a loss of NaN");
    compare(&g, g.exact, 0, NULL, 0, "gradients of an update");
    free(before), free(magnitude);
    FREE_ALL(&w, &g, &slot0, &slot1, &s0, &s1);
}

static void update_body(void) {
    static const long counts[] = {1, 3, 4, 130, 1027};
    for (enum update_rule rule = 0; rule < UPDATE_COUNT; rule++)
        for (size_t i = 0; i < COUNT(counts); i++) {
            one_update(rule, counts[i], false, 0);
            one_update(rule, counts[i], true, 2);
            one_update(rule, counts[i], true, i % 2 ? NAN : INFINITY);
        }
}

static void update(void **state) {
    (void)state;
    everywhere(update_body);
}

/* --- Input ------------------------------------------------------------------------------------ */

static void one_gather(long n, bool ordered, bool bytes, bool in_step) {
    enum { ROWS = 30, TAKEN = 37, FIRST = 2 };
    uint8_t *pixels = malloc((size_t)(ROWS * n));
    double *numbers = malloc((size_t)(ROWS * n) * sizeof *numbers);
    int32_t labels[ROWS];
    int64_t order[FIRST + TAKEN];
    long count = ordered ? TAKEN : ROWS - FIRST, told = in_step ? 11 : FIRST;
    assert_true(pixels && numbers);
    for (long i = 0; i < ROWS * n; i++) {
        pixels[i] = (uint8_t)(i * 7 + i / 256);
        numbers[i] = number_at_place(1, i, -5, 5);
    }
    for (int i = 0; i < ROWS; i++) labels[i] = 100 + i;
    for (long i = 0; i < FIRST + TAKEN; i++) order[i] = (i * 17 + 3) % ROWS;
    struct block there = bytes ? block_new((size_t)(ROWS * n), 1, pixels)
                               : block_new((size_t)(ROWS * n) * sizeof *numbers, 8, numbers);
    struct block order_there = block_new(sizeof order, 8, order);
    struct block labels_there = block_new(sizeof labels, 4, labels);
    struct block taken = block_new((size_t)count * 4, 4, NULL);
    struct array x = array_empty(count * n);
    const int64_t *by = ordered ? (const int64_t *)(void *)order_there.at : NULL;
    if (in_step) begin_step(&(struct step_values){.position = FIRST});
    gpu_ops->gather(&gpu, count, n, bytes ? (const uint8_t *)there.at : NULL,
                    bytes ? NULL : (const double *)(void *)there.at, by, told, x.device.at);
    gpu_ops->gather_labels(&gpu, count, (const int32_t *)(void *)labels_there.at, by, told,
                           (int32_t *)(void *)taken.at);
    if (in_step) end_step();
    int32_t *found = block_fetch(&taken, "labels of a batch");
    for (long i = 0; i < count; i++) {
        long row = ordered ? order[FIRST + i] : FIRST + i;
        assert_int_equal(found[i], 100 + row);
        for (long j = 0; j < n; j++) {
            double exact = bytes ? pixels[row * n + j] / 255.0 : numbers[row * n + j];
            x.exact[i * n + j] = gpu.type == SCALAR_S ? (double)(float)exact : exact;
        }
    }
    compare(&x, x.exact, 0, NULL, 0, "a batch");
    free(pixels), free(numbers), free(found);
    block_free(&there), block_free(&order_there), block_free(&labels_there), block_free(&taken);
    array_free(&x);
}

static void gather_body(void) {
    static const long widths[] = {1, 7, 32, 300, 784};
    for (size_t i = 0; i < COUNT(widths); i++)
        for (int kind = 0; kind < 8; kind++) one_gather(widths[i], kind & 1, kind & 2, kind & 4);
}

static void gather(void **state) {
    (void)state;
    everywhere(gather_body);
}

/* --- Recordings ------------------------------------------------------------------------------- */

/* One recording of a step serves all: masks, places and learning rates follow the values. */
static void recorded_steps(void **state) {
    (void)state;
    enum { ROWS = 12, BATCH = 3, N = 10, STEPS = 4 };
    uint8_t mask[BATCH * N];
    int32_t labels[ROWS], found[BATCH];
    gpu.type = SCALAR_D;
    for (int i = 0; i < ROWS; i++) labels[i] = i;
    struct block labels_there = block_new(sizeof labels, 4, labels);
    struct block taken = block_new(sizeof found, 4, NULL), masks = block_new(sizeof mask, 1, NULL);
    struct array y = array_drawn(1, BATCH * N), w = array_of(1, (double[]){0});
    struct array g = array_of(1, (double[]){1});
    const struct update_numbers ignored = {.lr = 1000};
    put_loss(1);
    void *recording = NULL;
    for (int step = 0; step < STEPS; step++) {
        struct step_values values = {.step = 40 + (uint64_t)step,
                                     .position = (long)step * BATCH,
                                     .numbers = {.lr = 1 << step}};
        gpu_ops->step_values(&gpu, &values);
        if (step < 2) { /* once as it is, once recorded */
            if (step == 1) gpu_ops->record_begin(&gpu);
            gpu_ops->step_open(&gpu);
            gpu_ops->gather_labels(&gpu, BATCH, (const int32_t *)(void *)labels_there.at, NULL, 0,
                                   (int32_t *)(void *)taken.at);
            gpu_ops->dropout_forward(&gpu, 0.5, (struct dropout_place){.seed = 3, .layer = 1},
                                     BATCH, N, y.device.at, (uint8_t *)masks.at);
            gpu_ops->update(&gpu, UPDATE_GRADIENT_DESCENT, &ignored, 1, w.device.at, g.device.at,
                            NULL, NULL);
            gpu_ops->step_close(&gpu);
            if (step == 1) recording = gpu_ops->record_end(&gpu);
            if (step == 1 && !recording) fail_msg("%s", gpu.device->error(gpu.device));
        }
        if (recording) gpu_ops->replay(&gpu, recording);
        int32_t *batch = block_fetch(&taken, "recorded labels");
        for (int i = 0; i < BATCH; i++) assert_int_equal(batch[i], step * BATCH + i);
        uint8_t *drawn = block_fetch(&masks, "recorded masks");
        struct dropout_place place = {.seed = 3, .layer = 1, .step = values.step};
        cpu_ops->dropout_forward(&cpu, 0.5, place, BATCH, N, y.exact, mask);
        assert_memory_equal(drawn, mask, sizeof mask);
        w.exact[0] -= 1 << step;
        compare(&w, w.exact, 0, NULL, 0, "recorded updates");
        free(batch), free(drawn);
    }
    gpu_ops->recording_free(&gpu, recording);
    block_free(&labels_there), block_free(&taken), block_free(&masks);
    FREE_ALL(&y, &w, &g);
}

/* --- What a queue may ask for ----------------------------------------------------------------- */

static void refusals(void **state) {
    (void)state;
    char reason[256];
    struct queue q = gpu;
    q.type = SCALAR_S;
    assert_true(gpu_ops->accepts(&q, reason, sizeof reason));
    q.conv = CONV_IM2COL;
    assert_true(gpu_ops->accepts(&q, reason, sizeof reason));
    static const enum conv_path convs[] = {CONV_TILED, CONV_DIRECT, CONV_ONEDNN};
    for (size_t i = 0; i < COUNT(convs); i++) {
        q.conv = convs[i], reason[0] = '\0';
        assert_false(gpu_ops->accepts(&q, reason, sizeof reason));
        assert_non_null(strstr(reason, conv_path_names[convs[i]]));
    }
    q.conv = CONV_AUTO;
    for (enum dense_path dense = DENSE_CBLAS; dense < DENSE_COUNT; dense++) {
        q.dense = dense, reason[0] = '\0';
        assert_false(gpu_ops->accepts(&q, reason, sizeof reason));
        assert_non_null(strstr(reason, dense_path_names[dense]));
    }
    q.dense = DENSE_AUTO;
    q.type = SCALAR_D, q.math = MATH_TF32;
    assert_false(gpu_ops->accepts(&q, reason, sizeof reason));
    assert_non_null(strstr(reason, "tf32"));
    q.type = SCALAR_H, q.math = MATH_FP32;
    assert_false(gpu_ops->accepts(&q, reason, sizeof reason));
}

static void paths(void **state) {
    (void)state;
    const struct dense_shape s = {128, 784, 10};
    const struct conv_shape c = {2, 8, 8, 2, 3, 1, 0, 6, 6, 4};
    const char *const passes[] = {"forward", "backward"};
    for (int i = 0; i < 2; i++) {
        gpu.type = SCALAR_S;
        const char *single = gpu_ops->dense_path(&gpu, &s, passes[i]);
        assert_true(strcmp(single, "cublaslt") == 0 || strcmp(single, "cublas") == 0);
        assert_string_equal(gpu_ops->conv_path(&gpu, &c, passes[i]), "im2col");
        gpu.type = SCALAR_D;
        assert_string_equal(gpu_ops->dense_path(&gpu, &s, passes[i]), "cublas");
    }
    assert_int_equal(gpu_ops->slice(&gpu, 1000), 0);
}

/* Rounded operands change the product, and sums stay in single precision. */
static void rounded_math(void **state) {
    (void)state;
    static const double unit[] = {[MATH_TF32] = 1.0 / 2048, [MATH_BF16] = 1.0 / 256};
    const struct dense_shape s = {33, 64, 20};
    char reason[256];
    gpu.type = SCALAR_S;
    for (enum math math = MATH_TF32; math < MATH_COUNT; math++) {
        gpu.math = math;
        if (!gpu_ops->accepts(&gpu, reason, sizeof reason)) continue;
        struct array x = array_drawn(1, s.images * s.in), w = array_drawn(2, s.in * s.out);
        struct array b = array_drawn(3, s.out), y = array_empty(s.images * s.out);
        gpu_ops->dense_forward(&gpu, &s, x.device.at, w.device.at, b.device.at, NULL, y.device.at);
        cpu_ops->dense_forward(&cpu, &s, x.exact, w.exact, b.exact, NULL, y.exact);
        cpu_ops->dense_forward(&cpu, &s, x.magnitude, w.magnitude, b.magnitude, NULL, y.magnitude);
        compare(&y, y.exact, 2.1 * unit[math] + gamma_of(66), y.magnitude, 0, math_names[math]);
        FREE_ALL(&x, &w, &b, &y);
    }
    gpu.math = MATH_FP32;
}

static int open_device(void **state) {
    (void)state;
    char reason[512] = "";
    bool unknown;
    gpu.device = device_open("cuda", reason, sizeof reason, &unknown);
    if (!gpu.device) {
        fprintf(stderr, "no device to test: %s\n", reason);
        return 1;
    }
    gpu.threads = 1;
    gpu_ops = gpu.device->layers;
    gpu.device->queue_enter(&gpu);
    cpu = make_queue("naive", SCALAR_D, 1);
    cpu_ops = cpu.device->layers;
    return 0;
}

static int close_device(void **state) {
    (void)state;
    device_close_all();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dense),
        cmocka_unit_test(no_images),
        cmocka_unit_test(nan_stays),
        cmocka_unit_test(conv),
        cmocka_unit_test(pool),
        cmocka_unit_test(pool_places),
        cmocka_unit_test(activations),
        cmocka_unit_test(maxout),
        cmocka_unit_test(softmax),
        cmocka_unit_test(dropout),
        cmocka_unit_test(losses),
        cmocka_unit_test(a_single_class),
        cmocka_unit_test(tally_of_several),
        cmocka_unit_test(nan_shows_in_every_loss),
        cmocka_unit_test(update),
        cmocka_unit_test(gather),
        cmocka_unit_test(recorded_steps),
        cmocka_unit_test(refusals),
        cmocka_unit_test(paths),
        cmocka_unit_test(rounded_math),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
