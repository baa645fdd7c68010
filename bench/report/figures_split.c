/* Where a step of several ranks spends its time: bars for each number of ranks and mode, and the
 * modes beside each other. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"
#include "bench/report/scaling.h"
#include "bench/report/study.h"
#include "bench/report/takes.h"
#include "bench/report/text.h"

static double part_of(const struct row *row, const char *key) {
    return 1e3 * record_number(row->record, key);
}

static bool is_split(const struct row *row) {
    return is_reducing(row) && isfinite(part_of(row, "compute_s")) &&
           isfinite(part_of(row, "wait_s")) && isfinite(part_of(row, "exposed_s"));
}

/* Whether a step of one rank is what some split step is measured against. */
static bool is_anyones_base(const struct results *results, const struct row *base) {
    for (size_t i = 0; i < results->row_count; i++) {
        const struct row *row = &results->rows[i];
        if (is_split(row) &&
            (is_base(base, row, row->batch) || is_base(base, row, global_batch(row))))
            return true;
    }
    return false;
}

static void name_panel(const struct row *row, struct point *point) {
    char processor[64];
    rank_processor(row, processor, sizeof processor);
    snprintf(point->panel, sizeof point->panel, "%.40s", row->network);
    append(point->panel, sizeof point->panel, " · ", processor);
    append(point->panel, sizeof point->panel, "", " a rank");
}

static void bar_name(const struct row *row, char *text, size_t size) {
    double ranks = row_ranks(row);
    snprintf(text, size, "%.0f rank%s × %.0f", ranks, ranks == 1 ? "" : "s", row->batch);
    append(text, size, " · ", record_text(row->record, "reduce"));
}

/* The series is the bar's name at first. */
bool take_split(const struct study *study, const struct row *row, struct point *point) {
    if (!is_split(row) && !is_anyones_base(study->results, row)) return false;
    name_panel(row, point);
    bar_name(row, point->series, sizeof point->series);
    point->x = row_ranks(row);
    point->y = 1e3 * row->median;
    return true;
}

/* Large batches first, each from few ranks to many, and in the order of the modes. */
static int by_bar(const void *left, const void *right) {
    const struct point *a = left, *b = right;
    int panel = (int)a->panel_index - (int)b->panel_index;
    if (panel) return panel;
    if (a->row->batch != b->row->batch) return a->row->batch > b->row->batch ? -1 : 1;
    if (a->x != b->x) return a->x < b->x ? -1 : 1;
    int mode = reduce_order(record_text(a->row->record, "reduce")) -
               reduce_order(record_text(b->row->record, "reduce"));
    if (mode) return mode;
    int name = strcmp(a->series, b->series);
    return name ? name : (a->row > b->row) - (a->row < b->row);
}

/* Sorts, and moves the name of each bar from the series to the label and its number to x. */
static void number_bars(struct plot *plot) {
    for (size_t i = 0; i < plot->count; i++) {
        plot->points[i].panel_index = i;
        for (size_t j = i; j-- > 0;)
            if (same(plot->points[i].panel, plot->points[j].panel))
                plot->points[i].panel_index = plot->points[j].panel_index;
    }
    if (plot->count) qsort(plot->points, plot->count, sizeof *plot->points, by_bar);
    int bar = 0;
    for (size_t i = 0; i < plot->count; i++) {
        struct point *p = &plot->points[i];
        bar = i && p->panel_index == p[-1].panel_index ? bar + 1 : 1;
        p->x = bar;
        snprintf(p->label, sizeof p->label, "%.110s", p->series);
        *p->series = '\0';
    }
}

/* A piece of a bar; those below 0 begin there. */
static void set_piece(struct point *point, const char *series, double from, double length) {
    snprintf(point->series, sizeof point->series, "%s", series);
    point->y = length;
    point->low = length < 0 ? length : from;
    point->high = length < 0 ? 0 : from + length;
}

/* Each bar becomes its three pieces. */
void arrange_split(const struct results *results, struct plot *plot) {
    (void)results;
    number_bars(plot);
    size_t count = plot->count;
    for (size_t i = 0; i < count; i++) {
        const struct point bar = plot->points[i]; /* points move when one is added */
        if (!is_split(bar.row)) {
            set_piece(&plot->points[i], "compute", 0, bar.y);
            continue;
        }
        double compute = part_of(bar.row, "compute_s"), wait = part_of(bar.row, "wait_s");
        set_piece(&plot->points[i], "compute", 0, compute);
        struct point *piece = plot_add_point(plot);
        *piece = bar;
        set_piece(piece, "wait for the slowest rank", compute, wait);
        piece = plot_add_point(plot);
        *piece = bar;
        set_piece(piece, "exposed communication", compute + wait, part_of(bar.row, "exposed_s"));
    }
}

