/* Step time by layer and pass: bars from the "layer" lines. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"
#include "bench/report/takes.h"
#include "bench/report/text.h"

enum { MOST_LAYERS = 200 };

/* In the order of a step; lines of other passes come behind these. */
static const char *const passes[] = {"input", "forward", "loss", "backward", "reduce", "update"};
enum { PASSES = sizeof passes / sizeof passes[0] };

/* Lines that one bar chart shows. */
static bool same_text(const struct line *a, const struct line *b, const char *key) {
    return same(record_text(a->record, key), record_text(b->record, key));
}
static double threads_of(const struct line *line) { return record_number(line->record, "threads"); }
static double batch_of(const struct line *line) { return record_number(line->record, "batch"); }

static bool same_picture(const struct line *a, const struct line *b) {
    return a->run == b->run && same_text(a, b, "network") && same_text(a, b, "recipe") &&
           same_text(a, b, "library") && same_text(a, b, "type") && same_text(a, b, "device");
}
static double ranks_of(const struct line *line) {
    double ranks = record_number(line->record, "ranks");
    return ranks > 1 ? ranks : 1;
}
static bool same_case(const struct line *a, const struct line *b) {
    return same_picture(a, b) && threads_of(a) == threads_of(b) && batch_of(a) == batch_of(b) &&
           same_text(a, b, "reduce");
}

static bool is_layer(const struct line *line, const struct figure *figure) {
    return same(line->kind, "layer") && same(line->command, figure->command) &&
           record_number(line->record, "time_s") >= 0 && threads_of(line) > 0 && batch_of(line) > 0;
}

/* The name beside the bar: the layer, or the pass where it has none. */
static const char *bar_name(const struct line *line) {
    const char *layer = record_text(line->record, "layer");
    return *layer ? layer : record_text(line->record, "pass");
}

static int pass_order(const struct line *line) {
    int order = 0;
    while (order < PASSES && !same(passes[order], record_text(line->record, "pass"))) order++;
    return order;
}

/* Only the fewest and the most threads, the smallest and the largest batch: more charts on one
 * picture would be too small to read. */
static bool is_extreme(const struct line *line, const struct line *const *lines, size_t count) {
    bool threads[2] = {true, true}, batch[2] = {true, true};
    for (size_t i = 0; i < count; i++) {
        threads[0] &= threads_of(line) <= threads_of(lines[i]);
        threads[1] &= threads_of(line) >= threads_of(lines[i]);
        batch[0] &= batch_of(line) <= batch_of(lines[i]);
        batch[1] &= batch_of(line) >= batch_of(lines[i]);
    }
    return (threads[0] || threads[1]) && (batch[0] || batch[1]);
}

/* Of the times on one picture. */
struct unit {
    const char *name;
    double a_second;
};

static struct unit unit_of(const struct line *const *lines, size_t count) {
    double longest = 0; /* bar pieces are some parts of a step */
    for (size_t i = 0; i < count; i++)
        longest = fmax(longest, record_number(lines[i]->record, "time_s"));
    return longest < 0.2e-3 ? (struct unit){"µs", 1e6} : (struct unit){"ms", 1e3};
}

static struct point *add_bar(struct plot *plot, const char *panel, int order, const char *series,
                             int bar, const char *name, double from, double length) {
    struct point *point = plot_add_point(plot);
    point->panel_order = order;
    point->x = bar;
    point->y = length;
    point->low = from;
    point->high = from + length;
    snprintf(point->panel, sizeof point->panel, "%s", panel);
    snprintf(point->series, sizeof point->series, "%s", series);
    snprintf(point->label, sizeof point->label, "%.60s", name);
    return point;
}

