/* The operations of the CPU against kernels/reference, in single and double, on 1, 2 and 3 threads.
 *
 * A sum of n products, in whatever order and with or without FMA, is wrong by gamma_n times the sum
 * of the products' magnitudes at most, gamma_n = n u / (1 - n u) with the unit roundoff u = eps / 2
 * (Higham, Accuracy and Stability of Numerical Algorithms, 3.1). Those magnitudes are the reference
 * itself on |x|, |w|, |b|. The reference errs likewise, in double. */
#include "tests/nn/common.h"

#include <float.h>

#include "kernels/cpu/isa.h"
#include "kernels/reference/reference.h"

/* How numbers are drawn: whole ones make every sum exact. */
enum draw { DRAW_UNIFORM, DRAW_WHOLE };

static struct queue q;
static enum draw how;
static char setup_text[64] = "as usual"; /* the queue's paths, for messages */

/* --- Arrays: the device's, and the same numbers in double ---------------------------------------
 */

struct array {
    long count;
    void *device;
    double *exact, *magnitude;
};

static struct array array_new(uint32_t stream, long count) {
    struct array a = {count, room(&q, count), malloc((size_t)count * sizeof(double)),
                      malloc((size_t)count * sizeof(double))};
    for (long i = 0; i < count; i++) {
        double v = number_at_place(stream, i, -1, 1);
        set(&q, a.device, i, how == DRAW_WHOLE ? round(4 * v) : v);
        a.exact[i] = get(&q, a.device, i);
        a.magnitude[i] = fabs(a.exact[i]);
    }
    return a;
}

static void array_free(struct array *a) {
    free(a->device);
    free(a->exact);
    free(a->magnitude);
}

/* Whether the device's numbers are within gamma_terms of those expected; exactly, where they are
 * whole. `magnitude` holds what the error is measured in. */
static void compare(const struct array *actual, const double *expected, const double *magnitude,
                    double terms, const char *what) {
    double u = scalar_epsilon(q.type) / 2;
    double gamma = terms * u / (1 - terms * u) + terms * DBL_EPSILON;
    for (long i = 0; i < actual->count; i++) {
        double allowed = how == DRAW_WHOLE ? 0 : gamma * magnitude[i];
        double value = get(&q, actual->device, i);
        if (!(fabs(value - expected[i]) <= allowed))
            fail_msg("%s, %s, %s, %d threads: element %ld of %ld is %.17g, not %.17g (off by %g, "
                     "allowed %g)",
                     what, setup_text, scalar_name(q.type), q.threads, i, actual->count, value,
                     expected[i], fabs(value - expected[i]), allowed);
    }
}

/* Runs a test for every library, type and number of threads, with both kinds of numbers. */
static void everywhere(void (*body)(void)) {
    static const char *const libraries[] = {"naive", NULL};
    for (size_t l = 0; l < COUNT(libraries); l++)
        for (enum scalar type = SCALAR_S; type < SCALAR_CPU_COUNT; type++)
            for (int threads = 1; threads <= 3; threads++)
                for (how = DRAW_UNIFORM; how <= DRAW_WHOLE; how++) {
                    q = make_queue(libraries[l], type, threads);
                    body();
                }
    how = DRAW_UNIFORM;
}

/* --- Paths -------------------------------------------------------------------------------------
 */

/* How products are computed: a library, or own loops of an instruction set. */
struct setup {
    enum conv_path conv;
    enum dense_path dense;
    const char *library;
    const struct isa *isa;
};
enum { MOST_SETUPS = 64 };
static struct setup setups[MOST_SETUPS];
static int setup_count;

static void add_setup(struct setup setup) {
    assert_true(setup_count < MOST_SETUPS);
    setups[setup_count++] = setup;
}

/* Every path with every instruction set of this machine; the libraries below lowered convolutions.
 */
static void find_setups(void) {
    size_t count;
    const struct isa *table = isa_table(&count);
    if (setup_count) return;
    add_setup((struct setup){CONV_AUTO, DENSE_AUTO, NULL, NULL}); /* nothing is said */
    add_setup((struct setup){CONV_IM2COL, DENSE_CBLAS, "naive", NULL});
    add_setup((struct setup){CONV_TILED, DENSE_CBLAS, NULL, NULL});
    add_setup((struct setup){CONV_AUTO, DENSE_CBLAS, "naive", NULL});
    for (size_t i = 0; i < count; i++)
        for (enum conv_path conv = CONV_AUTO; conv <= CONV_DIRECT; conv++)
            if (table[i].supported())
                add_setup((struct setup){conv, DENSE_OWN, "naive", &table[i]});
}

/* A choice of `count`, by place: what is not tried in full is spread by chance, always the same. */
static int choose(uint32_t stream, long place, int count) {
    return (int)number_at_place(stream, place, 0, count);
}

static void take_setup(const struct setup *setup, enum scalar type, int threads) {
    q = make_queue(setup->library, type, threads);
    q.conv = setup->conv;
    q.dense = setup->dense;
    q.isa = setup->isa;
    snprintf(setup_text, sizeof setup_text, "conv %d dense %d %s %s", (int)setup->conv,
             (int)setup->dense, setup->library ? setup->library : "default",
             setup->isa ? setup->isa->name : "widest");
}

