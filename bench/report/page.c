#include "bench/report/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"
#include "bench/report/crossover.h"
#include "bench/report/text.h"

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>flopstep report</title>\n<style>\n"
    "body { font-family: sans-serif; color: #222; max-width: 80em; margin: 1.5em auto; "
    "padding: 0 1em; line-height: 1.4; }\n"
    "table { border-collapse: collapse; margin: .5em 0 1.5em; font-size: 90%; }\n"
    "th, td { border-bottom: 1px solid #ddd; padding: .2em .7em; text-align: left; "
    "vertical-align: top; }\n"
    "td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }\n"
    "figure { margin: 2em 0; }\nfigure img { max-width: 100%; border: 1px solid #ddd; }\n"
    "figcaption { max-width: 60em; }\n.bad { color: #a00; }\n"
    "</style>\n</head>\n<body>\n<h1>flopstep report</h1>\n";

static void text(FILE *file, const char *s) {
    for (; *s; s++) switch (*s) {
        case '&': fputs("&amp;", file); break;
        case '<': fputs("&lt;", file); break;
        case '>': fputs("&gt;", file); break;
        case '"': fputs("&quot;", file); break;
        default: fputc(*s, file);
        }
}

/* Digits in groups of three, which are read more easily. */
static void grouped(FILE *file, double value) {
    char digits[40];
    snprintf(digits, sizeof digits, "%.0f", value);
    size_t length = strlen(digits);
    for (size_t i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0 && length > 4) fputs("&#8239;", file);
        fputc(digits[i], file);
    }
}

static void number(FILE *file, double value) {
    fputs("<td class=\"n\">", file);
    if (isnan(value))
        fputs("–", file);
    else if (value >= 1000)
        grouped(file, value);
    else
        fprintf(file, "%.*f", value >= 100 ? 0 : value >= 10 ? 1 : 2, value);
    fputs("</td>", file);
}

static void cell(FILE *file, const char *s) {
    fputs("<td>", file);
    text(file, s);
    fputs("</td>", file);
}

static void write_value(FILE *file, const json_t *value) {
    if (json_is_string(value)) {
        text(file, json_string_value(value));
    } else if (json_is_null(value)) {
        fputs("unknown", file);
    } else if (json_is_array(value)) {
        size_t i;
        json_t *entry;
        json_array_foreach(value, i, entry) {
            if (i) fputc(' ', file);
            write_value(file, entry);
        }
    } else if (json_is_object(value)) {
        const char *key;
        json_t *entry;
        bool first = true;
        json_object_foreach((json_t *)value, key, entry) {
            if (!first) fputs(" · ", file);
            first = false;
            text(file, key);
            fputs(": ", file);
            write_value(file, entry);
        }
    } else {
        char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
        if (dump) text(file, dump);
        free(dump);
    }
}

static void write_runs(FILE *file, const struct results *results) {
    fputs("<h2>Runs</h2>\n<table>\n<tr><th>machine</th><th>host</th><th>command line</th>"
          "<th class=\"n\">cases</th><th>ending</th><th>file</th></tr>\n",
          file);
    for (size_t i = 0; i < results->run_count; i++) {
        const struct run *run = results->runs[i];
        const char *name = strrchr(run->path, '/');
        bool complete = strcmp(run->ending, "complete") == 0 && !run->broken_lines;
        fputs("<tr>", file);
        cell(file, run->machine);
        cell(file, run->host);
        fputs("<td><code>", file);
        const json_t *line = json_object_get(run->provenance, "command_line");
        if (line) write_value(file, line);
        fprintf(file, "</code></td><td class=\"n\">%zu</td><td%s>", run->cases,
                complete ? "" : " class=\"bad\"");
        text(file, run->ending);
        if (run->broken_lines) fprintf(file, "; %zu broken lines left out", run->broken_lines);
        fputs("</td>", file);
        cell(file, name ? name + 1 : run->path);
        fputs("</tr>\n", file);
    }
    fputs("</table>\n", file);
}

