/* PNG to grey levels by libpng: rows are turned into grey as they come, only an interlaced picture
 * is held in memory whole. Nothing is printed; what libpng has to say becomes the reason. */
#include "nn/image.h"

#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "nn/image_png.h"
#include "nn/reason.h"

enum { SIGNATURE = 8, MESSAGE = 200 };
/* The most that a byte of deflate's stream becomes: what a file of some length can hold at all. */
static const double most_expansion = 1032;
static const size_t most_file_bytes = (size_t)1 << 30;
static const struct png_limits usual_limits = {.most_pixels = 100e6, .check_sums = true};

/* All that lives across libpng's longjmp; never in locals of the function that calls setjmp. */
struct decoder {
    png_structp png;
    png_infop info;
    const uint8_t *bytes;
    size_t count, position;
    struct png_limits limits;
    long height, width, row_bytes;
    int channels, depth;
    png_bytep pixels; /* one row; all rows where interlaced */
    float *grey;
    char message[MESSAGE];
};

static void fail(png_structp png, png_const_charp message) {
    struct decoder *decoder = png_get_error_ptr(png);
    if (decoder) snprintf(decoder->message, sizeof decoder->message, "%s", message);
    png_longjmp(png, 1);
}

static void ignore_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void give_bytes(png_structp png, png_bytep out, size_t count) {
    struct decoder *decoder = png_get_io_ptr(png);
    if (count > decoder->count - decoder->position) png_error(png, "it ends too early");
    memcpy(out, decoder->bytes + decoder->position, count);
    decoder->position += count;
}

/* Header and limits, before any memory for pixels. */
static void read_header(struct decoder *d) {
    png_structp png = d->png;
    /* Limits are checked below, with a message of ours. */
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_malloc_max(png, 4000000);
    png_set_chunk_cache_max(png, 100);
    if (d->limits.check_sums)
        png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    else
        png_set_crc_action(png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
    png_read_info(png, d->info);
    d->width = (long)png_get_image_width(png, d->info);
    d->height = (long)png_get_image_height(png, d->info);
    char message[MESSAGE];
    if ((double)d->width * (double)d->height > d->limits.most_pixels) {
        snprintf(message, sizeof message, "%ld x %ld pixels are more than %g megapixels", d->width,
                 d->height, d->limits.most_pixels / 1e6);
        png_error(png, message);
    }
    double raw = (double)png_get_rowbytes(png, d->info) * (double)d->height;
    if (raw > most_expansion * (double)d->count) {
        snprintf(message, sizeof message, "%zu bytes cannot hold its %ld x %ld pixels", d->count,
                 d->width, d->height);
        png_error(png, message);
    }
}

/* One sample as a number in [0, 1]: 8 bit, or 16 bit big-endian. */
static float sample(const png_byte *p, int depth) {
    return depth == 16 ? (float)(p[0] << 8 | p[1]) / 65535.0f : (float)p[0] / 255.0f;
}

static void row_to_grey(const struct decoder *d, const png_byte *p, float *grey) {
    int bytes = d->depth / 8;
    for (long x = 0; x < d->width; x++, p += (long)bytes * d->channels) {
        float value = sample(p, d->depth);
        if (d->channels >= 3) /* ITU-R BT.601 luma */
            value = 0.299f * value + 0.587f * sample(p + bytes, d->depth) +
                    0.114f * sample(p + 2 * bytes, d->depth);
        if (d->channels % 2 == 0) { /* alpha over white */
            float alpha = sample(p + (long)bytes * (d->channels - 1), d->depth);
            value = alpha * value + (1 - alpha);
        }
        grey[x] = value < 1 ? value : 1;
    }
}

static void read_pixels(struct decoder *d) {
    png_structp png = d->png;
    png_set_expand(png); /* palettes to colours, few bits to eight, tRNS to alpha */
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, d->info);
    d->channels = png_get_channels(png, d->info);
    d->depth = png_get_bit_depth(png, d->info);
    d->row_bytes = (long)png_get_rowbytes(png, d->info);
    bool whole = passes > 1;
    d->pixels = calloc(whole ? (size_t)d->height : 1, (size_t)d->row_bytes);
    d->grey = malloc((size_t)d->height * (size_t)d->width * sizeof *d->grey);
    if (!d->pixels || !d->grey) png_error(png, "no memory for its pixels");
    for (int pass = 0; pass < passes; pass++)
        for (long y = 0; y < d->height; y++) {
            png_bytep row = d->pixels + (whole ? y * d->row_bytes : 0);
            png_read_row(png, row, NULL);
            if (pass == passes - 1) row_to_grey(d, row, d->grey + y * d->width);
        }
    png_read_end(png, NULL);
}