/* --- Activations that are part of an operation --------------------------------------------------
 */

static const struct elementwise functions[] = {
    {ACTIVATION_STEP, 0},         {ACTIVATION_SIGMOID, 0}, {ACTIVATION_TANH, 0},
    {ACTIVATION_RELU, 0},         {ACTIVATION_ELU, 0.5},   {ACTIVATION_LEAKY_RELU, 0.3},
    {ACTIVATION_LEAKY_RELU, 0.1},
};

/* One of them, or none; with whole numbers one that keeps them whole. */
static const struct elementwise *choose_function(uint32_t stream, long place) {
    static const int exact[] = {0, 3, -1};
    int f = how == DRAW_WHOLE ? exact[choose(stream, place, COUNT(exact))]
                              : choose(stream, place, COUNT(functions) + 1) - 1;
    return f < 0 ? NULL : &functions[f];
}

/* The derivative from the output. */
static double derivative(const struct elementwise *f, double y) {
    switch (f->activation) {
    case ACTIVATION_STEP: return 0;
    case ACTIVATION_SIGMOID: return y * (1 - y);
    case ACTIVATION_TANH: return 1 - y * y;
    case ACTIVATION_RELU: return y > 0;
    case ACTIVATION_LEAKY_RELU: return y > 0 ? 1 : f->slope;
    case ACTIVATION_ELU: return y > 0 ? 1 : y + f->slope;
    case ACTIVATION_COUNT: break;
    }
    return NAN;
}

/* As compare, of then(expected): no function here is steeper than 1. Where a step may fall to
 * either side nothing is said. */
static void compare_after(const struct array *actual, const struct elementwise *then, double *sums,
                          const double *magnitude, double terms, const char *what) {
    double u = scalar_epsilon(q.type) / 2;
    double gamma = terms * u / (1 - terms * u) + terms * DBL_EPSILON;
    if (!then) {
        compare(actual, sums, magnitude, terms, what);
        return;
    }
    for (long i = 0; i < actual->count; i++) {
        double error = how == DRAW_WHOLE ? 0 : gamma * magnitude[i],
               value = get(&q, actual->device, i);
        double expected = reference_activation(then->activation, then->slope, sums[i]);
        double allowed = how == DRAW_WHOLE ? 0 : error + 32 * u * (1 + fabs(expected));
        if (then->activation == ACTIVATION_STEP && fabs(sums[i]) <= error && how != DRAW_WHOLE)
            continue;
        if (!(fabs(value - expected) <= allowed))
            fail_msg("%s, then %d, %s, %s, %d threads: element %ld of %ld is %.17g, not %.17g",
                     what, (int)then->activation, setup_text, scalar_name(q.type), q.threads, i,
                     actual->count, value, expected);
    }
}

/* Of gradients times the derivative of the activation whose outputs are x. */
static void compare_before(const struct array *actual, const struct elementwise *before,
                           const struct array *x, double *sums, double *magnitude, double terms,
                           const char *what) {
    for (long i = 0; before && i < actual->count; i++) {
        double d = derivative(before, x->exact[i]);
        sums[i] *= d;
        magnitude[i] *= fabs(d) + 4; /* 1 - y^2 and the like keep an absolute error */
        if (before->activation == ACTIVATION_RELU || before->activation == ACTIVATION_STEP)
            magnitude[i] = magnitude[i] * d / 5; /* which choose, and round nothing */
    }
    compare(actual, sums, magnitude, terms + (before ? 4 : 0), what);
}

/* Makes x what the activation puts out. */
static void make_output_of(const struct elementwise *before, struct array *x) {
    for (long i = 0; before && i < x->count; i++) {
        double z = how == DRAW_WHOLE ? x->exact[i] : 2 * x->exact[i];
        set(&q, x->device, i, reference_activation(before->activation, before->slope, z));
        x->exact[i] = get(&q, x->device, i);
        x->magnitude[i] = fabs(x->exact[i]);
    }
}

/* Nothing of x is an operation's business that is told of no activation. */
static const void *seen(const struct elementwise *before, const void *x) {
    return before ? x : NULL;
}

/* --- Dense ------------------------------------------------------------------------------------ */

static void one_dense(const struct dense_shape *s, const struct elementwise *then,
                      const struct elementwise *before) {
    struct array x = array_new(1, s->images * s->in), w = array_new(2, s->in * s->out);
    struct array b = array_new(3, s->out), dy = array_new(4, s->images * s->out);
    struct array y = array_new(5, dy.count), dx = array_new(6, x.count);
    struct array dw = array_new(7, w.count), db = array_new(8, b.count);
    const struct layer_operations *device = q.device->layers;
    make_output_of(before, &x);

    device->dense_forward(&q, s, x.device, w.device, b.device, then, y.device);
    reference_dense(s, x.exact, w.exact, b.exact, y.exact);
    reference_dense(s, x.magnitude, w.magnitude, b.magnitude, y.magnitude);
    compare_after(&y, then, y.exact, y.magnitude, (double)(s->in + 1), "dense forward");

    device->dense_weight_gradient(&q, s, x.device, dy.device, dw.device, db.device);
    reference_dense_weight_gradient(s, x.exact, dy.exact, dw.exact, db.exact);
    reference_dense_weight_gradient(s, x.magnitude, dy.magnitude, dw.magnitude, db.magnitude);
    compare(&dw, dw.exact, dw.magnitude, (double)s->images, "dense weight gradient");
    compare(&db, db.exact, db.magnitude, (double)s->images, "dense bias gradient");

    device->dense_input_gradient(&q, s, dy.device, w.device, before, seen(before, x.device),
                                 dx.device);
    reference_dense_input_gradient(s, dy.exact, w.exact, dx.exact);
    reference_dense_input_gradient(s, dy.magnitude, w.magnitude, dx.magnitude);
    compare_before(&dx, before, &x, dx.exact, dx.magnitude, (double)s->out, "dense input gradient");

    struct array *all[] = {&x, &w, &b, &dy, &y, &dx, &dw, &db};
    for (size_t i = 0; i < COUNT(all); i++) array_free(all[i]);
}