/* One chart: a bar for each layer, its passes one behind the other. */
static void add_case(struct plot *plot, const struct line *first, const struct line *const *lines,
                     size_t count, int order, const struct unit *unit) {
    const char *names[MOST_LAYERS];
    struct {
        double time, flops, share;
    } bars[MOST_LAYERS] = {{0}};
    int bar_count = 0;
    double sum = 0, step = NAN, longest = 0;
    for (size_t i = 0; i < count; i++) {
        if (!same_case(first, lines[i])) continue;
        double time = record_number(lines[i]->record, "time_s");
        double share = record_number(lines[i]->record, "share");
        sum += time;
        if (share > 0 && time > longest) longest = time, step = time / share;
    }
    if (!(step >= sum)) step = sum;
    char title[800], panel[80], threads[32];
    const char *device = record_text(first->record, "device");
    if (is_gpu_name(device))
        snprintf(threads, sizeof threads, "%.30s", device);
    else
        threads_text(threads_of(first), threads, sizeof threads);
    /* Steps that are watched take longer than those that are timed: the title has the latter. */
    double timed = record_number(first->record, "step_s");
    if (!(timed > 0)) timed = step;
    double ranks = ranks_of(first);
    if (ranks > 1)
        snprintf(title, sizeof title, "batch %.0f · %s · %.0f ranks %.20s · %.4g %s a step",
                 batch_of(first), threads, ranks, record_text(first->record, "reduce"),
                 timed * unit->a_second, unit->name);
    else
        snprintf(title, sizeof title, "batch %.0f · %s · %.4g %s a step · %.0f images/s",
                 batch_of(first), threads, timed * unit->a_second, unit->name,
                 batch_of(first) / timed);
    snprintf(panel, sizeof panel, "%.79s", title);
    for (int pass = 0; pass <= PASSES; pass++)
        for (size_t i = 0; i < count; i++) {
            if (!same_case(first, lines[i]) || pass_order(lines[i]) != pass) continue;
            const char *name = bar_name(lines[i]);
            double time = record_number(lines[i]->record, "time_s");
            double flops = record_number(lines[i]->record, "flops");
            int bar = 0;
            while (bar < bar_count && !same(names[bar], name)) bar++;
            if (bar == MOST_LAYERS) continue;
            if (bar == bar_count) names[bar_count++] = name;
            add_bar(plot, panel, order, record_text(lines[i]->record, "pass"), bar + 1, name,
                    bars[bar].time * unit->a_second, time * unit->a_second);
            bars[bar].time += time;
            bars[bar].share += time / step;
            if (flops > 0) bars[bar].flops += flops;
        }
    if (step > 1.005 * sum && bar_count < MOST_LAYERS) { /* what no layer accounts for */
        names[bar_count] = "outside of layers";
        bars[bar_count].time = step - sum;
        bars[bar_count].share = 1 - sum / step;
        add_bar(plot, panel, order, "other", bar_count + 1, names[bar_count], 0,
                (step - sum) * unit->a_second);
        bar_count++;
    }
    for (int bar = 0; bar < bar_count; bar++) {
        struct point *total =
            add_bar(plot, panel, order, "", bar + 1, "", 0, bars[bar].time * unit->a_second);
        total->kind = "total";
        snprintf(total->label, sizeof total->label, "%.1f %%", 100 * bars[bar].share);
        if (bars[bar].flops > 0 && bars[bar].time > 0) {
            char rate[40];
            snprintf(rate, sizeof rate, "%.3g GFLOP/s", bars[bar].flops / bars[bar].time / 1e9);
            append(total->label, sizeof total->label, " · ", rate);
        }
    }
}

static int by_batch(const void *left, const void *right) {
    const struct line *a = *(const struct line *const *)left;
    const struct line *b = *(const struct line *const *)right;
    double threads = threads_of(a) - threads_of(b), batch = batch_of(a) - batch_of(b);
    if (batch != 0) return batch < 0 ? -1 : 1;
    if (threads != 0) return threads < 0 ? -1 : 1;
    int mode = strcmp(record_text(a->record, "reduce"), record_text(b->record, "reduce"));
    if (mode) return mode;
    return (a > b) - (a < b); /* as they stand in the file */
}

size_t make_layers(const struct figure *figure, const struct results *results, struct plot **plots,
                   const char **lacks) {
    size_t count = 0, made = 0;
    const struct line **all = calloc(results->line_count + 1, sizeof *all);
    const struct line **lines = calloc(results->line_count + 1, sizeof *lines);
    if (!all || !lines) die(EXIT_MISSING, "out of memory");
    *plots = NULL;
    for (size_t i = 0; i < results->line_count; i++)
        if (is_layer(&results->lines[i], figure)) all[count++] = &results->lines[i];
    *lacks = "no time of a layer; flopstep train --by-layer measures them";
    for (size_t i = 0; i < count; i++) {
        bool seen = false;
        for (size_t j = 0; j < i; j++) seen |= same_picture(all[i], all[j]);
        if (seen) continue;
        size_t own = 0;
        for (size_t j = i; j < count; j++)
            if (same_picture(all[i], all[j])) lines[own++] = all[j];
        qsort(lines, own, sizeof *lines, by_batch);
        struct plot *plot = plots_add(plots, &made, figure);
        char name[GROUP_SIZE];
        line_name(all[i], name, sizeof name);
        plot_name(plot, name);
        snprintf(plot->title, sizeof plot->title, "%s · %s", figure->title, name);
        char label[200];
        device_label(all[i]->run, record_text(all[i]->record, "device"), label, sizeof label);
        append(plot->subtitle, sizeof plot->subtitle, " · ", label);
        append(plot->subtitle, sizeof plot->subtitle, " · ",
               record_text(all[i]->record, "library"));
        append(plot->subtitle, sizeof plot->subtitle, " · ",
               precision_name(record_text(all[i]->record, "type")));
        struct unit unit = unit_of(lines, own);
        int order = 0;
        for (size_t j = 0; j < own; j++)
            if ((!j || !same_case(lines[j], lines[j - 1])) && is_extreme(lines[j], lines, own))
                add_case(plot, lines[j], lines, own, order++, &unit);
        struct point *axis = plot_add_point(plot);
        axis->kind = "axis";
        snprintf(axis->label, sizeof axis->label, "time (%s)", unit.name);
    }
    plots_tell_apart(*plots, made);
    free(all);
    free(lines);
    return made;
}
