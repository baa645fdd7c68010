#include "bench/rank_outliers.h"

#include <math.h>
#include <stdlib.h>

struct placed {
    double value;
    int rank;
};

static int by_value(const void *a, const void *b) {
    double x = ((const struct placed *)a)->value, y = ((const struct placed *)b)->value;
    return (x > y) - (x < y);
}

/* The median of all values but one's own, for every rank. */
static void medians_of_others(struct placed *values, int count, double *median) {
    qsort(values, (size_t)count, sizeof *values, by_value);
    int others = count - 1, low = (others - 1) / 2, high = others / 2;
    for (int i = 0; i < count; i++) { /* without the i-th, later ones move down by one */
        double below = values[low < i ? low : low + 1].value;
        double above = values[high < i ? high : high + 1].value;
        median[values[i].rank] = below + (above - below) / 2;
    }
}

bool rank_outliers_of_case(const struct rank_times *ranks, int count, double *ratio, bool *slow) {
    bool known = count > 1;
    for (int r = 0; r < count; r++) {
        ratio[r] = NAN;
        slow[r] = false;
        known &= isfinite(ranks[r].median) && isfinite(ranks[r].low) && isfinite(ranks[r].high);
    }
    if (!known) return true;
    struct placed *values = calloc((size_t)count, sizeof *values);
    double *others = calloc((size_t)count, sizeof *others);
    if (values && others) {
        for (int r = 0; r < count; r++) values[r] = (struct placed){ranks[r].median, r};
        medians_of_others(values, count, others);
        for (int r = 0; r < count; r++) ratio[r] = ranks[r].median / others[r];
        for (int r = 0; r < count; r++) values[r] = (struct placed){ranks[r].high, r};
        medians_of_others(values, count, others);
        for (int r = 0; r < count; r++)
            slow[r] = ranks[r].low > RANK_SLOW * others[r] && ranks[r].median >= RANK_SLOW_LEAST;
    }
    bool done = values && others;
    free(values);
    free(others);
    return done;
}

static bool stands_out(const struct rank_count *c, long cases, double others) {
    bool enough = c->slow_cases > 1 || (c->slow_cases == 1 && c->worst > RANK_SLOW_ALONE);
    double slow = (double)c->slow_cases;
    return enough && slow >= RANK_SLOW_SHARE * (double)cases && slow > 2 * others;
}

bool rank_outliers_of_run(const struct rank_count *counts, int count, long cases, bool *outlier) {
    struct placed *values = calloc((size_t)count, sizeof *values);
    double *others = calloc((size_t)count, sizeof *others);
    bool done = values && others;
    for (int r = 0; done && r < count; r++) {
        outlier[r] = false;
        values[r] = (struct placed){(double)counts[r].slow_cases, r};
    }
    if (done && count > 1) {
        medians_of_others(values, count, others);
        for (int r = 0; r < count; r++) outlier[r] = stands_out(&counts[r], cases, others[r]);
    }
    free(values);
    free(others);
    return done;
}
