/* Cases to points to plots: names of curves, their order, the subtitle. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"
#include "bench/report/attributes.h"
#include "bench/report/study.h"
#include "bench/report/takes.h"
#include "bench/report/text.h"

/* y with its interval: rates go like 1/time. */
void set_rate(struct point *point, double y) {
    const struct row *row = point->row;
    point->y = y;
    point->low = row->high > 0 ? y * row->median / row->high : NAN;
    point->high = row->low > 0 ? y * row->median / row->low : NAN;
    if (!(row->peak_fraction > 0)) return;
    point->ceiling = y / row->peak_fraction;
    char threads[32];
    threads_text(row->threads, threads, sizeof threads);
    snprintf(point->ceiling_name, sizeof point->ceiling_name, "%.40s",
             record_text(row->record, "ceiling"));
    append(point->ceiling_name, sizeof point->ceiling_name, " · ", type_name(row->type));
    append(point->ceiling_name, sizeof point->ceiling_name, " · ",
           is_gpu(row)       ? row->device
           : is_latency(row) ? threads
                             : "every core");
}

static bool same_group(const struct point *a, const struct point *b) {
    return same(a->panel, b->panel) && same(a->series, b->series) && same(a->label, b->label);
}

static int by_place(const void *left, const void *right) {
    const struct point *a = left, *b = right;
    if (a->panel_order != b->panel_order) return a->panel_order < b->panel_order ? -1 : 1;
    if (a->panel_index != b->panel_index) return a->panel_index < b->panel_index ? -1 : 1;
    if (a->series_index != b->series_index) return a->series_index < b->series_index ? -1 : 1;
    return (a->x > b->x) - (a->x < b->x);
}

void plot_sort(struct plot *plot) {
    struct point *p = plot->points;
    for (size_t i = 0; i < plot->count; i++) {
        p[i].panel_index = p[i].series_index = i;
        for (size_t j = i; j-- > 0;) {
            if (same(p[i].panel, p[j].panel)) p[i].panel_index = p[j].panel_index;
            if (same(p[i].series, p[j].series)) p[i].series_index = p[j].series_index;
        }
    }
    qsort(p, plot->count, sizeof *p, by_place);
}

/* Whether the figure itself tells this attribute. */
static bool is_told(const struct figure *figure, const char *name) {
    size_t length = strlen(name);
    const char *list = figure->x_is ? figure->x_is : "", *at = list;
    for (; (at = strstr(at, name)); at += length)
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || !at[length])) return true;
    return false;
}

/* Appends to the series what tells cases within one curve apart. */
static void name_series(struct plot *plot) {
    size_t count = plot->count;
    size_t *leader = calloc(count, sizeof *leader);
    char(*text)[160] = calloc(count, sizeof *text);
    if (!leader || !text) die(EXIT_MISSING, "out of memory");
    for (int resort = 0; resort < 2; resort++) {
        for (size_t i = 0; i < count; i++)
            for (leader[i] = 0; !same_group(&plot->points[leader[i]], &plot->points[i]);)
                leader[i]++;
        for (int a = 0; attributes[a].say; a++) {
            if (attributes[a].last_resort != resort) continue;
            if (is_told(plot->figure, attributes[a].name)) continue;
            if (resort) { /* points are sorted: two cases of one size are neighbours */
                bool twice = false;
                plot_sort(plot);
                for (size_t i = 0; i < count; i++)
                    for (leader[i] = 0; !same_group(&plot->points[leader[i]], &plot->points[i]);)
                        leader[i]++;
                for (size_t i = 1; i < count; i++)
                    twice |= same_group(&plot->points[i - 1], &plot->points[i]) &&
                             plot->points[i - 1].x == plot->points[i].x;
                if (!twice) break;
            }
            bool varies = false;
            for (size_t i = 0; i < count; i++) {
                attributes[a].say(plot->points[i].row, text[i], sizeof text[i]);
                varies |= !same(text[i], text[leader[i]]);
            }
            for (size_t i = 0; varies && i < count; i++) {
                if (!*text[i] && attributes[a].say_absent)
                    attributes[a].say_absent(plot->points[i].row, text[i], sizeof text[i]);
                append(plot->points[i].series, sizeof plot->points[i].series, " · ", text[i]);
            }
        }
    }
    free(leader);
    free(text);
}

void plot_subtitle_devices(struct plot *plot) {
    for (size_t i = 0; i < plot->count; i++) {
        const struct row *row = plot->points[i].row;
        char label[200];
        if (!row) continue;
        device_label(row->run, row->device, label, sizeof label);
        if (!strstr(plot->subtitle, label))
            append(plot->subtitle, sizeof plot->subtitle, " | ", label);
    }
}

/* Says the devices and whatever all cases have in common. */
static void say_subtitle(struct plot *plot) {
    plot_subtitle_devices(plot);
    for (int a = 0; attributes[a].say; a++) {
        char first[160], text[160];
        bool common = attributes[a].in_subtitle;
        if (is_told(plot->figure, attributes[a].name)) common = false;
        attributes[a].say(plot->points[0].row, first, sizeof first);
        for (size_t i = 1; common && i < plot->count; i++) {
            attributes[a].say(plot->points[i].row, text, sizeof text);
            common = same(first, text);
        }
        if (common) append(plot->subtitle, sizeof plot->subtitle, " · ", first);
    }
}

