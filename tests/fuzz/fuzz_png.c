/* PNG from outside: decoding, then the way to MNIST's convention. CRCs are not compared, or hardly
 * any input would get past them; few pixels keep it fast. */
#include <assert.h>
#include <string.h>

#include "nn/image.h"
#include "nn/image_png.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    struct png_limits limits = {.most_pixels = 4096, .check_sums = false};
    struct image image;
    char reason[200] = "";
    uint8_t pixels[28 * 28];
    if (!image_parse_png_within(&image, bytes, count, "input", limits, reason, sizeof reason)) {
        assert(reason[0] && !strchr(reason, '\n') && !image.grey);
        return 0;
    }
    for (long i = 0; i < image.height * image.width; i++)
        assert(image.grey[i] >= 0 && image.grey[i] <= 1);
    if (image_to_mnist(&image, pixels, reason, sizeof reason)) {
        /* The brightest is white: a digit that is not there would be no success. */
        assert(memchr(pixels, 255, sizeof pixels));
    } else {
        assert(reason[0] && !strchr(reason, '\n'));
    }
    image_free(&image);
    return 0;
}
