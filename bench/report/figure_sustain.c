/* A case over minutes: rate, clock, power and temperature one below the other, from the lines
 * "sustain" and "sustained". */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/report/takes.h"
#include "bench/report/text.h"

/* The lines of one case stand together in the file, by time, the "sustained" line behind them. */
static bool same_series(const struct line *before, const struct line *line) {
    static const char *const texts[] = {"device", "library", "kernel", "type", "trans"};
    static const char *const numbers[] = {"threads", "m", "n", "k"};
    if (before->run != line->run) return false;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!same(record_text(before->record, texts[i]), record_text(line->record, texts[i])))
            return false;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        double a = record_number(before->record, numbers[i]);
        double b = record_number(line->record, numbers[i]);
        if (a != b && !(isnan(a) && isnan(b))) return false;
    }
    return true;
}

struct series {
    const struct line *lines; /* "sustain" */
    size_t count;
    const json_t *whole; /* "sustained"; NULL: interrupted before it was written */
    double a_second;     /* of the time axis: 1, or 1/60 in minutes */
};

static double value_of(const struct series *s, size_t i, const char *key) {
    return record_number(s->lines[i].record, key);
}

/* The time half way between a bin and the one before, the ends at the first and the last. */
static double edge(const struct series *s, size_t i) {
    double before = i > 0 ? value_of(s, i - 1, "time_s") : 0;
    if (i == s->count) {
        double width = i > 1 ? before - value_of(s, i - 2, "time_s") : 2 * before;
        return before + width / 2;
    }
    return i > 0 ? (before + value_of(s, i, "time_s")) / 2 : 0;
}

static bool throttled(const struct series *s, size_t i) {
    return json_is_true(json_object_get(s->lines[i].record, "throttled"));
}

/* A row for each stretch of throttled bins. */
static void write_throttled(struct sheet *sheet, const struct series *s) {
    for (size_t i = 0, begin; i < s->count; i++) {
        if (!throttled(s, i)) continue;
        for (begin = i; i + 1 < s->count && throttled(s, i + 1);) i++;
        sheet_row(sheet, 0, "throttled", edge(s, begin) * s->a_second, edge(s, i + 1) * s->a_second,
                  NAN, "");
    }
}

static const struct panel {
    const char *key, *least; /* columns of the curve and of the fainter one below */
    const char *name, *title;
    const char *mark, *mark_text; /* a line at this height, of the whole */
} panels[] = {
    {"gflops", "gflops_min", "rate", "GFLOP/s", NULL, NULL},
    {"gbytes_per_s", NULL, "rate", "GB/s", NULL, NULL}, /* of kernels that compute nothing */
    {"clock_mhz", NULL, "clock", "clock (MHz)", "most_clock_mhz", "highest"},
    {"power_w", NULL, "power", "power (W)", "power_limit_w", "limit"},
    {"temperature_c", NULL, "temperature", "temperature (°C)", NULL, NULL},
};
enum { PANELS = sizeof panels / sizeof panels[0], RATES = 2 };

static bool is_known(const struct series *s, const char *key) {
    for (size_t i = 0; i < s->count; i++)
        if (isfinite(value_of(s, i, key))) return true;
    return false;
}

static void write_panel(struct sheet *sheet, size_t item, const struct panel *panel,
                        const struct series *s) {
    sheet_row(sheet, item, "panel", NAN, NAN, NAN, panel->title);
    for (size_t i = 0; i < s->count; i++)
        sheet_row(sheet, item, "point", value_of(s, i, "time_s") * s->a_second,
                  value_of(s, i, panel->key), panel->least ? value_of(s, i, panel->least) : NAN,
                  "");
    double height = s->whole && panel->mark ? record_number(s->whole, panel->mark) : NAN;
    char text[60];
    snprintf(text, sizeof text, "%s %.0f", panel->mark_text ? panel->mark_text : "", height);
    if (isfinite(height)) sheet_row(sheet, item, "mark", NAN, height, NAN, text);
}

/* Of both rates only one is drawn. */
static void write_panels(struct sheet *sheet, const struct series *s) {
    char unknown[100] = "";
    size_t item = 0;
    bool has_rate = false;
    for (int i = 0; i < PANELS; i++) {
        bool known = is_known(s, panels[i].key);
        if (i < RATES && has_rate) continue;
        if (i < RATES) has_rate = known;
        if (known)
            write_panel(sheet, ++item, &panels[i], s);
        else if (i >= RATES)
            append(unknown, sizeof unknown, " and ", panels[i].name);
    }
    sheet_row(sheet, 0, "unknown", NAN, NAN, NAN, unknown);
}

static void duration_text(double seconds, char *text, size_t size) {
    if (seconds < 120)
        snprintf(text, size, "%.3g s", seconds);
    else
        snprintf(text, size, "%.3g min", seconds / 60);
}

