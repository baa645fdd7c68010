/* Convolution without a matrix of columns. In NHWC the kernel x channels numbers of a row of a
 * window lie side by side, and so do the windows of neighbouring pixels: a row of output pixels is
 * a product whose A is the image itself, read with overlap, one segment for each row of the window.
 */
#include <math.h>
#include <string.h>

#include "kernels/cpu/layers/conv_paths.h"
#include "kernels/cpu/layers/tile.h"

/* At stride 1 the input gradient is a convolution of dy with the filters turned by 180 degrees. */
static struct conv_shape turned(const struct conv_shape *s) {
    return (struct conv_shape){.images = s->images,
                               .height = s->out_height,
                               .width = s->out_width,
                               .channels = s->filters,
                               .kernel = s->kernel,
                               .stride = 1,
                               .padding = s->kernel - 1 - s->padding,
                               .out_height = s->height,
                               .out_width = s->width,
                               .filters = s->channels};
}

/* Whether the input gradient spreads dy rather than gathers it: gathering is for stride 1 and
 * computes whole vectors of channels, and zeros at the borders. */
static bool spreads(const struct tile_set *set, const struct conv_shape *s) {
    if (s->stride > 1 || s->padding >= s->kernel) return true;
    long run = s->kernel * s->channels, lanes = set->lanes;
    long vectors = (s->channels + lanes - 1) / lanes, run_vectors = (run + lanes - 1) / lanes;
    double gather = (double)(s->height * s->width * s->kernel * vectors);
    double spread = (double)(s->out_height * s->out_width * run_vectors);
    return spread < 0.7 * gather;
}

/* Columns in whole vectors. */
static long padded(const struct tile_set *set, long columns) {
    return (columns + set->lanes - 1) / set->lanes * set->lanes;
}

/* --- One thread's memory: packed filters, then an image with zeros at its sides
 * -------------------
 */

static size_t filter_bytes(const struct tile_set *set, const struct conv_shape *s) {
    return conv_aligned((size_t)(conv_taps(s) * padded(set, s->filters)) * set->element);
}

static size_t image_bytes(const struct tile_set *set, const struct conv_shape *s) {
    long width = s->width + 2 * s->padding;
    return s->padding ? conv_aligned((size_t)(s->height * width * s->channels) * set->element) : 0;
}

static size_t output_bytes(const struct tile_set *set, const struct conv_shape *s) {
    return conv_aligned((size_t)(s->out_height * s->out_width * 2 * set->lanes) * set->element);
}

static size_t scratch(const struct queue *q, const struct conv_shape *s) {
    const struct tile_set *set = tile_set_find(q->isa, q->type);
    struct conv_shape back = turned(s);
    size_t forward = filter_bytes(set, s) + image_bytes(set, s);
    size_t gradient = output_bytes(set, s) + image_bytes(set, s);
    size_t backward = spreads(set, s) ? conv_spread_scratch(q, s)
                                      : filter_bytes(set, &back) + image_bytes(set, &back);
    size_t most = forward > backward ? forward : backward;
    return gradient > most ? gradient : most;
}

/* Rows [first, end) of an image; where it is padded, as copy in `room` with zeros left and right.
 * Returns where row 0 lies or would lie. Rows above and below an image are skipped, not stored. */
static const char *image_rows(const struct queue *q, const struct conv_shape *s, const void *image,
                              long first, long end, void *room) {
    if (!s->padding) return image;
    size_t side = (size_t)(s->padding * s->channels) * scalar_bytes(q->type);
    size_t row = (size_t)(s->width * s->channels) * scalar_bytes(q->type);
    for (long y = first < 0 ? 0 : first; y < end && y < s->height; y++) {
        char *to = (char *)room + (size_t)y * (row + 2 * side);
        memset(to, 0, side);
        memcpy(to + side, (const char *)image + (size_t)y * row, row);
        memset(to + side + row, 0, side);
    }
    return room;
}

/* --- Forward, and the input gradient as forward of other numbers ---------------------------------
 */

