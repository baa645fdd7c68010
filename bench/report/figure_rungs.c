/* The ladder of a training step: a bar for each measure, from the plain step to the fast one. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/report/study.h"
#include "bench/report/takes.h"
#include "bench/report/text.h"

void rung_network(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%.60s", row->network);
}

/* A panel for each batch, number of threads and type; times in seconds at first. */
bool take_rungs(const struct study *study, const struct row *row, struct point *point) {
    (void)study;
    double rung = record_number(row->record, "rung_number");
    if (!same(row->kind, "ladder") || !(rung >= 0)) return false;
    char threads[32];
    if (is_gpu(row))
        snprintf(threads, sizeof threads, "%.30s", row->device);
    else
        threads_text(row->threads, threads, sizeof threads);
    snprintf(point->panel, sizeof point->panel, "batch %.0f · %s · %s", row->batch, threads,
             type_name(row->type));
    if (row_ranks(row) > 1) {
        char ranks[80];
        snprintf(ranks, sizeof ranks, "%.0f ranks %.40s", row_ranks(row),
                 record_text(row->record, "reduce"));
        append(point->panel, sizeof point->panel, " · ", ranks);
    }
    snprintf(point->label, sizeof point->label, "%s%.60s", rung > 0 ? "+ " : "",
             record_text(row->record, "rung"));
    point->panel_order = row->threads > 0 ? (int)row->threads : INT_MAX;
    point->x = rung;
    point->y = row->median;
    point->low = row->low;
    point->high = row->high;
    point->ceiling = NAN;
    return true;
}

const char *lacks_rungs(const struct point *points, size_t count) {
    (void)points;
    return count > 1 ? NULL : "needs a ladder; flopstep train --network NAME --ladder measures one";
}

/* Bars one below the other without gaps, in a unit that fits the plain step. */
void arrange_rungs(const struct results *results, struct plot *plot) {
    (void)results;
    double longest = 0;
    for (size_t i = 0; i < plot->count; i++)
        if (plot->points[i].y > longest) longest = plot->points[i].y;
    double a_second = longest < 1e-3 ? 1e6 : 1e3;
    for (size_t i = 0; i < plot->count; i++) {
        struct point *p = &plot->points[i];
        p->y *= a_second;
        p->low *= a_second;
        p->high *= a_second;
    }
}

static const struct point *rung_before(const struct plot *plot, const struct point *p, bool plain) {
    const struct point *found = NULL;
    for (size_t i = 0; i < plot->count; i++) {
        const struct point *other = &plot->points[i];
        if (!other->row || !same(other->panel, p->panel) || !(other->x < p->x)) continue;
        if (!found || (plain ? other->x < found->x : other->x > found->x)) found = other;
    }
    return found;
}

/* What stands at the end of a bar, and the unit of the axis. */
struct plot *mark_rungs(const struct results *results, struct plot *plot) {
    (void)results;
    size_t count = plot->count;
    for (size_t i = 0; i < count; i++) {
        const struct point bar = plot->points[i]; /* points move when one is added */
        if (!bar.row) continue;
        const struct point *before = rung_before(plot, &bar, false);
        const struct point *plain = rung_before(plot, &bar, true);
        char text[100];
        double mfu = record_number(bar.row->record, "mfu");
        bool micro = bar.y > 1e5 * bar.row->median;
        snprintf(text, sizeof text, "%#.3g %s", bar.y, micro ? "us" : "ms");
        char part[40];
        if (before) {
            double change = 100 * (bar.y / before->y - 1);
            snprintf(part, sizeof part, "%s%.1f %%", change < 0 ? "−" : "+", fabs(change));
            append(text, sizeof text, " · ", part);
            snprintf(part, sizeof part, "%.2f×", plain->y / bar.y);
            append(text, sizeof text, " · ", part);
        }
        if (mfu > 0) {
            snprintf(part, sizeof part, "%.0f %% of peak", 100 * mfu);
            append(text, sizeof text, " · ", part);
        }
        struct point *total = plot_add_point(plot);
        *total = bar;
        total->row = NULL;
        total->kind = "total";
        snprintf(total->label, sizeof total->label, "%s", text);
    }
    struct point *axis = plot_add_point(plot);
    axis->kind = "axis";
    double median = count ? plot->points[0].row->median : NAN;
    bool micro = plot->points[0].y > 1e5 * median;
    snprintf(axis->label, sizeof axis->label, "time of a step (%s)", micro ? "us" : "ms");
    return plot;
}
