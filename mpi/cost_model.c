#include "mpi/cost_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double one(int p) { return (void)p, 1; }
static double none(int p) { return (void)p, 0; }
static double doublings(int p) { return ceil(log2(p)); }
static double doublings_twice(int p) { return 2 * doublings(p); }
static double steps_of_ring(int p) { return 2.0 * (p - 1); }
static double chunks(int p) { return (p - 1.0) / p; }
static double chunks_twice(int p) { return 2 * chunks(p); }

const struct cost_model cost_models[] = {
    {"p2p", "a + n b", one, one, none},
    {"recursive-doubling", "log2(p) (a + n b + n g)", doublings, doublings, doublings},
    {"rabenseifner", "2 log2(p) a + 2 (p-1)/p n b + (p-1)/p n g", doublings_twice, chunks_twice,
     chunks},
    {"ring", "2 (p-1) a + 2 (p-1)/p n b + (p-1)/p n g", steps_of_ring, chunks_twice, chunks},
    {NULL, NULL, NULL, NULL, NULL},
};

const struct cost_model *cost_model_find(const char *name) {
    for (const struct cost_model *m = cost_models; m->name; m++)
        if (strcmp(m->name, name) == 0) return m;
    return NULL;
}

static double largest_below(const struct cost_point *points, size_t count, double limit,
                            double (*of)(const struct cost_point *)) {
    double largest = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        double value = of(&points[i]);
        if (value < limit && value > largest) largest = value;
    }
    return largest;
}

static size_t distinct(const struct cost_point *points, size_t count,
                       double (*of)(const struct cost_point *)) {
    size_t number = 0;
    double value = INFINITY;
    while ((value = largest_below(points, count, value, of)) > -INFINITY) number++;
    return number;
}

static double bytes_of(const struct cost_point *p) { return p->bytes; }
static double ranks_of(const struct cost_point *p) { return p->ranks; }

/* Where two sizes or more remain on either side. */
static void leave_middle(struct cost_point *points, size_t count) {
    double small = -1, large = -1;
    bool two_small = false, two_large = false;
    for (size_t i = 0; i < count; i++) {
        double bytes = points[i].bytes;
        points[i].middle = false;
        if (points[i].held_out) continue;
        if (bytes <= COST_SMALL) {
            two_small |= small >= 0 && small != bytes;
            small = bytes;
        } else if (bytes >= COST_LARGE) {
            two_large |= large >= 0 && large != bytes;
            large = bytes;
        }
    }
    for (size_t i = 0; i < count && two_small && two_large; i++)
        points[i].middle =
            !points[i].held_out && points[i].bytes > COST_SMALL && points[i].bytes < COST_LARGE;
}

void cost_hold_out(struct cost_point *points, size_t count) {
    size_t sizes = distinct(points, count, bytes_of);
    double largest = largest_below(points, count, INFINITY, bytes_of), limit = INFINITY;
    if (sizes >= 5)
        limit = largest_below(points, count, largest, bytes_of);
    else if (sizes == 4)
        limit = largest;
    double most = distinct(points, count, ranks_of) >= 3
                      ? largest_below(points, count, INFINITY, ranks_of)
                      : INFINITY;
    for (size_t i = 0; i < count; i++)
        points[i].held_out = points[i].bytes >= limit || points[i].ranks >= most;
    leave_middle(points, count);
}

static bool counts(const struct cost_point *p) {
    return !p->held_out && !p->middle && p->seconds > 0;
}

/* 97.5 % quantile of Student's t. */
static double student(size_t freedom) {
    static const double table[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
                                   2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
                                   2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
                                   2.060,  2.056, 2.052, 2.048, 2.045, 2.042};
    size_t most = sizeof table / sizeof *table;
    if (freedom == 0) return NAN;
    return freedom <= most ? table[freedom - 1] : 1.96 + 2.46 / (double)freedom;
}

/* Of y = x0 alpha + x1 beta. */
struct normal {
    double xx[2][2], xy[2], yy, weight;
    size_t count;
};

