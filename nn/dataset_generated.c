/* Data sets that are drawn, not read. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/random.h"
#include "nn/dataset.h"

/* Streams of random numbers; far from those of weights, masks and shuffles. */
enum { DRAW_NOISE = 0x5a7a0000, DRAW_ORDER, DRAW_X, DRAW_PIXELS, DRAW_LABELS };

bool dataset_circles(struct dataset *dataset, long count, double noise, double inner,
                     uint64_t seed) {
    *dataset = (struct dataset){.name = "circles", .extent = {1, 1, 2}, .classes = 2, .outputs = 2};
    if (count < 5 || count > INT32_MAX || !(noise >= 0)) return false;
    snprintf(dataset->source, sizeof dataset->source,
             "generated: %ld points, radii 1 and %g, noise %g, seed %llu", count, inner, noise,
             (unsigned long long)seed);

    long tests = count / 5, trains = count - tests, outer = count / 2;
    size_t n = (size_t)count;
    long *order = malloc(n * sizeof *order);
    struct samples *train = &dataset->train, *test = &dataset->test;
    train->numbers = malloc(2 * (size_t)trains * sizeof(double));
    train->labels = malloc((size_t)trains * sizeof(int32_t));
    test->numbers = malloc(2 * (size_t)tests * sizeof(double));
    test->labels = malloc((size_t)tests * sizeof(int32_t));
    if (!order || !train->numbers || !train->labels || !test->numbers || !test->labels) {
        free(order);
        dataset_free(dataset);
        return false;
    }
    train->count = trains;
    test->count = tests;

    /* Fisher and Yates, in Durstenfeld's form: order[i] is the place of point i. */
    for (long i = 0; i < count; i++) order[i] = i;
    for (long i = count - 1; i > 0; i--) {
        long j = (long)random_below(seed, DRAW_ORDER, 0, (uint64_t)i, (uint64_t)i + 1);
        long kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    for (long i = 0; i < count; i++) {
        bool is_outer = i < outer;
        double angle = is_outer ? 2 * M_PI * (double)i / (double)outer
                                : 2 * M_PI * (double)(i - outer) / (double)(count - outer);
        double radius = is_outer ? 1 : inner;
        bool is_train = order[i] < trains;
        struct samples *part = is_train ? train : test;
        long at = is_train ? order[i] : order[i] - trains;
        uint64_t index = 2 * (uint64_t)i;
        part->numbers[2 * at] =
            radius * cos(angle) + noise * random_normal(seed, DRAW_NOISE, 0, index);
        part->numbers[2 * at + 1] =
            radius * sin(angle) + noise * random_normal(seed, DRAW_NOISE, 0, index + 1);
        part->labels[at] = !is_outer;
    }
    free(order);
    return true;
}

bool dataset_linear(struct dataset *dataset, long count, double slope, double intercept,
                    double sigma, double low, double high, uint64_t seed) {
    *dataset = (struct dataset){.name = "linear", .extent = {1, 1, 1}, .outputs = 1};
    if (count < 1 || count > INT32_MAX || !(sigma >= 0) || !(low < high)) return false;
    snprintf(dataset->source, sizeof dataset->source,
             "generated: %ld points, y = %g x + %g + N(0, %g), x in [%g, %g), seed %llu", count,
             slope, intercept, sigma, low, high, (unsigned long long)seed);

    struct samples *train = &dataset->train;
    train->numbers = malloc((size_t)count * sizeof(double));
    train->targets = malloc((size_t)count * sizeof(double));
    if (!train->numbers || !train->targets) {
        dataset_free(dataset);
        return false;
    }
    train->count = count;
    for (long i = 0; i < count; i++) {
        uint64_t index = (uint64_t)i;
        double x = low + (high - low) * random_uniform(seed, DRAW_X, 0, index);
        train->numbers[i] = x;
        train->targets[i] =
            slope * x + intercept + sigma * random_normal(seed, DRAW_NOISE, 0, index);
    }
    return true;
}

bool dataset_random(struct dataset *dataset, long count, struct extent extent, long classes,
                    uint64_t seed) {
    *dataset = (struct dataset){
        .name = "random", .extent = extent, .classes = classes, .outputs = classes};
    size_t bytes = 1;
    if (count < 1 || extent.height < 1 || extent.width < 1 || extent.channels < 1 || classes < 1 ||
        classes > INT32_MAX || __builtin_mul_overflow(bytes, (size_t)count, &bytes) ||
        __builtin_mul_overflow(bytes, (size_t)extent.height, &bytes) ||
        __builtin_mul_overflow(bytes, (size_t)extent.width, &bytes) ||
        __builtin_mul_overflow(bytes, (size_t)extent.channels, &bytes) || bytes > PTRDIFF_MAX ||
        (size_t)count > PTRDIFF_MAX / sizeof(int32_t))
        return false;
    snprintf(dataset->source, sizeof dataset->source,
             "generated: %ld random images of %ldx%ldx%ld, %ld classes, seed %llu", count,
             extent.height, extent.width, extent.channels, classes, (unsigned long long)seed);

    struct samples *train = &dataset->train;
    train->pixels = malloc(bytes);
    train->labels = malloc((size_t)count * sizeof(int32_t));
    if (!train->pixels || !train->labels) {
        dataset_free(dataset);
        return false;
    }
    train->count = count;
    struct random_bits bits;
    for (size_t at = 0; at < bytes; at += sizeof bits) {
        bits = random_at(seed, DRAW_PIXELS, 0, at / sizeof bits);
        memcpy(train->pixels + at, &bits, bytes - at < sizeof bits ? bytes - at : sizeof bits);
    }
    for (long i = 0; i < count; i++)
        train->labels[i] =
            (int32_t)random_below(seed, DRAW_LABELS, 0, (uint64_t)i, (uint64_t)classes);
    return true;
}