/* Shapes around vectors, tiles and what is divided between threads by rows and by columns. */
static void dense(void **state) {
    (void)state;
    static const struct dense_shape shapes[] = {
        {1, 1, 1},     {1, 7, 3},     {2, 300, 400}, {1, 700, 300}, {5, 3, 1},    {40, 70, 61},
        {33, 130, 20}, {2, 17, 31},   {3, 16, 32},   {14, 33, 64},  {15, 65, 33}, {64, 30, 200},
        {13, 257, 10}, {260, 15, 17}, {7, 200, 193}, {4, 513, 16}};
    long place = 0;
    find_setups();
    for (int setup = 0; setup < setup_count; setup++) {
        if (setups[setup].dense != DENSE_CBLAS && setups[setup].conv != CONV_AUTO)
            continue; /* one of each is enough here */
        for (enum scalar type = SCALAR_S; type < SCALAR_CPU_COUNT; type++)
            for (size_t i = 0; i < COUNT(shapes); i++)
                for (int threads = 1; threads <= 3; threads++, place++) {
                    how = choose(40, place, 4) ? DRAW_UNIFORM : DRAW_WHOLE;
                    take_setup(&setups[setup], type, threads);
                    one_dense(&shapes[i], choose_function(41, place), choose_function(42, place));
                }
        for (size_t f = 0; f < COUNT(functions); f++) { /* none of them is left to chance */
            how = DRAW_UNIFORM;
            take_setup(&setups[setup], f % 2 ? SCALAR_S : SCALAR_D, 1 + (int)f % 3);
            one_dense(&(struct dense_shape){9, 40, 37}, &functions[f], &functions[f]);
        }
    }
    how = DRAW_UNIFORM;
}

/* --- Convolution ------------------------------------------------------------------------------ */

static struct conv_shape conv_of(long images, long height, long width, long channels, long kernel,
                                 long stride, long padding, long filters) {
    return (struct conv_shape){images,
                               height,
                               width,
                               channels,
                               kernel,
                               stride,
                               padding,
                               (height + 2 * padding - kernel) / stride + 1,
                               (width + 2 * padding - kernel) / stride + 1,
                               filters};
}

/* Exactly as much as is asked for; NaN: nothing is read that was not written. */
static void take_scratch(const struct conv_shape *s) {
    q.scratch_bytes = q.device->layers->conv_scratch(&q, s);
    q.scratch = malloc(q.scratch_bytes);
    memset(q.scratch, 0xff, q.scratch_bytes);
}

static void one_conv(const struct conv_shape *s, const struct elementwise *then,
                     const struct elementwise *before) {
    long pixels = s->images * s->out_height * s->out_width;
    long taps = s->kernel * s->kernel * s->channels;
    struct array x = array_new(1, s->images * s->height * s->width * s->channels);
    struct array w = array_new(2, taps * s->filters), b = array_new(3, s->filters);
    struct array dy = array_new(4, pixels * s->filters), y = array_new(5, dy.count);
    struct array dx = array_new(6, x.count), dw = array_new(7, w.count), db = array_new(8, b.count);
    const struct layer_operations *device = q.device->layers;
    char what[200];
    snprintf(what, sizeof what,
             "conv of %ld %ldx%ldx%ld, %ldx%ldx%ld stride %ld pad %ld: ", s->images, s->height,
             s->width, s->channels, s->kernel, s->kernel, s->filters, s->stride, s->padding);
    char *pass = what + strlen(what);
    size_t left = sizeof what - strlen(what);
    make_output_of(before, &x);
    take_scratch(s);

    snprintf(pass, left, "forward");
    device->conv_forward(&q, s, x.device, w.device, b.device, then, y.device);
    reference_conv(s, x.exact, w.exact, b.exact, y.exact);
    reference_conv(s, x.magnitude, w.magnitude, b.magnitude, y.magnitude);
    compare_after(&y, then, y.exact, y.magnitude, (double)(taps + 1), what);

    device->conv_weight_gradient(&q, s, x.device, dy.device, false, dw.device, db.device);
    reference_conv_weight_gradient(s, x.exact, dy.exact, dw.exact, db.exact);
    reference_conv_weight_gradient(s, x.magnitude, dy.magnitude, dw.magnitude, db.magnitude);
    snprintf(pass, left, "weight gradient");
    compare(&dw, dw.exact, dw.magnitude, (double)(pixels + q.threads), what);
    snprintf(pass, left, "bias gradient");
    compare(&db, db.exact, db.magnitude, (double)(pixels + q.threads), what);

    snprintf(pass, left, "input gradient");
    device->conv_input_gradient(&q, s, dy.device, w.device, before, seen(before, x.device),
                                dx.device);
    reference_conv_input_gradient(s, dy.exact, w.exact, dx.exact);
    reference_conv_input_gradient(s, dy.magnitude, w.magnitude, dx.magnitude);
    compare_before(&dx, before, &x, dx.exact, dx.magnitude,
                   (double)(s->kernel * s->kernel * s->filters), what);

    struct array *all[] = {&x, &w, &b, &dy, &y, &dx, &dw, &db};
    for (size_t i = 0; i < COUNT(all); i++) array_free(all[i]);
    free(q.scratch);
    q.scratch = NULL;
}

