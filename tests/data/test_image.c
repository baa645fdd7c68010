/* Pictures of digits: every kind of PNG becomes the grey levels it means, what is no PNG is
 * refused, and digits of MNIST that were enlarged, coloured and moved come back as they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>
#include <png.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nn/idx.h"
#include "nn/image.h"

enum { SIDE = 28, PIXELS = SIDE * SIDE };
static char corpus[4096]; /* tests/fuzz/corpus/png, beside this file's folder */
static char reason[400];

/* A PNG in memory. */
struct bytes {
    uint8_t data[1 << 17];
    size_t count;
};

static void append(png_structp png, png_bytep data, size_t count) {
    struct bytes *out = png_get_io_ptr(png);
    assert_true(out->count + count <= sizeof out->data);
    memcpy(out->data + out->count, data, count);
    out->count += count;
}
static void flush(png_structp png) { (void)png; }

/* How a test writes a PNG. Rows are as PNG wants them: packed bits, 16 bits big-endian. */
struct layout {
    long height, width;
    int depth, colour;
    bool interlaced;
    const png_color *palette;
    int colours;
    const png_byte *palette_alpha;
    const png_color_16 *transparent;
};

static void write_png(struct bytes *out, const struct layout *l, const uint8_t *rows) {
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    assert_non_null(info);
    if (setjmp(png_jmpbuf(png))) fail_msg("libpng does not write this");
    out->count = 0;
    png_set_write_fn(png, out, append, flush);
    png_set_IHDR(png, info, (png_uint_32)l->width, (png_uint_32)l->height, l->depth, l->colour,
                 l->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_BASE, PNG_FILTER_TYPE_BASE);
    if (l->palette) png_set_PLTE(png, info, l->palette, l->colours);
    if (l->palette_alpha) png_set_tRNS(png, info, l->palette_alpha, l->colours, NULL);
    if (l->transparent) png_set_tRNS(png, info, NULL, 0, l->transparent);
    png_write_info(png, info);
    int passes = png_set_interlace_handling(png);
    size_t stride = png_get_rowbytes(png, info);
    for (int pass = 0; pass < passes; pass++)
        for (long y = 0; y < l->height; y++) png_write_row(png, rows + (size_t)y * stride);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
}

/* Writes, reads back, and compares with the grey levels that are meant. */
static void means(const struct layout *layout, const uint8_t *rows, const float *grey) {
    static struct bytes file;
    write_png(&file, layout, rows);
    struct image image;
    if (!image_parse_png(&image, file.data, file.count, "x.png", reason, sizeof reason))
        fail_msg("colour type %d, depth %d: %s", layout->colour, layout->depth, reason);
    assert_int_equal(image.height, layout->height);
    assert_int_equal(image.width, layout->width);
    for (long i = 0; i < layout->height * layout->width; i++)
        if (!(fabsf(image.grey[i] - grey[i]) < 1e-5f))
            fail_msg("colour type %d, depth %d, pixel %ld: %g instead of %g", layout->colour,
                     layout->depth, i, (double)image.grey[i], (double)grey[i]);
    image_free(&image);
    assert_null(image.grey);
}

static void grey_of_all_depths(void **state) {
    (void)state;
    for (int depth = 1; depth <= 16; depth *= 2) {
        enum { HEIGHT = 3, WIDTH = 11 };
        uint8_t rows[HEIGHT * WIDTH * 2] = {0};
        float grey[HEIGHT * WIDTH];
        long stride = (WIDTH * depth + 7) / 8;
        for (long y = 0; y < HEIGHT; y++)
            for (long x = 0; x < WIDTH; x++) {
                long most = (1L << depth) - 1, value = (7919 * x + 104729 * y + 1) & most;
                grey[y * WIDTH + x] = (float)value / (float)most;
                uint8_t *at = rows + y * stride + x * depth / 8;
                if (depth == 16) {
                    at[0] = (uint8_t)(value >> 8);
                    at[1] = (uint8_t)value;
                } else {
                    at[0] |= (uint8_t)(value << (8 - depth - x * depth % 8));
                }
            }
        for (int interlaced = 0; interlaced < 2; interlaced++)
            means(&(struct layout){.height = HEIGHT,
                                   .width = WIDTH,
                                   .depth = depth,
                                   .colour = PNG_COLOR_TYPE_GRAY,
                                   .interlaced = interlaced},
                  rows, grey);
    }
}

