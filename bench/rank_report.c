#include "bench/rank_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"
#include "bench/harness/statistics.h"
#include "bench/rank_outliers.h"
#include "mpi/ranks.h"

enum { SHOWN = 64 };

/* A ratio that is told though it makes no outlier. */
static const double UNDECIDED = 1.5;

struct rank_report {
    int ranks;
    size_t cases, capacity;
    double *ratio; /* cases x ranks */
    bool *slow;
    char (*name)[96];
};

/* Of one rank over all cases. */
struct finding {
    int rank;
    double median, worst; /* ratios; NaN: no case */
    size_t worst_case;
    long slow_cases;
    double worst_slow; /* the largest ratio of the cases in which it is slow */
    size_t worst_slow_case;
    bool outlier;
};

struct rank_report *rank_report_new(void) {
    if (ranks_get()->count == 1) return NULL;
    struct rank_report *report = calloc(1, sizeof *report);
    if (!report) die(EXIT_MISSING, "out of memory");
    report->ranks = ranks_get()->count;
    return report;
}

static void grow(struct rank_report *r) {
    size_t capacity = r->capacity ? 2 * r->capacity : 64, ranks = (size_t)r->ranks;
    double *ratio = realloc(r->ratio, capacity * ranks * sizeof *ratio);
    if (ratio) r->ratio = ratio;
    bool *slow = realloc(r->slow, capacity * ranks * sizeof *slow);
    if (slow) r->slow = slow;
    char(*name)[96] = realloc(r->name, capacity * sizeof *name);
    if (name) r->name = name;
    if (!ratio || !slow || !name) die(EXIT_MISSING, "out of memory for what the ranks measured");
    r->capacity = capacity;
}

