/* Published figures as lines behind the points. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/study.h"
#include "bench/report/takes.h"
#include "bench/report/text.h"

static const char tensor_cores[] = " tensor cores";

static double published_value(const struct published *p, enum figure_unit unit) {
    switch (unit) {
    case UNIT_GFLOPS: return p->gflops;
    case UNIT_GBYTES: return p->gbytes_per_s;
    case UNIT_PERCENT: return 100 * p->peak_fraction;
    default: return NAN;
    }
}

/* Whether a published figure is about what this point shows. Data-sheet peaks stand beside the
 * kernel that comes near them. */
static bool fits(const struct published *p, const struct row *row) {
    if (*p->type && !same(p->type, row->type) && !same(p->kernel, "triad") &&
        !same(p->kernel, "memory"))
        return false;
    if (!is_plain(row)) return false; /* published figures are of matrices as stored */
    if (same(p->kernel, "peak"))
        return same(row->kernel, "gemm") ||
               (same(row->probe, "fma") && !strstr(p->device, tensor_cores));
    if (same(p->kernel, "memory")) return *row->memory_level != '\0';
    return same(p->kernel, row->kernel) || same(p->kernel, row->probe);
}

static bool is_wanted(const char *name, const char *const *names) {
    for (; *names; names++)
        if (same(*names, name)) return true;
    return false;
}

/* Whether any point of the plot is about the same. */
static bool is_shown_beside(const struct plot *plot, const struct published *p) {
    for (size_t i = 0; i < plot->count; i++)
        if (plot->points[i].row && !plot->points[i].of_other_type && fits(p, plot->points[i].row))
            return true;
    return false;
}

/* One of several is drawn: of data sheets the best of a name (form factors differ little), of
 * measurements the best of a device, or of a name where a figure chooses itself. */
static bool competes(const struct plot *plot, const struct published *a,
                     const struct published *b) {
    if (!same(a->name, b->name) || !same(a->type, b->type) || !same(a->kind, b->kind)) return false;
    if (plot->figure->references) return true;
    return same(a->kernel, b->kernel) && (same(a->kind, "sheet") || same(a->device, b->device));
}

/* A line of the panel at the same height, which can carry both names. */
static struct point *equal_line(struct plot *plot, const struct published *p, const char *panel,
                                double value) {
    for (size_t i = 0; plot->figure->references && i < plot->count; i++) {
        struct point *mark = &plot->points[i];
        if (same(mark->kind, "reference") && same(mark->panel, panel) &&
            same(mark->series, p->kind) && fabs(mark->y / value - 1) < 0.005)
            return mark;
    }
    return NULL;
}

void plot_add_references(struct plot *plot, const struct published *figures, size_t count,
                         const char *const *names) {
    size_t points = plot->count;
    for (size_t f = 0; f < count; f++) {
        const struct published *p = &figures[f];
        double value = published_value(p, plot->figure->y);
        if (isnan(value) || !is_wanted(p->name, names)) continue;
        bool best = true; /* of several of one device */
        for (size_t g = 0; g < count; g++) {
            const struct published *other = &figures[g];
            double rival = published_value(other, plot->figure->y);
            bool shown = !isnan(rival) && is_shown_beside(plot, other);
            if (g != f && shown && competes(plot, p, other))
                best &= !(rival > value || (rival == value && g < f));
        }
        if (!best) continue;
        for (size_t i = 0; i < points; i++) {
            if (!plot->points[i].row || plot->points[i].of_other_type ||
                !fits(p, plot->points[i].row))
                continue;
            /* one line in a panel: from its first point that fits */
            bool first = true;
            for (size_t j = 0; j < i; j++)
                first &= !plot->points[j].row || plot->points[j].of_other_type ||
                         !same(plot->points[j].panel, plot->points[i].panel) ||
                         !fits(p, plot->points[j].row);
            if (!first) continue;
            bool sheet = same(p->kind, "sheet"), percent = plot->figure->y == UNIT_PERCENT;
            char label[120], panel[80];
            snprintf(panel, sizeof panel, "%s", plot->points[i].panel);
            int order = plot->points[i].panel_order;
            snprintf(label, sizeof label, "%.40s%s: %.5g%s", p->device, sheet ? " data sheet" : "",
                     value, percent ? " %" : "");
            struct point *mark = equal_line(plot, p, panel, value);
            if (mark) { /* "H100 SXM · H200 SXM tensor cores" */
                char *tensor = strstr(mark->label, tensor_cores);
                if (tensor && strstr(p->device, tensor_cores)) *tensor = '\0';
                append(mark->label, sizeof mark->label, " · ", p->device);
                continue;
            }
            mark = plot_add_point(plot);
            mark->kind = "reference";
            if (plot->figure->references) { /* the script says the rest */
                snprintf(label, sizeof label, "%.60s", p->device);
                snprintf(mark->series, sizeof mark->series, "%s", p->kind);
            }
            mark->y = value;
            mark->panel_order = order;
            snprintf(mark->panel, sizeof mark->panel, "%s", panel);
            snprintf(mark->label, sizeof mark->label, "%s", label);
        }
    }
}