static void colours_are_luma(void **state) {
    (void)state;
    static const uint8_t rgb[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255};
    static const float luma[] = {0.299f, 0.587f, 0.114f, 1};
    struct layout l = {.height = 1, .width = 4, .depth = 8, .colour = PNG_COLOR_TYPE_RGB};
    means(&l, rgb, luma);
    uint8_t deep[24];
    for (int i = 0; i < 12; i++) deep[2 * i] = deep[2 * i + 1] = rgb[i];
    l.depth = 16;
    means(&l, deep, luma);
    static const png_color palette[] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 255}};
    for (int depth = 2; depth <= 8; depth *= 2) {
        uint8_t row[4] = {0};
        for (int i = 0; i < 4; i++)
            row[i * depth / 8] |= (uint8_t)(i << (8 - depth - i * depth % 8));
        means(&(struct layout){.height = 1,
                               .width = 4,
                               .depth = depth,
                               .colour = PNG_COLOR_TYPE_PALETTE,
                               .palette = palette,
                               .colours = 4},
              row, luma);
    }
}

static void alpha_is_over_white(void **state) {
    (void)state;
    struct layout l = {.height = 1, .width = 3, .depth = 8, .colour = PNG_COLOR_TYPE_GRAY_ALPHA};
    means(&l, (const uint8_t[]){0, 0, 0, 255, 0, 51}, (const float[]){1, 0, 0.8f});
    l.colour = PNG_COLOR_TYPE_RGB_ALPHA;
    means(&l, (const uint8_t[]){0, 0, 0, 0, 255, 0, 0, 255, 0, 0, 255, 102},
          (const float[]){1, 0.299f, 0.4f * 0.114f + 0.6f});
    l.depth = 16;
    l.width = 1;
    means(&l, (const uint8_t[]){0, 0, 0, 0, 0, 0, 0x33, 0x33}, (const float[]){0.8f});
    static const png_color palette[] = {{0, 0, 0}, {255, 0, 0}};
    means(&(struct layout){.height = 1,
                           .width = 2,
                           .depth = 1,
                           .colour = PNG_COLOR_TYPE_PALETTE,
                           .palette = palette,
                           .colours = 2,
                           .palette_alpha = (const png_byte[]){0, 255}},
          (const uint8_t[]){0x40}, (const float[]){1, 0.299f});
    means(&(struct layout){.height = 1,
                           .width = 2,
                           .depth = 8,
                           .colour = PNG_COLOR_TYPE_GRAY,
                           .transparent = &(const png_color_16){.gray = 7}},
          (const uint8_t[]){7, 51}, (const float[]){1, 0.2f});
}

/* The reason says why, names the file, and is one line; nothing is left to be freed. */
static void refused(const char *path, const char *why) {
    struct image image;
    reason[0] = '\0';
    if (image_read_png(&image, path, reason, sizeof reason)) fail_msg("%s is accepted", path);
    if (!strstr(reason, why)) fail_msg("%s: '%s' lacks '%s'", path, reason, why);
    if (strncmp(reason, path, strlen(path)) != 0) fail_msg("'%s' does not name %s", reason, path);
    assert_null(strchr(reason, '\n'));
    assert_null(image.grey);
}

static void what_is_no_png_is_refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"empty", "empty, not a PNG"},
        {"truncated.png", "ends too early"},
        {"bad_crc.png", "CRC"},
        {"huge.png", "2000000 x 2000000 pixels are more than 100 megapixels"},
        {"not-there.png", "No such file"},
        {".", "Is a directory"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[5000];
        snprintf(path, sizeof path, "%s/%s", corpus, cases[i][0]);
        refused(path, cases[i][1]);
    }
    refused("/dev/zero", "not a PNG");
}

