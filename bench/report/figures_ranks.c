/* Weak and strong scaling: steps of several ranks against the same on one rank. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/scaling.h"
#include "bench/report/study.h"
#include "bench/report/takes.h"
#include "bench/report/text.h"

/* A curve for each mode; how often as fast as the base, with the widest interval. */
static bool take_speedup(const struct study *study, const struct row *row, struct point *point,
                         double batch, double ideal) {
    const struct row *base = find_base(study->results, row, batch);
    if (!base) return false;
    point->x = row_ranks(row);
    point->y = base->median / row->median;
    point->low = base->low / row->high;
    point->high = base->high / row->low;
    point->ceiling = ideal;
    snprintf(point->ceiling_name, sizeof point->ceiling_name, "ideal");
    snprintf(point->series, sizeof point->series, "%.40s", record_text(row->record, "reduce"));
    return true;
}

/* "cnn · batch 128 a rank · 1 thread" */
static void name_panel(const struct row *row, const char *batch, struct point *point) {
    char processor[64];
    rank_processor(row, processor, sizeof processor);
    snprintf(point->panel, sizeof point->panel, "%.30s · %s", row->network, batch);
    append(point->panel, sizeof point->panel, " · ", processor);
}

bool take_weak(const struct study *study, const struct row *row, struct point *point) {
    char batch[40];
    if (!is_reducing(row) || !take_speedup(study, row, point, row->batch, 1)) return false;
    snprintf(batch, sizeof batch, "batch %.0f a rank", row->batch);
    name_panel(row, batch, point);
    return true;
}

bool take_strong(const struct study *study, const struct row *row, struct point *point) {
    char batch[40];
    double whole = global_batch(row);
    if (!is_reducing(row) || !take_speedup(study, row, point, whole, row_ranks(row))) return false;
    snprintf(batch, sizeof batch, "batch %.0f in all", whole);
    name_panel(row, batch, point);
    return true;
}

static bool same_curve(const struct point *a, const struct point *b) {
    return same(a->panel, b->panel) && same(a->series, b->series);
}

static bool is_first(const struct plot *plot, size_t i) {
    for (size_t j = 0; j < i; j++)
        if (same_curve(&plot->points[i], &plot->points[j])) return false;
    return true;
}

/* Every curve begins at the base, which is 1 by definition. */
void arrange_speedup(const struct results *results, struct plot *plot) {
    (void)results;
    size_t count = plot->count;
    for (size_t i = 0; i < count; i++) {
        if (!is_first(plot, i)) continue;
        const struct point first = plot->points[i]; /* points move when one is added */
        struct point *base = plot_add_point(plot);
        *base = first;
        base->x = base->y = base->ceiling = 1;
        base->low = base->high = NAN;
    }
}

/* The share of a step that more ranks do not make shorter (Karp and Flatt 1990):
 * (1/S - 1/p) / (1 - 1/p) of speed-up S on p ranks. Negative where S > p. */
static double karp_flatt(double speedup, double ranks) {
    return (1 / speedup - 1 / ranks) / (1 - 1 / ranks);
}

/* Of each curve's last point. */
struct plot *mark_strong(const struct results *results, struct plot *plot) {
    (void)results;
    size_t count = plot->count;
    for (size_t i = 0; i < count; i++) { /* points are sorted by curve and x */
        const struct point last = plot->points[i];
        if (i + 1 < count && same_curve(&last, &plot->points[i + 1])) continue;
        struct point *note = plot_add_point(plot);
        *note = last;
        note->row = NULL;
        note->kind = "note";
        note->y = karp_flatt(last.y, last.x);
        note->low = karp_flatt(last.high, last.x);
        note->high = karp_flatt(last.low, last.x);
        note->ceiling = NAN;
        *note->ceiling_name = '\0';
        char mode[60];
        snprintf(mode, sizeof mode, "%.59s", last.series);
        snprintf(note->label, sizeof note->label, "%s: e = %.3f at %.0f ranks", mode, note->y,
                 last.x);
    }
    return plot;
}
