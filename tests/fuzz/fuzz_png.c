/* Any bytes as a PNG, then the way to MNIST's convention: refused with one line, or grey levels.
 * sources: nn/image_png.c nn/image_mnist.c */
#include <stdlib.h>
#include <string.h>

#include "nn/image.h"
#include "nn/image_png.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    /* Few pixels keep it fast; with CRCs compared hardly any input would get past them. */
    struct png_limits limits = {.most_pixels = 4096, .check_sums = false};
    struct image image;
    char reason[200] = "";
    uint8_t pixels[28 * 28];
    if (!image_parse_png_within(&image, bytes, count, "input", limits, reason, sizeof reason)) {
        require(image.grey == NULL);
        require(strncmp(reason, "input: ", 7) == 0 && !strchr(reason, '\n'));
        return 0;
    }
    require(image.grey && reason[0] == '\0');
    require(image.height > 0 && image.width > 0 && image.height * image.width <= 4096);
    for (long i = 0; i < image.height * image.width; i++)
        require(image.grey[i] >= 0 && image.grey[i] <= 1);
    if (image_to_mnist(&image, pixels, reason, sizeof reason))
        require(memchr(pixels, 255, sizeof pixels)); /* a digit: its brightest pixel is white */
    else
        require(reason[0] && !strchr(reason, '\n'));
    image_free(&image);
    return 0;
}
