/* Efficiency on more ranks than were measured, as a band: from the "prediction" lines. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/takes.h"
#include "bench/report/text.h"

static bool is_prediction(const struct line *line, const struct figure *figure) {
    return same(line->kind, "prediction") && same(line->command, figure->command) &&
           record_number(line->record, "ranks") > 0 &&
           record_number(line->record, "efficiency") > 0;
}

/* The most ranks that the models of this link were fitted to or tried on; NaN: unknown. */
static double measured_ranks(const struct results *results, const struct line *prediction) {
    double most = NAN;
    for (size_t i = 0; i < results->line_count; i++) {
        const struct line *line = &results->lines[i];
        if (line->run == prediction->run && same(line->kind, "model") &&
            same(record_text(line->record, "link"), record_text(prediction->record, "link")))
            most = fmax(most, record_number(line->record, "ranks"));
    }
    return most;
}

/* What was measured, and where: one node says nothing about a network. */
static void say_link(const struct line *line, struct plot *plot) {
    static const char *const words[][2] = {
        {"intra", "one node: no network in it"},
        {"inter", "measured between nodes, one rank each"},
        {"all", "measured between nodes, all their ranks"}};
    char text[60];
    const char *algorithm = record_text(line->record, "algorithm");
    append(plot->subtitle, sizeof plot->subtitle, " · ", line->run->machine);
    snprintf(text, sizeof text, "%.30s allreduce", algorithm);
    if (*algorithm) append(plot->subtitle, sizeof plot->subtitle, " · ", text);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (same(record_text(line->record, "link"), words[i][0]))
            append(plot->subtitle, sizeof plot->subtitle, " · ", words[i][1]);
}

static void add_point(struct plot *plot, const struct line *line) {
    const json_t *record = line->record;
    struct point *point = plot_add_point(plot);
    double batch = record_number(record, "batch");
    double parameters = record_number(record, "parameters");
    char text[60];
    snprintf(point->panel, sizeof point->panel, "%.30s", record_text(record, "network"));
    snprintf(text, sizeof text, "batch %.0f", batch);
    if (batch > 0) append(point->panel, sizeof point->panel, " · ", text);
    snprintf(text, sizeof text, "%.3gM parameters", parameters / 1e6);
    if (parameters > 0) append(point->panel, sizeof point->panel, " · ", text);
    point->x = record_number(record, "ranks");
    point->y = record_number(record, "efficiency");
    point->low = record_number(record, "efficiency_low");
    point->high = record_number(record, "efficiency_high");
}

size_t make_prediction(const struct figure *figure, const struct results *results,
                       struct plot **plots, const char **lacks) {
    size_t made = 0;
    *plots = NULL;
    *lacks = figure->needs;
    for (size_t r = 0; r < results->run_count; r++) {
        const struct run *run = results->runs[r];
        struct plot *plot = NULL;
        const struct line *first = NULL;
        for (size_t i = 0; i < results->line_count; i++) {
            const struct line *line = &results->lines[i];
            if (line->run != run || !is_prediction(line, figure)) continue;
            if (!plot) plot = plots_add(plots, &made, figure);
            if (!first) first = line;
            add_point(plot, line);
        }
        if (!plot) continue;
        plot_sort(plot);
        plot_name(plot, "");
        double from = measured_ranks(results, first);
        char text[80] = "extrapolation";
        if (from > 0)
            snprintf(text, sizeof text, "extrapolation from %.0f rank%s", from,
                     from == 1 ? "" : "s");
        snprintf(plot->title, sizeof plot->title, "%s · %s", figure->title, text);
        say_link(first, plot);
        struct point *note = plot_add_point(plot);
        note->kind = "extrapolated";
        note->x = from;
        snprintf(note->label, sizeof note->label, "%s", text);
    }
    plots_tell_apart(*plots, made);
    return made;
}
