/* A picture of a digit brought to MNIST's convention (Y. LeCun, C. Cortes, C. Burges, "The MNIST
 * database": 20 x 20 box with its proportions kept, centre of mass in the middle of 28 x 28). What
 * MNIST did not need comes first: background, polarity and specks of photographed paper. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/image.h"
#include "nn/reason.h"

enum { SIDE = 28, BOX = 20, LEVELS = 256, MOST_SIDE = 1024 };
static const float least_contrast = 0.03f; /* of full scale; paler is no ink */
static const float faint = 0.1f;           /* of the ink's level; the edge of a stroke */
static const double speck = 0.03;          /* of the largest piece's mass; smaller is dirt */

/* A picture in work: v[height][width]. */
struct plane {
    long height, width;
    float *v;
};

static float clamp(float x) { return x > 0 ? x < 1 ? x : 1 : 0; } /* NaN becomes 0 */

/* Averages blocks of whole pixels so that no side is longer than MOST_SIDE: all that follows is
 * bounded, and noise is less. */
static bool reduce(const struct image *image, struct plane *out) {
    long longer = image->height > image->width ? image->height : image->width;
    long factor = (longer + MOST_SIDE - 1) / MOST_SIDE;
    out->height = (image->height + factor - 1) / factor;
    out->width = (image->width + factor - 1) / factor;
    out->v = calloc((size_t)out->height * (size_t)out->width, sizeof *out->v);
    if (!out->v) return false;
    for (long y = 0; y < out->height; y++)
        for (long x = 0; x < out->width; x++) {
            double sum = 0;
            long count = 0;
            for (long i = y * factor; i < (y + 1) * factor && i < image->height; i++)
                for (long j = x * factor; j < (x + 1) * factor && j < image->width; j++, count++)
                    sum += clamp(image->grey[i * image->width + j]);
            out->v[y * out->width + x] = (float)(sum / (double)count);
        }
    return true;
}

static int level(float x) { return (int)(clamp(x) * (LEVELS - 1) + 0.5f); }

/* The level that `fraction` of the counted values do not exceed, in [0, 1]. */
static float quantile(const long histogram[LEVELS], int from, int to, double fraction) {
    long total = 0, sum = 0;
    for (int i = from; i < to; i++) total += histogram[i];
    for (int i = from; i < to; i++) {
        sum += histogram[i];
        if ((double)sum >= fraction * (double)total) return (float)i / (LEVELS - 1);
    }
    return (float)from / (LEVELS - 1);
}

/* First level of the upper class: N. Otsu, IEEE Trans. SMC 9 (1979): greatest variance between. */
static int otsu(const long histogram[LEVELS]) {
    double count = 0, sum = 0, below = 0, sum_below = 0, best = -1;
    int threshold = 1;
    for (int i = 0; i < LEVELS; i++) {
        count += (double)histogram[i];
        sum += (double)i * (double)histogram[i];
    }
    for (int i = 0; i + 1 < LEVELS; i++) {
        below += (double)histogram[i];
        sum_below += (double)i * (double)histogram[i];
        if (below == 0 || below == count) continue;
        double apart = sum_below / below - (sum - sum_below) / (count - below);
        double between = below * (count - below) * apart * apart;
        if (between > best) {
            best = between;
            threshold = i + 1;
        }
    }
    return threshold;
}

static bool on_border(const struct plane *p, long y, long x) {
    return y == 0 || x == 0 || y == p->height - 1 || x == p->width - 1;
}

/* Background c[0] + c[1] x + c[2] y, x and y from -1 to 1, as an even light gives it. */
static double coordinate(long i, long n) {
    return n > 1 ? 2.0 * (double)i / (double)(n - 1) - 1 : 0;
}
static double background(const struct plane *p, const double c[3], long y, long x) {
    return c[0] + c[1] * coordinate(x, p->width) + c[2] * coordinate(y, p->height);
}

/* Least squares over border pixels within `tolerance` of the background c known so far; returns
 * the root mean square of what is left, of the c before. The little added to the diagonal keeps
 * the equations regular for a picture of one row. */
