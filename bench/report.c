/* flopstep report: CSV, figures and one HTML page from results. */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/commands.h"
#include "bench/harness/columns.h"
#include "bench/harness/error.h"
#include "bench/harness/options.h"
#include "bench/harness/share.h"
#include "bench/report/crossover.h"
#include "bench/report/draw.h"
#include "bench/report/figures.h"
#include "bench/report/page.h"
#include "bench/report/published.h"
#include "bench/report/results.h"
#include "bench/report/study.h"

enum { PATH_SIZE = 4096 };

struct settings {
    char **inputs;
    size_t input_count;
    const char *out;
    char **figures;    /* NULL: all */
    char **references; /* NULL: none */
    bool svg, png, quiet;
};

/* ---- options ---- */

static void take_out(void *target, const char *name, const char *value) {
    (void)name;
    ((struct settings *)target)->out = value;
}

static void take_figures(void *target, const char *name, const char *value) {
    struct settings *settings = target;
    option_list_free(settings->figures);
    settings->figures = NULL;
    if (strcmp(value, "all") == 0) return;
    settings->figures = option_list(name, value);
    const char *known[64];
    size_t count = 0;
    for (const struct figure *figure = figure_table; figure->name && count < 63; figure++)
        known[count++] = figure->name;
    known[count] = NULL;
    for (char **wanted = settings->figures; *wanted; wanted++) {
        bool found = false;
        for (size_t i = 0; i < count; i++) found |= strcmp(known[i], *wanted) == 0;
        if (found) continue;
        const char *near = option_nearest(*wanted, known);
        if (near) die(EXIT_USAGE, "there is no figure '%s'; did you mean %s?", *wanted, near);
        char list[1000] = "";
        for (size_t i = 0; i < count; i++) {
            size_t used = strlen(list);
            snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", known[i]);
        }
        die(EXIT_USAGE, "there is no figure '%s'; there are %s", *wanted, list);
    }
}

static void take_references(void *target, const char *name, const char *value) {
    struct settings *settings = target;
    option_list_free(settings->references);
    settings->references = option_list(name, value);
}

static void take_formats(void *target, const char *name, const char *value) {
    struct settings *settings = target;
    char **formats = option_list(name, value);
    settings->svg = settings->png = false;
    for (char **format = formats; *format; format++) {
        bool svg = strcmp(*format, "svg") == 0, png = strcmp(*format, "png") == 0;
        if (!svg && !png) die(EXIT_USAGE, "--formats '%s' is neither svg nor png", *format);
        settings->svg |= svg;
        settings->png |= png;
    }
    option_list_free(formats);
}

static void take_quiet(void *target, const char *name, const char *value) {
    (void)name;
    (void)value;
    ((struct settings *)target)->quiet = true;
}

static void take_input(void *target, const char *value) {
    struct settings *settings = target;
    settings->inputs =
        realloc(settings->inputs, (settings->input_count + 1) * sizeof *settings->inputs);
    if (!settings->inputs) die(EXIT_MISSING, "out of memory");
    settings->inputs[settings->input_count++] = (char *)value;
}

static const struct option_row rows[] = {
    {"out", "DIR", "where CSV, figures and index.html go (default: the first folder)", take_out},
    {"figures", "LIST", "only these figures; 'flopstep list' names them (default: all)",
     take_figures},
    {"reference", "LIST", "published figures drawn as lines, e.g. p100,v100", take_references},
    {"formats", "LIST", "svg, png or both (default)", take_formats},
    {"quiet", NULL, "do not name the files written", take_quiet},
    {NULL, NULL, NULL, NULL}};

static const struct usage usage = {
    .command = "report",
    .operands = "DIR|FILE.jsonl...",
    .purpose =
        "Makes CSV tables, figures and one HTML page from results (JSON Lines), which stay as "
        "they are.",
    .tables = (const struct option_row *const[]){rows, NULL},
    .examples = "  flopstep report results/local/mynode-20250101T120000Z\n"
                "  flopstep report node1/ node2/ --out both --reference v100,a100\n"
                "  flopstep report results/ --figures blas-levels,roofline --formats svg\n",
    .operand = take_input,
};

