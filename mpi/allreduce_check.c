#include "mpi/allreduce_check.h"

#include <math.h>

/* splitmix64's mixing (Steele, Lea and Flood 2014). */
static uint64_t mix(uint64_t x) {
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
    x = (x ^ x >> 27) * 0x94d049bb133111ebU;
    return x ^ x >> 31;
}

/* 1 to 15: a number's factor by its place. */
static double place(uint64_t seed, size_t i) { return (double)(mix(seed + i) % 15 + 1); }

/* The factor by rank, 8 bits or what keeps all sums below 2^24: 4 bits are the place's. */
static double weight(uint64_t seed, int rank, int ranks) {
    int bits = 20;
    for (int p = 1; p < ranks; p *= 2) bits--;
    if (bits > 8) bits = 8;
    if (bits < 1) bits = 1;
    return (double)(mix(~seed - (uint64_t)rank) % ((1U << bits) - 1) + 1);
}

void allreduce_fill(enum scalar type, void *array, size_t count, uint64_t seed, int rank,
                    int ranks) {
    double w = weight(seed, rank, ranks);
    if (type == SCALAR_S)
        for (size_t i = 0; i < count; i++) ((float *)array)[i] = (float)(w * place(seed, i));
    else
        for (size_t i = 0; i < count; i++) ((double *)array)[i] = w * place(seed, i);
}

double allreduce_error(enum scalar type, const void *sums, size_t count, uint64_t seed,
                       const int *members, int number, int ranks) {
    double all = 0, worst = 0;
    for (int r = 0; r < number; r++) all += weight(seed, members[r], ranks);
    for (size_t i = 0; i < count; i++) {
        double sum = type == SCALAR_S ? ((const float *)sums)[i] : ((const double *)sums)[i];
        double error = fabs(sum - all * place(seed, i));
        if (isnan(error)) return NAN;
        if (error > worst) worst = error;
    }
    return worst;
}

void allreduce_spoil(enum scalar type, void *array, size_t count) {
    if (type == SCALAR_S)
        for (size_t i = 0; i < count; i++) ((float *)array)[i] = NAN;
    else
        for (size_t i = 0; i < count; i++) ((double *)array)[i] = NAN;
}