/* What the picture comes to, in one line. */
static void verdict(const struct series *s, char *text, size_t size) {
    char part[160], tenth[40];
    double ratio = record_number(s->whole, "rate_ratio");
    double a_watt = record_number(s->whole, "gflops_per_w");
    duration_text(record_number(s->whole, "seconds") / 10, tenth, sizeof tenth);
    text[0] = '\0';
    if (isfinite(ratio)) {
        snprintf(part, sizeof part, "rate over the last %s: %.1f %% of that over the first %s",
                 tenth, 100 * ratio, tenth);
        append(text, size, " · ", part);
    }
    snprintf(part, sizeof part, "%.3g GFLOP/s per watt", a_watt);
    if (isfinite(a_watt)) append(text, size, " · ", part);
    if (!s->whole || json_is_false(json_object_get(s->whole, "complete")))
        append(text, size, " · ", "interrupted");
}

/* What is drawn, and why it is shaded. */
static void remark(const struct series *s, char *text, size_t size) {
    char part[160];
    double length = edge(s, s->count), share = record_number(s->whole, "throttled_fraction");
    snprintf(text, size, "median of each %.2g s", length / (double)s->count);
    snprintf(part, sizeof part, "shaded: throttled, %.3g %% of the time (%.100s)", 100 * share,
             record_text(s->whole, "throttle"));
    for (char *c = part; *c; c++)
        if (*c == ';') *c = ' ';
    if (isfinite(share)) append(text, size, "   ·   ", share > 0 ? part : "never throttled");
}

static void case_name(const json_t *record, char *text, size_t size) {
    const char *kernel = record_text(record, "kernel"), *trans = record_text(record, "trans");
    static const char *const extents[] = {"m", "n", "k"};
    double first = NAN;
    char sizes[80] = "", part[24];
    bool square = true;
    for (int i = 0; i < 3; i++) {
        double extent = record_number(record, extents[i]);
        if (!isfinite(extent)) continue;
        square &= !isfinite(first) || extent == first;
        if (!isfinite(first)) first = extent;
        snprintf(part, sizeof part, "%.0f", extent);
        append(sizes, sizeof sizes, "×", part);
    }
    if (square && isfinite(first)) snprintf(sizes, sizeof sizes, "%.0f", first);
    snprintf(text, size, "%.40s", *kernel ? kernel : record_text(record, "network"));
    append(text, size, " ", trans);
    append(text, size, " ", sizes);
    append(text, size, " ", type_name(record_text(record, "type")));
    const char *device = record_text(record, "device");
    if (!same(device, "cpu")) append(text, size, " ", device);
}

static void make_one(struct series *s, struct plot *plot) {
    const struct line *first = s->lines;
    char name[GROUP_SIZE], text[300];
    case_name(first->record, name, sizeof name);
    plot_name(plot, name);
    snprintf(plot->title, sizeof plot->title, "%s · %s", plot->figure->title, name);
    plot_subtitle(plot, first);
    const char *gpu = record_text(first->record, "gpu");
    if (!strstr(plot->subtitle, gpu)) append(plot->subtitle, sizeof plot->subtitle, " · ", gpu);
    double length = edge(s, s->count);
    s->a_second = length < 300 ? 1 : 1 / 60.0;
    struct sheet sheet;
    sheet_open(&sheet, plot);
    verdict(s, text, sizeof text);
    sheet_row(&sheet, 0, "verdict", NAN, NAN, NAN, text);
    sheet_row(&sheet, 0, "axis", length * s->a_second, NAN, NAN,
              length < 300 ? "time (s)" : "time (min)");
    remark(s, text, sizeof text);
    sheet_row(&sheet, 0, "note", NAN, NAN, NAN, text);
    write_throttled(&sheet, s);
    write_panels(&sheet, s);
    sheet_close(&sheet, plot);
}

/* Whether its bin can be drawn. */
static bool is_bin(const struct line *line) {
    return same(line->kind, "sustain") && record_number(line->record, "time_s") >= 0;
}

size_t make_sustain(const struct figure *figure, const struct results *results, struct plot **plots,
                    const char **lacks) {
    size_t made = 0;
    *plots = NULL;
    *lacks = "no case was run for minutes; flopstep blas --sustain S does";
    for (size_t i = 0; i < results->line_count; i++) {
        const struct line *first = &results->lines[i];
        if (!is_bin(first) || !same(first->command, figure->command)) continue;
        struct series s = {.lines = first, .count = 1};
        for (; i + 1 < results->line_count; i++, s.count++) {
            const struct line *next = first + s.count;
            if (!is_bin(next) || !same_series(first, next) ||
                record_number(next->record, "time_s") <= record_number(next[-1].record, "time_s"))
                break;
        }
        if (i + 1 < results->line_count && same(first[s.count].kind, "sustained") &&
            same_series(first, &first[s.count]))
            s.whole = first[s.count].record;
        if (!is_known(&s, "gflops") && !is_known(&s, "gbytes_per_s")) {
            *lacks = "a case was run for minutes, but its rate is unknown";
            continue;
        }
        make_one(&s, plots_add(plots, &made, figure));
    }
    plots_tell_apart(*plots, made);
    return made;
}
