/* Published figures as lines behind the points. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/study.h"
#include "bench/report/takes.h"
#include "bench/report/text.h"

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
    if (same(p->kernel, "peak")) return same(row->kernel, "gemm") || same(row->probe, "fma");
    if (same(p->kernel, "memory")) return *row->memory_level != '\0';
    return same(p->kernel, row->kernel) || same(p->kernel, row->probe);
}

static bool is_wanted(const char *name, char *const *names) {
    for (; *names; names++)
        if (same(*names, name)) return true;
    return false;
}

void plot_add_references(struct plot *plot, const struct published *figures, size_t count,
                         char *const *names) {
    size_t points = plot->count;
    for (size_t f = 0; f < count; f++) {
        const struct published *p = &figures[f];
        double value = published_value(p, plot->figure->y);
        if (isnan(value) || !is_wanted(p->name, names)) continue;
        bool best = true; /* of several of one device */
        for (size_t g = 0; g < count; g++) {
            const struct published *other = &figures[g];
            double rival = published_value(other, plot->figure->y);
            if (g != f && same(p->name, other->name) && same(p->device, other->device) &&
                same(p->kernel, other->kernel) && same(p->type, other->type))
                best &= !(rival > value || (rival == value && g < f));
        }
        if (!best) continue;
        for (size_t i = 0; i < points; i++) {
            if (!plot->points[i].row || !fits(p, plot->points[i].row)) continue;
            /* one line in a panel: from its first point that fits */
            bool first = true;
            for (size_t j = 0; j < i; j++)
                first &= !plot->points[j].row ||
                         !same(plot->points[j].panel, plot->points[i].panel) ||
                         !fits(p, plot->points[j].row);
            if (!first) continue;
            bool sheet = same(p->kind, "sheet"), percent = plot->figure->y == UNIT_PERCENT;
            char label[120], panel[80];
            snprintf(panel, sizeof panel, "%s", plot->points[i].panel);
            int order = plot->points[i].panel_order;
            snprintf(label, sizeof label, "%.40s%s: %.5g%s", p->device, sheet ? " data sheet" : "",
                     value, percent ? " %" : "");
            struct point *mark = plot_add_point(plot);
            mark->kind = "reference";
            mark->y = value;
            mark->panel_order = order;
            snprintf(mark->panel, sizeof mark->panel, "%s", panel);
            snprintf(mark->label, sizeof mark->label, "%s", label);
        }
    }
}
