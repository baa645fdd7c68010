/* Gradient descent in one dimension: the paths of the "path" lines, one panel each, on the curve
 * they go down. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/harness/error.h"
#include "bench/report/takes.h"
#include "bench/report/text.h"

enum { MOST_PANELS = 12, MOST_CURVE = 1000, MOST_PATH = 100 }; /* as many as the script holds */
static const double largest = 1e100;                           /* whose squares it can compute */

static bool is_path(const struct line *line, const struct figure *figure) {
    return same(line->kind, "path") && same(line->command, figure->command);
}

static bool are_points(const json_t *pairs, size_t least, size_t most) {
    size_t count = json_array_size(pairs);
    if (count < least || count > most) return false;
    for (size_t i = 0; i < 2 * count; i++) {
        const json_t *value = json_array_get(json_array_get(pairs, i / 2), i % 2);
        if (!json_is_number(value) || fabs(json_number_value(value)) > largest) return false;
    }
    return true;
}

static bool is_whole(const json_t *record) {
    const json_t *curve = json_object_get(record, "curve");
    if (!are_points(curve, 2, MOST_CURVE) ||
        !are_points(json_object_get(record, "path"), 1, MOST_PATH))
        return false;
    double low = INFINITY, high = -INFINITY; /* an axis needs a range */
    for (size_t i = 0; i < json_array_size(curve); i++) {
        double x = json_number_value(json_array_get(json_array_get(curve, i), 0));
        low = fmin(low, x);
        high = fmax(high, x);
    }
    return high - low > 1e-4 * fmax(fabs(low), fabs(high)) && !isnan(record_number(record, "eta"));
}

static bool same_path(const struct line *a, const struct line *b) {
    return json_equal(json_object_get(a->record, "eta"), json_object_get(b->record, "eta")) &&
           json_equal(json_object_get(a->record, "path"), json_object_get(b->record, "path"));
}

static void write_points(struct sheet *sheet, size_t panel, const char *kind, const json_t *pairs) {
    size_t i;
    json_t *pair;
    json_array_foreach(pairs, i, pair) {
        sheet_row(sheet, panel, kind, json_number_value(json_array_get(pair, 0)),
                  json_number_value(json_array_get(pair, 1)), (double)i, "");
    }
}

/* The whole paths of one function. Runs that went the same path share a panel. */
static void make_one(const struct line **lines, size_t count, struct plot *plot) {
    const struct line *first = lines[0];
    const char *function = record_text(first->record, "function"), *square = strstr(function, "^2");
    int before = square ? (int)(square - function) : (int)strlen(function);
    plot_name(plot, "");
    snprintf(plot->title, sizeof plot->title, "%s · f(x) = %.*s%s%.40s", plot->figure->title,
             before < 80 ? before : 80, function, square ? "²" : "", square ? square + 2 : "");
    append(plot->subtitle, sizeof plot->subtitle, " · ",
           "x ← x − η f′(x) · numbers count the steps");
    plot_subtitle(plot, first);
    struct sheet sheet;
    sheet_open(&sheet, plot);
    for (size_t i = 0; i < count; i++) {
        const json_t *record = lines[i]->record;
        sheet_row(&sheet, i + 1, "panel", NAN, NAN, record_number(record, "eta"),
                  record_text(record, "what"));
        write_points(&sheet, i + 1, "curve", json_object_get(record, "curve"));
        write_points(&sheet, i + 1, "path", json_object_get(record, "path"));
    }
    sheet_close(&sheet, plot);
}

size_t make_descent(const struct figure *figure, const struct results *results, struct plot **plots,
                    const char **lacks) {
    size_t made = 0;
    bool *done = calloc(results->line_count + 1, sizeof *done);
    if (!done) die(EXIT_MISSING, "out of memory");
    *plots = NULL;
    *lacks = "no exercise of gradient descent; flopstep train --recipe gradient-descent-1d is one";
    for (size_t i = 0; i < results->line_count; i++) {
        const struct line *own[MOST_PANELS];
        size_t count = 0;
        if (done[i] || !is_path(&results->lines[i], figure)) continue;
        const char *function = record_text(results->lines[i].record, "function");
        for (size_t j = i; j < results->line_count && count < MOST_PANELS; j++) {
            const struct line *line = &results->lines[j];
            if (done[j] || !is_path(line, figure) ||
                !same(record_text(line->record, "function"), function))
                continue;
            done[j] = true;
            bool drawn = !is_whole(line->record);
            if (drawn) *lacks = "its path is not whole";
            for (size_t k = 0; k < count; k++) drawn |= same_path(own[k], line);
            if (!drawn) own[count++] = line;
        }
        if (count) make_one(own, count, plots_add(plots, &made, figure));
    }
    free(done);
    plots_tell_apart(*plots, made);
    return made;
}