static void write_machines(FILE *file, const struct results *results) {
    fputs("<h2>Machine</h2>\n", file);
    for (size_t i = 0; i < results->run_count; i++) {
        const struct run *run = results->runs[i];
        bool seen = !run->provenance;
        for (size_t j = 0; j < i; j++)
            seen |= results->runs[j]->provenance && strcmp(results->runs[j]->host, run->host) == 0;
        if (seen) continue;
        fputs("<details open><summary>", file);
        text(file, run->machine);
        fputs("</summary>\n<table>\n", file);
        const char *key;
        json_t *value;
        json_object_foreach(run->provenance, key, value) {
            if (strcmp(key, "record") == 0 || strcmp(key, "command_line") == 0 ||
                strcmp(key, "command") == 0 || strcmp(key, "run") == 0)
                continue; /* of one run, not of the machine */
            fputs("<tr>", file);
            cell(file, key);
            fputs("<td>", file);
            write_value(file, value);
            fputs("</td></tr>\n", file);
        }
        fputs("</table></details>\n", file);
    }
}

static bool one_curve(const struct row *a, const struct row *b) {
    return strcmp(a->kernel, b->kernel) == 0 && strcmp(a->trans, b->trans) == 0 &&
           strcmp(a->type, b->type) == 0 && strcmp(a->library, b->library) == 0 &&
           strcmp(a->mode, b->mode) == 0 && strcmp(a->device, b->device) == 0 &&
           strcmp(a->run->host, b->run->host) == 0 &&
           (a->threads == b->threads || (isnan(a->threads) && isnan(b->threads)));
}

/* What a case is ranked by: GFLOP/s, or GB/s where it computes nothing. */
static double rate(const struct row *row) { return row->gflops > 0 ? row->gflops : row->gbytes; }

static void write_best(FILE *file, const struct results *results) {
    size_t shown = 0;
    for (size_t i = 0; i < results->row_count; i++) {
        const struct row *row = &results->rows[i];
        if (!row->ok || !*row->kernel || isnan(rate(row))) continue;
        bool best = true;
        for (size_t j = 0; best && j < results->row_count; j++) {
            const struct row *other = &results->rows[j];
            if (j != i && other->ok && *other->kernel && one_curve(row, other))
                best = !(rate(other) > rate(row) || (rate(other) == rate(row) && j < i));
        }
        if (!best) continue;
        if (!shown++)
            fputs("<h2>Best of each kernel</h2>\n<p>Rates are of the median; the interval is its "
                  "95&#8239;% confidence interval.</p>\n<table>\n"
                  "<tr><th>kernel</th><th>type</th><th>library</th>"
                  "<th class=\"n\">threads</th><th>mode</th><th class=\"n\">N</th>"
                  "<th class=\"n\">GFLOP/s</th><th class=\"n\">interval</th>"
                  "<th class=\"n\">GB/s</th><th class=\"n\">% of ceiling</th><th>ceiling</th>"
                  "<th>flags</th></tr>\n",
                  file);
        char name[64];
        bool square;
        kernel_label(row, name, sizeof name);
        fputs("<tr>", file);
        cell(file, name);
        cell(file, type_name(row->type));
        cell(file, row->library);
        fputs("<td class=\"n\">", file);
        if (row->threads > 0) fprintf(file, "%.0f", row->threads);
        fputs("</td>", file);
        cell(file, row->mode);
        fputs("<td class=\"n\">", file);
        double size = row_size(row, &square);
        if (square && size > 0)
            grouped(file, size);
        else if (size > 0)
            fprintf(file, "%.0f×%.0f×%.0f", row->m, row->n, row->k);
        fputs("</td>", file);
        number(file, row->gflops > 0 ? row->gflops : NAN);
        if (row->gflops > 0 && row->low > 0 && row->high > 0)
            fprintf(file, "<td class=\"n\">%.4g to %.4g</td>",
                    row->gflops * row->median / row->high, row->gflops * row->median / row->low);
        else
            fputs("<td></td>", file);
        number(file, row->gbytes);
        number(file, 100 * row->peak_fraction);
        cell(file, record_text(row->record, "ceiling"));
        const json_t *flags = json_object_get(row->record, "flags");
        fputs("<td>", file);
        if (flags && !json_is_null(flags)) write_value(file, flags);
        fputs("</td></tr>\n", file);
    }
    if (shown) fputs("</table>\n", file);
}

static bool is_training(const struct row *row) {
    return row->ok && strcmp(row->kind, "training") == 0;
}