/* images, height, width, channels, kernel, stride, padding, filters */
static const long conv_shapes[][8] = {
    {1, 1, 1, 1, 1, 1, 0, 1},
    {3, 5, 4, 2, 3, 1, 0, 3},
    {2, 5, 7, 1, 3, 1, 1, 4},
    {2, 6, 5, 3, 2, 2, 0, 2},
    {2, 7, 5, 2, 3, 2, 1, 3},
    {1, 4, 4, 1, 3, 3, 2, 2},
    {2, 1, 1, 3, 5, 3, 4, 2}, /* nearly all padding */
    {2, 1, 6, 2, 3, 2, 2, 2},
    {2, 6, 6, 2, 1, 4, 0, 3}, /* pixels that no window meets */
    {7, 12, 12, 4, 5, 1, 2, 6},
    {300, 3, 2, 1, 2, 1, 0, 2}, /* many small images: lowered in several rounds */
    {2, 28, 28, 1, 3, 1, 0, 32},
    {2, 3, 3, 2, 2, 1, 2, 5}, /* windows of padding alone: padding = kernel, */
    {2, 3, 5, 2, 2, 1, 4, 17},
    {2, 3, 5, 3, 1, 1, 2, 16},
    {1, 2, 3, 3, 3, 2, 7, 33},
    {2, 4, 6, 16, 1, 3, 3, 6}, /* and larger than stride and kernel */
    {3, 9, 9, 3, 2, 5, 1, 16}, /* stride > kernel */
    {1, 12, 30, 17, 3, 1, 1, 33},
    {1, 14, 14, 16, 5, 1, 2, 48},
    {2, 7, 15, 17, 3, 1, 0, 64},
    {2, 6, 5, 16, 3, 1, 2, 65},
    {1, 5, 16, 33, 2, 1, 1, 17},
    {2, 14, 14, 6, 5, 1, 0, 16}, /* LeNet-5's second */
    {1, 9, 26, 32, 3, 1, 0, 32}, /* cnn's second: several tiles of one image */
};

/* One that may go wrong: every width, at most a few rows. */
static struct conv_shape chosen_conv(long place) {
    static const long filters[] = {1, 6, 16, 17, 32, 33, 48, 64, 65}, channels[] = {1, 3, 16, 17};
    static const long kernels[] = {1, 2, 3, 5};
    long kernel = kernels[choose(50, place, COUNT(kernels))], width = 1 + place % 30;
    long height = 1 + choose(51, place, 6),
         stride = choose(52, place, 2) ? 1 : 1 + choose(53, place, 4);
    long padding = choose(54, place, (int)kernel + 2), least = height < width ? height : width;
    while (least + 2 * padding < kernel) padding++;
    return conv_of(1 + choose(55, place, 4), height, width,
                   channels[choose(56, place, COUNT(channels))], kernel, stride, padding,
                   filters[choose(57, place, COUNT(filters))]);
}

static void conv_everywhere(const struct conv_shape *s, long shape) {
    for (int setup = 0; setup < setup_count; setup++) {
        long place = shape * MOST_SETUPS + setup;
        how = choose(43, place, 4) ? DRAW_UNIFORM : DRAW_WHOLE;
        take_setup(&setups[setup], choose(44, place, 2) ? SCALAR_S : SCALAR_D,
                   1 + choose(45, place, 3));
        one_conv(s, choose_function(46, place), choose_function(47, place));
    }
    how = DRAW_UNIFORM;
}

static void conv(void **state) {
    (void)state;
    find_setups();
    for (size_t i = 0; i < COUNT(conv_shapes); i++) {
        const long *c = conv_shapes[i];
        struct conv_shape s = conv_of(c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]);
        conv_everywhere(&s, (long)i);
    }
    for (long place = 0; place < 60; place++) {
        struct conv_shape s = chosen_conv(place);
        conv_everywhere(&s, 1000 + place);
    }
}

/* Every setup with every activation and type, and every number of threads with some of them. */
static void conv_with_activations(void **state) {
    (void)state;
    static const struct conv_shape shapes[2] = {{5, 6, 7, 3, 3, 1, 1, 6, 7, 18},
                                                {2, 7, 6, 3, 3, 2, 0, 3, 2, 18}};
    find_setups();
    for (int setup = 0; setup < setup_count; setup++)
        for (enum scalar type = SCALAR_S; type < SCALAR_CPU_COUNT; type++)
            for (size_t f = 0; f < COUNT(functions); f++)
                for (int s = 0; s < 2; s++) {
                    take_setup(&setups[setup], type, 1 + (int)f % 3);
                    one_conv(&shapes[s], &functions[f], &functions[f]);
                }
}