static void every_way_to_cut_or_damage_it_is_refused(void **state) {
    (void)state;
    static struct bytes file;
    uint8_t rows[64];
    for (int i = 0; i < 64; i++) rows[i] = (uint8_t)(i * 37);
    write_png(&file,
              &(struct layout){.height = 8, .width = 8, .depth = 8, .colour = PNG_COLOR_TYPE_GRAY},
              rows);
    struct image image;
    for (size_t count = 0; count < file.count; count++)
        if (image_parse_png(&image, file.data, count, "x.png", reason, sizeof reason))
            fail_msg("cut to %zu of %zu bytes it is accepted", count, file.count);
    for (size_t i = 0; i < file.count; i++) {
        file.data[i] ^= 0x10;
        if (image_parse_png(&image, file.data, file.count, "x.png", reason, sizeof reason))
            fail_msg("with byte %zu changed it is accepted", i);
        file.data[i] ^= 0x10;
    }
    assert_true(image_parse_png(&image, file.data, file.count, "x.png", reason, sizeof reason));
    image_free(&image);
}

/* Sizes of a header, below 100 megapixels, that the file is far too short for. */
static void no_memory_for_pixels_that_cannot_be_there(void **state) {
    (void)state;
    static struct bytes file;
    const uint8_t row[1] = {0};
    write_png(&file,
              &(struct layout){.height = 1, .width = 1, .depth = 8, .colour = PNG_COLOR_TYPE_GRAY},
              row);
    static const uint8_t sides[] = {0, 0, 0x27, 0x10, 0, 0, 0x27, 0x10}; /* 10000 x 10000 */
    memcpy(file.data + 16, sides, sizeof sides);
    png_save_uint_32(file.data + 29, 0);
    uint32_t crc = 0xffffffff; /* of type and data */
    for (int i = 12; i < 29; i++) {
        crc ^= file.data[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    png_save_uint_32(file.data + 29, ~crc);
    struct image image;
    assert_false(image_parse_png(&image, file.data, file.count, "x.png", reason, sizeof reason));
    if (!strstr(reason, "cannot hold its 10000 x 10000 pixels")) fail_msg("%s", reason);
}

static void nothing_is_printed(void **state) {
    (void)state;
    FILE *capture = tmpfile();
    assert_non_null(capture);
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    dup2(fileno(capture), STDERR_FILENO);
    what_is_no_png_is_refused(NULL);
    every_way_to_cut_or_damage_it_is_refused(NULL);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    fseek(capture, 0, SEEK_END);
    assert_int_equal(ftell(capture), 0);
    fclose(capture);
}

static void a_file_is_read_as_its_bytes(void **state) {
    (void)state;
    char path[5000];
    snprintf(path, sizeof path, "%s/interlaced.png", corpus);
    struct image image;
    if (!image_read_png(&image, path, reason, sizeof reason)) fail_msg("%s", reason);
    assert_int_equal(image.height, 5);
    assert_int_equal(image.width, 5);
    for (int i = 0; i < 25; i++) assert_int_equal(image.grey[i] != 0, i % 5 == 1);
    image_free(&image);
}

/* Pictures without ink, and the least ones with it. */
static bool mnist(long height, long width, float *grey, uint8_t *pixels) {
    struct image image = {.height = height, .width = width, .grey = grey};
    reason[0] = '\0';
    return image_to_mnist(&image, pixels, reason, sizeof reason);
}

static void pictures_without_ink_are_refused(void **state) {
    (void)state;
    static float grey[40 * 50];
    uint8_t pixels[PIXELS];
    for (int value = 0; value <= 2; value++) {
        for (int i = 0; i < 2000; i++) grey[i] = (float)value / 2;
        static const long sizes[][2] = {{1, 1}, {1, 50}, {40, 1}, {2, 2}, {40, 50}};
        for (int s = 0; s < 5; s++) {
            assert_false(mnist(sizes[s][0], sizes[s][1], grey, pixels));
            assert_non_null(strstr(reason, "no ink"));
        }
    }
    for (int i = 0; i < 2000; i++) /* a slope of light is no ink */
        grey[i] = 0.5f + 0.006f * (float)(i % 50) + 0.004f * (float)(i / 50.0);
    assert_false(mnist(40, 50, grey, pixels));
}

static void shape_is_kept_and_centred(void **state) {
    (void)state;
    static float grey[300 * 200];
    uint8_t pixels[PIXELS];
    /* A bar of 40 x 120 at the edge of black paper: 7 x 20 in the middle. */
    for (int i = 0; i < 300 * 200; i++)
        grey[i] = i / 200 < 130 && i / 200 >= 10 && i % 200 < 45 && i % 200 >= 5;
    assert_true(mnist(300, 200, grey, pixels));
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            bool ink = y >= 4 && y < 24 && x >= 11 && x < 18;
            assert_int_equal(pixels[y * SIDE + x], ink ? 255 : 0);
        }
    /* Dirt beside it does not change it. */
    for (int y = 290; y < 295; y++)
        for (int x = 180; x < 186; x++) grey[y * 200 + x] = 1;
    uint8_t again[PIXELS];
    assert_true(mnist(300, 200, grey, again));
    assert_memory_equal(again, pixels, PIXELS);
    /* One bright pixel fills the box. */
    memset(grey, 0, sizeof grey);
    grey[12] = 1;
    assert_true(mnist(5, 5, grey, pixels));
    assert_int_equal(pixels[14 * SIDE + 14], 255);
    assert_int_equal(pixels[4 * SIDE + 4], 255);
    assert_int_equal(pixels[3 * SIDE + 14], 0);
}

/* How a digit is made into a picture: enlarged, background and ink, placed on a sheet. */
struct look {
    const char *what;
    int scale, top, left, bottom, right; /* margins in pixels */
    int colour;
    uint8_t ink[4], paper[4];
    int slope, noise;  /* of the paper, in 1/255, from left to right */
    double most_apart; /* mean |difference| in 1/255 allowed over all digits */
};
enum { GREY = PNG_COLOR_TYPE_GRAY, RGB = PNG_COLOR_TYPE_RGB, RGBA = PNG_COLOR_TYPE_RGB_ALPHA };
static const struct look looks[] = {
    {"as it is", 1, 0, 0, 0, 0, GREY, {255}, {0}, 0, 0, 1},
    {"enlarged", 8, 0, 0, 0, 0, GREY, {255}, {0}, 0, 0, 1},
    {"dark on light", 8, 3, 3, 3, 3, GREY, {0}, {255}, 0, 0, 1},
    {"moved", 4, 90, 5, 10, 150, GREY, {255}, {0}, 0, 0, 1},
    {"blue on yellow", 5, 9, 40, 60, 5, RGB, {20, 30, 140}, {250, 240, 120}, 0, 0, 1},
    {"pencil", 7, 9, 40, 60, 5, GREY, {150}, {230}, 0, 0, 1.5},
    {"black, else clear", 8, 0, 9, 0, 9, RGBA, {0, 0, 0, 255}, {0, 0, 0, 0}, 0, 0, 1},
    {"uneven light", 6, 20, 50, 30, 10, GREY, {40}, {180}, 60, 0, 5},
    {"photographed", 6, 20, 50, 30, 10, GREY, {40}, {180}, 40, 6, 5},
};
enum { LOOKS = sizeof looks / sizeof *looks, DIGITS = 100 };

static const int channels_of[] = {[GREY] = 1, [RGB] = 3, [RGBA] = 4};

static void draw(struct bytes *file, const uint8_t *digit, const struct look *k) {
    static uint8_t rows[512 * 512 * 4];
    struct layout l = {.height = k->top + SIDE * k->scale + k->bottom,
                       .width = k->left + SIDE * k->scale + k->right,
                       .depth = 8,
                       .colour = k->colour};
    int channels = channels_of[k->colour];
    uint32_t random = 1;
    for (long y = 0; y < l.height; y++)
        for (long x = 0; x < l.width; x++) {
            long i = y - k->top, j = x - k->left;
            bool inside =
                i >= 0 && j >= 0 && i < (long)SIDE * k->scale && j < (long)SIDE * k->scale;
            double part = inside ? digit[i / k->scale * SIDE + j / k->scale] / 255.0 : 0;
            random = random * 1664525 + 1013904223;
            double light = (double)k->slope * (double)x / (double)l.width +
                           k->noise * ((double)(random >> 8) / (1 << 23) - 1);
            for (int c = 0; c < channels; c++)
                rows[(y * l.width + x) * channels + c] =
                    (uint8_t)lround(part * k->ink[c] + (1 - part) * (k->paper[c] + light));
        }
    write_png(file, &l, rows);
}

static double apart(const uint8_t *a, const uint8_t *b) {
    double sum = 0;
    for (int i = 0; i < PIXELS; i++) sum += abs(a[i] - b[i]);
    return sum / PIXELS;
}

/* The first digits of the test part; false where there is no MNIST. */
static bool read_mnist(struct idx *idx, const char *what) {
    const char *folder = getenv("FLOPSTEP_DATA");
    char path[5000];
    for (int sub = 0; sub < 2; sub++) {
        if (folder)
            snprintf(path, sizeof path, "%s%s/t10k-%s-ubyte.gz", folder, sub ? "/mnist" : "", what);
        else
            snprintf(path, sizeof path, "%s/../../../../../shared/data/mnist/t10k-%s-ubyte.gz",
                     corpus, what);
        if (access(path, R_OK) != 0) continue;
        if (!idx_read(idx, path, reason, sizeof reason)) fail_msg("%s", reason);
        return true;
    }
    return false;
}

/* The mean distance tells a digit one pixel off (about 25) or uneven paper left in (about 9) from
 * resampling (below 1, about 3 where light is uneven: some edges are one pixel further out); a
 * nearest neighbour that is another number tells of a digit that went wrong alone. */
static void digits_come_back(void **state) {
    (void)state;
    struct idx idx, labels;
    if (!read_mnist(&idx, "images-idx3") || !read_mnist(&labels, "labels-idx1")) {
        print_message("without MNIST (FLOPSTEP_DATA) this part is skipped\n");
        skip();
    }
    assert_true(idx.dimensions == 3 && idx.extent[0] >= DIGITS && idx.extent[1] == SIDE);
    assert_true(labels.extent[0] >= DIGITS);
    static struct bytes file;
    static uint8_t digits[DIGITS][PIXELS], label[DIGITS];
    memcpy(digits, idx.data, sizeof digits);
    memcpy(label, labels.data, sizeof label);
    idx_free(&idx);
    idx_free(&labels);
    for (int k = 0; k < LOOKS; k++) {
        double sum = 0, worst = 0;
        int lost = 0;
        for (int n = 0; n < DIGITS; n++) {
            uint8_t pixels[PIXELS];
            struct image image;
            draw(&file, digits[n], &looks[k]);
            if (!image_parse_png(&image, file.data, file.count, "x.png", reason, sizeof reason) ||
                !image_to_mnist(&image, pixels, reason, sizeof reason))
                fail_msg("%s, digit %d: %s", looks[k].what, n, reason);
            image_free(&image);
            double distance = apart(pixels, digits[n]);
            sum += distance;
            worst = fmax(worst, distance);
            for (int other = 0; other < DIGITS; other++)
                if (label[other] != label[n] && apart(pixels, digits[other]) < distance) {
                    lost++;
                    break;
                }
        }
        print_message("%-18s mean %.2f, worst %.2f, nearer to another number %d\n", looks[k].what,
                      sum / DIGITS, worst, lost);
        if (sum / DIGITS > looks[k].most_apart)
            fail_msg("%s: %.2f apart on average", looks[k].what, sum / DIGITS);
        if (lost > 0) fail_msg("%s: %d digits are nearer to another number", looks[k].what, lost);
    }
}

int main(void) {
    const char *slash = strrchr(__FILE__, '/');
    snprintf(corpus, sizeof corpus, "%.*s/../fuzz/corpus/png", slash ? (int)(slash - __FILE__) : 1,
             slash ? __FILE__ : ".");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grey_of_all_depths),
        cmocka_unit_test(colours_are_luma),
        cmocka_unit_test(alpha_is_over_white),
        cmocka_unit_test(what_is_no_png_is_refused),
        cmocka_unit_test(every_way_to_cut_or_damage_it_is_refused),
        cmocka_unit_test(no_memory_for_pixels_that_cannot_be_there),
        cmocka_unit_test(nothing_is_printed),
        cmocka_unit_test(a_file_is_read_as_its_bytes),
        cmocka_unit_test(pictures_without_ink_are_refused),
        cmocka_unit_test(shape_is_kept_and_centred),
        cmocka_unit_test(digits_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
