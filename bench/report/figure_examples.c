/* Images beside the probabilities that a network gives them, from the "examples" lines. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"
#include "bench/report/takes.h"
#include "bench/report/text.h"

enum {
    ACROSS = 3, /* images side by side */
    ON_PICTURE = 12,
    MOST_CLASSES = 1000,
    MOST_BARS = 12, /* of more classes only the most probable */
    BARS_OF_MANY = 10,
    MOST_PIXELS = 256 /* of a side */
};

struct item {
    const json_t *record;
    int label, predicted; /* -1: unknown */
    size_t classes;
    double probability[MOST_CLASSES];
};

static bool is_right(const struct item *item) { return item->label == item->predicted; }

static int class_number(const json_t *record, const char *key, size_t classes) {
    double value = record_number(record, key);
    return value >= 0 && value < (double)classes && value == floor(value) ? (int)value : -1;
}

/* False where the record is not whole. */
static bool read_item(const json_t *record, size_t pixels, struct item *item) {
    const json_t *values = json_object_get(record, "probabilities");
    const char *hex = record_text(record, "pixels");
    *item = (struct item){.record = record, .classes = json_array_size(values)};
    if (!item->classes || item->classes > MOST_CLASSES || strlen(hex) != 2 * pixels ||
        strspn(hex, "0123456789abcdefABCDEF") != 2 * pixels)
        return false;
    for (size_t i = 0; i < item->classes; i++) {
        const json_t *value = json_array_get(values, i);
        double p = json_is_number(value) ? json_number_value(value) : NAN;
        if (!isfinite(p)) return false;
        item->probability[i] = p < 0 ? 0 : p > 1 ? 1 : p; /* outputs that are no softmax */
    }
    item->label = class_number(record, "label", item->classes);
    item->predicted = class_number(record, "predicted", item->classes);
    return item->predicted >= 0;
}

static void class_text(const json_t *names, int class, char *text, size_t size) {
    const char *name = json_string_value(json_array_get(names, (size_t) class));
    if (name)
        snprintf(text, size, "%.40s", name);
    else
        snprintf(text, size, "%d", class);
}

/* How many classes are more probable. */
static size_t rank_of(const struct item *item, size_t class) {
    size_t rank = 0;
    for (size_t i = 0; i < item->classes; i++)
        rank += item->probability[i] > item->probability[class] ||
                (item->probability[i] == item->probability[class] && i < class);
    return rank;
}

/* Rows of one image: where it stands, its words, pixels (y from the top) and bars. */
static void write_item(struct sheet *sheet, size_t number, const struct item *item,
                       const json_t *names, size_t column, size_t row, size_t height,
                       size_t width) {
    char text[200], label[48], predicted[48];
    const char *pixels = record_text(item->record, "pixels");
    class_text(names, item->predicted, predicted, sizeof predicted);
    if (item->label < 0) {
        snprintf(text, sizeof text, "%s", predicted);
    } else {
        class_text(names, item->label, label, sizeof label);
        if (is_right(item))
            snprintf(text, sizeof text, "%s", label);
        else
            snprintf(text, sizeof text, "%s taken for %s", label, predicted);
    }
    sheet_row(sheet, number, "item", (double)column, (double)row,
              item->label < 0 ? NAN : is_right(item), text);
    const char *name = record_text(item->record, "name"), *slash = strrchr(name, '/');
    snprintf(text, sizeof text, "%.40s", slash ? slash + 1 : name); /* of a file */
    sheet_row(sheet, number, "name", NAN, NAN, NAN, text);
    for (size_t i = 0; i < height * width; i++) {
        const char digits[3] = {pixels[2 * i], pixels[2 * i + 1], '\0'};
        size_t row = i / width;
        sheet_row(sheet, number, "pixel", (double)(i % width), (double)row,
                  (double)strtol(digits, NULL, 16), "");
    }
    size_t bar = 0;
    for (size_t c = 0; c < item->classes; c++) {
        if (item->classes > MOST_BARS && rank_of(item, c) >= BARS_OF_MANY) continue;
        const char *kind = (int)c == item->predicted ? "predicted"
                           : (int)c == item->label   ? "label"
                                                     : "class";
        class_text(names, (int)c, text, sizeof text);
        sheet_row(sheet, number, kind, (double)bar++, item->probability[c], (double)c, text);
    }
}

/* One picture of these items: those rightly classified above those that are not. */
static void write_items(struct plot *plot, const struct line *line, const struct item *items,
                        size_t count, size_t height, size_t width) {
    const json_t *names = json_object_get(line->record, "class_names");
    size_t number = 0, row = 0;
    bool labelled = false;
    for (size_t i = 0; i < count; i++) labelled |= items[i].label >= 0;
    struct sheet sheet;
    sheet_open(&sheet, plot);
    for (int right = 1; right >= 0; right--) {
        size_t column = 0;
        bool begun = false; /* the section */
        for (size_t i = 0; i < count; i++) {
            if (labelled && is_right(&items[i]) != right) continue;
            if (!labelled && !right) continue;
            if (labelled && !begun)
                sheet_row(&sheet, 0, "section", NAN, (double)row, right,
                          right ? "classified rightly" : "classified wrongly");
            begun = true;
            write_item(&sheet, ++number, &items[i], names, column, row, height, width);
            if (++column == ACROSS) column = 0, row++;
        }
        if (column) row++;
    }
    sheet_close(&sheet, plot);
}

static size_t make_line(const struct figure *figure, const struct line *line, struct plot **plots,
                        size_t *made) {
    double height = record_number(line->record, "height");
    double width = record_number(line->record, "width");
    const json_t *records = json_object_get(line->record, "items");
    size_t count = 0, size = json_array_size(records);
    if (!(height >= 1 && height <= MOST_PIXELS && width >= 1 && width <= MOST_PIXELS)) return 0;
    struct item *items = calloc(size + 1, sizeof *items);
    if (!items) die(EXIT_MISSING, "out of memory");
    for (size_t i = 0; i < size; i++) {
        count +=
            read_item(json_array_get(records, i), (size_t)height * (size_t)width, &items[count]);
    }
    if (count < size)
        warn("%s: %zu example%s not whole and left out", line->run->path, size - count,
             size - count == 1 ? " is" : "s are");
    for (size_t first = 0; first < count; first += ON_PICTURE) {
        struct plot *plot = plots_add(plots, made, figure);
        char name[GROUP_SIZE];
        line_name(line, name, sizeof name);
        plot_name(plot, name);
        snprintf(plot->title, sizeof plot->title, "%s%s%s", figure->title, *name ? " · " : "",
                 name);
        plot_subtitle(plot, line);
        write_items(plot, line, items + first,
                    count - first < ON_PICTURE ? count - first : ON_PICTURE, (size_t)height,
                    (size_t)width);
    }
    free(items);
    return count;
}

size_t make_examples(const struct figure *figure, const struct results *results,
                     struct plot **plots, const char **lacks) {
    size_t made = 0;
    *plots = NULL;
    *lacks = "no classified image";
    for (size_t i = 0; i < results->line_count; i++) {
        const struct line *line = &results->lines[i];
        if (!same(line->kind, "examples") || !same(line->command, figure->command)) continue;
        if (!make_line(figure, line, plots, &made)) *lacks = "no example is whole";
    }
    plots_tell_apart(*plots, made);
    return made;
}
