#include "bench/report/takes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"
#include "bench/report/text.h"

struct point *plot_add_point(struct plot *plot) {
    plot->points = realloc(plot->points, (plot->count + 1) * sizeof *plot->points);
    if (!plot->points) die(EXIT_MISSING, "out of memory");
    struct point *point = &plot->points[plot->count++];
    *point = (struct point){
        .kind = "point", .x = NAN, .y = NAN, .low = NAN, .high = NAN, .ceiling = NAN};
    return point;
}

struct plot *plots_add(struct plot **plots, size_t *count, const struct figure *figure) {
    *plots = realloc(*plots, (*count + 1) * sizeof **plots);
    if (!*plots) die(EXIT_MISSING, "out of memory");
    struct plot *plot = &(*plots)[(*count)++];
    *plot = (struct plot){.figure = figure};
    return plot;
}

void plot_name(struct plot *plot, const char *suffix) {
    snprintf(plot->name, sizeof plot->name, "%.20s%s%.60s", plot->figure->name, *suffix ? "-" : "",
             suffix);
    size_t length = strlen(plot->figure->name), end = length;
    for (size_t i = length; plot->name[i]; i++) {
        char c = plot->name[i];
        bool plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        if (plain || (end > length && plot->name[end - 1] != '-') || end == length)
            plot->name[end++] = plain ? c : '-';
    }
    while (end > length && plot->name[end - 1] == '-') end--;
    plot->name[end] = '\0';
}

void plots_tell_apart(struct plot *plots, size_t count) {
    for (size_t i = 0; i < count; i++) {
        size_t before = 0;
        for (size_t j = 0; j < i; j++)
            before += strncmp(plots[j].name, plots[i].name, strlen(plots[i].name)) == 0 &&
                      strspn(plots[j].name + strlen(plots[i].name), "-0123456789") ==
                          strlen(plots[j].name + strlen(plots[i].name));
        size_t used = strlen(plots[i].name);
        if (before) snprintf(plots[i].name + used, sizeof plots[i].name - used, "-%zu", before + 1);
    }
}

void plot_subtitle(struct plot *plot, const struct line *line) {
    char threads[32], label[200];
    const char *device = record_text(line->record, "device");
    if (!*device) device = line->run->device;
    threads_text(is_gpu_name(device) ? NAN : record_number(line->record, "threads"), threads,
                 sizeof threads);
    device_label(line->run, device, label, sizeof label);
    append(plot->subtitle, sizeof plot->subtitle, " · ", label);
    append(plot->subtitle, sizeof plot->subtitle, " · ", record_text(line->record, "library"));
    append(plot->subtitle, sizeof plot->subtitle, " · ", threads);
}

void sheet_open(struct sheet *sheet, const struct plot *plot) {
    *sheet = (struct sheet){0};
    sheet->file = open_memstream(&sheet->text, &sheet->size);
    if (!sheet->file) die(EXIT_MISSING, "out of memory");
    fputs("item,kind,x,y,value,text\n", sheet->file);
    sheet_row(sheet, 0, "title", NAN, NAN, NAN, plot->title);
    sheet_row(sheet, 0, "subtitle", NAN, NAN, NAN, plot->subtitle);
}

void sheet_row(struct sheet *sheet, size_t item, const char *kind, double x, double y, double value,
               const char *text) {
    const double numbers[] = {x, y, value};
    fprintf(sheet->file, "%zu,%s,", item, kind);
    for (int i = 0; i < 3; i++) {
        if (isfinite(numbers[i])) fprintf(sheet->file, "%.6g", numbers[i]);
        fputc(',', sheet->file);
    }
    plot_write_text(sheet->file, text);
    fputc('\n', sheet->file);
}

void sheet_close(struct sheet *sheet, struct plot *plot) {
    if (fclose(sheet->file) != 0) die(EXIT_MISSING, "out of memory");
    plot->data = sheet->text;
}

void plots_free(struct plot *plots, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(plots[i].points);
        free(plots[i].data);
    }
    free(plots);
}

void plot_write_text(FILE *file, const char *text) {
    for (; *text; text++)
        fputc(*text == ','                 ? ';'
              : *text == '"'               ? '\''
              : (unsigned char)*text < ' ' ? ' '
                                           : *text,
              file);
}

static void write_number(FILE *file, double value) {
    if (isfinite(value)) fprintf(file, "%.12g", value);
}

void plot_write(const struct plot *plot, FILE *file) {
    if (plot->data) {
        fputs(plot->data, file);
        return;
    }
    fputs("panel,series,kind,x,y,low,high,ceiling,ceiling_name,label,title,subtitle\n", file);
    for (size_t i = 0; i < plot->count; i++) {
        const struct point *p = &plot->points[i];
        const char *texts[] = {p->panel, p->series, p->kind};
        const double numbers[] = {p->x, p->y, p->low, p->high, p->ceiling};
        const char *more[] = {p->ceiling_name, p->label, plot->title, plot->subtitle};
        for (int t = 0; t < 3; t++) {
            plot_write_text(file, texts[t]);
            fputc(',', file);
        }
        for (int n = 0; n < 5; n++) {
            write_number(file, numbers[n]);
            fputc(',', file);
        }
        for (int t = 0; t < 4; t++) {
            plot_write_text(file, more[t]);
            fputc(t < 3 ? ',' : '\n', file);
        }
    }
}