/* Formats a path; one that is too long is wrong usage. */
__attribute__((format(printf, 2, 3))) static void set_path(char path[PATH_SIZE], const char *format,
                                                           ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(path, PATH_SIZE, format, arguments);
    va_end(arguments);
    if (length < 0 || length >= PATH_SIZE) die(EXIT_USAGE, "a path is too long: %.80s...", path);
}

/* ---- reading ---- */

static int is_jsonl(const struct dirent *entry) {
    size_t length = strlen(entry->d_name);
    return length > 6 && strcmp(entry->d_name + length - 6, ".jsonl") == 0;
}

/* Reads one operand; false where nothing of it could be read. */
static bool read_input(struct results *results, const char *input) {
    struct stat status;
    if (stat(input, &status) != 0) die(EXIT_MISSING, "cannot read %s: %s", input, strerror(errno));
    if (!S_ISDIR(status.st_mode)) return results_read(results, input);
    struct dirent **entries;
    int files = scandir(input, &entries, is_jsonl, alphasort);
    if (files < 0) die(EXIT_MISSING, "cannot read %s: %s", input, strerror(errno));
    if (!files) die(EXIT_MISSING, "%s holds no .jsonl file; name a folder with results", input);
    bool any = false;
    for (int i = 0; i < files; i++) {
        char path[PATH_SIZE];
        set_path(path, "%s/%s", input, entries[i]->d_name);
        any |= results_read(results, path);
        free(entries[i]);
    }
    free(entries);
    return any;
}

/* ---- writing ---- */

static void make_folder(const char *path) {
    char part[PATH_SIZE];
    set_path(part, "%s", path);
    for (char *slash = part + 1; *slash; slash++) {
        if (*slash != '/') continue;
        *slash = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            die(EXIT_NOT_WRITTEN, "cannot make the folder %s: %s", part, strerror(errno));
        *slash = '/';
    }
    struct stat status;
    if (mkdir(part, 0777) != 0 && errno != EEXIST)
        die(EXIT_NOT_WRITTEN, "cannot make the folder %s: %s", part, strerror(errno));
    if (stat(part, &status) != 0 || !S_ISDIR(status.st_mode))
        die(EXIT_NOT_WRITTEN, "cannot write to %s: it is not a folder", part);
}

static FILE *open_output(const char *path) {
    FILE *file = fopen(path, "we");
    if (!file) die(EXIT_NOT_WRITTEN, "cannot write %s: %s", path, strerror(errno));
    return file;
}

static void close_output(FILE *file, const char *path, bool quiet) {
    bool failed = ferror(file);
    if (fclose(file) != 0 || failed)
        die(EXIT_NOT_WRITTEN, "cannot write %s: %s", path, strerror(errno));
    if (!quiet) printf("%s\n", path);
}

/* One table for each command, its cases in the order read. */
static void write_tables(const struct settings *settings, const char *out,
                         const struct results *results) {
    for (size_t i = 0; i < results->row_count; i++) {
        const char *command = results->rows[i].command;
        bool first = true;
        for (size_t j = 0; first && j < i; j++)
            first = strcmp(results->rows[j].command, command) != 0;
        if (!first) continue;
        const char *const *columns = columns_of(command);
        if (!columns) {
            warn("cases of command '%s' have no table here and are left out", command);
            continue;
        }
        char path[PATH_SIZE];
        set_path(path, "%s/%s.csv", out, command);
        FILE *file = open_output(path);
        columns_write_header(file, columns);
        for (size_t j = i; j < results->row_count; j++)
            if (strcmp(results->rows[j].command, command) == 0)
                columns_write_row(file, columns, results->rows[j].record);
        close_output(file, path, settings->quiet);
    }
}

/* Records beside the cases, which have tables of their own: <command>-<name>.csv. */
static const struct line_table {
    const char *kind, *name;
    const char *const *columns;
} line_tables[] = {
    {"layer", "layers",
     (const char *const[]){"run",       "command", "device",  "library", "threads", "ranks",
                           "reduce",    "type",    "network", "recipe",  "batch",   "layer",
                           "operation", "pass",    "m",       "n",       "k",       "time_s",
                           "share",     "flops",   "gflops",  NULL}},
    {"reported", "reported",
     (const char *const[]){"run", "command", "recipe", "figure", "reported", "ours", "unit", "deck",
                           "note", NULL}},
};