static bool decode(struct decoder *d) {
    if (setjmp(png_jmpbuf(d->png))) return false;
    png_set_read_fn(d->png, d, give_bytes);
    read_header(d);
    read_pixels(d);
    return true;
}

bool image_parse_png_within(struct image *image, const uint8_t *bytes, size_t count,
                            const char *name, struct png_limits limits, char *reason, size_t size) {
    *image = (struct image){0};
    if (count == 0) return reason_set(reason, size, "%s: empty, not a PNG", name);
    if (count < SIGNATURE || png_sig_cmp(bytes, 0, SIGNATURE) != 0)
        return reason_set(reason, size, "%s: not a PNG", name);
    struct decoder d = {.bytes = bytes, .count = count, .limits = limits};
    d.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &d, fail, ignore_warning);
    if (d.png) d.info = png_create_info_struct(d.png);
    bool good = false;
    if (d.info)
        good = decode(&d);
    else
        snprintf(d.message, sizeof d.message, "no memory for libpng");
    png_destroy_read_struct(&d.png, &d.info, NULL);
    free(d.pixels);
    if (!good) {
        free(d.grey);
        return reason_set(reason, size, "%s: not a usable PNG: %s", name, d.message);
    }
    *image = (struct image){.height = d.height, .width = d.width, .grey = d.grey};
    return true;
}

bool image_parse_png(struct image *image, const uint8_t *bytes, size_t count, const char *name,
                     char *reason, size_t size) {
    return image_parse_png_within(image, bytes, count, name, usual_limits, reason, size);
}

/* The whole file, however long it turns out to be (a pipe has no length). NULL with a reason. The
 * signature is looked at first: nobody waits for a large file that is something else. */
static uint8_t *read_all(FILE *file, const char *path, size_t *count, char *reason, size_t size) {
    size_t room = 1 << 16, used = 0;
    uint8_t *bytes = malloc(room);
    while (bytes) {
        used += fread(bytes + used, 1, (used < SIGNATURE ? SIGNATURE : room) - used, file);
        if (ferror(file)) {
            reason_set(reason, size, "%s: %s", path, strerror(errno));
            break;
        }
        bool named = used >= SIGNATURE && png_sig_cmp(bytes, 0, SIGNATURE) == 0;
        if (feof(file) || !named) {
            *count = used;
            return bytes;
        }
        if (used < room) continue;
        if (room >= most_file_bytes) {
            reason_set(reason, size, "%s: longer than 1 GiB", path);
            break;
        }
        room *= 2;
        uint8_t *longer = realloc(bytes, room);
        if (!longer) {
            reason_set(reason, size, "%s: no memory to read it", path);
            break;
        }
        bytes = longer;
    }
    if (!bytes) reason_set(reason, size, "%s: no memory to read it", path);
    free(bytes);
    return NULL;
}

bool image_read_png(struct image *image, const char *path, char *reason, size_t size) {
    *image = (struct image){0};
    FILE *file = fopen(path, "rb");
    if (!file) return reason_set(reason, size, "%s: %s", path, strerror(errno));
    struct stat status;
    if (fstat(fileno(file), &status) == 0 && S_ISDIR(status.st_mode)) {
        fclose(file);
        return reason_set(reason, size, "%s: %s", path, strerror(EISDIR));
    }
    size_t count = 0;
    uint8_t *bytes = read_all(file, path, &count, reason, size);
    fclose(file);
    if (!bytes) return false;
    bool good = image_parse_png(image, bytes, count, path, reason, size);
    free(bytes);
    return good;
}

void image_free(struct image *image) {
    free(image->grey);
    *image = (struct image){0};
}