/* With one parameter held at 0. */
static void solve_one(const struct normal *n, int free, double value[2]) {
    value[!free] = 0;
    value[free] = fmax(n->xy[free] / n->xx[free][free], 0);
}

static double squares(const struct normal *n, const double value[2]) {
    double sum = n->yy;
    for (int i = 0; i < 2; i++) {
        sum -= 2 * value[i] * n->xy[i];
        for (int j = 0; j < 2; j++) sum += value[i] * value[j] * n->xx[i][j];
    }
    return fmax(sum, 0);
}

double cost_seconds(const struct cost_model *m, const struct cost_fit *f, double bytes, int ranks) {
    return m->rounds(ranks) * f->alpha + m->moved(ranks) * bytes * f->beta +
           m->added(ranks) * bytes * f->gamma;
}

double cost_seconds_low(const struct cost_model *m, const struct cost_fit *f, double bytes,
                        int ranks) {
    return m->rounds(ranks) * f->alpha_low + m->moved(ranks) * bytes * f->beta_low +
           m->added(ranks) * bytes * f->gamma;
}

double cost_seconds_high(const struct cost_model *m, const struct cost_fit *f, double bytes,
                         int ranks) {
    return m->rounds(ranks) * f->alpha_high + m->moved(ranks) * bytes * f->beta_high +
           m->added(ranks) * bytes * f->gamma;
}

static double worst_error(const struct cost_model *m, const struct cost_fit *f,
                          const struct cost_point *points, size_t count, bool held_out,
                          bool middle) {
    double worst = NAN;
    for (size_t i = 0; i < count; i++) {
        const struct cost_point *p = &points[i];
        if (p->held_out != held_out || p->middle != middle || !(p->seconds > 0)) continue;
        /* half the time is as wrong as twice the time */
        double ratio = cost_seconds(m, f, p->bytes, p->ranks) / p->seconds;
        double error = fmax(ratio, 1 / ratio) - 1;
        worst = isnan(worst) ? error : fmax(worst, error);
    }
    return worst;
}

/* Which times count, and how much: the error is taken over the mean of measured and modelled time,
 * so twice too fast and twice too slow weigh alike. */
static struct normal normal_of(const struct cost_model *model, const struct cost_fit *fit,
                               const struct cost_point *points, size_t count, double scale) {
    struct normal n = {.count = 0};
    for (size_t k = 0; k < count; k++) {
        const struct cost_point *p = &points[k];
        if (!counts(p)) continue;
        double modelled = fmax(cost_seconds(model, fit, p->bytes, p->ranks), 1e-3 * p->seconds);
        double unit = sqrt(p->seconds * modelled), off = log(modelled / p->seconds) / scale;
        double weight = 1 / (1 + off * off);
        double x[2] = {model->rounds(p->ranks) / unit, model->moved(p->ranks) * p->bytes / unit};
        double y = (p->seconds - model->added(p->ranks) * p->bytes * fit->gamma) / unit;
        for (int i = 0; i < 2; i++) {
            for (int j = 0; j < 2; j++) n.xx[i][j] += weight * x[i] * x[j];
            n.xy[i] += weight * x[i] * y;
        }
        n.yy += weight * y * y;
        n.weight += weight;
        n.count++;
    }
    return n;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Errors beyond this count ever less: the middle one, doubled, of the errors' logarithms. */
static double scale_of(const struct cost_model *model, const struct cost_fit *fit,
                       const struct cost_point *points, size_t count) {
    double *off = malloc(count * sizeof *off);
    size_t used = 0;
    if (!off) return 1;
    for (size_t i = 0; i < count; i++)
        if (counts(&points[i]))
            off[used++] = fabs(log(fmax(cost_seconds(model, fit, points[i].bytes, points[i].ranks),
                                        1e-3 * points[i].seconds) /
                                   points[i].seconds));
    qsort(off, used, sizeof *off, ascending);
    double middle = used ? off[used / 2] : 0;
    free(off);
    return fmax(2 * 1.4826 * middle, 0.1);
}

static bool tells_apart(const struct normal *n) {
    double a = n->xx[0][0], b = n->xx[0][1], d = n->xx[1][1];
    return n->count >= 2 && a * d - b * b > 1e-9 * a * d;
}

/* The parameters, and what they would be if they could be negative. */
static void solve(const struct normal *n, double value[2], double unbound[2]) {
    double a = n->xx[0][0], b = n->xx[0][1], d = n->xx[1][1], determinant = a * d - b * b;
    unbound[0] = value[0] = (d * n->xy[0] - b * n->xy[1]) / determinant;
    unbound[1] = value[1] = (a * n->xy[1] - b * n->xy[0]) / determinant;
    if (value[0] >= 0 && value[1] >= 0) return;
    double only[2][2];
    solve_one(n, 0, only[0]);
    solve_one(n, 1, only[1]);
    memcpy(value, only[squares(n, only[1]) < squares(n, only[0])], sizeof only[0]);
}

/* The ends: alpha from the shortest time, beta from the rate of the largest size. What lies between
 * has other protocols and buffers, and must not decide where the search begins. */
static void begin(const struct cost_model *model, const struct cost_point *points, size_t count,
                  struct cost_fit *fit) {
    const struct cost_point *least = NULL, *most = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct cost_point *p = &points[i];
        if (!counts(p)) continue;
        if (!least || p->bytes < least->bytes) least = p;
        if (!most || p->bytes > most->bytes) most = p;
    }
    if (!least) return;
    fit->alpha = least->seconds / model->rounds(least->ranks);
    fit->beta = fmax(most->seconds - model->added(most->ranks) * most->bytes * fit->gamma, 0) /
                (model->moved(most->ranks) * most->bytes);
}

