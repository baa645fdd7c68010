/* Run under mpirun by test_gradients.py: every mode of reduction, counts that do not divide,
 * buckets of all sizes; sums against what they must be, and the same bits on all ranks. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/random.h"
#include "mpi/gradients.h"
#include "mpi/ranks.h"
#include "mpi/replicas.h"

static int failures;

static void expect(bool holds, const char *what, const char *mode, size_t count, size_t bucket) {
    if (holds) return;
    failures++;
    fprintf(stderr, "rank %d: %s: mode %s, %zu numbers, buckets of %zu bytes\n", ranks_get()->rank,
            what, mode, count, bucket);
}

static double get(enum scalar type, const void *array, size_t i) {
    return type == SCALAR_S ? (double)((const float *)array)[i] : ((const double *)array)[i];
}

static void set(enum scalar type, void *array, size_t i, double value) {
    if (type == SCALAR_S)
        ((float *)array)[i] = (float)value;
    else
        ((double *)array)[i] = value;
}

/* Whole numbers, so that sums are exact; every place and every rank has others. */
static double exact(int rank, size_t i, int step) {
    return (double)((long)(i * 7 + (size_t)rank * 13 + (size_t)step * 3) % 1001 - 500);
}

/* Numbers whose sum depends on the order. */
static double rough(int rank, size_t i) {
    double number = (double)random_below(5, 77, (uint64_t)rank, i, 1 << 20) / 1000.0 - 500;
    return i % 3 == 0 ? number * 1e5 : number;
}

/* What the layers of a network would tell: pieces from the end, of many sizes. */
static void tell(struct gradients *g, const void *arena, size_t count, enum scalar type) {
    size_t end = count, piece = 1;
    while (end) {
        size_t n = piece < end ? piece : end;
        end -= n;
        gradients_ready(g, (const char *)arena + end * scalar_bytes(type), (long)n);
        gradients_progress(g);
        piece = piece * 3 + 1;
    }
}

/* `layers`: into how many equal layers the arena is cut; 0: not told. */
static void check(const char *mode, enum scalar type, size_t count, size_t bucket, size_t layers) {
    const struct ranks *r = ranks_get();
    char reason[256] = "";
    void *arena = calloc(count, scalar_bytes(type));
    size_t borders[8];
    for (size_t i = 0; i < layers; i++) borders[i] = count * i / layers;
    struct gradients_plan plan = {.device = &cpu_device,
                                  .type = type,
                                  .arena = arena,
                                  .count = count,
                                  .bucket_bytes = bucket,
                                  .borders = borders,
                                  .border_count = layers,
                                  .mode = reduce_mode_find(mode)};
    struct gradients *g = gradients_open(&plan, reason, sizeof reason);
    expect(g != NULL, reason, mode, count, bucket);
    for (int step = 0; step < 3 && g; step++) {
        int bits, last = r->rank == r->count - 1, first = r->rank == 0;
        int own = step == 1 ? (last ? VOTE_NOT_FINITE : 0) | (first ? VOTE_STOP : 0) : 0;
        for (size_t i = 0; i < count; i++) set(type, arena, i, exact(r->rank, i, step));
        gradients_vote(g, own);
        tell(g, arena, count, type);
        const void *sum = gradients_finish(g, &bits);
        bool right = true, kept = true;
        for (size_t i = 0; i < count; i++) {
            double wanted = 0;
            for (int p = 0; p < r->count; p++) wanted += exact(p, i, step);
            right &= get(type, sum, i) == wanted;
            kept &= get(type, arena, i) == exact(r->rank, i, step) || sum == arena;
        }
        expect(right, "wrong sum", mode, count, bucket);
        expect(kept, "own gradient changed", mode, count, bucket);
        int all = step == 1 ? VOTE_NOT_FINITE | VOTE_STOP : 0;
        expect(bits == all, "wrong vote", mode, count, bucket);
    }
    /* Bits: the same on all ranks; of the reproducible mode, those of the sum in ranks' order. */
    for (size_t i = 0; i < count; i++) set(type, arena, i, rough(r->rank, i));
    int bits;
    gradients_vote(g, 0);
    tell(g, arena, count, type);
    const void *sum = gradients_finish(g, &bits);
    expect(replicas_first_other(&cpu_device, sum, count * scalar_bytes(type)) == -1,
           "ranks have different sums", mode, count, bucket);
    bool same = true;
    for (size_t i = 0; i < count; i++) {
        float single = (float)rough(0, i);
        double whole = rough(0, i);
        for (int p = 1; p < r->count; p++) {
            single += (float)rough(p, i);
            whole += rough(p, i);
        }
        same &= get(type, sum, i) == (type == SCALAR_S ? (double)single : whole);
    }
    expect(same || strcmp(mode, "reproducible") != 0, "not the sum in the order of the ranks", mode,
           count, bucket);
    gradients_close(g);
    free(arena);
}

/* A difference of one bit is found, on the right rank. */
static void check_replicas(void) {
    const struct ranks *r = ranks_get();
    for (size_t bytes = 1; bytes < 400; bytes += 37)
        for (int odd = 1; odd < r->count; odd++) {
            unsigned char *memory = calloc(bytes, 1);
            if (r->rank == odd) memory[bytes / 2] ^= 1;
            expect(replicas_first_other(&cpu_device, memory, bytes) == odd, "difference missed",
                   "replicas", bytes, (size_t)odd);
            replicas_broadcast(&cpu_device, memory, bytes);
            expect(replicas_first_other(&cpu_device, memory, bytes) == -1, "not made the same",
                   "replicas", bytes, (size_t)odd);
            free(memory);
        }
}

static void check_values(void) {
    const struct ranks *r = ranks_get();
    double values[3] = {r->rank, -r->rank, r->rank == r->count - 1 ? NAN : 1};
    double sums[2] = {r->rank + 1, 0.1 * (r->rank + 1)}, wanted = 0;
    for (int p = 0; p < r->count; p++) wanted += 0.1 * (p + 1);
    ranks_max(values, 3);
    ranks_sum(sums, 2);
    expect(values[0] == r->count - 1 && values[1] == 0, "wrong maximum", "ranks", 2, 0);
    expect(r->count == 1 || isnan(values[2]), "NaN is lost", "ranks", 3, 0);
    expect(sums[0] == r->count * (r->count + 1) / 2.0 && sums[1] == wanted, "wrong sum", "ranks", 2,
           0);
}

int main(void) {
    char reason[RANK_REASON];
    if (!ranks_begin(reason, sizeof reason)) {
        fprintf(stderr, "%s\n", reason);
        return 1;
    }
    static const size_t counts[] = {1, 2, 3, 7, 64, 1000, 10007, 185300},
                        buckets[] = {1, 64, 4000, 1 << 20};
    for (const struct reduce_name *row = reduce_names; row->name; row++)
        for (enum scalar type = SCALAR_S; type < SCALAR_CPU_COUNT; type++)
            for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
                for (size_t b = 0; b < sizeof buckets / sizeof *buckets; b++)
                    if (counts[c] / buckets[b] < 100) /* not a bucket a number for large ones */
                        check(row->name, type, counts[c], buckets[b], (c + b) % 8);
    check_replicas();
    check_values();
    double all = failures;
    ranks_sum(&all, 1);
    if (ranks_get()->rank == 0) printf("%d ranks, %.0f failures\n", ranks_get()->count, all);
    ranks_end();
    return all > 0;
}