/* Threads share rows of pixels. The direct loops compute each by itself: the same bits on any
 * number of them. (Lowered, a product has as many rows as a thread has pixels, and small ones are
 * summed in another order.) */
static void conv_bits(void **state) {
    (void)state;
    find_setups();
    for (int setup = 0; setup < setup_count; setup++)
        for (enum scalar type = SCALAR_S; type < SCALAR_CPU_COUNT; type++)
            for (long place = 0; place < 12; place++) {
                struct conv_shape s =
                    place ? chosen_conv(7 * place) : conv_of(3, 12, 12, 4, 5, 1, 2, 20);
                if (setups[setup].conv != CONV_DIRECT) continue;
                void *first[2] = {NULL, NULL};
                const struct elementwise *f = place % 3 ? &functions[3] : NULL;
                for (int threads = 1; threads <= 4; threads++) {
                    take_setup(&setups[setup], type, threads);
                    long taps = s.kernel * s.kernel * s.channels;
                    struct array x = array_new(1, s.images * s.height * s.width * s.channels);
                    struct array w = array_new(2, taps * s.filters), b = array_new(3, s.filters);
                    struct array dy =
                        array_new(4, s.images * s.out_height * s.out_width * s.filters);
                    void *y = room(&q, dy.count), *dx = room(&q, x.count);
                    take_scratch(&s);
                    q.device->layers->conv_forward(&q, &s, x.device, w.device, b.device, f, y);
                    q.device->layers->conv_input_gradient(&q, &s, dy.device, w.device, f,
                                                          seen(f, x.device), dx);
                    if (threads == 1) first[0] = y, first[1] = dx;
                    if (threads > 1) {
                        size_t element = scalar_bytes(type);
                        if (memcmp(y, first[0], (size_t)dy.count * element) != 0 ||
                            memcmp(dx, first[1], (size_t)x.count * element) != 0)
                            fail_msg("%s: other bits on %d threads", setup_text, threads);
                        free(y), free(dx);
                    }
                    array_free(&x), array_free(&w), array_free(&b), array_free(&dy);
                    free(q.scratch);
                }
                free(first[0]), free(first[1]);
            }
}

/* --- Pooling ---------------------------------------------------------------------------------- */

static const struct elementwise *pool_before; /* NULL: none */

static void one_pool(long images, long height, long width, long channels, long window,
                     long stride) {
    const struct elementwise *before = pool_before;
    struct pool_shape shape = {images,
                               height,
                               width,
                               channels,
                               window,
                               stride,
                               (height - window) / stride + 1,
                               (width - window) / stride + 1};
    const struct pool_shape *s = &shape;
    struct array x = array_new(1, images * height * width * channels);
    struct array dy = array_new(2, images * s->out_height * s->out_width * channels);
    struct array y = array_new(3, dy.count), dx = array_new(4, x.count);
    int32_t *where = malloc((size_t)y.count * sizeof *where);
    double cells = (double)(window * window);
    const struct layer_operations *device = q.device->layers;
    make_output_of(before, &x);

    device->max_pool_forward(&q, s, x.device, y.device, where);
    reference_max_pool(s, x.exact, y.exact);
    compare(&y, y.exact, y.magnitude, 0, "max pool"); /* a choice rounds nothing */

    /* `before` is of y there; what is the largest is x's, so that of x does as well here. */
    device->max_pool_backward(&q, s, dy.device, where, before, seen(before, y.device), dx.device);
    reference_max_pool_gradient(s, x.exact, dy.exact, dx.exact);
    reference_max_pool_gradient(s, x.exact, dy.magnitude, dx.magnitude);
    compare_before(&dx, before, &x, dx.exact, dx.magnitude, cells, "max pool gradient");

    /* The share 1 / window^2 is rounded, so whole numbers stay exact for windows of 1, 2, 4. */
    enum draw drawn = how;
    if (window & (window - 1)) how = DRAW_UNIFORM;
    device->average_pool_forward(&q, s, x.device, y.device);
    reference_average_pool(s, x.exact, y.exact);
    reference_average_pool(s, x.magnitude, y.magnitude);
    compare(&y, y.exact, y.magnitude, cells + 2, "average pool");

    device->average_pool_backward(&q, s, dy.device, before, seen(before, x.device), dx.device);
    reference_average_pool_gradient(s, dy.exact, dx.exact);
    reference_average_pool_gradient(s, dy.magnitude, dx.magnitude);
    compare_before(&dx, before, &x, dx.exact, dx.magnitude, cells + 2, "average pool gradient");
    how = drawn;

    struct array *all[] = {&x, &dy, &y, &dx};
    for (size_t i = 0; i < COUNT(all); i++) array_free(all[i]);
    free(where);
}

static void pool_body(void) {
    one_pool(1, 1, 1, 1, 1, 1);
    one_pool(3, 6, 4, 2, 2, 2);
    one_pool(2, 7, 5, 3, 2, 2); /* a row and a column are left over */
    one_pool(2, 7, 6, 2, 3, 2); /* windows overlap */
    one_pool(2, 5, 5, 2, 3, 1);
    one_pool(2, 8, 7, 2, 2, 3); /* windows leave gaps */
    one_pool(4, 40, 40, 4, 4, 4);
}