static double number_at(const json_t *row, const char *key, int index) {
    const json_t *value = json_array_get(json_object_get(row, key), (size_t)index);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static struct rank_times *times_of(const json_t *row, int ranks) {
    struct rank_times *times = calloc((size_t)ranks, sizeof *times);
    if (!times) die(EXIT_MISSING, "out of memory for the times of %d ranks", ranks);
    for (int i = 0; i < ranks; i++)
        times[i] =
            (struct rank_times){number_at(row, "rank_median_s", i), number_at(row, "rank_low_s", i),
                                number_at(row, "rank_high_s", i)};
    return times;
}

void rank_report_add(struct rank_report *r, const json_t *row, const char *name) {
    if (!r || !json_object_get(row, "rank_median_s")) return;
    if (r->cases == r->capacity) grow(r);
    size_t at = r->cases * (size_t)r->ranks;
    struct rank_times *times = times_of(row, r->ranks);
    if (!rank_outliers_of_case(times, r->ranks, r->ratio + at, r->slow + at))
        die(EXIT_MISSING, "out of memory for the times of %d ranks", r->ranks);
    free(times);
    snprintf(r->name[r->cases++], sizeof *r->name, "%s", name);
}

const char *rank_report_note(const json_t *row) {
    static char text[64];
    const json_t *slow = json_object_get(row, "slow_ranks");
    text[0] = '\0';
    if (!json_array_size(slow)) return text;
    int ranks = (int)json_array_size(json_object_get(row, "rank_median_s"));
    double *ratio = calloc((size_t)ranks, sizeof *ratio);
    bool *is_slow = calloc((size_t)ranks, sizeof *is_slow);
    struct rank_times *times = times_of(row, ranks);
    if (!ratio || !is_slow || !rank_outliers_of_case(times, ranks, ratio, is_slow))
        die(EXIT_MISSING, "out of memory for the times of %d ranks", ranks);
    int worst = -1;
    for (int i = 0; i < ranks; i++)
        if (is_slow[i] && (worst < 0 || ratio[i] > ratio[worst])) worst = i;
    if (worst >= 0) snprintf(text, sizeof text, "rank %d takes %.2f x", worst, ratio[worst]);
    free(times);
    free(ratio);
    free(is_slow);
    return text;
}

static struct finding find(const struct rank_report *r, int rank) {
    struct finding f = {
        .rank = rank, .median = NAN, .worst = NAN, .worst_slow = NAN, .outlier = false};
    double *ratios = calloc(r->cases + 1, sizeof *ratios);
    size_t known = 0;
    if (!ratios) die(EXIT_MISSING, "out of memory");
    for (size_t c = 0; c < r->cases; c++) {
        double ratio = r->ratio[c * (size_t)r->ranks + (size_t)rank];
        if (!isfinite(ratio)) continue;
        ratios[known++] = ratio;
        if (!(ratio <= f.worst)) {
            f.worst = ratio;
            f.worst_case = c;
        }
        if (!r->slow[c * (size_t)r->ranks + (size_t)rank]) continue;
        f.slow_cases++;
        if (!(ratio <= f.worst_slow)) {
            f.worst_slow = ratio;
            f.worst_slow_case = c;
        }
    }
    f.median = statistics_median(ratios, known);
    free(ratios);
    return f;
}

static void mark_outliers(const struct rank_report *r, struct finding *findings) {
    struct rank_count *counts = calloc((size_t)r->ranks, sizeof *counts);
    bool *outlier = calloc((size_t)r->ranks, sizeof *outlier);
    for (int i = 0; counts && i < r->ranks; i++)
        counts[i] = (struct rank_count){findings[i].slow_cases, findings[i].worst_slow};
    if (!counts || !outlier || !rank_outliers_of_run(counts, r->ranks, (long)r->cases, outlier))
        die(EXIT_MISSING, "out of memory for the times of %d ranks", r->ranks);
    for (int i = 0; i < r->ranks; i++) findings[i].outlier = outlier[i];
    free(counts);
    free(outlier);
}

static void write_line(const struct rank_report *r, struct record *record,
                       const struct finding *f) {
    const struct rank_place *place = &ranks_table()[f->rank];
    json_t *line =
        json_pack("{s:s, s:s, s:i, s:i, s:s, s:i, s:s, s:s, s:s?}", "record", "rank", "command",
                  record->command, "rank", f->rank, "node", place->node, "host", place->host,
                  "local_rank", place->local_rank, "cores", place->part, "device", place->device,
                  "bus_id", place->bus_id[0] ? place->bus_id : NULL);
    bool known = isfinite(f->worst);
    record_set_real(line, "ratio_median", f->median);
    record_set_real(line, "ratio_worst", f->worst);
    json_object_set_new(line, "worst_case",
                        known ? record_string(r->name[f->worst_case]) : json_null());
    json_object_set_new(line, "cases", json_integer((json_int_t)r->cases));
    json_object_set_new(line, "slow_cases", json_integer((json_int_t)f->slow_cases));
    json_object_set_new(line, "slow", json_boolean(f->outlier));
    record_line(record, line);
}

static int by_worst(const void *a, const void *b) {
    const struct finding *x = a, *y = b;
    return x->worst > y->worst ? -1 : x->worst < y->worst ? 1 : x->rank - y->rank;
}

static int by_rank(const void *a, const void *b) {
    return ((const struct finding *)a)->rank - ((const struct finding *)b)->rank;
}

/* "0-15", of a GPU "0-15, cuda 0000:01:00.0". */
static void where_text(int rank, char *text, size_t size) {
    const struct rank_place *p = &ranks_table()[rank];
    snprintf(text, size, "%.60s%s%.40s%s%.40s", p->part, p->bus_id[0] ? ", " : "",
             p->bus_id[0] ? p->device : "", p->bus_id[0] ? " " : "", p->bus_id);
}

static void print_table(const struct rank_report *r, struct finding *findings) {
    int wide = 10, count = r->ranks < SHOWN ? r->ranks : SHOWN;
    if (r->ranks > SHOWN) { /* the slowest */
        qsort(findings, (size_t)r->ranks, sizeof *findings, by_worst);
        qsort(findings, (size_t)count, sizeof *findings, by_rank);
    }
    for (int i = 0; i < count; i++) {
        char where[160];
        where_text(findings[i].rank, where, sizeof where);
        if ((int)strlen(where) > wide) wide = (int)strlen(where);
    }
    printf("\nTime of a rank over the median of the others', %zu case%s:\n", r->cases,
           r->cases == 1 ? "" : "s");
    const char *cores = ranks_table()[0].bus_id[0] ? "cores, GPU" : "cores";
    printf("%6s  %-20s %-*s %7s %7s  %s\n", "rank", "host", wide, cores, "median", "worst", "in");
    for (int i = 0; i < count; i++) {
        const struct finding *f = &findings[i];
        char where[160];
        where_text(f->rank, where, sizeof where);
        printf("%6d  %-20s %-*s %7.3f %7.3f  %s%s\n", f->rank, ranks_table()[f->rank].host, wide,
               where, f->median, f->worst, r->name[f->worst_case], f->outlier ? "  slow" : "");
    }
    if (count < r->ranks)
        printf("  … and %d ranks with smaller ratios in the results\n", r->ranks - count);
}

static void print_verdict(const struct rank_report *r, const struct finding *findings) {
    int outliers = 0;
    for (int i = 0; i < r->ranks; i++) {
        const struct finding *f = &findings[i];
        const struct rank_place *p = &ranks_table()[f->rank];
        if (!f->outlier || outliers++ >= SHOWN) continue;
        char where[160];
        where_text(f->rank, where, sizeof where);
        printf("rank %d (%s, cores %s) takes %.2f times the median of the other ranks in %s; it is "
               "slow in %ld of %zu cases\n",
               f->rank, p->host, where, f->worst_slow, r->name[f->worst_slow_case], f->slow_cases,
               r->cases);
    }
    for (int i = 0; i < r->ranks; i++) { /* nothing is hidden behind "no rank is slow" */
        const struct finding *f = &findings[i];
        if (f->outlier || !(f->worst > UNDECIDED)) continue;
        printf(
            "rank %d took %.2f times the others' median in %s: too noisy, too short or too seldom "
            "to decide; measure it longer (--time-budget)\n",
            f->rank, f->worst, r->name[f->worst_case]);
    }
    if (outliers > SHOWN) printf("… and %d more slow ranks in the results\n", outliers - SHOWN);
    if (!outliers)
        printf("no rank is slow: none stands out by more than %.0f %% and its noise\n",
               100 * (RANK_SLOW - 1));
}

static void free_report(struct rank_report *r) {
    free(r->ratio);
    free(r->slow);
    free(r->name);
    free(r);
}

void rank_report_end(struct rank_report *r, struct record *record, bool table, bool verdict) {
    if (!r) return;
    if (!r->cases) {
        free_report(r);
        return;
    }
    struct finding *findings = calloc((size_t)r->ranks, sizeof *findings);
    if (!findings) die(EXIT_MISSING, "out of memory");
    for (int i = 0; i < r->ranks; i++) findings[i] = find(r, i);
    mark_outliers(r, findings);
    for (int i = 0; i < r->ranks; i++) write_line(r, record, &findings[i]);
    if (table) print_table(r, findings);
    if (verdict) print_verdict(r, findings);
    free(findings);
    free_report(r);
}