static void set_intervals(const struct normal *n, const double value[2], const double unbound[2],
                          struct cost_fit *fit) {
    double a = n->xx[0][0], b = n->xx[0][1], d = n->xx[1][1], determinant = a * d - b * b;
    double freedom = n->weight - 2;
    size_t whole = freedom > 1 ? (size_t)freedom : 1;
    double variance = freedom > 0 ? squares(n, value) / freedom : NAN;
    double inverse[2] = {d / determinant, a / determinant}, low[2], high[2];
    for (int i = 0; i < 2; i++) {
        double half = student(whole) * sqrt(variance * inverse[i]);
        /* where 0 holds a parameter, the interval is that around the negative one */
        double middle = value[i] > 0 ? value[i] : unbound[i];
        low[i] = isnan(half) ? NAN : fmax(middle - half, 0);
        high[i] = isnan(half) ? NAN : fmax(middle + half, value[i]);
    }
    fit->alpha_low = low[0], fit->alpha_high = high[0];
    fit->beta_low = low[1], fit->beta_high = high[1];
}

bool cost_fit(const struct cost_model *model, double gamma, const struct cost_point *points,
              size_t count, struct cost_fit *fit) {
    enum { STEPS = 200 };
    struct cost_fit f = {.gamma = gamma};
    double value[2] = {0, 0}, unbound[2] = {0, 0};
    struct normal n;
    begin(model, points, count, &f);
    for (int step = 0; step < STEPS; step++) {
        n = normal_of(model, &f, points, count, scale_of(model, &f, points, count));
        if (!tells_apart(&n)) return false;
        solve(&n, value, unbound);
        bool settled =
            fabs(value[0] - f.alpha) <= 1e-9 * f.alpha && fabs(value[1] - f.beta) <= 1e-9 * f.beta;
        f.alpha = value[0];
        f.beta = value[1];
        if (settled) break;
    }
    f.fitted = n.count;
    set_intervals(&n, value, unbound, &f);
    f.fit_error = worst_error(model, &f, points, count, false, false);
    f.middle_error = worst_error(model, &f, points, count, false, true);
    f.prediction_error = worst_error(model, &f, points, count, true, false);
    *fit = f;
    return true;
}