static void pool(void **state) {
    (void)state;
    everywhere(pool_body);
}

/* The derivative of the activation in front taken along, both with and without the measures. */
static void pool_before_body(void) {
    for (int plain = 0; plain < 2; plain++)
        for (size_t f = 0; f < COUNT(functions); f++) {
            if (how == DRAW_WHOLE && f != 0 && f != 3) continue;
            q.without = plain ? (1U << MEASURE_COUNT) - 1 : 0;
            pool_before = &functions[f];
            pool_body();
        }
    pool_before = NULL;
}

static void pool_with_activations(void **state) {
    (void)state;
    everywhere(pool_before_body);
}

/* --- Activations ------------------------------------------------------------------------------ */

/* A function of the mathematics library is wrong by less than 4 units in the last place (glibc's
 * manual), what is done to it adds a few roundings; near underflow errors are absolute. */
static void activation_body(void) {
    enum { N = 20000 };
    if (how == DRAW_WHOLE) return;
    double u = scalar_epsilon(q.type), least = q.type == SCALAR_S ? (double)FLT_MIN : DBL_MIN;
    void *y = room(&q, N), *dy = room(&q, N);
    double *z = malloc(N * sizeof *z), *d = malloc(N * sizeof *d);
    for (enum activation a = 0; a < ACTIVATION_COUNT; a++) {
        double slope = 0.3;
        struct elementwise f = {a, slope};
        for (long i = 0; i < N; i++) {
            double range = i % 10 == 0 ? 120 : 4; /* some where exponentials overflow */
            set(&q, y, i, i % 100 == 7 ? 0 : number_at_place(1, i, -range, range));
            set(&q, dy, i, number_at_place(2, i, -1, 1));
            z[i] = get(&q, y, i);
            d[i] = get(&q, dy, i);
        }
        q.device->layers->activation_forward(&q, &f, N, y);
        q.device->layers->activation_backward(&q, &f, N, y, dy);
        for (long i = 0; i < N; i++) {
            double expected = reference_activation(a, slope, z[i]), value = get(&q, y, i);
            if (!(fabs(value - expected) <= 8 * u * fabs(expected) + 2 * least))
                fail_msg("activation %d of %.9g is %.17g, not %.17g", (int)a, z[i], value,
                         expected);
            /* From y, which is near 1 or -alpha: the difference keeps y's absolute error. */
            double slope_at = d[i] * reference_derivative(a, slope, z[i]), back = get(&q, dy, i);
            if (!(fabs(back - slope_at) <= 32 * u * fabs(d[i]) + 2 * least))
                fail_msg("derivative %d at %.9g is %.17g, not %.17g", (int)a, z[i], back, slope_at);
        }
    }
    free(y), free(dy), free(z), free(d);
}

static void activations(void **state) {
    (void)state;
    everywhere(activation_body);
}

static void maxout_body(void) {
    enum { ROWS = 300, OUT = 70 };
    for (long pieces = 1; pieces <= 3; pieces++) {
        struct array x = array_new(1, ROWS * OUT * pieces), y = array_new(2, ROWS * OUT);
        struct array dy = array_new(3, ROWS * OUT), dx = array_new(4, x.count);
        int32_t *where = malloc(ROWS * OUT * sizeof *where);
        q.device->layers->maxout_forward(&q, ROWS, OUT, pieces, x.device, y.device, where);
        reference_maxout(ROWS, OUT, pieces, x.exact, y.exact);
        compare(&y, y.exact, y.magnitude, 0, "maxout");
        q.device->layers->maxout_backward(&q, ROWS, OUT, pieces, dy.device, where, dx.device);
        for (long i = 0; i < ROWS * OUT; i++) {
            bool given = false; /* to the first of the largest */
            for (long p = 0; p < pieces; p++) {
                bool largest = !given && x.exact[i * pieces + p] == y.exact[i];
                given |= largest;
                assert_true(get(&q, dx.device, i * pieces + p) == (largest ? dy.exact[i] : 0));
            }
        }
        array_free(&x), array_free(&y), array_free(&dy), array_free(&dx);
        free(where);
    }
}

static void maxout(void **state) {
    (void)state;
    everywhere(maxout_body);
}

/* e^(z - max): z - max is rounded, which e makes an error relative by |z - max| u; the sum has n
 * terms. */
static double softmax_error(long n, double range) {
    return (2 * range + (double)n + 16) * scalar_epsilon(q.type);
}

