/* Decoding of PNG with limits of one's own. Internal to nn/image*.c and the fuzzer. */
#ifndef FLOPSTEP_NN_IMAGE_PNG_H
#define FLOPSTEP_NN_IMAGE_PNG_H

#include "nn/image.h"

struct png_limits {
    double most_pixels;
    bool check_sums; /* false: CRCs are not compared, so that a fuzzer gets past them */
};

/* image_parse_png, which has 100 megapixels and compares CRCs, with other limits. */
bool image_parse_png_within(struct image *image, const uint8_t *bytes, size_t count,
                            const char *name, struct png_limits limits, char *reason, size_t size);

#endif
