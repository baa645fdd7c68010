/* Pictures of digits from PNG files, brought to MNIST's convention. */
#ifndef FLOPSTEP_NN_IMAGE_H
#define FLOPSTEP_NN_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Grey levels in [0, 1], 0 black, row by row. */
struct image {
    long height, width;
    float *grey; /* malloced */
};

/* Reads a PNG of any colour type and depth (alpha over white, colours by ITU-R BT.601 luma). False
 * with a one-line reason that names the file: not there, not a PNG, broken, or beyond 100
 * megapixels (which is refused before it is decoded). */
bool image_read_png(struct image *image, const char *path, char *reason, size_t size);
bool image_parse_png(struct image *image, const uint8_t *bytes, size_t count, const char *name,
                     char *reason, size_t size);
void image_free(struct image *image);

/* MNIST's own preparation: strokes light on a dark background (inverted where the border is the
 * lighter part), background to 0 (also that of evenly sloping light), specks outside left out of
 * the box, scaled with its proportions kept so that the ink fits 20 x 20 and its brightest pixel is
 * 255, then placed in 28 x 28 with its centre of mass in the middle (by whole pixels, never cut).
 * False with a reason, which names no file, where nothing stands out from the border. */
bool image_to_mnist(const struct image *image, uint8_t pixels[28 * 28], char *reason, size_t size);

#endif
