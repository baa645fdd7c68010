/* Every rank beside the others: a bar each, from the "rank" lines. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/takes.h"
#include "bench/report/text.h"

static bool is_rank(const struct line *line) {
    return same(line->kind, "rank") &&
           (same(line->command, "blas") || same(line->command, "peak")) &&
           record_number(line->record, "rank") >= 0 &&
           record_number(line->record, "ratio_median") > 0;
}

static bool is_slow(const struct line *line) {
    return json_is_true(json_object_get(line->record, "slow"));
}

static bool same_panel(const struct line *a, const struct line *b) {
    return a->run == b->run && same(a->command, b->command) &&
           same(record_text(a->record, "device"), record_text(b->record, "device"));
}

/* "rank 3 · node7": where it is. */
static void name_rank(const struct line *line, char *text, size_t size) {
    snprintf(text, size, "rank %.0f", record_number(line->record, "rank"));
    append(text, size, " · ", record_text(line->record, "host"));
}

/* What stands above the panel of a slow rank. */
static void add_verdict(struct plot *plot, const char *panel, int order, const struct line *line) {
    char text[120];
    struct point *mark = plot_add_point(plot);
    mark->kind = "verdict";
    mark->panel_order = order;
    mark->x = record_number(line->record, "rank");
    mark->y = record_number(line->record, "ratio_median");
    snprintf(mark->panel, sizeof mark->panel, "%s", panel);
    snprintf(mark->series, sizeof mark->series, "slow");
    name_rank(line, mark->label, sizeof mark->label);
    const char *worst = record_text(line->record, "worst_case");
    snprintf(text, sizeof text, "worst %.2f×%s%.60s", record_number(line->record, "ratio_worst"),
             *worst ? " in " : "", worst);
    append(mark->label, sizeof mark->label, ": ", text);
}

static void add_panel(struct plot *plot, const struct results *results, const struct line *first,
                      int order) {
    char panel[80], number[20];
    size_t ranks = 0, slow = 0;
    for (size_t i = 0; i < results->line_count; i++) {
        const struct line *line = &results->lines[i];
        if (!is_rank(line) || !same_panel(line, first)) continue;
        ranks++;
        slow += is_slow(line);
    }
    snprintf(panel, sizeof panel, "%.20s · %zu rank%s · %zu slow", first->command, ranks,
             ranks == 1 ? "" : "s", slow);
    if (!slow)
        snprintf(panel, sizeof panel, "%.20s · %zu rank%s · none slow", first->command, ranks,
                 ranks == 1 ? "" : "s");
    snprintf(number, sizeof number, "run %d", order + 1); /* panels of one name are apart */
    for (size_t i = 0, count = plot->count; i < count; i++)
        if (same(plot->points[i].panel, panel)) {
            append(panel, sizeof panel, " · ", number);
            break;
        }
    for (size_t i = 0; i < results->line_count; i++) {
        const struct line *line = &results->lines[i];
        if (!is_rank(line) || !same_panel(line, first)) continue;
        struct point *point = plot_add_point(plot);
        point->panel_order = order;
        snprintf(point->panel, sizeof point->panel, "%s", panel);
        snprintf(point->series, sizeof point->series, "%s", is_slow(line) ? "slow" : "as others");
        name_rank(line, point->label, sizeof point->label);
        point->x = record_number(line->record, "rank");
        point->y = record_number(line->record, "ratio_median");
        point->high = record_number(line->record, "ratio_worst");
        if (is_slow(line)) add_verdict(plot, panel, order, line);
    }
}

size_t make_slow_ranks(const struct figure *figure, const struct results *results,
                       struct plot **plots, const char **lacks) {
    size_t made = 0;
    struct plot *plot = NULL;
    int order = 0;
    *plots = NULL;
    *lacks = figure->needs;
    for (size_t i = 0; i < results->line_count; i++) {
        const struct line *line = &results->lines[i];
        bool seen = false;
        if (!is_rank(line)) continue;
        for (size_t j = 0; j < i; j++)
            seen |= is_rank(&results->lines[j]) && same_panel(&results->lines[j], line);
        if (seen) continue;
        if (!plot) {
            plot = plots_add(plots, &made, figure);
            plot_name(plot, "");
            snprintf(plot->title, sizeof plot->title, "%s", figure->title);
        }
        add_panel(plot, results, line, order++);
        char label[200];
        device_label(line->run, record_text(line->record, "device"), label, sizeof label);
        if (!strstr(plot->subtitle, label))
            append(plot->subtitle, sizeof plot->subtitle, " | ", label);
    }
    if (plot) plot_sort(plot);
    return made;
}
