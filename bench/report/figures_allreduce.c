/* Allreduce and point-to-point by size: bandwidth, time, and the fitted models. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/takes.h"
#include "bench/report/text.h"
#include "mpi/cost_model.h"

static const char *algorithm_of(const struct row *row) {
    return record_text(row->record, "algorithm");
}

static bool take_size(const struct row *row, struct point *point) {
    double ranks = row_ranks(row), nodes = record_number(row->record, "nodes");
    if (!*algorithm_of(row) || !(row->bytes > 0)) return false;
    snprintf(point->panel, sizeof point->panel, "%.0f rank%s", ranks, ranks == 1 ? "" : "s");
    char text[40];
    snprintf(text, sizeof text, "on %.0f node%s", nodes, nodes == 1 ? "" : "s");
    if (nodes > 0) append(point->panel, sizeof point->panel, " ", text);
    point->panel_order = (int)ranks;
    snprintf(point->series, sizeof point->series, "%.60s", algorithm_of(row));
    point->x = row->bytes;
    return true;
}

bool take_busbw(const struct study *study, const struct row *row, struct point *point) {
    (void)study;
    if (!take_size(row, point)) return false;
    set_rate(point, record_number(row->record, "busbw"));
    return true;
}

bool take_allreduce_time(const struct study *study, const struct row *row, struct point *point) {
    (void)study;
    if (!take_size(row, point)) return false;
    point->y = row->median;
    point->low = row->low;
    point->high = row->high;
    return true;
}

/* ---- the fitted models ---- */

/* Seconds on the ranks of `row` by a "model" line; NaN where it does not know. */
static double model_seconds(const struct line *line, const struct row *row, double bytes) {
    const struct cost_model *model = cost_model_find(record_text(line->record, "model"));
    double gamma = record_number(line->record, "gamma_s_per_byte");
    struct cost_fit fit = {.alpha = record_number(line->record, "alpha_s"),
                           .beta = record_number(line->record, "beta_s_per_byte"),
                           .gamma = gamma > 0 ? gamma : 0};
    return model ? cost_seconds(model, &fit, bytes, (int)row_ranks(row)) : NAN;
}

/* A model is fitted to all numbers of ranks on one sort of link. */
static bool is_model_of(const struct line *line, const struct row *row) {
    const json_t *model = line->record;
    return same(line->kind, "model") && same(line->command, row->command) &&
           line->run == row->run && same(record_text(model, "algorithm"), algorithm_of(row)) &&
           same(record_text(model, "link"), record_text(row->record, "link")) &&
           same(record_text(model, "type"), row->type);
}

/* A library takes the algorithm that suits the size, so of several models the fastest counts. */
static double fastest_seconds(const struct results *results, const struct row *row, double bytes) {
    double least = NAN;
    for (size_t i = 0; i < results->line_count; i++)
        if (is_model_of(&results->lines[i], row))
            least = fmin(least, model_seconds(&results->lines[i], row, bytes));
    return least;
}

static bool is_held_out(const struct results *results, const struct row *row) {
    for (size_t i = 0; i < results->line_count; i++) {
        const struct line *model = &results->lines[i];
        if (!is_model_of(model, row) || record_number(model->record, "ranks") != row_ranks(row))
            continue;
        size_t k;
        const json_t *bytes;
        json_array_foreach(json_object_get(model->record, "held_out_bytes"), k,
                           bytes) if (json_number_value(bytes) == row->bytes) return true;
    }
    return false;
}

static bool same_curve(const struct point *a, const struct point *b) {
    return same(a->panel, b->panel) && same(a->series, b->series);
}

enum { A_DECADE = 8 }; /* points of a model's line */

/* A line for the models of each curve, between its ends, and rings around sizes held out.
 * `bandwidth`: y is the bus bandwidth, which differs from bytes over time by a factor of the
 * algorithm. */
static struct plot *mark_models(const struct results *results, struct plot *plot, bool bandwidth) {
    size_t count = plot->count, first = 0;
    for (size_t i = 0; i < count; i++) {           /* points are sorted by curve and x */
        const struct point here = plot->points[i]; /* points move when one is added */
        if (i && !same_curve(&here, &plot->points[i - 1])) first = i;
        if (!(fastest_seconds(results, here.row, here.x) > 0)) continue;
        if (is_held_out(results, here.row)) {
            struct point *mark = plot_add_point(plot);
            *mark = here;
            mark->row = NULL;
            mark->kind = "held-out";
        }
        if (i + 1 < count && same_curve(&here, &plot->points[i + 1])) continue;
        double from = plot->points[first].x, to = here.x;
        double factor = bandwidth ? here.y * here.row->median / here.x : 1;
        int steps = to > from ? (int)ceil(A_DECADE * log10(to / from)) : 0;
        for (int s = 0; s <= steps && steps; s++) {
            struct point *mark = plot_add_point(plot);
            mark->kind = "model";
            snprintf(mark->panel, sizeof mark->panel, "%s", here.panel);
            snprintf(mark->series, sizeof mark->series, "%s", here.series);
            mark->x = from * pow(to / from, (double)s / steps);
            double seconds = fastest_seconds(results, here.row, mark->x);
            mark->y = bandwidth ? factor * mark->x / seconds : seconds;
        }
    }
    return plot;
}

struct plot *mark_busbw(const struct results *results, struct plot *plot) {
    return mark_models(results, plot, true);
}
struct plot *mark_allreduce_time(const struct results *results, struct plot *plot) {
    return mark_models(results, plot, false);
}