static void write_line_tables(const struct settings *settings, const char *out,
                              const struct results *results) {
    for (size_t t = 0; t < sizeof line_tables / sizeof line_tables[0]; t++)
        for (size_t i = 0; i < results->line_count; i++) {
            const struct line_table *table = &line_tables[t];
            const struct line *first = &results->lines[i];
            bool seen = strcmp(first->kind, table->kind) != 0 || !columns_of(first->command);
            for (size_t j = 0; !seen && j < i; j++)
                seen = strcmp(results->lines[j].kind, table->kind) == 0 &&
                       strcmp(results->lines[j].command, first->command) == 0;
            if (seen) continue;
            char path[PATH_SIZE];
            set_path(path, "%s/%s-%s.csv", out, first->command, table->name);
            FILE *file = open_output(path);
            columns_write_header(file, table->columns);
            for (size_t j = i; j < results->line_count; j++)
                if (strcmp(results->lines[j].kind, table->kind) == 0 &&
                    strcmp(results->lines[j].command, first->command) == 0)
                    columns_write_row(file, table->columns, results->lines[j].record);
            close_output(file, path, settings->quiet);
        }
}

struct drawing {
    const struct settings *settings;
    const char *out;
    char scripts[PATH_SIZE];
    bool can_draw, failed;
    struct page_figure *pages;
    size_t count;
};

static bool draw_format(struct drawing *drawing, const struct plot *plot, const char *format) {
    char script[PATH_SIZE], data[PATH_SIZE], picture[PATH_SIZE];
    set_path(script, "%s/%s.gp", drawing->scripts, plot->figure->name);
    set_path(data, "%s/figures/%s.csv", drawing->out, plot->name);
    set_path(picture, "%s/figures/%s.%s", drawing->out, plot->name, format);
    if (!draw_picture(script, data, picture)) {
        drawing->failed = true;
        return false;
    }
    if (!drawing->settings->quiet) printf("%s\n", picture);
    return true;
}

static void write_plot(struct drawing *drawing, const struct plot *plot) {
    char path[PATH_SIZE];
    set_path(path, "%s/figures/%s.csv", drawing->out, plot->name);
    FILE *file = open_output(path);
    plot_write(plot, file);
    close_output(file, path, drawing->settings->quiet);

    drawing->pages = realloc(drawing->pages, (drawing->count + 1) * sizeof *drawing->pages);
    if (!drawing->pages) die(EXIT_MISSING, "out of memory");
    struct page_figure *page = &drawing->pages[drawing->count++];
    *page = (struct page_figure){.purpose = plot->figure->purpose};
    memcpy(page->name, plot->name, sizeof page->name);
    memcpy(page->title, plot->title, sizeof page->title);
    if (!drawing->can_draw) return;
    if (drawing->settings->svg) page->svg = draw_format(drawing, plot, "svg");
    if (drawing->settings->png) page->png = draw_format(drawing, plot, "png");
}

static bool is_asked(const struct settings *settings, const char *name) {
    if (!settings->figures) return true;
    for (char **wanted = settings->figures; *wanted; wanted++)
        if (strcmp(*wanted, name) == 0) return true;
    return false;
}

/* Whether there is a run of the command; figures of others are not missed. */
static bool holds_command(const struct results *results, const char *command) {
    for (size_t i = 0; i < results->run_count; i++)
        if (strcmp(record_text(results->runs[i]->provenance, "command"), command) == 0) return true;
    for (size_t i = 0; i < results->row_count; i++)
        if (strcmp(results->rows[i].command, command) == 0) return true;
    return false;
}