static bool one_training(const struct row *a, const struct row *b) {
    return a->run == b->run && strcmp(a->recipe, b->recipe) == 0 &&
           strcmp(a->network, b->network) == 0 && strcmp(a->dataset, b->dataset) == 0 &&
           strcmp(a->library, b->library) == 0 && strcmp(a->type, b->type) == 0 &&
           (a->threads == b->threads || (isnan(a->threads) && isnan(b->threads))) &&
           json_equal(json_object_get(a->record, "seed"), json_object_get(b->record, "seed"));
}

static void count_cell(FILE *file, double value) {
    fputs("<td class=\"n\">", file);
    if (value >= 0) grouped(file, value);
    fputs("</td>", file);
}

/* The last row of each training's history. */
static void write_trainings(FILE *file, const struct results *results) {
    size_t shown = 0;
    for (size_t i = 0; i < results->row_count; i++) {
        const struct row *row = &results->rows[i];
        bool last = is_training(row);
        for (size_t j = i + 1; last && j < results->row_count; j++)
            last = !is_training(&results->rows[j]) || !one_training(row, &results->rows[j]);
        if (!last) continue;
        if (!shown++)
            fputs("<h2>Trainings</h2>\n<p>At the end of each.</p>\n<table>\n<tr><th>recipe</th>"
                  "<th>network</th><th>data set</th><th class=\"n\">seed</th>"
                  "<th class=\"n\">epochs</th><th class=\"n\">steps</th>"
                  "<th class=\"n\">train accuracy (%)</th><th class=\"n\">test accuracy (%)</th>"
                  "<th class=\"n\">test loss</th><th class=\"n\">images/s</th></tr>\n",
                  file);
        fputs("<tr>", file);
        cell(file, row->recipe);
        cell(file, row->network);
        cell(file, row->dataset);
        count_cell(file, record_number(row->record, "seed"));
        number(file, row->epoch);
        count_cell(file, row->step);
        for (int test = 0; test < 2; test++) {
            const char *key = test ? "test_accuracy" : "train_accuracy";
            double value = 100 * record_number(row->record, key);
            if (isnan(value))
                fputs("<td class=\"n\">–</td>", file);
            else
                fprintf(file, "<td class=\"n\">%.2f</td>", value);
        }
        double loss = record_number(row->record, "test_loss");
        if (isnan(loss))
            fputs("<td class=\"n\">–</td>", file);
        else
            fprintf(file, "<td class=\"n\">%.4g</td>", loss);
        number(file, record_number(row->record, "images_per_s"));
        fputs("</tr>\n", file);
    }
    if (shown) fputs("</table>\n", file);
}

/* What the lectures reported beside what was measured here. */
static void write_reported(FILE *file, const struct results *results) {
    size_t shown = 0;
    for (size_t i = 0; i < results->line_count; i++) {
        const struct line *line = &results->lines[i];
        if (strcmp(line->kind, "reported") != 0) continue;
        if (!shown++)
            fputs("<h2>Reported and ours</h2>\n<table>\n<tr><th>recipe</th><th>figure</th>"
                  "<th class=\"n\">reported</th><th class=\"n\">ours</th><th>lecture</th>"
                  "<th>note</th></tr>\n",
                  file);
        fputs("<tr>", file);
        cell(file, record_text(line->record, "recipe"));
        cell(file, record_text(line->record, "figure"));
        for (int ours = 0; ours < 2; ours++) {
            double value = record_number(line->record, ours ? "ours" : "reported");
            if (isnan(value))
                fputs("<td class=\"n\">–</td>", file);
            else
                fprintf(file, "<td class=\"n\">%.6g</td>", value);
        }
        cell(file, record_text(line->record, "deck"));
        cell(file, record_text(line->record, "note"));
        fputs("</tr>\n", file);
    }
    if (shown) fputs("</table>\n", file);
}

