/* The decision boundary of a two-dimensional data set: field, contour and samples from the
 * "boundary" lines. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/report/takes.h"
#include "bench/report/text.h"

/* A pair of numbers, low below high. */
static bool read_range(const json_t *record, const char *key, double range[2]) {
    const json_t *pair = json_object_get(record, key);
    for (size_t i = 0; i < 2; i++) {
        const json_t *value = json_array_get(pair, i);
        if (!json_is_number(value)) return false;
        range[i] = json_number_value(value);
    }
    return range[0] < range[1];
}

static bool make_one(const struct line *line, struct plot *plot) {
    enum { MOST = 500 }; /* the script holds 250000 numbers */
    double x[2], y[2], columns = record_number(line->record, "columns");
    double rows = record_number(line->record, "rows");
    const json_t *field = json_object_get(line->record, "probability");
    if (!read_range(line->record, "x", x) || !read_range(line->record, "y", y) ||
        !(columns >= 2 && columns <= MOST && rows >= 2 && rows <= MOST) ||
        json_array_size(field) != (size_t)columns * (size_t)rows)
        return false;
    char name[GROUP_SIZE], text[120];
    line_name(line, name, sizeof name);
    plot_name(plot, name);
    snprintf(plot->title, sizeof plot->title, "%s · %s", plot->figure->title, name);
    static const char *const parts[] = {"train", "test"};
    for (int part = 0; part < 2; part++) {
        char key[32];
        snprintf(key, sizeof key, "%s_accuracy", parts[part]);
        double accuracy = record_number(line->record, key);
        snprintf(text, sizeof text, "%s accuracy %.1f %%", parts[part], 100 * accuracy);
        if (isfinite(accuracy)) append(plot->subtitle, sizeof plot->subtitle, " · ", text);
    }
    plot_subtitle(plot, line);

    struct sheet sheet;
    sheet_open(&sheet, plot);
    size_t i;
    json_t *value;
    json_array_foreach(field, i, value) {
        size_t column = i % (size_t)columns, row = i / (size_t)columns;
        sheet_row(&sheet, 0, "field", x[0] + (column + 0.5) * (x[1] - x[0]) / columns,
                  y[0] + (row + 0.5) * (y[1] - y[0]) / rows,
                  json_is_number(value) ? json_number_value(value) : NAN, "");
    }
    json_array_foreach(json_object_get(line->record, "points"), i, value) {
        const json_t *px = json_array_get(value, 0), *py = json_array_get(value, 1);
        const json_t *label = json_array_get(value, 2);
        const char *part = json_string_value(json_array_get(value, 3));
        if (!json_is_number(px) || !json_is_number(py) || !json_is_number(label)) continue;
        sheet_row(&sheet, 0, part && same(part, "test") ? "test" : "train", json_number_value(px),
                  json_number_value(py), json_number_value(label), "");
    }
    sheet_close(&sheet, plot);
    return true;
}

size_t make_boundary(const struct figure *figure, const struct results *results,
                     struct plot **plots, const char **lacks) {
    size_t made = 0;
    *plots = NULL;
    *lacks = "no training of a two-dimensional data set";
    for (size_t i = 0; i < results->line_count; i++) {
        const struct line *line = &results->lines[i];
        if (!same(line->kind, "boundary") || !same(line->command, figure->command)) continue;
        struct plot *plot = plots_add(plots, &made, figure);
        if (make_one(line, plot)) continue;
        made--;
        *lacks = "its field is not whole";
    }
    plots_tell_apart(*plots, made);
    return made;
}
