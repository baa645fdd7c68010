#include "bench/harness/sizes.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SIZES = 100000 };

struct parser {
    const char *text, *at;
    struct size *sizes;
    size_t count, capacity;
    char *error;
    size_t error_size;
};

static bool fail(struct parser *p, const char *what) {
    snprintf(p->error, p->error_size,
             "'%.80s%s': %s at position %ld; examples: 100:500:100, "
             "64:4096:x2, 2000,4000, 128x1024x784",
             p->text, strlen(p->text) > 80 ? "..." : "", what, (long)(p->at - p->text) + 1);
    return false;
}

/* A positive number with its suffix. */
static bool number(struct parser *p, long *value) {
    if (*p->at == '-') return fail(p, "sizes must be positive");
    if (*p->at < '0' || *p->at > '9') return fail(p, "a number is expected");
    const char *begin = p->at;
    char *end;
    errno = 0;
    *value = strtol(begin, &end, 10);
    if (errno == ERANGE) return fail(p, "the number is too large");
    if (*value == 0) return fail(p, "sizes must be positive");
    p->at = end;
    static const struct {
        const char *suffix;
        long factor;
    } suffixes[] = {{"Ki", 1024}, {"Mi", 1048576}, {"k", 1000}, {"M", 1000000}};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        size_t length = strlen(suffixes[i].suffix);
        if (strncmp(p->at, suffixes[i].suffix, length) != 0) continue;
        if (__builtin_mul_overflow(*value, suffixes[i].factor, value)) {
            p->at = begin;
            return fail(p, "the number is too large");
        }
        p->at += length;
        break;
    }
    return true;
}

static bool add(struct parser *p, const long *extent, int extents) {
    if (p->count == MOST_SIZES) return fail(p, "more than 100000 sizes");
    if (p->count == p->capacity) {
        p->capacity = p->capacity ? 2 * p->capacity : 16;
        struct size *more = realloc(p->sizes, p->capacity * sizeof *more);
        if (!more) return fail(p, "out of memory");
        p->sizes = more;
    }
    struct size size = {{-1, -1, -1}, extents};
    memcpy(size.extent, extent, (size_t)extents * sizeof *extent);
    p->sizes[p->count++] = size;
    return true;
}

/* The factor behind "x" of a geometric range; may be a fraction such as x1.5. */
static bool factor(struct parser *p, double *value) {
    char *end;
    *value = strtod(p->at, &end);
    if (end == p->at || !isfinite(*value) || *value <= 1)
        return fail(p, "a factor above 1 is expected");
    p->at = end;
    return true;
}

/* Behind "START:". */
static bool range(struct parser *p, long start) {
    long end, step = 1;
    double ratio = 0;
    const char *end_at = p->at;
    if (!number(p, &end)) return false;
    if (*p->at == ':') {
        p->at++;
        if (*p->at == 'x') {
            p->at++;
            if (!factor(p, &ratio)) return false;
        } else if (!number(p, &step)) {
            return false;
        }
    }
    if (end < start) {
        p->at = end_at;
        return fail(p, "the range descends");
    }
    double exact = (double)start;
    for (long size = start; size <= end;) {
        if (!add(p, &size, 1)) return false;
        long next;
        if (ratio > 0) {
            exact *= ratio;
            if (exact >= (double)LONG_MAX) break;
            next = lround(exact);
            if (next <= size) next = size + 1;
        } else if (__builtin_add_overflow(size, step, &next)) {
            break;
        }
        size = next;
    }
    return true;
}

static bool entry(struct parser *p) {
    long extent[3];
    if (!number(p, &extent[0])) return false;
    if (*p->at == ':') {
        p->at++;
        return range(p, extent[0]);
    }
    int extents = 1;
    while (*p->at == 'x') {
        if (extents == 3) return fail(p, "a shape has at most three extents");
        p->at++;
        if (!number(p, &extent[extents++])) return false;
    }
    return add(p, extent, extents);
}

struct size *sizes_parse(const char *text, size_t *count, char *error, size_t error_size) {
    struct parser p = {.text = text, .at = text, .error = error, .error_size = error_size};
    bool good;
    while ((good = entry(&p)) && *p.at == ',') p.at++;
    if (good && *p.at) good = fail(&p, "',' is expected");
    if (!good) {
        free(p.sizes);
        return NULL;
    }
    *count = p.count;
    return p.sizes;
}