static void percent(double share, char *text, size_t size) {
    snprintf(text, size, "%s%.1f %%", share < -0.0005 ? "−" : "", fabs(100 * share));
}

static void milliseconds(double ms, char *text, size_t size) {
    const char *sign = ms < 0 ? "−" : "";
    if (fabs(ms) < 1000)
        snprintf(text, size, "%s%.3g ms", sign, fabs(ms));
    else
        snprintf(text, size, "%s%.0f ms", sign, fabs(ms));
}

/* The words at the end of a bar that reaches to `end`. */
static void add_words(struct plot *plot, const struct point *bar, double end, const char *words) {
    const struct point of = *bar;
    struct point *total = plot_add_point(plot);
    *total = of;
    total->row = NULL;
    total->kind = "total";
    total->y = end;
    total->low = total->high = NAN;
    *total->series = '\0';
    snprintf(total->label, sizeof total->label, "%s", words);
}

static void add_axis(struct plot *plot, const char *title) {
    struct point *axis = plot_add_point(plot);
    axis->kind = "axis";
    snprintf(axis->label, sizeof axis->label, "%s", title);
}

struct plot *mark_split(const struct results *results, struct plot *plot) {
    (void)results;
    size_t count = plot->count;
    for (size_t i = 0; i < count; i++) {
        const struct point *bar = &plot->points[i];
        const struct row *row = bar->row;
        if (!same(bar->series, "compute")) continue;
        double end = bar->high;
        char words[110], share[40];
        milliseconds(1e3 * row->median, words, sizeof words);
        if (is_split(row)) {
            double exposed = part_of(row, "exposed_s");
            end = part_of(row, "compute_s") + part_of(row, "wait_s") + fmax(exposed, 0);
            append(words, sizeof words, " · ", "exposed ");
            percent(1e-3 * exposed / row->median, share, sizeof share);
            append(words, sizeof words, "", share);
        }
        add_words(plot, bar, end, words);
    }
    add_axis(plot, "time of a step (ms)");
    return plot;
}

/* ---- the modes beside each other ---- */

static bool has_most_ranks(const struct results *results, const struct row *row) {
    for (size_t i = 0; i < results->row_count; i++) {
        const struct row *other = &results->rows[i];
        if (is_split(other) && same(other->network, row->network) &&
            same(other->device, row->device) && same(other->type, row->type) &&
            row_ranks(other) > row_ranks(row))
            return false;
    }
    return true;
}

/* The step's time at first: what is exposed may be negative. */
bool take_overlap(const struct study *study, const struct row *row, struct point *point) {
    if (!is_split(row) || !has_most_ranks(study->results, row)) return false;
    char ranks[80], processor[64];
    rank_processor(row, processor, sizeof processor);
    snprintf(ranks, sizeof ranks, "%.0f ranks × %.0f", row_ranks(row), row->batch);
    snprintf(point->panel, sizeof point->panel, "%.30s", row->network);
    append(point->panel, sizeof point->panel, " · ", ranks);
    append(point->panel, sizeof point->panel, " · ", processor);
    snprintf(point->series, sizeof point->series, "%.40s", record_text(row->record, "reduce"));
    point->x = row_ranks(row);
    point->y = 1e3 * row->median;
    return true;
}

void arrange_overlap(const struct results *results, struct plot *plot) {
    (void)results;
    number_bars(plot);
    for (size_t i = 0; i < plot->count; i++) {
        struct point *p = &plot->points[i];
        const struct row *row = p->row;
        p->y = part_of(row, "exposed_s");
        p->low = p->y - 1e3 * (row->median - row->low);
        p->high = p->y + 1e3 * (row->high - row->median);
    }
}

struct plot *mark_overlap(const struct results *results, struct plot *plot) {
    (void)results;
    size_t count = plot->count;
    for (size_t i = 0; i < count; i++) {
        const struct point *bar = &plot->points[i];
        char words[110], share[40], step[40];
        milliseconds(bar->y, words, sizeof words);
        milliseconds(1e3 * bar->row->median, step, sizeof step);
        percent(bar->y / (1e3 * bar->row->median), share, sizeof share);
        append(words, sizeof words, " · ", share);
        append(words, sizeof words, " of ", step);
        double end = fmax(bar->y, 0);
        if (bar->high > end) end = bar->high;
        add_words(plot, bar, end, words);
    }
    add_axis(plot, "exposed communication (ms a step)");
    return plot;
}