/* Where a GPU overtakes the CPU, if both were measured. */
static void write_crossovers(const struct settings *settings, const char *out,
                             const struct results *results) {
    struct crossover *crossovers;
    size_t count = crossovers_find(results, &crossovers);
    if (count) {
        char path[PATH_SIZE];
        set_path(path, "%s/crossover.csv", out);
        FILE *file = open_output(path);
        crossovers_write(file, crossovers, count);
        close_output(file, path, settings->quiet);
    }
    crossovers_free(crossovers, count);
}

/* The lines that a figure draws if none are asked for; nothing where they are not installed. */
static void add_default_references(struct plot *plot) {
    char folder[PATH_SIZE];
    if (!plot->figure->references || !share_find(SHARE_PUBLISHED, folder, sizeof folder)) return;
    struct published *published;
    size_t count = published_read(folder, &published);
    plot_add_references(plot, published, count, plot->figure->references);
    free(published);
}

int command_report(int argc, char **argv) {
    struct settings settings = {.svg = true, .png = true};
    options_parse(&usage, argc, argv, &settings);
    if (!settings.input_count)
        die(EXIT_USAGE, "report needs a folder with results or .jsonl files: flopstep report DIR");

    struct published *published = NULL;
    size_t published_count = 0;
    if (settings.references) published_count = published_load(settings.references, &published);

    struct results results = {0};
    bool any = false;
    for (size_t i = 0; i < settings.input_count; i++)
        any |= read_input(&results, settings.inputs[i]);
    if (!any) die(EXIT_USAGE, "no result could be read");

    char out[PATH_SIZE];
    struct stat status;
    set_path(out, "%s", settings.out ? settings.out : settings.inputs[0]);
    if (!settings.out && stat(out, &status) == 0 && !S_ISDIR(status.st_mode)) {
        char *slash = strrchr(out, '/'); /* a file: its folder */
        if (slash)
            slash[slash == out] = '\0';
        else
            set_path(out, ".");
    }
    for (size_t end = strlen(out); end > 1 && out[end - 1] == '/';) out[--end] = '\0';
    char pictures[PATH_SIZE];
    set_path(pictures, "%s/figures", out);
    make_folder(pictures);

    write_tables(&settings, out, &results);
    write_line_tables(&settings, out, &results);
    write_crossovers(&settings, out, &results);

    struct drawing drawing = {.settings = &settings, .out = out};
    int code = EXIT_DONE;
    drawing.can_draw = draw_available();
    if (!drawing.can_draw) {
        warn("gnuplot is not there, so no figure is drawn; install it: apt install gnuplot-nox");
        code = EXIT_MISSING;
    } else if (!share_find(SHARE_PLOTS, drawing.scripts, sizeof drawing.scripts)) {
        warn("no gnuplot scripts at %s, so no figure is drawn; set FLOPSTEP_SHARE to the folder "
             "that holds plots/",
             drawing.scripts);
        drawing.can_draw = false;
        code = EXIT_MISSING;
    }
    for (const struct figure *figure = figure_table; figure->name; figure++) {
        if (!is_asked(&settings, figure->name)) continue;
        struct plot *plots;
        const char *lacks;
        size_t count = figure_plots(figure, &results, &plots, &lacks);
        bool expected = holds_command(&results, figure->command) && !settings.quiet &&
                        (!figure->gpu || any_gpu(&results)) &&
                        (!figure->ranks || any_ranks(&results));
        if (!count && (settings.figures || expected))
            warn("figure %s is not drawn: %s", figure->name, lacks);
        for (size_t i = 0; i < count; i++) {
            if (settings.references)
                plot_add_references(&plots[i], published, published_count,
                                    (const char *const *)settings.references);
            else
                add_default_references(&plots[i]);
            write_plot(&drawing, &plots[i]);
        }
        plots_free(plots, count);
    }
    if (drawing.failed) code = EXIT_NOT_WRITTEN;

    char path[PATH_SIZE];
    set_path(path, "%s/index.html", out);
    FILE *file = open_output(path);
    page_write(file, &results, drawing.pages, drawing.count);
    close_output(file, path, settings.quiet);

    free(drawing.pages);
    free(published);
    results_free(&results);
    option_list_free(settings.figures);
    option_list_free(settings.references);
    free(settings.inputs);
    return code;
}