static void softmax_body(void) {
    enum { ROWS = 1500, N = 10 };
    if (how == DRAW_WHOLE) return;
    struct array z = array_new(1, ROWS * N), y = array_new(2, ROWS * N);
    struct array dy = array_new(3, ROWS * N), dz = array_new(4, ROWS * N);
    double range = 0;
    for (long i = 0; i < ROWS; i++)
        for (long j = 0; j < N; j++) {
            double size = i % 4 == 3 ? 80 : i % 4;
            set(&q, y.device, i * N + j, size * z.exact[i * N + j] + (i % 7 == 0 ? 1000 : 0));
            z.exact[i * N + j] = get(&q, y.device, i * N + j);
            range = fmax(range, 2 * size);
        }
    q.device->layers->softmax_forward(&q, ROWS, N, y.device);
    reference_softmax(ROWS, N, z.exact, y.exact);
    double error = softmax_error(N, range), least = q.type == SCALAR_S ? (double)FLT_MIN : DBL_MIN;
    for (long i = 0; i < y.count; i++) {
        double value = get(&q, y.device, i);
        assert_true(fabs(value - y.exact[i]) <= error * y.exact[i] + 2 * least);
        y.exact[i] = value; /* the derivative is that at the device's y */
    }
    memcpy(dz.device, dy.device, (size_t)dy.count * scalar_bytes(q.type));
    q.device->layers->softmax_backward(&q, ROWS, N, y.device, dz.device);
    reference_softmax_gradient(ROWS, N, y.exact, dy.exact, dz.exact);
    for (long i = 0; i < dz.count; i++) {
        double rounding = 2 * (N + 4) * scalar_epsilon(q.type) * y.exact[i];
        assert_true(fabs(get(&q, dz.device, i) - dz.exact[i]) <= rounding + 2 * least);
    }
    array_free(&z), array_free(&y), array_free(&dy), array_free(&dz);
}

static void softmax(void **state) {
    (void)state;
    everywhere(softmax_body);
}

/* --- Losses ----------------------------------------------------------------------------------- */

static void one_loss(enum loss loss, long images, long n, bool with_labels, double size) {
    long count = images * n, correct = -2, right = 0;
    double *z = malloc((size_t)count * sizeof *z), *t = calloc((size_t)count, sizeof *t);
    double *d = malloc((size_t)count * sizeof *d);
    void *y = room(&q, count), *dy = room(&q, count), *numbers = room(&q, count);
    int32_t *labels = malloc((size_t)images * sizeof *labels);
    for (long i = 0; i < count; i++) {
        set(&q, y, i, size * number_at_place(1, i, -1, 1));
        z[i] = get(&q, y, i);
        set(&q, numbers, i, i % n ? number_at_place(2, i, 0, 1) / (double)n : 0);
    }
    for (long i = 0; i < images && !with_labels; i++) { /* probabilities: they add to 1 */
        double rest = 1;
        for (long j = 1; j < n; j++) rest -= get(&q, numbers, i * n + j);
        set(&q, numbers, i * n, rest);
    }
    for (long i = 0; i < count && !with_labels; i++) t[i] = get(&q, numbers, i);
    for (long i = 0; i < images; i++) {
        labels[i] = (int32_t)(number_at_place(3, i, 0, 1) * (double)(n > 1 ? n : 2));
        if (with_labels && n == 1) t[i] = labels[i];
        if (with_labels && n > 1) t[i * n + labels[i]] = 1;
    }
    size_t bytes = q.device->layers->loss_scratch(&q, images);
    q.scratch = malloc(bytes);
    q.scratch_bytes = bytes;
    struct loss_targets targets = {with_labels ? labels : NULL, with_labels ? NULL : numbers};
    double expected = reference_loss(loss, images, n, z, t, d);
    double value = layer_loss(&q, loss, images, n, y, &targets, dy, &correct);
    /* Summed in double; differences and z - max are rounded to the type. */
    double u = scalar_epsilon(q.type), error = (2 * size + (double)n + 16) * u;
    double roundings = 8 * DBL_EPSILON * (double)count;
    if (!(fabs(value - expected) <= (error + roundings) * (expected + size)))
        fail_msg("loss %d is %.17g, not %.17g", (int)loss, value, expected);
    for (long i = 0; i < images; i++) { /* of outputs that may have become equal, the first */
        long best = 0;
        for (long j = 1; j < n; j++)
            if (get(&q, y, i * n + j) > get(&q, y, i * n + best)) best = j;
        right += n > 1 ? best == labels[i] : (get(&q, y, i) > 0.5) == (labels[i] == 1);
    }
    assert_int_equal(correct, with_labels ? right : -1);
    double scale = 1 / (loss == LOSS_HALF_SUM ? 1 : (double)images);
    for (long i = 0; i < count; i++)
        if (!(fabs(get(&q, dy, i) - d[i]) <= error * scale * (1 + fabs(z[i]))))
            fail_msg("gradient of loss %d is %.17g, not %.17g", (int)loss, get(&q, dy, i), d[i]);
    if (loss == LOSS_CATEGORICAL || loss == LOSS_BINARY) {
        double *p = malloc((size_t)count * sizeof *p);
        if (loss == LOSS_CATEGORICAL) reference_softmax(images, n, z, p);
        for (long i = 0; i < count; i++) {
            if (loss == LOSS_BINARY) p[i] = reference_activation(ACTIVATION_SIGMOID, 0, z[i]);
            assert_true(fabs(get(&q, y, i) - p[i]) <= error * p[i] + 2 * (double)FLT_MIN);
        }
        free(p);
    }
    for (long i = 0; i < count; i++) set(&q, y, i, z[i]); /* without a gradient: the same loss */
    assert_true(layer_loss(&q, loss, images, n, y, &targets, NULL, &correct) == value);
    free(z), free(t), free(d), free(y), free(dy), free(numbers), free(labels), free(q.scratch);
}

