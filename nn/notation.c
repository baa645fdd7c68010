#include "nn/notation.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/layers.h"

/* Numbers beyond this are typing errors, and products of two stay far from overflow. */
enum { MOST_SIZE = 1 << 20 };

struct scan {
    const char *text;
    size_t at;         /* next character */
    size_t word;       /* where the word began */
    const char *wrong; /* "a number" … : NULL as long as all is well */
    char *reason;
    size_t size;
};

static bool is_space(char c) { return c == '-' || isspace((unsigned char)c); }

/* To the next word; comments are passed. False at the end. */
static bool next_word(struct scan *s) {
    for (;; s->at++) {
        if (s->text[s->at] == '#') s->at += strcspn(s->text + s->at, "\n");
        if (!s->text[s->at]) return false;
        if (!is_space(s->text[s->at])) break;
    }
    s->word = s->at;
    return true;
}

static bool at_end(const struct scan *s) {
    char c = s->text[s->at];
    return !c || c == '#' || is_space(c);
}

static int word_length(const struct scan *s) {
    size_t end = s->word;
    while (s->text[end] && s->text[end] != '#' && !is_space(s->text[end])) end++;
    return end - s->word > 40 ? 40 : (int)(end - s->word);
}

static bool fail(struct scan *s, const char *what) {
    snprintf(s->reason, s->size, "network, at %zu ('%.*s'): %s", s->at + 1, word_length(s),
             s->text + s->word, what);
    return false;
}

static bool take_integer(struct scan *s, long *value, const char *what) {
    char text[160];
    if (!isdigit((unsigned char)s->text[s->at])) {
        snprintf(text, sizeof text, "%s is missing here", what);
        return fail(s, text);
    }
    size_t begin = s->at;
    *value = 0;
    while (isdigit((unsigned char)s->text[s->at])) {
        *value = *value * 10 + (s->text[s->at++] - '0');
        if (*value <= MOST_SIZE) continue;
        s->at = begin;
        snprintf(text, sizeof text, "%s is too large (at most %d)", what, MOST_SIZE);
        return fail(s, text);
    }
    if (*value > 0) return true;
    s->at = begin;
    snprintf(text, sizeof text, "%s must be 1 at least", what);
    return fail(s, text);
}

static bool take_real(struct scan *s, double *value, const char *what) {
    size_t length = strspn(s->text + s->at, "0123456789.");
    char text[32] = "", *end = text, message[160];
    if (length && length < sizeof text) {
        memcpy(text, s->text + s->at, length);
        *value = strtod(text, &end);
    }
    if (length && length < sizeof text && end == text + length) {
        s->at += length;
        return true;
    }
    snprintf(message, sizeof message, "%s is missing or no number", what);
    return fail(s, message);
}

static bool take_letter_x(struct scan *s) {
    if (s->text[s->at] != 'x') return fail(s, "an 'x' between two sizes is missing here");
    s->at++;
    return true;
}

static bool take_text(struct scan *s, const char *text) {
    size_t length = strlen(text);
    if (strncmp(s->text + s->at, text, length) != 0) return false;
    s->at += length;
    return true;
}

/* The numbers behind each kind's name. */
static bool take_units(struct scan *s, struct layer *l) {
    return take_integer(s, &l->size, "the number of units");
}

static bool take_conv(struct scan *s, struct layer *l) {
    long width;
    size_t begin = s->at;
    if (!take_integer(s, &l->kernel, "the kernel's height") || !take_letter_x(s) ||
        !take_integer(s, &width, "the kernel's width") || !take_letter_x(s) ||
        !take_integer(s, &l->size, "the number of filters"))
        return false;
    if (width != l->kernel) {
        s->at = begin;
        return fail(s, "only square kernels");
    }
    while (!at_end(s)) {
        if (take_text(s, "stride")) {
            if (!take_integer(s, &l->stride, "the stride")) return false;
        } else if (take_text(s, "pad")) {
            if (s->text[s->at] == '0') {
                s->at++;
                continue;
            }
            if (!take_integer(s, &l->padding, "the padding")) return false;
        } else {
            return fail(s, "only stride and pad may follow the filters");
        }
    }
    if (l->padding < l->kernel) return true;
    s->at = s->word;
    return fail(s, "the padding must be smaller than the kernel");
}

static bool take_pool(struct scan *s, struct layer *l) {
    if (!take_integer(s, &l->size, "the window")) return false;
    l->stride = l->size;
    if (take_text(s, "stride")) return take_integer(s, &l->stride, "the stride");
    return true;
}

static bool take_rate(struct scan *s, struct layer *l) {
    size_t begin = s->at;
    if (!take_real(s, &l->rate, "the probability")) return false;
    if (l->rate >= 0 && l->rate < 1) return true;
    s->at = begin;
    return fail(s, "the probability must be below 1");
}

static bool take_slope(struct scan *s, struct layer *l) {
    return at_end(s) || take_real(s, &l->slope, "the slope");
}

static bool take_pieces(struct scan *s, struct layer *l) {
    return take_integer(s, &l->size, "the size of a group");
}

static const struct {
    const struct layer_kind *kind;
    bool (*take)(struct scan *s, struct layer *l);
} numbers[] = {
    {&dense_kind, take_units},       {&conv_kind, take_conv},     {&max_pool_kind, take_pool},
    {&average_pool_kind, take_pool}, {&dropout_kind, take_rate},  {&leaky_relu_kind, take_slope},
    {&elu_kind, take_slope},         {&maxout_kind, take_pieces},
};

static bool too_large(struct extent e) {
    return e.height > INT_MAX / e.width || e.height * e.width > INT_MAX / e.channels;
}

