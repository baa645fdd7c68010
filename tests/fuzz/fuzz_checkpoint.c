/* Any bytes as a checkpoint, as they are and with the size and the CRC-32 that belong to them:
 * refused with one line, or whole. */
/* clang-format off */
/* sources: nn/checkpoint.c nn/notation.c nn/optimizer.c nn/training.c nn/step.c nn/network.c nn/networks.c nn/layers.c nn/activations.c nn/conv.c nn/dense.c nn/dropout.c nn/pool.c kernels/trace.c */
/* clang-format on */
#include <stdbool.h>
#include <string.h>
#include <zlib.h>

#include "nn/checkpoint.h"
#include "nn/notation.h"
#include "tests/fuzz/fuzz.h"

enum { PREFIX = 24, CRC = 4 };

static void put(uint8_t *to, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) to[i] = (uint8_t)(value >> 8 * i);
}

static bool parse(const uint8_t *bytes, size_t count) {
    struct checkpoint_view view;
    const struct checkpoint *c = &view.checkpoint;
    struct architecture architecture;
    char reason[700] = "";
    if (!checkpoint_parse(&view, bytes, count, "input", reason, sizeof reason)) {
        require(strncmp(reason, "input: ", 7) == 0 && !strchr(reason, '\n'));
        return false;
    }
    require(reason[0] == '\0');
    require(architecture_parse(&architecture, c->network, c->in, reason, sizeof reason));
    size_t array = (size_t)c->parameters * scalar_bytes(c->type);
    const uint8_t *const arrays[] = {view.parameters, view.slot[0], view.slot[1], view.best};
    const bool wanted[] = {true, c->slots > 0, c->slots > 1, c->has_best};
    size_t found = 0;
    for (int i = 0; i < 4; i++) {
        require((arrays[i] != NULL) == wanted[i]);
        if (!arrays[i]) continue;
        require(arrays[i] > bytes && arrays[i] + array + CRC <= bytes + count);
        found += array;
    }
    require(view.parameters + found + CRC == bytes + count);
    require(c->step >= 0 && c->batch >= 0 && c->type < SCALAR_CPU_COUNT && c->loss < LOSS_COUNT);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    bool good = parse(bytes, count);
    if (count < PREFIX + CRC) return 0;
    uint8_t *sealed = malloc(count);
    require(sealed);
    memcpy(sealed, bytes, count);
    put(sealed + 16, count, 8);
    put(sealed + count - CRC, crc32_z(0, sealed, count - CRC), CRC);
    bool good_sealed = parse(sealed, count);
    require(!good || good_sealed);
    free(sealed);
    return 0;
}
