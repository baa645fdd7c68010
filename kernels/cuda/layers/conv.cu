/* Convolutions: as many images at a time as there is room for become a matrix of columns, which the
 * library multiplies. NHWC makes the output of all of them one matrix [images, pixels][filters]. */
#include "kernels/cuda/layers/conv_columns.cuh"
#include "kernels/cuda/layers/cuda_layers.h"

/* Columns of a batch that get this much memory: more of it would save little but launches. */
static const size_t MOST_COLUMN_BYTES = (size_t)256 << 20;
/* Rows of one product: libraries count them in 32 bits. */
static const long MOST_ROWS = 1L << 30;

static long taps(const struct conv_shape *s) { return s->kernel * s->kernel * s->channels; }
static long pixels(const struct conv_shape *s) { return s->out_height * s->out_width; }
static long in_size(const struct conv_shape *s) { return s->height * s->width * s->channels; }
static long out_size(const struct conv_shape *s) { return pixels(s) * s->filters; }

/* The images are their own columns. */
static bool is_pointwise(const struct conv_shape *s) {
    return s->kernel == 1 && s->stride == 1 && s->padding == 0;
}

static size_t image_bytes(const struct queue *q, const struct conv_shape *s) {
    return (size_t)(pixels(s) * taps(s)) * scalar_bytes(q->type);
}

size_t cuda_conv_scratch(const struct queue *q, const struct conv_shape *s) {
    size_t image = image_bytes(q, s);
    long images = (long)(MOST_COLUMN_BYTES / image);
    if (is_pointwise(s)) return 0;
    if (images > s->images) images = s->images;
    return (images < 1 ? 1 : (size_t)images) * image;
}

const char *cuda_conv_path(const struct queue *q, const struct conv_shape *s, const char *pass) {
    (void)q, (void)s, (void)pass;
    return "im2col";
}

/* Images at a time; 0 with an error where there is no room for one. */
static long chunk_of(const struct queue *q, const struct conv_shape *s) {
    long most = MOST_ROWS / pixels(s);
    if (!is_pointwise(s)) {
        long fit = (long)(q->scratch_bytes / image_bytes(q, s));
        if (fit < 1)
            cuda_check(cuda_state_of(q), cudaErrorInvalidValue,
                       "a convolution without scratch memory for one image");
        if (fit < most) most = fit;
    }
    return most < s->images ? most : s->images;
}

/* The same shape with fewer images. */
static struct conv_shape chunk_shape(const struct conv_shape *s, long from, long chunk) {
    struct conv_shape part = *s;
    part.images = from + chunk < s->images ? chunk : s->images - from;
    return part;
}

/* Columns of the images at x. */
static const void *lowered(const struct queue *q, const struct conv_shape *s, const void *x) {
    if (is_pointwise(s)) return x;
    by_type(q, [&](auto zero) {
        using T = decltype(zero);
        constexpr int wide = wide_of<T>::count;
        lower_body<T> body = {*s, (uint32_t)(s->kernel * s->channels), s->width * s->channels,
                              (const T *)x, (T *)q->scratch};
        bool aligned =
            s->channels % wide == 0 && is_aligned<wide>(body.x) && is_aligned<wide>(body.columns);
        for_rows(q, s->images * pixels(s), taps(s), aligned, body, "columns of images");
    });
    return q->scratch;
}

static void raise(const struct queue *q, const struct conv_shape *s,
                  const struct elementwise *before, const void *x, void *dx) {
    by_type(q, [&](auto zero) {
        using T = decltype(zero);
        constexpr int wide = wide_of<T>::count;
        raise_body<T> body = {*s, function<T>(before), (const T *)q->scratch,
                              before ? (const T *)x : NULL, (T *)dx};
        bool aligned =
            is_aligned<wide>(body.columns) && is_aligned<wide>(body.x) && is_aligned<wide>(body.dx);
        for_rows(q, s->images * s->height * s->width, s->channels, aligned, body,
                 "images of columns");
    });
}

void cuda_conv_forward(struct queue *q, const struct conv_shape *s, const void *x, const void *w,
                       const void *b, const struct elementwise *then, void *y) {
    long chunk = chunk_of(q, s);
    for (long from = 0; chunk > 0 && from < s->images; from += chunk) {
        struct conv_shape part = chunk_shape(s, from, chunk);
        struct cuda_product p = {};
        p.m = part.images * pixels(s), p.n = s->filters, p.k = taps(s);
        p.a = lowered(q, &part, element_at(q, x, from * in_size(s)));
        p.lda = taps(s);
        p.b = w, p.ldb = s->filters;
        p.c = element_at(q, y, from * out_size(s)), p.ldc = s->filters;
        cuda_product_then(q, &p, b, then);
    }
}

void cuda_conv_weight_gradient(struct queue *q, const struct conv_shape *s, const void *x,
                               const void *dy, bool add, void *dw, void *db) {
    size_t element = scalar_bytes(q->type);
    if (s->images <= 0 && !add) { /* an empty sum */
        q->device->zero(q->device, dw, (size_t)(taps(s) * s->filters) * element);
        q->device->zero(q->device, db, (size_t)s->filters * element);
    }
    if (s->images <= 0) return;
    long chunk = chunk_of(q, s);
    for (long from = 0; chunk > 0 && from < s->images; from += chunk) {
        struct conv_shape part = chunk_shape(s, from, chunk);
        struct cuda_product p = {};
        p.trans_a = true;
        p.m = taps(s), p.n = s->filters, p.k = part.images * pixels(s);
        p.a = lowered(q, &part, element_at(q, x, from * in_size(s)));
        p.lda = taps(s);
        p.b = element_at(q, dy, from * out_size(s)), p.ldb = s->filters;
        p.beta = add || from > 0 ? 1 : 0;
        p.c = dw, p.ldc = s->filters;
        cuda_product(q, &p);
    }
    cuda_sum_rows(q, s->images * pixels(s), s->filters, dy, add, db);
}

void cuda_conv_input_gradient(struct queue *q, const struct conv_shape *s, const void *dy,
                              const void *w, const struct elementwise *before, const void *x,
                              void *dx) {
    long chunk = chunk_of(q, s);
    for (long from = 0; chunk > 0 && from < s->images; from += chunk) {
        struct conv_shape part = chunk_shape(s, from, chunk);
        void *to = element_at(q, dx, from * in_size(s));
        const void *out = before ? element_at(q, x, from * in_size(s)) : NULL;
        struct cuda_product p = {};
        p.trans_b = true;
        p.m = part.images * pixels(s), p.n = taps(s), p.k = s->filters;
        p.a = element_at(q, dy, from * out_size(s)), p.lda = s->filters;
        p.b = w, p.ldb = s->filters;
        p.c = is_pointwise(s) ? to : q->scratch;
        p.ldc = taps(s);
        cuda_product(q, &p);
        if (!is_pointwise(s))
            raise(q, &part, before, out, to);
        else if (before)
            cuda_activation_backward(q, before, part.images * in_size(s), out, to);
    }
}
