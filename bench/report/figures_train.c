/* What the figures of trainings and of timed steps show. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"
#include "bench/report/study.h"
#include "bench/report/takes.h"
#include "bench/report/text.h"

/* ---- trainings ---- */

static bool is_training(const struct row *row) { return same(row->kind, "training"); }

static void name_training(const char *recipe, const char *network, const char *dataset, char *text,
                          size_t size) {
    if (*recipe)
        snprintf(text, size, "%.60s", recipe);
    else
        snprintf(text, size, "%.40s%s%.30s", network, *network && *dataset ? " · " : "", dataset);
}

void training_name(const struct row *row, char *text, size_t size) {
    name_training(row->recipe, row->network, row->dataset, text, size);
}

void dataset_name(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%.60s", row->dataset);
}

void line_name(const struct line *line, char *text, size_t size) {
    name_training(record_text(line->record, "recipe"), record_text(line->record, "network"),
                  record_text(line->record, "dataset"), text, size);
}

/* A part of a row of the history: accuracies in % and losses of train, test and validation samples.
 * Where the training samples were not classified anew, the mean of the batches stands for them. */
bool take_history(const struct study *study, const struct row *row, struct point *point) {
    static const struct {
        const char *key, *panel, *series, *unless;
    } parts[HISTORY_PARTS] = {
        {"train_accuracy", "accuracy (%)", "train", NULL},
        {"running_accuracy", "accuracy (%)", "train (running mean)", "train_accuracy"},
        {"validation_accuracy", "accuracy (%)", "validation", NULL},
        {"test_accuracy", "accuracy (%)", "test", NULL},
        {"train_loss", "loss", "train", NULL},
        {"running_loss", "loss", "train (running mean)", "train_loss"},
        {"validation_loss", "loss", "validation", NULL},
        {"test_loss", "loss", "test", NULL}};
    (void)study;
    if (!is_training(row)) return false;
    const char *unless = parts[point->part].unless;
    if (unless && !isnan(record_number(row->record, unless))) return false;
    bool loss = same(parts[point->part].panel, "loss");
    point->x = row->step >= 0 ? row->step : row->epoch;
    point->y = record_number(row->record, parts[point->part].key) * (loss ? 1 : 100);
    point->panel_order = loss;
    snprintf(point->panel, sizeof point->panel, "%s", parts[point->part].panel);
    snprintf(point->series, sizeof point->series, "%s", parts[point->part].series);
    return true;
}

/* "test accuracy, step 1000": at which step; NaN where it names none. */
static double reported_step(const char *figure) {
    const char *place = strstr(figure, "step ");
    char *end;
    double step = place ? strtod(place + 5, &end) : NAN;
    return place && end > place + 5 ? step : NAN;
}

/* Whether a line tells what a deck reported of the training that these rows are of. */
static bool is_reported(const struct line *line, const struct plot *plot) {
    const struct row *row = plot->points[0].row;
    return same(line->kind, "reported") && *row->recipe && line->run == row->run &&
           same(record_text(line->record, "recipe"), row->recipe);
}

/* Steps become epochs where there are several and no deck counts steps. */
static bool in_epochs(const struct results *results, const struct plot *plot) {
    double last = 0;
    bool differ = false;
    for (size_t i = 0; i < plot->count; i++) {
        const struct row *row = plot->points[i].row;
        if (!(row->epoch >= 0)) return false;
        if (row->epoch > last) last = row->epoch;
        differ |= row->epoch != row->step;
    }
    for (size_t i = 0; i < results->line_count; i++)
        if (is_reported(&results->lines[i], plot) &&
            !isnan(reported_step(record_text(results->lines[i].record, "figure"))))
            return false;
    return last >= 2 && differ;
}

void arrange_history(const struct results *results, struct plot *plot) {
    if (!in_epochs(results, plot)) return;
    for (size_t i = 0; i < plot->count; i++) plot->points[i].x = plot->points[i].row->epoch;
}

/* The title of the x axis, and what the deck reported: points where it names the step, else lines.
 */
struct plot *mark_history(const struct results *results, struct plot *plot) {
    const char *unit = in_epochs(results, plot) ? "epoch" : "step";
    struct point *axis = plot_add_point(plot);
    axis->kind = "axis";
    snprintf(axis->label, sizeof axis->label, "%s", unit);
    for (size_t i = 0; i < results->line_count; i++) {
        const struct line *line = &results->lines[i];
        if (!is_reported(line, plot)) continue;
        const char *figure = record_text(line->record, "figure");
        double value = record_number(line->record, "reported");
        bool accuracy = strstr(figure, "accuracy"), loss = strstr(figure, "loss");
        if (!(accuracy || loss) || !isfinite(value)) continue;
        const char *part = strstr(figure, "test") ? "test" : "train";
        const char *panel = accuracy ? "accuracy (%)" : "loss";
        const char *series = part; /* the curve that it is drawn like */
        for (size_t p = plot->count; p-- > 0;)
            if (plot->points[p].row && same(plot->points[p].panel, panel) &&
                strncmp(plot->points[p].series, part, strlen(part)) == 0)
                series = plot->points[p].series;
        char curve[200];
        snprintf(curve, sizeof curve, "%s", series); /* points move when one is added */
        struct point *mark = plot_add_point(plot);
        mark->x = reported_step(figure);
        mark->y = value * (accuracy ? 100 : 1);
        mark->kind = isnan(mark->x) ? "reference" : "reported";
        snprintf(mark->panel, sizeof mark->panel, "%s", panel);
        snprintf(mark->series, sizeof mark->series, "%s", curve);
        snprintf(mark->label, sizeof mark->label, "%.30s %s%.4g%s",
                 record_text(line->record, "deck"), strstr(figure, "best") ? "best " : "", mark->y,
                 accuracy ? " %" : "");
    }
    return plot;
}

