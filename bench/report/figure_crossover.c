/* CPU and GPU side by side, a panel for each kernel or network, with the sizes from which on the
 * GPU is faster (crossover.h). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"
#include "bench/report/crossover.h"
#include "bench/report/takes.h"
#include "bench/report/text.h"

enum { MOST_PANELS = 6 }; /* more in one picture are split by the level of BLAS */

static double rate_of(const struct row *row) {
    return same(row->command, "train") ? record_number(row->record, "images_per_s") : row->gflops;
}

static void panel_name(const struct crossover *c, char *text, size_t size) {
    snprintf(text, size, "%.70s", c->name);
}

static struct point *add(struct plot *plot, const struct crossover *c, const char *kind,
                         const char *series) {
    struct point *point = plot_add_point(plot);
    point->kind = kind;
    panel_name(c, point->panel, sizeof point->panel);
    snprintf(point->series, sizeof point->series, "%s", series);
    return point;
}

static void add_case(struct plot *plot, const struct crossover *c, const struct duel *duel,
                     const struct row *row, const char *series) {
    double rate = row ? rate_of(row) : NAN;
    if (!(rate > 0)) return;
    char panel[80];
    panel_name(c, panel, sizeof panel);
    for (size_t i = 0; i < plot->count; i++)
        if (same(plot->points[i].kind, "point") && same(plot->points[i].panel, panel) &&
            same(plot->points[i].series, series) && plot->points[i].x == duel->size)
            return; /* the CPU's, from another way to copy */
    struct point *point = add(plot, c, "point", series);
    point->row = row;
    point->x = duel->size;
    set_rate(point, rate);
    point->ceiling = NAN;
    *point->ceiling_name = '\0';
}

static int by_x(const void *left, const void *right) {
    const struct point *a = left, *b = right;
    return (a->x > b->x) - (a->x < b->x);
}

static void cpu_series(const struct crossover *c, char *text, size_t size) {
    bool other = !same(c->cpu_type, c->gpu->type);
    snprintf(text, size, "CPU%s%s", other ? " in " : "", other ? type_name(c->cpu_type) : "");
}

/* All points of one panel that belong to one curve, in order of size. */
static void add_curve(struct plot *plot, const struct crossover *all, size_t count,
                      const char *panel, const struct crossover *gpu) {
    size_t first = plot->count;
    char series[80], name[80];
    if (gpu)
        crossover_series(gpu, series, sizeof series);
    else
        cpu_series(&all[0], series, sizeof series);
    for (size_t i = 0; i < count; i++) {
        panel_name(&all[i], name, sizeof name);
        if (!same(name, panel) || (gpu && gpu != &all[i])) continue;
        for (size_t d = 0; d < all[i].count; d++)
            add_case(plot, &all[i], &all[i].duels[d],
                     gpu ? all[i].duels[d].gpu : all[i].duels[d].cpu, series);
    }
    if (plot->count > first)
        qsort(plot->points + first, plot->count - first, sizeof *plot->points, by_x);
}

/* Where the curves cross, and in words for each of them. */
static void add_marks(struct plot *plot, const struct crossover *c) {
    char series[80], words[100];
    crossover_series(c, series, sizeof series);
    crossover_text(c, words, sizeof words);
    struct point *verdict = add(plot, c, "verdict", series);
    snprintf(verdict->label, sizeof verdict->label, "%s", words);
    if (c->verdict != CROSSOVER_FROM) return;
    const struct duel *before = c->first;
    while (before > c->duels) { /* the last size below that both sides have */
        before--;
        if (!isnan(duel_ratio(before))) break;
    }
    double share = log(c->at / before->size) / log(c->first->size / before->size);
    double low = rate_of(before->gpu), high = rate_of(c->first->gpu);
    if (!(low > 0) || !(high > 0)) return;
    struct point *mark = add(plot, c, "crossing", series);
    mark->x = c->at;
    mark->y = low * pow(high / low, share);
}

/* One picture of these crossovers, which are of one type. */
static bool fill_plot(struct plot *plot, const struct crossover *all, size_t count) {
    char panel[80], other[80];
    for (size_t i = 0; i < count; i++) {
        bool seen = false;
        panel_name(&all[i], panel, sizeof panel);
        for (size_t j = 0; j < i; j++) {
            panel_name(&all[j], other, sizeof other);
            seen |= same(panel, other);
        }
        if (seen) continue;
        size_t before = plot->count;
        add_curve(plot, all, count, panel, NULL);
        for (size_t j = i; j < count; j++) {
            panel_name(&all[j], other, sizeof other);
            if (same(panel, other)) add_curve(plot, all, count, panel, &all[j]);
        }
        if (plot->count == before) continue; /* nothing computed, as in copy: it has no rate */
        for (size_t j = i; j < count; j++) {
            panel_name(&all[j], other, sizeof other);
            if (same(panel, other)) add_marks(plot, &all[j]);
        }
    }
    plot_subtitle_devices(plot);
    return plot->count > 0;
}

static size_t count_panels(const struct crossover *all, size_t count, const char *type) {
    size_t panels = 0;
    for (size_t i = 0; i < count; i++) {
        bool first = same(all[i].gpu->type, type);
        for (size_t j = 0; first && j < i; j++)
            first = !same(all[j].gpu->type, type) || !same(all[j].name, all[i].name);
        panels += first;
    }
    return panels;
}

/* Those of one type and, where `level` is given, of that level of BLAS. */
static void add_plot(const struct figure *figure, const struct crossover *all, size_t count,
                     const char *type, int level, struct plot **plots, size_t *plot_count) {
    struct crossover *chosen = calloc(count + 1, sizeof *chosen);
    if (!chosen) die(EXIT_MISSING, "out of memory");
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (same(all[i].gpu->type, type) && (!level || all[i].gpu->level == level))
            chosen[kept++] = all[i];
    struct plot *plot = kept ? plots_add(plots, plot_count, figure) : NULL;
    if (plot && fill_plot(plot, chosen, kept)) {
        char suffix[60] = "";
        if (level) snprintf(suffix, sizeof suffix, "level%d-", level);
        append(suffix, sizeof suffix, "", type_name(type));
        plot_name(plot, suffix);
        snprintf(plot->title, sizeof plot->title, "%s%s · %s", figure->title,
                 level == 1   ? ": BLAS level 1"
                 : level == 2 ? ": BLAS level 2"
                 : level == 3 ? ": BLAS level 3"
                              : "",
                 precision_name(type));
    } else if (plot) {
        free(plot->points);
        (*plot_count)--;
    }
    free(chosen);
}

size_t make_crossover(const struct figure *figure, const struct results *results,
                      struct plot **plots, const char **lacks) {
    static const char *const types[] = {"s", "d", "h", "bf16", "tf32"};
    struct crossover *all;
    size_t count = crossovers_find(results, &all), of_command = 0, plot_count = 0;
    for (size_t i = 0; i < count; i++)
        if (same(all[i].gpu->command, figure->command)) {
            struct crossover swap = all[of_command];
            all[of_command++] = all[i];
            all[i] = swap;
        }
    *plots = NULL;
    *lacks = "needs the same work on a CPU and on a GPU";
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
        bool split =
            same(figure->command, "blas") && count_panels(all, of_command, types[t]) > MOST_PANELS;
        for (int level = split ? 1 : 0; level <= (split ? 3 : 0); level++)
            add_plot(figure, all, of_command, types[t], level, plots, &plot_count);
    }
    plots_tell_apart(*plots, plot_count);
    crossovers_free(all, count);
    return plot_count;
}
