/* Simulates whole measurements (sampling, stopping, interval) on synthetic noise with a known
 * median and counts how often the interval holds it.
 *
 *   coverage [--check] [REPETITIONS [SEED]]     prints the table of docs/statistics.md
 *
 * A cell: coverage in percent (mean number of samples, share of series without an interval).
 * --check: only the cheaper cells with a claim; exit 1 where one leaves 93 ... 97 % by more than
 * two standard errors of the simulation. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/sampler.h"

/* SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) */
static uint64_t state;

static double uniform(void) {
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

static double normal(void) { /* Marsaglia's polar method, the second value dropped */
    double u, v, s;
    do {
        u = 2 * uniform() - 1;
        v = 2 * uniform() - 1;
        s = u * u + v * v;
    } while (s >= 1 || s == 0);
    return u * sqrt(-2 * log(s) / s);
}

/* The noises: relative level, correlation of neighbours; `memory` is what one series carries. */
struct noise {
    double level, rho, memory;
};

#define SLOW_SHARE  0.15 /* of the samples taken in bursts */
#define SLOW_LENGTH 20   /* samples a burst, on average */
#define SLOW_BY     0.25 /* on the logarithmic scale */
#define GRAIN       0.02 /* of the coarse clock */

static double gaussian(struct noise *z) { return 1 + z->level * normal(); }
static double lognormal(struct noise *z) { return exp(z->level * normal()); }
static double exponential(struct noise *z) { return 1 - z->level * log(uniform()); }

static double autoregressive(struct noise *z) {
    z->memory = z->rho * z->memory + sqrt(1 - z->rho * z->rho) * normal();
    return exp(z->level * z->memory);
}

/* Half the variance drifts, half is fresh. */
static double drifting(struct noise *z) {
    z->memory = z->rho * z->memory + sqrt(1 - z->rho * z->rho) * normal();
    return exp(z->level * M_SQRT1_2 * (z->memory + normal()));
}

static double bursty(struct noise *z) {
    double leave = 1.0 / SLOW_LENGTH, enter = leave * SLOW_SHARE / (1 - SLOW_SHARE);
    bool slow = z->memory > 0;
    if (uniform() < (slow ? leave : enter)) slow = !slow;
    z->memory = slow;
    return exp(z->level * normal() + (slow ? SLOW_BY : 0));
}

static double coarse(struct noise *z) { return GRAIN * round(lognormal(z) / GRAIN); }

static double median_one(double level) { return level > 0 ? 1 : NAN; }
static double median_exponential(double level) { return 1 + level * M_LN2; }

static double median_bursty(double level) {
    double a = -5 * level, b = SLOW_BY;
    for (int i = 0; i < 60; i++) {
        double x = (a + b) / 2;
        double above = (1 - SLOW_SHARE) * erfc(x / level * M_SQRT1_2) +
                       SLOW_SHARE * erfc((x - SLOW_BY) / level * M_SQRT1_2);
        *(above > 1 ? &a : &b) = x;
    }
    return exp((a + b) / 2);
}

static const struct process {
    const char *name;
    double (*draw)(struct noise *);
    double (*median)(double level);
    double rho;
    bool claimed; /* 93 ... 97 % are promised */
} processes[] = {
    {"normal", gaussian, median_one, 0, true},
    {"lognormal", lognormal, median_one, 0, true},
    {"exponential tail", exponential, median_exponential, 0, true},
    {"AR(1) 0.5", autoregressive, median_one, 0.5, true},
    {"AR(1) 0.7", autoregressive, median_one, 0.7, true},
    {"AR(1) 0.9", autoregressive, median_one, 0.9, true},
    {"AR(1) 0.99", autoregressive, median_one, 0.99, false},
    {"drift 0.95 + white", drifting, median_one, 0.95, false},
    {"bursts", bursty, median_bursty, 0, false},
    {"coarse clock", coarse, median_one, 0, false},
};

static const struct setting {
    double level, precision, wall, budget;
    size_t max_samples;
    bool claimed, cheap;
} settings[] = {
    /* stopping early: samples of 1 ms, a budget that is hardly ever spent */
    {0.01, 0.05, 1e-3, 10, 0, true, true},
    {0.01, 0.005, 1e-3, 10, 0, true, false},
    {0.03, 0.02, 1e-3, 10, 0, true, true},
    {0.03, 0.005, 1e-3, 10, 0, true, false},
    {0.10, 0.05, 1e-3, 10, 0, true, true},
    {0.10, 0.02, 1e-3, 10, 0, true, false},
    {0.10, 0.005, 1e-3, 10, 0, true, false},
    /* short samples: the least time makes the series longer */
    {0.05, 0.02, 50e-6, 0.5, 0, true, false},
    /* the budget ends first */
    {0.05, 0.001, 1e-3, 0.3, 0, true, true},
    {0.05, 0.02, 10e-3, 0.3, 0, false, false},
    /* never stopping early */
    {0.05, 0, 1e-3, 10, 5, false, false},
    {0.05, 0, 1e-3, 10, 10, false, false},
    {0.05, 0, 1e-3, 10, 30, false, false},
    {0.05, 0, 1e-3, 10, 100, false, false},
    {0.05, 0, 1e-3, 10, 1000, true, false},
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Prints one cell; false where a claim isn't kept. */
static bool simulate(const struct process *p, const struct setting *e, int repetitions) {
    struct sampler_limits limits = {e->precision, e->budget, e->max_samples};
    double truth = p->median(e->level), samples = 0;
    int held = 0, given = 0;
    for (int i = 0; i < repetitions; i++) {
        struct noise z = {e->level, p->rho, 0};
        z.memory = p->draw == bursty ? uniform() < SLOW_SHARE : normal();
        struct sampler s;
        bool noisy;
        sampler_init(&s, &limits);
        while (sampler_wants_more(&s)) sampler_add(&s, p->draw(&z), e->wall);
        struct summary r = sampler_result(&s, &noisy);
        samples += (double)r.samples;
        given += !isnan(r.low);
        held += r.low <= truth && truth <= r.high;
        sampler_free(&s);
    }
    double share = given > 0 ? (double)held / given : NAN;
    double none = 1 - (double)given / repetitions;
    printf(" %.1f (%.0f", 100 * share, samples / repetitions);
    if (none >= 0.01) printf(", %.0f %% none", 100 * none);
    printf(") |");
    fflush(stdout);
    if (!p->claimed || !e->claimed) return true;
    double low = 0.93 - 2 * sqrt(0.93 * 0.07 / repetitions);
    double high = 0.97 + 2 * sqrt(0.97 * 0.03 / repetitions);
    return share >= low && share <= high && none < 0.01;
}

static void print_head(void) {
    printf("| level, precision, a sample, end |");
    for (size_t i = 0; i < COUNT(processes); i++) printf(" %s |", processes[i].name);
    printf("\n|---|");
    for (size_t i = 0; i < COUNT(processes); i++) printf("---|");
    puts("");
}

static void print_setting(const struct setting *e) {
    printf("| %g %%, %g %%, %g ms, ", 100 * e->level, 100 * e->precision, 1e3 * e->wall);
    if (e->max_samples > 0)
        printf("n = %zu |", e->max_samples);
    else
        printf("%g s |", e->budget);
}

int main(int argc, char **argv) {
    bool check = argc > 1 && strcmp(argv[1], "--check") == 0;
    argc -= check;
    argv += check;
    int repetitions = argc > 1 ? atoi(argv[1]) : 2000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    if (repetitions < 1) {
        fprintf(stderr, "usage: coverage [--check] [REPETITIONS [SEED]]\n");
        return 2;
    }
    int broken = 0;
    print_head();
    for (size_t j = 0; j < COUNT(settings); j++) {
        if (check && !(settings[j].cheap && settings[j].claimed)) continue;
        print_setting(&settings[j]);
        for (size_t i = 0; i < COUNT(processes); i++) {
            if (check && !processes[i].claimed) {
                printf(" |");
                continue;
            }
            state = seed * 1000003 + 101 * i + j; /* each cell the same, whichever run */
            for (int k = 0; k < 8; k++) state = (uint64_t)(uniform() * 0x1p63);
            if (!simulate(&processes[i], &settings[j], repetitions)) {
                broken++;
                printf(" **outside** |");
            }
        }
        puts("");
    }
    if (broken > 0) fprintf(stderr, "coverage: %d cells outside 93 ... 97 %%\n", broken);
    return broken > 0;
}