/* ---- which pictures a figure has ---- */

static void group_type(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%.20s", row->type);
}
static void group_none(const struct row *row, char *text, size_t size) {
    (void)row;
    snprintf(text, size, "%s", "");
}
typedef void group_function(const struct row *row, char *text, size_t size);

static group_function *group_of(const struct figure *figure) {
    return figure->by_type ? group_type : figure->group ? figure->group : group_none;
}

static bool is_offered(const struct figure *figure, const struct row *row) {
    return row->ok && same(row->command, figure->command);
}

/* The points of the cases of one picture. */
static void take_points(const struct figure *figure, const struct study *study, const char *group,
                        struct plot *plot) {
    for (size_t i = 0; i < study->results->row_count; i++) {
        const struct row *row = &study->results->rows[i];
        char own[GROUP_SIZE];
        group_of(figure)(row, own, sizeof own);
        if (!is_offered(figure, row) || !same(own, group)) continue;
        for (int part = 0; part < (figure->parts ? figure->parts : 1); part++) {
            struct point *point = plot_add_point(plot);
            point->row = row;
            point->part = part;
            bool taken = figure->take(study, row, point);
            double least = figure->from_zero ? 0 : 1e-300;
            if (!taken || !(point->x >= least && isfinite(point->x)) ||
                !(point->y >= least && isfinite(point->y)))
                plot->count--;
        }
    }
}

static bool finish_plot(struct plot *plot, const struct results *results, const char **lacks) {
    const struct figure *figure = plot->figure;
    *lacks = "no case with status ok to show";
    if (!plot->count) return false;
    *lacks = figure->lacks ? figure->lacks(plot->points, plot->count) : NULL;
    if (*lacks) return false;
    name_series(plot);
    if (figure->arrange) figure->arrange(results, plot);
    plot_sort(plot);
    say_subtitle(plot);
    if (figure->mark) figure->mark(results, plot);
    return true;
}

/* Groups in the order that pictures are wanted in: types from single on, else as they come. */
static size_t list_groups(const struct figure *figure, const struct results *results,
                          char (**groups)[GROUP_SIZE]) {
    static const char *const types[] = {"s", "d", "h", "bf16", "tf32"};
    size_t count = 0;
    *groups = calloc(results->row_count + sizeof types / sizeof types[0] + 1, sizeof **groups);
    if (!*groups) die(EXIT_MISSING, "out of memory");
    for (size_t t = 0; figure->by_type && t < sizeof types / sizeof types[0]; t++)
        snprintf((*groups)[count++], GROUP_SIZE, "%s", types[t]);
    for (size_t i = 0; !figure->by_type && i < results->row_count; i++) {
        if (!is_offered(figure, &results->rows[i])) continue;
        group_of(figure)(&results->rows[i], (*groups)[count], GROUP_SIZE);
        size_t first = 0;
        while (!same((*groups)[first], (*groups)[count])) first++;
        if (first == count) count++;
    }
    return count;
}

static void name_plot(struct plot *plot, const char *group, bool several) {
    const struct figure *figure = plot->figure;
    const char *type = type_name(plot->points[0].row->type);
    if (figure->group) {
        plot_name(plot, group);
        snprintf(plot->title, sizeof plot->title, "%s · %s", figure->title, group);
        return;
    }
    snprintf(plot->name, sizeof plot->name, "%s%s%.20s", figure->name, several ? "-" : "",
             several ? type : "");
    snprintf(plot->title, sizeof plot->title, "%s%s%.20s", figure->title,
             figure->by_type ? " · " : "",
             figure->by_type ? precision_name(plot->points[0].row->type) : "");
}

size_t figure_plots(const struct figure *figure, const struct results *results, struct plot **plots,
                    const char **lacks) {
    if (figure->make) return figure->make(figure, results, plots, lacks);
    struct study study = study_of(results);
    char(*groups)[GROUP_SIZE];
    size_t count = 0, group_count = list_groups(figure, results, &groups);
    size_t *of = calloc(group_count + 1, sizeof *of);
    *lacks = figure->needs ? figure->needs : "no case with status ok to show";
    *plots = calloc(group_count + 1, sizeof **plots);
    if (!*plots || !of) die(EXIT_MISSING, "out of memory");
    for (size_t g = 0; g < group_count; g++) {
        const char *why;
        struct plot plot = {.figure = figure};
        take_points(figure, &study, groups[g], &plot);
        if (finish_plot(&plot, results, &why)) {
            of[count] = g;
            (*plots)[count++] = plot;
        } else {
            if (plot.count) *lacks = why;
            free(plot.points);
        }
    }
    for (size_t i = 0; i < count; i++) name_plot(&(*plots)[i], groups[of[i]], count > 1);
    plots_tell_apart(*plots, count);
    free(groups);
    free(of);
    return count;
}