/* From where on a GPU is faster than the CPU. */
static void write_crossovers(FILE *file, const struct results *results) {
    struct crossover *all;
    size_t count = crossovers_find(results, &all);
    if (count)
        fputs("<h2>GPU against CPU</h2>\n<p>The fastest of the CPU, over all libraries and numbers "
              "of "
              "threads, against the GPU at the sizes that both have. N or batch in between is "
              "interpolated (≈). The ratio is CPU time over GPU time: above 1 the GPU is faster. "
              "<a href=\"crossover.csv\">Table</a></p>\n<table>\n"
              "<tr><th>kernel, network</th><th>type</th><th>device</th><th>timed</th>"
              "<th>the GPU is</th><th>ratio at the smallest size</th>"
              "<th>ratio at the largest size</th></tr>\n",
              file);
    for (size_t i = 0; i < count; i++) {
        const struct crossover *c = &all[i];
        char words[200];
        fputs("<tr>", file);
        cell(file, c->name);
        cell(file, type_name(c->gpu->type));
        cell(file, c->gpu->device);
        crossover_series(c, words, sizeof words);
        cell(file, words);
        crossover_text(c, words, sizeof words);
        cell(file, words);
        const struct duel *ends[] = {c->smallest, c->largest};
        for (int end = 0; end < 2; end++) {
            char size[32];
            size_label(ends[end]->size, size, sizeof size);
            fprintf(file, "<td class=\"n\">%.3g (%s = %s)</td>", duel_ratio(ends[end]),
                    crossover_axis(c), size);
        }
        fputs("</tr>\n", file);
    }
    if (count) fputs("</table>\n", file);
    crossovers_free(all, count);
}

static void write_not_ok(FILE *file, const struct results *results) {
    size_t shown = 0;
    enum { MOST = 100 };
    for (size_t i = 0; i < results->row_count; i++) {
        const struct row *row = &results->rows[i];
        if (row->ok) continue;
        if (!shown++)
            fputs("<h2>Cases without a result</h2>\n<p>None of these is in a figure.</p>\n<table>\n"
                  "<tr><th>command</th><th>case</th><th>type</th><th>library</th>"
                  "<th class=\"n\">threads</th><th class=\"n\">N</th><th>status</th>"
                  "<th>reason</th></tr>\n",
                  file);
        if (shown > MOST) continue;
        char name[64];
        bool square;
        kernel_label(row, name, sizeof name);
        fputs("<tr>", file);
        cell(file, row->command);
        cell(file, *row->kernel    ? name
                   : *row->recipe  ? row->recipe
                   : *row->network ? row->network
                                   : row->probe);
        cell(file, row->type);
        cell(file, row->library);
        fputs("<td class=\"n\">", file);
        if (row->threads > 0) fprintf(file, "%.0f", row->threads);
        fputs("</td><td class=\"n\">", file);
        if (row_size(row, &square) > 0) grouped(file, row_size(row, &square));
        fputs("</td><td class=\"bad\">", file);
        text(file, row->status);
        fputs("</td>", file);
        cell(file, row->reason);
        fputs("</tr>\n", file);
    }
    if (!shown) return;
    fputs("</table>\n", file);
    if (shown > MOST) fprintf(file, "<p>… and %zu more: see the CSV.</p>\n", shown - MOST);
}

static void write_figures(FILE *file, const struct page_figure *figures, size_t count) {
    if (!count) return;
    fputs("<h2>Figures</h2>\n<p>Points are medians, bands their 95&#8239;% confidence intervals, "
          "dashed lines measured ceilings. Nothing is smoothed.</p>\n",
          file);
    for (size_t i = 0; i < count; i++) {
        const struct page_figure *figure = &figures[i];
        const char *format = figure->svg ? "svg" : "png";
        fprintf(file, "<figure id=\"%s\">\n", figure->name);
        if (figure->svg || figure->png) {
            fprintf(file, "<img src=\"figures/%s.%s\" alt=\"", figure->name, format);
            text(file, figure->title);
            fputs("\">\n", file);
        }
        fputs("<figcaption><b>", file);
        text(file, figure->title);
        fputs(".</b> ", file);
        text(file, figure->purpose);
        fprintf(file, " <a href=\"figures/%s.csv\">data</a>", figure->name);
        if (figure->svg) fprintf(file, " <a href=\"figures/%s.svg\">SVG</a>", figure->name);
        if (figure->png) fprintf(file, " <a href=\"figures/%s.png\">PNG</a>", figure->name);
        if (!figure->svg && !figure->png) fputs(" (not drawn)", file);
        fputs("</figcaption>\n</figure>\n", file);
    }
}

void page_write(FILE *file, const struct results *results, const struct page_figure *figures,
                size_t count) {
    fputs(head, file);
    write_runs(file, results);
    write_figures(file, figures, count);
    write_crossovers(file, results);
    write_trainings(file, results);
    write_reported(file, results);
    write_best(file, results);
    write_not_ok(file, results);
    write_machines(file, results);
    fputs("</body>\n</html>\n", file);
}