/* Adds a layer of that kind; its numbers are read from the text. */
static struct layer *add_layer(struct scan *s, struct architecture *a,
                               const struct layer_kind *kind) {
    if (a->count == MOST_LAYERS) {
        s->at = s->word;
        fail(s, "more than 64 layers (8relu counts as two)");
        return NULL;
    }
    struct layer *l = &a->layers[a->count];
    *l = (struct layer){.kind = kind,
                        .in = a->count ? a->layers[a->count - 1].out : a->in,
                        .stride = 1,
                        .slope = kind->slope};
    return l;
}

/* Finds the shapes of the layer that add_layer made, and keeps it. */
static bool keep_layer(struct scan *s, struct architecture *a, struct layer *l) {
    char what[256];
    bool good = l->kind->shape(l, what, sizeof what);
    if (good && (too_large(l->out) || l->weights > INT_MAX || l->fan_in > INT_MAX)) {
        snprintf(what, sizeof what, "this layer is too large");
        good = false;
    }
    if (!good) {
        s->at = s->word;
        return fail(s, what);
    }
    int number = 1;
    for (int i = 0; i < a->count; i++) number += a->layers[i].kind == l->kind;
    snprintf(l->name, sizeof l->name, "%s%d", l->kind->name, number);
    a->count++;
    return true;
}

static bool unknown_layer(struct scan *s, const char *name) {
    char text[400];
    int used = snprintf(text, sizeof text, "no layer is called '%s'; there are", name);
    for (const struct layer_kind *const *kind = layer_kind_table; *kind; kind++)
        if (used > 0 && (size_t)used < sizeof text)
            used += snprintf(text + used, sizeof text - (size_t)used, " %s", (*kind)->name);
    return fail(s, text);
}

static bool take_named_layer(struct scan *s, struct architecture *a) {
    char name[24];
    size_t length = 0;
    while (isalpha((unsigned char)s->text[s->at + length])) length++;
    snprintf(name, sizeof name, "%.*s", length > 20 ? 20 : (int)length, s->text + s->at);
    const struct layer_kind *kind = length < sizeof name ? layer_kind_find(name) : NULL;
    if (!kind && length) return unknown_layer(s, name);
    if (!kind) return fail(s, "a layer or a number is expected here");
    struct layer *l = add_layer(s, a, kind);
    if (!l) return false;
    s->at += length;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].kind == kind && !numbers[i].take(s, l)) return false;
    if (!at_end(s)) return fail(s, "nothing more may follow here");
    return keep_layer(s, a, l);
}

/* "200", "200relu": a dense layer and what follows it at once. */
static bool take_dense(struct scan *s, struct architecture *a) {
    struct layer *l = add_layer(s, a, &dense_kind);
    if (!l || !take_units(s, l) || !keep_layer(s, a, l)) return false;
    if (at_end(s)) return true;
    return take_named_layer(s, a);
}

/* Whether the word is sizes alone: an input. */
static bool is_sizes(const struct scan *s) {
    size_t length = strspn(s->text + s->at, "0123456789x");
    char c = s->text[s->at + length];
    return length && isdigit((unsigned char)s->text[s->at]) && (!c || c == '#' || is_space(c));
}

static bool take_input(struct scan *s, struct architecture *a, struct extent data) {
    long size[3] = {1, 1, 1};
    int count = 0;
    do {
        if (count == 3) return fail(s, "an input has three sizes at most: HxWxC");
        if (!take_integer(s, &size[count++], "a size of the input")) return false;
    } while (take_text(s, "x"));
    if (!at_end(s)) return fail(s, "nothing more may follow the input's sizes");
    struct extent written =
        count == 1 ? (struct extent){1, 1, size[0]} : (struct extent){size[0], size[1], size[2]};
    if (too_large(written)) {
        s->at = s->word;
        return fail(s, "this input is too large");
    }
    a->in = written;
    if (!extent_size(data)) return true;
    if (extent_size(data) != extent_size(written)) {
        char text[160];
        s->at = s->word;
        snprintf(text, sizeof text, "an input of %ld, but the data's have %ld numbers%s",
                 extent_size(written), extent_size(data),
                 count == 1 ? "; a dense layer in this place is written with its name" : "");
        return fail(s, text);
    }
    if (count == 1) a->in = data; /* the same numbers; rows and columns are known */
    return true;
}

bool architecture_parse(struct architecture *a, const char *text, struct extent input, char *reason,
                        size_t size) {
    struct scan s = {.text = text, .reason = reason, .size = size};
    *a = (struct architecture){.in = input};
    bool first = true;
    for (; next_word(&s); first = false) {
        if (first && is_sizes(&s)) {
            if (!take_input(&s, a, input)) return false;
            continue;
        }
        if (first && !extent_size(input)) return fail(&s, "the input comes first: 784, or 28x28x1");
        bool digit = isdigit((unsigned char)s.text[s.at]);
        if (!(digit ? take_dense(&s, a) : take_named_layer(&s, a))) return false;
    }
    if (a->count) {
        size_t used = 0;
        for (const char *c = text; *c; c++) { /* one line */
            if (*c == '#') c += strcspn(c, "\n");
            if (!*c) break;
            bool space = isspace((unsigned char)*c);
            if (space && (!used || a->text[used - 1] == ' ')) continue;
            if (used + 1 == sizeof a->text) {
                snprintf(reason, size, "network: its text has more than %zu characters", used);
                return false;
            }
            a->text[used++] = space ? ' ' : *c;
        }
        while (used && a->text[used - 1] == ' ') used--;
        a->text[used] = '\0';
        return true;
    }
    snprintf(reason, size, "network: no layers; write for example 784-200relu-10softmax");
    return false;
}
