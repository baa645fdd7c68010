/* Any bytes as a network's notation, for inputs of several shapes, and as an optimizer: refused
 * with one line, or a network whose text, and settings whose text, are read back as the same. */
/* clang-format off */
/* sources: nn/notation.c nn/optimizer.c nn/networks.c nn/layers.c nn/activations.c nn/conv.c nn/dense.c nn/dropout.c nn/pool.c kernels/trace.c */
/* clang-format on */
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "nn/notation.h"
#include "nn/optimizer.h"
#include "tests/fuzz/fuzz.h"

static bool positive(struct extent e) { return e.height > 0 && e.width > 0 && e.channels > 0; }

static void network(const char *text, struct extent input) {
    static struct architecture a, b;
    char reason[NETWORK_REASON] = "";
    if (!architecture_parse(&a, text, input, reason, sizeof reason)) {
        require(reason[0] && !strchr(reason, '\n'));
        return;
    }
    require(a.count > 0 && a.count <= MOST_LAYERS && positive(a.in));
    for (int i = 0; i < a.count; i++) {
        const struct layer *l = &a.layers[i];
        require(positive(l->in) && positive(l->out) && extent_size(l->out) <= INT_MAX);
        require(l->weights >= 0 && l->weights <= INT_MAX && l->biases >= 0 && l->name[0]);
        require(extent_size(l->in) == extent_size(i ? a.layers[i - 1].out : a.in));
    }
    require(!strchr(a.text, '\n') && !strchr(a.text, '#'));
    require(architecture_parse(&b, a.text, input, reason, sizeof reason));
    require(a.count == b.count && strcmp(a.text, b.text) == 0);
    for (int i = 0; i < a.count; i++) {
        const struct layer *l = &a.layers[i], *k = &b.layers[i];
        require(l->kind == k->kind && l->size == k->size && l->rate == k->rate &&
                l->weights == k->weights && strcmp(l->name, k->name) == 0);
    }
}

static void optimizer(const char *text) {
    struct optimizer_settings a, b;
    char reason[NETWORK_REASON] = "", back[4 * OPTIMIZER_TEXT];
    if (!optimizer_parse(&a, text, reason, sizeof reason)) {
        require(reason[0] && !strchr(reason, '\n'));
        return;
    }
    optimizer_text(&a, back, sizeof back);
    if (strlen(back) >= OPTIMIZER_TEXT) return;
    require(optimizer_parse(&b, back, reason, sizeof reason));
    require(a.kind == b.kind && a.corrects == b.corrects && a.numbers.lr == b.numbers.lr &&
            a.numbers.mu == b.numbers.mu && a.numbers.rho == b.numbers.rho &&
            a.numbers.b1 == b.numbers.b1 && a.numbers.b2 == b.numbers.b2 &&
            a.numbers.eps == b.numbers.eps && a.numbers.decay == b.numbers.decay);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    char *text = malloc(count + 1);
    require(text);
    if (count) memcpy(text, bytes, count);
    text[count] = '\0';
    network(text, (struct extent){0, 0, 0});
    network(text, (struct extent){28, 28, 1});
    network(text, (struct extent){1, 1, 2});
    optimizer(text);
    free(text);
    return 0;
}