/* Where the input image's row lies for output row 0, window row 0 is image row -padding: window
 * rows [first, end) meet the image. */
static void window_rows(const struct conv_shape *s, long oy, long *first, long *end) {
    long top = oy * s->stride - s->padding;
    *first = top < 0 ? -top : 0;
    *end = top + s->kernel > s->height ? s->height - top : s->kernel;
    if (*first > *end) *first = *end = 0;
}

/* One row of output pixels, all filters. */
static void output_row(const struct queue *q, const struct tile_set *set,
                       const struct conv_shape *s, const char *image, const char *filters,
                       const void *bias, bool relu, long oy, void *y) {
    long width = (s->width + 2 * s->padding) * s->channels, run = s->kernel * s->channels;
    long first, end;
    window_rows(s, oy, &first, &end);
    for (long column = 0; column < s->filters;) {
        long panel = tile_vectors(set, s->filters, column) * set->lanes;
        struct tile t = {
            .columns = s->filters - column < panel ? s->filters - column : panel,
            .segments = end - first,
            .length = run,
            .a = element_at(q, image, (oy * s->stride - s->padding + first) * width),
            .a_row = s->stride * s->channels,
            .a_segment = width,
            .a_step = 1,
            .b = element_at(q, filters, conv_taps(s) * column + first * run * panel),
            .b_segment = run * panel,
            .b_step = panel,
            .c = element_at(q, y, column),
            .c_row = s->filters,
            .bias = bias ? element_at(q, bias, column) : NULL,
            .floor = relu ? 0 : -INFINITY,
        };
        tile_rows(set, &t, s->out_width);
        column += panel;
    }
}

/* Output rows [begin, end) of all images; `after` gets each finished stretch of them. */
static void convolve(const struct conv_task *t, const struct conv_shape *s, const char *filters,
                     void *room, long begin, long end, const void *x, const void *bias, bool relu,
                     void *y, void (*after)(const struct conv_task *, long from, long count)) {
    const struct tile_set *set = tile_set_find(t->q->isa, t->q->type);
    for (long row = begin, next; row < end; row = next) {
        long image = row / s->out_height, top = image * s->out_height;
        next = top + s->out_height < end ? top + s->out_height : end;
        const char *rows = image_rows(t->q, s, element_at(t->q, x, image * conv_input_size(s)),
                                      (row - top) * s->stride - s->padding,
                                      (next - 1 - top) * s->stride - s->padding + s->kernel, room);
        for (long r = row; r < next; r++)
            output_row(t->q, set, s, rows, filters, bias, relu, r - top,
                       element_at(t->q, y, r * conv_row_size(s)));
        after(t, row * conv_row_size(s), (next - row) * conv_row_size(s));
    }
}

static void activate(const struct conv_task *t, long from, long count) {
    if (!is_relu(t->then)) cpu_activate(t->q, t->then, count, element_at(t->q, t->y, from));
}

static void forward(long begin, long end, int thread, const void *argument) {
    const struct conv_task *t = argument;
    const struct conv_shape *s = t->s;
    const struct tile_set *set = tile_set_find(t->q->isa, t->q->type);
    char *filters = conv_piece(t, thread);
    for (long column = 0; column < s->filters;) {
        int vectors = tile_vectors(set, s->filters, column);
        set->pack(element_at(t->q, t->w, column), s->filters, conv_taps(s), s->filters - column,
                  vectors, element_at(t->q, filters, conv_taps(s) * column));
        column += vectors * set->lanes;
    }
    convolve(t, s, filters, filters + filter_bytes(set, s), begin, end, t->x, t->b,
             is_relu(t->then), t->y, activate);
}

static void differentiate(const struct conv_task *t, long from, long count) {
    cpu_differentiate(t->q, t->before, count, element_at(t->q, t->x, from),
                      element_at(t->q, t->dx, from));
}