static double fit_border(const struct plane *p, double c[3], double tolerance) {
    double a[3][3] = {{1e-9, 0, 0}, {0, 1e-6, 0}, {0, 0, 1e-6}}, b[3] = {0}, squares = 0, count = 0;
    for (long y = 0; y < p->height; y++) {
        bool all = y == 0 || y == p->height - 1;
        for (long x = 0; x < p->width; x += all || p->width == 1 ? 1 : p->width - 1) {
            double left = p->v[y * p->width + x] - background(p, c, y, x);
            if (fabs(left) > tolerance) continue;
            double basis[3] = {1, coordinate(x, p->width), coordinate(y, p->height)};
            for (int i = 0; i < 3; i++) {
                for (int j = 0; j < 3; j++) a[i][j] += basis[i] * basis[j];
                b[i] += basis[i] * left;
            }
            squares += left * left;
            count++;
        }
    }
    if (count == 0) return 0;
    /* Symmetric and positive definite: elimination without pivots. */
    for (int i = 0; i < 3; i++)
        for (int k = i + 1; k < 3; k++) {
            double f = a[k][i] / a[i][i];
            for (int j = i; j < 3; j++) a[k][j] -= f * a[i][j];
            b[k] -= f * b[i];
        }
    for (int i = 2; i >= 0; i--) {
        for (int j = i + 1; j < 3; j++) b[i] -= a[i][j] * b[j];
        b[i] /= a[i][i];
    }
    for (int i = 0; i < 3; i++) c[i] += b[i];
    return sqrt(squares / count);
}

/* Turns v into the distance from the background, towards the ink; returns the background's noise.
 */
static double subtract_background(struct plane *p) {
    long border[LEVELS] = {0};
    float low = 1, high = 0;
    for (long y = 0; y < p->height; y++)
        for (long x = 0; x < p->width; x++) {
            float v = p->v[y * p->width + x];
            if (on_border(p, y, x)) border[level(v)]++;
            low = v < low ? v : low;
            high = v > high ? v : high;
        }
    double c[3] = {quantile(border, 0, LEVELS, 0.5), 0, 0};
    double tolerance = 0.25 * (double)(high - low) + 0.5 / LEVELS, noise = 0;
    for (int pass = 0; pass < 3; pass++) noise = fit_border(p, c, tolerance);
    /* The third power: little ink counts for more than much paper that is a bit uneven. */
    double side = 0;
    for (long y = 0; y < p->height; y++)
        for (long x = 0; x < p->width; x++) {
            double d = p->v[y * p->width + x] - background(p, c, y, x);
            side += d * d * d;
            p->v[y * p->width + x] = (float)d;
        }
    for (long i = 0; i < p->height * p->width; i++) p->v[i] = clamp(side < 0 ? -p->v[i] : p->v[i]);
    return noise;
}

/* Stretches v so that background is 0 and ink 1 with the antialiased edges between. False where
 * there is no ink. */
static bool stretch(struct plane *p, double noise) {
    long count = p->height * p->width, histogram[LEVELS] = {0};
    float most = 0;
    for (long i = 0; i < count; i++) most = p->v[i] > most ? p->v[i] : most;
    if (most < least_contrast) return false;
    for (long i = 0; i < count; i++) histogram[level(p->v[i] / most)]++;
    int threshold = otsu(histogram);
    float high = most * quantile(histogram, threshold, LEVELS, 0.75);
    float low = most * quantile(histogram, 0, threshold, 0.5) + 3 * (float)noise;
    if (high < least_contrast || low >= high) return false;
    for (long i = 0; i < count; i++) p->v[i] = clamp((p->v[i] - low) / (high - low));
    return true;
}

/* Pixels of one connected piece (8 neighbours) above `faint`, from one of them; marks them. */
struct piece {
    long top, left, bottom, right; /* bottom and right are one past */
    double mass;
};
static struct piece trace(const struct plane *p, long start, uint8_t *seen, long *stack) {
    struct piece piece = {p->height, p->width, 0, 0, 0};
    long depth = 0;
    seen[start] = 1;
    stack[depth++] = start;
    while (depth > 0) {
        long at = stack[--depth], y = at / p->width, x = at % p->width;
        piece.mass += p->v[at];
        if (y < piece.top) piece.top = y;
        if (x < piece.left) piece.left = x;
        if (y >= piece.bottom) piece.bottom = y + 1;
        if (x >= piece.right) piece.right = x + 1;
        for (long i = y - 1; i <= y + 1; i++)
            for (long j = x - 1; j <= x + 1; j++) {
                if (i < 0 || j < 0 || i >= p->height || j >= p->width) continue;
                long next = i * p->width + j;
                if (seen[next] || p->v[next] <= faint) continue;
                seen[next] = 1;
                stack[depth++] = next;
            }
    }
    return piece;
}

/* The box of all pieces that are no specks. False where memory is short. */
static bool ink_box(const struct plane *p, struct piece *box) {
    long count = p->height * p->width;
    uint8_t *seen = malloc((size_t)count);
    long *stack = malloc((size_t)count * sizeof *stack);
    if (!seen || !stack) {
        free(seen);
        free(stack);
        return false;
    }
    double largest = 0;
    *box = (struct piece){p->height, p->width, 0, 0, 0};
    for (int pass = 0; pass < 2; pass++) { /* the largest first, then all against it */
        memset(seen, 0, (size_t)count);
        for (long i = 0; i < count; i++) {
            if (seen[i] || p->v[i] <= faint) continue;
            struct piece piece = trace(p, i, seen, stack);
            if (pass == 0 && piece.mass > largest) largest = piece.mass;
            if (pass == 0 || piece.mass < speck * largest) continue;
            if (piece.top < box->top) box->top = piece.top;
            if (piece.left < box->left) box->left = piece.left;
            if (piece.bottom > box->bottom) box->bottom = piece.bottom;
            if (piece.right > box->right) box->right = piece.right;
        }
    }
    free(seen);
    free(stack);
    return true;
}