/* Test accuracy of every training against epochs. */
bool take_recipes(const struct study *study, const struct row *row, struct point *point) {
    (void)study;
    if (!is_training(row) || !(row->epoch > 0)) return false; /* before the first step all guess */
    point->x = row->epoch;
    point->y = 100 * record_number(row->record, "test_accuracy");
    snprintf(point->series, sizeof point->series, "%.60s",
             *row->recipe ? row->recipe : row->network);
    return true;
}

const char *lacks_recipes(const struct point *points, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (!same(points[i].series, points[0].series)) return NULL;
    return "needs two trainings on one data set, with test accuracy";
}

static int by_rank(const void *left, const void *right) {
    const struct point *a = left, *b = right;
    if (a->ceiling != b->ceiling) return a->ceiling > b->ceiling ? -1 : 1;
    int series = strcmp(a->series, b->series);
    return series ? series : (a->x > b->x) - (a->x < b->x);
}

/* Curves carry their last accuracy in their names and come in its order, the best first. */
void arrange_recipes(const struct results *results, struct plot *plot) {
    (void)results;
    struct point *points = plot->points;
    struct ending {
        double x, last, best;
    } *endings = calloc(plot->count, sizeof *endings);
    if (!endings) die(EXIT_MISSING, "out of memory");
    for (size_t i = 0; i < plot->count; i++) {
        struct ending *e = &endings[i];
        *e = (struct ending){.x = -1};
        for (size_t j = 0; j < plot->count; j++) {
            if (!same(points[i].series, points[j].series)) continue;
            if (points[j].x >= e->x) e->x = points[j].x, e->last = points[j].y;
            if (points[j].y > e->best) e->best = points[j].y;
        }
    }
    for (size_t i = 0; i < plot->count; i++) {
        char text[60];
        snprintf(text, sizeof text, "%.2f %%", endings[i].last);
        append(points[i].series, sizeof points[i].series, ": ", text);
        snprintf(text, sizeof text, "best %.2f %%", endings[i].best);
        if (endings[i].best > endings[i].last + 0.005)
            append(points[i].series, sizeof points[i].series, ", ", text);
        points[i].ceiling = endings[i].last; /* only to sort by */
    }
    free(endings);
    qsort(points, plot->count, sizeof *points, by_rank);
    for (size_t i = 0; i < plot->count; i++) points[i].ceiling = NAN;
}

/* ---- timed steps ---- */

/* A panel for each number of threads and each GPU, a curve for each network. Of one rank: several
 * have figures of their own. */
static bool take_steps(const struct row *row, struct point *point, double y) {
    if (!same(row->kind, "steps") || row_ranks(row) > 1) return false;
    point->x = row->batch;
    set_rate(point, y);
    point->ceiling = NAN;
    *point->ceiling_name = '\0';
    point->panel_order = row->threads > 0 ? (int)row->threads : 0;
    threads_text(row->threads, point->panel, sizeof point->panel);
    if (is_gpu(row)) {
        point->panel_order = INT_MAX;
        snprintf(point->panel, sizeof point->panel, "%.40s", row->device);
    }
    snprintf(point->series, sizeof point->series, "%.60s", row->network);
    return true;
}

bool take_images(const struct study *study, const struct row *row, struct point *point) {
    (void)study;
    return take_steps(row, point, record_number(row->record, "images_per_s"));
}

/* Dashed: what the square SGEMM of the same run reaches. */
bool take_mfu(const struct study *study, const struct row *row, struct point *point) {
    (void)study;
    if (!take_steps(row, point, 100 * record_number(row->record, "mfu"))) return false;
    double square = record_number(row->record, "square_gflops");
    double peak = record_number(row->record, "ceiling_rate");
    if (square > 0 && peak > 0) {
        point->ceiling = 100 * square / peak;
        snprintf(point->ceiling_name, sizeof point->ceiling_name, "square gemm · %.40s",
                 type_name(row->type));
        if (is_gpu(row))
            append(point->ceiling_name, sizeof point->ceiling_name, " · ", row->device);
    }
    return true;
}