static void loss_body(void) {
    if (how == DRAW_WHOLE) return;
    for (enum loss loss = 0; loss < LOSS_COUNT; loss++)
        for (int labels = 0; labels < 2; labels++)
            for (int large = 0; large < 2; large++) {
                double size = large ? 60 : 2;
                one_loss(loss, 1, 3, labels, size);
                one_loss(loss, 700, 10, labels, size);
                if (loss != LOSS_CATEGORICAL) one_loss(loss, 9, 1, labels, size);
            }
}

static void losses(void **state) {
    (void)state;
    everywhere(loss_body);
}

/* What a training that diverges leaves behind must show in the loss. */
static void nan_shows_in_every_loss(void **state) {
    (void)state;
    double scratch[64], y[6];
    const int32_t labels[2] = {0, 2};
    long correct;
    q = make_queue("naive", SCALAR_D, 1);
    q.scratch = scratch;
    q.scratch_bytes = sizeof scratch;
    for (enum loss loss = 0; loss < LOSS_COUNT; loss++)
        for (int at = 0; at < 6; at++) {
            for (int i = 0; i < 6; i++) y[i] = i == at ? NAN : 0.1 * i;
            struct loss_targets targets = {labels, NULL};
            assert_true(isnan(layer_loss(&q, loss, 2, 3, y, &targets, NULL, &correct)));
        }
}

/* Far from 0 cross-entropy is z itself, not the logarithm of a probability that became 0. */
static void cross_entropy_of_large_sums(void **state) {
    (void)state;
    double scratch[16], sums[2] = {2000, -1000}, dy[2];
    const int32_t label = 1;
    struct loss_targets targets = {&label, NULL};
    long correct;
    q = make_queue("naive", SCALAR_D, 1);
    q.scratch = scratch;
    q.scratch_bytes = sizeof scratch;
    assert_true(layer_loss(&q, LOSS_CATEGORICAL, 1, 2, sums, &targets, dy, &correct) == 3000);
    assert_true(sums[0] == 1 && sums[1] == 0 && dy[0] == 1 && dy[1] == -1 && correct == 0);
    sums[0] = 2000, sums[1] = -1000;
    assert_true(layer_loss(&q, LOSS_BINARY, 1, 2, sums, &targets, dy, &correct) == 3000);
    assert_true(sums[0] == 1 && sums[1] == 0 && dy[0] == 1 && dy[1] == -1 && correct == 0);
}

/* Equal outputs: the first one counts, as in an argmax. */
static void ties_go_to_the_first(void **state) {
    (void)state;
    double scratch[64], y[8] = {1, 1, 0, 1, 0, 1, 0, 0};
    const int32_t labels[2] = {0, 3};
    struct loss_targets targets = {labels, NULL};
    long correct;
    q = make_queue("naive", SCALAR_D, 1);
    q.scratch = scratch;
    q.scratch_bytes = sizeof scratch;
    layer_loss(&q, LOSS_MEAN, 2, 4, y, &targets, NULL, &correct);
    assert_int_equal(correct, 1);
}

/* --- Input ------------------------------------------------------------------------------------ */

static void gather_body(void) {
    enum { ROWS = 60, N = 300, TAKEN = 100 };
    if (how == DRAW_WHOLE) return;
    uint8_t *pixels = malloc(ROWS * N);
    double *numbers = malloc(ROWS * N * sizeof *numbers);
    int64_t order[TAKEN];
    void *x = room(&q, TAKEN * N);
    for (long i = 0; i < ROWS * N; i++) {
        pixels[i] = (uint8_t)(i * 7 + i / 256);
        numbers[i] = number_at_place(1, i, -5, 5);
    }
    for (long i = 0; i < TAKEN; i++) order[i] = (i * 17 + 3) % ROWS;
    for (int kind = 0; kind < 4; kind++) {
        bool ordered = kind & 1, bytes = kind & 2;
        long count = ordered ? TAKEN : ROWS;
        q.device->layers->gather(&q, count, N, bytes ? pixels : NULL, bytes ? NULL : numbers,
                                 ordered ? order : NULL, 0, x);
        for (long i = 0; i < count; i++)
            for (long j = 0; j < N; j++) {
                long from = (ordered ? order[i] : i) * N + j;
                double exact = bytes ? pixels[from] / 255.0 : numbers[from];
                double expected = q.type == SCALAR_S ? (double)(float)exact : exact;
                assert_true(get(&q, x, i * N + j) == expected);
            }
    }
    free(pixels), free(numbers), free(x);
}

static void gather(void **state) {
    (void)state;
    everywhere(gather_body);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dense),
        cmocka_unit_test(conv),
        cmocka_unit_test(conv_with_activations),
        cmocka_unit_test(conv_bits),
        cmocka_unit_test(pool),
        cmocka_unit_test(pool_with_activations),
        cmocka_unit_test(activations),
        cmocka_unit_test(maxout),
        cmocka_unit_test(softmax),
        cmocka_unit_test(losses),
        cmocka_unit_test(nan_shows_in_every_loss),
        cmocka_unit_test(cross_entropy_of_large_sums),
        cmocka_unit_test(ties_go_to_the_first),
        cmocka_unit_test(gather),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