/* Weights of `in` pixels for each of `out` (at most BOX): areas where it shrinks, else linear
 * between the centres. They sum to 1. */
static void resampling(long in, long out, double *weight) {
    double ratio = (double)in / (double)out;
    memset(weight, 0, (size_t)in * (size_t)out * sizeof *weight);
    for (long o = 0; o < out; o++) {
        double *w = weight + o * in;
        if (ratio >= 1) {
            double from = (double)o * ratio, to = from + ratio;
            for (long i = (long)from; i < in && (double)i < to; i++)
                w[i] = (fmin((double)i + 1, to) - fmax((double)i, from)) / ratio;
        } else {
            double centre = ((double)o + 0.5) * ratio - 0.5;
            long i = (long)floor(centre);
            double part = centre - (double)i;
            w[i < 0 ? 0 : i] += 1 - part;
            w[i + 1 < in ? i + 1 : in - 1] += part;
        }
    }
}

/* The box brought to rows x columns, at most BOX x BOX. False where memory is short. */
static bool resample(const struct plane *p, const struct piece *box, long rows, long columns,
                     double out[BOX][BOX]) {
    long height = box->bottom - box->top, width = box->right - box->left;
    double *down = malloc((size_t)(rows * height + columns * width) * sizeof *down);
    if (!down) return false;
    double *across = down + rows * height;
    resampling(height, rows, down);
    resampling(width, columns, across);
    for (long r = 0; r < rows; r++)
        for (long c = 0; c < columns; c++) {
            double sum = 0;
            for (long i = 0; i < height; i++) {
                if (down[r * height + i] == 0) continue;
                const float *row = p->v + (box->top + i) * p->width + box->left;
                double along = 0;
                for (long j = 0; j < width; j++) along += across[c * width + j] * row[j];
                sum += down[r * height + i] * along;
            }
            out[r][c] = sum;
        }
    free(down);
    return true;
}

/* Where the box begins, so that its centre of mass comes to pixel 13.5 to 14.5, as MNIST's do, and
 * no pixel is outside. A tie goes to 13.5, the middle. */
static long offset(double centre, long extent) {
    long at = (long)ceil((SIDE - 1) / 2.0 - centre - 1e-9);
    return at < 0 ? 0 : at > SIDE - extent ? SIDE - extent : at;
}

static void place(long rows, long columns, double box[BOX][BOX], uint8_t *pixels) {
    double mass = 0, y = 0, x = 0, most = 0;
    for (long r = 0; r < rows; r++)
        for (long c = 0; c < columns; c++) {
            mass += box[r][c];
            y += box[r][c] * (double)r;
            x += box[r][c] * (double)c;
            most = fmax(most, box[r][c]);
        }
    memset(pixels, 0, SIDE * SIDE);
    if (mass <= 0) return;
    long top = offset(y / mass, rows), left = offset(x / mass, columns);
    /* Thin strokes fade when areas are averaged: the brightest is white, as in MNIST. */
    for (long r = 0; r < rows; r++)
        for (long c = 0; c < columns; c++)
            pixels[(top + r) * SIDE + left + c] = (uint8_t)lround(255 * box[r][c] / most);
}

static long scaled(long extent, long longer) {
    long n = lround((double)BOX * (double)extent / (double)longer);
    return n > 0 ? n : 1;
}

bool image_to_mnist(const struct image *image, uint8_t pixels[28 * 28], char *reason, size_t size) {
    struct plane plane;
    struct piece box;
    double small[BOX][BOX];
    if (image->height < 1 || image->width < 1 || !image->grey)
        return reason_set(reason, size, "the picture has no pixels");
    if (!reduce(image, &plane)) return reason_set(reason, size, "no memory for the picture");
    if (!stretch(&plane, subtract_background(&plane))) {
        free(plane.v);
        return reason_set(reason, size,
                          "the picture has no ink: nothing stands out from its border");
    }
    bool good = ink_box(&plane, &box);
    if (good) {
        long height = box.bottom - box.top, width = box.right - box.left;
        long longer = height > width ? height : width;
        long rows = scaled(height, longer), columns = scaled(width, longer);
        good = resample(&plane, &box, rows, columns, small);
        if (good) place(rows, columns, small, pixels);
    }
    free(plane.v);
    return good || reason_set(reason, size, "no memory for the picture");
}
