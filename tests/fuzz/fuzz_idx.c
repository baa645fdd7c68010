/* Any bytes as an IDX file: refused with one line, or read as its header says.
 * sources: nn/idx.c */
#include <stdlib.h>
#include <string.h>

#include "nn/idx.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    struct idx idx;
    char reason[200] = "";
    if (!idx_parse(&idx, bytes, count, "input", reason, sizeof reason)) {
        require(idx.data == NULL);
        require(strncmp(reason, "input: ", 7) == 0 && !strchr(reason, '\n'));
        return 0;
    }
    size_t product = 1;
    require(idx.dimensions >= 1 && idx.dimensions <= IDX_MOST_DIMENSIONS);
    for (int d = 0; d < idx.dimensions; d++) product *= (size_t)idx.extent[d];
    require(idx.data && idx.bytes == product && reason[0] == '\0');
    unsigned sum = 0; /* every byte is there: a sanitizer sees reads of what is not */
    for (size_t i = 0; i < idx.bytes; i++) sum += idx.data[i];
    require(sum <= 255 * idx.bytes);
    idx_free(&idx);
    return 0;
}