static void input_gradient(long begin, long end, int thread, const void *argument) {
    const struct conv_task *t = argument;
    const struct conv_shape back = turned(t->s);
    const struct tile_set *set = tile_set_find(t->q->isa, t->q->type);
    if (spreads(set, t->s)) {
        conv_spread_input_gradient(begin, end, thread, argument);
        return;
    }
    char *filters = conv_piece(t, thread);
    long squares = back.kernel * back.kernel, block = back.channels * back.filters;
    for (long column = 0; column < back.filters;) {
        int vectors = tile_vectors(set, back.filters, column);
        char *panel = element_at(t->q, filters, conv_taps(&back) * column);
        for (long tap = 0; tap < squares; tap++)
            set->pack_transposed(
                element_at(t->q, t->w, (squares - 1 - tap) * block + column * back.channels),
                back.channels, back.channels, back.filters - column, vectors,
                element_at(t->q, panel, tap * back.channels * vectors * set->lanes));
        column += vectors * set->lanes;
    }
    convolve(t, &back, filters, filters + filter_bytes(set, &back), begin, end, t->dy, NULL, false,
             t->dx, differentiate);
}

/* --- Weight gradient
 * ------------------------------------------------------------------------------ dw[ky][kx, c][f]
 * is a product over all pixels whose rows, kx and c, lie side by side in the image. */

static void one_weight_gradient(const struct conv_task *t, const struct tile_set *set,
                                const char *image, const void *dy, bool first, void *room,
                                void *dw) {
    const struct conv_shape *s = t->s;
    long width = (s->width + 2 * s->padding) * s->channels, run = s->kernel * s->channels;
    for (long column = 0; column < s->filters;) {
        int vectors = tile_vectors(set, s->filters, column);
        long panel = vectors * set->lanes, step = s->filters;
        const void *b = element_at(t->q, dy, column);
        if (s->filters - column < panel) { /* no whole vectors: packed */
            set->pack(b, s->filters, s->out_height * s->out_width, s->filters - column, vectors,
                      room);
            b = room;
            step = panel;
        }
        for (long ky = 0; ky < s->kernel; ky++) {
            long above = s->padding - ky, below = s->height + s->padding - ky;
            long top = above > 0 ? (above + s->stride - 1) / s->stride : 0;
            long bottom = below > 0 ? (below + s->stride - 1) / s->stride : 0;
            if (bottom > s->out_height) bottom = s->out_height;
            struct tile tile = {
                .columns = s->filters - column < panel ? s->filters - column : panel,
                .segments = bottom > top ? bottom - top : 0,
                .length = s->out_width,
                .a = element_at(t->q, image, (top * s->stride + ky - s->padding) * width),
                .a_row = 1,
                .a_segment = s->stride * width,
                .a_step = s->stride * s->channels,
                .b = element_at(t->q, b, top * s->out_width * step),
                .b_segment = s->out_width * step,
                .b_step = step,
                .c = element_at(t->q, dw, ky * run * s->filters + column),
                .c_row = s->filters,
                .floor = -INFINITY,
                .add = !first,
            };
            tile_rows(set, &tile, run);
        }
        column += panel;
    }
}

static void weight_gradient(long begin, long end, int thread, const void *argument) {
    const struct conv_task *t = argument;
    const struct conv_shape *s = t->s;
    const struct tile_set *set = tile_set_find(t->q->isa, t->q->type);
    char *room = conv_piece(t, thread), *copy = room + output_bytes(set, s);
    void *dw = conv_gradient(t, thread), *db = element_at(t->q, dw, conv_taps(s) * s->filters);
    memset(db, 0, (size_t)s->filters * set->element);
    for (long image = begin; image < end; image++) {
        const char *x = image_rows(t->q, s, element_at(t->q, t->x, image * conv_input_size(s)), 0,
                                   s->height, copy);
        const void *dy = element_at(t->q, t->dy, image * s->out_height * conv_row_size(s));
        one_weight_gradient(t, set, x, dy, image == begin, room, dw);
        conv_add_rows(t->q, s->out_height * s->out_width, s->filters, dy, db);
    }
}

const struct conv_path_row conv_direct = {"direct", scratch, forward, input_gradient,
                                          weight_gradient};
