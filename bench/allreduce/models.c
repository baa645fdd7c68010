/* Fits the cost models to what was measured, tries them on what was held out, and says so. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/allreduce/session.h"
#include "bench/harness/error.h"
#include "bench/harness/texts.h"
#include "mpi/cost_model.h"

/* Which models an algorithm may follow. The library chooses by itself, so several are tried. */
static const struct {
    const char *algorithm, *model;
} follows[] = {{"p2p-intra", "p2p"},        {"p2p-inter", "p2p"}, {"library", "recursive-doubling"},
               {"library", "rabenseifner"}, {"library", "ring"},  {"ring", "ring"},
               {"reproducible", "ring"}};
enum { FOLLOWS = sizeof follows / sizeof *follows };

static const char *const links[] = {"intra", "inter", "all"};

/* The times of one link, algorithm and type. */
static struct cost_point *points_of(const struct session *s, const char *link,
                                    const char *algorithm, enum scalar type, size_t *count,
                                    struct fitted *fitted) {
    struct cost_point *points = calloc(s->finding_count, sizeof *points);
    if (!points) die(EXIT_MISSING, "out of memory");
    *count = 0;
    for (size_t i = 0; i < s->finding_count; i++) {
        const struct finding *f = &s->findings[i];
        if (f->type != type || strcmp(f->algorithm, algorithm) != 0 ||
            strcmp(f->group->link, link) != 0)
            continue;
        points[(*count)++] =
            (struct cost_point){f->bytes, f->seconds, f->group->count, false, false};
        if (f->group->count > fitted->ranks) fitted->ranks = f->group->count;
        if (f->group->nodes > fitted->nodes) fitted->nodes = f->group->nodes;
    }
    return points;
}

static json_t *held_out(const struct cost_point *points, size_t count, int ranks) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        if (points[i].held_out && points[i].ranks == ranks)
            json_array_append_new(list, json_integer((json_int_t)points[i].bytes));
    return list;
}

static void record_fit(struct session *s, const struct fitted *f, json_t *held) {
    json_t *line =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:I, s:o}", "record", "model",
                  "command", "allreduce", "link", f->link, "algorithm", f->algorithm, "model",
                  f->model->name, "type", scalar_letter(f->type), "ranks", f->ranks, "nodes",
                  f->nodes, "points", (json_int_t)f->fit->fitted, "held_out_bytes", held);
    record_set_real(line, "alpha_s", f->fit->alpha);
    record_set_real(line, "alpha_low_s", f->fit->alpha_low);
    record_set_real(line, "alpha_high_s", f->fit->alpha_high);
    record_set_real(line, "beta_s_per_byte", f->fit->beta);
    record_set_real(line, "beta_low_s_per_byte", f->fit->beta_low);
    record_set_real(line, "beta_high_s_per_byte", f->fit->beta_high);
    record_set_real(line, "gamma_s_per_byte", f->fit->gamma);
    record_set_real(line, "fit_error", f->fit->fit_error);
    record_set_real(line, "middle_error", f->fit->middle_error);
    record_set_real(line, "prediction_error", f->fit->prediction_error);
    record_line(&s->record, line);
}

static const char table_format[] = "%-5s  %-12s %-18s %5s  %10s %-23s  %8s %-17s  %7s %7s %8s\n";

static void print_header(const struct session *s) {
    printf("\nFitted models, seconds of n bytes; alpha: a message's start, beta: a byte on the "
           "link (as GB/s),\ngamma: a byte added");
    for (size_t t = 0; t < s->options->common.type_count; t++) {
        enum scalar type = s->options->common.types[t];
        printf(", %.3g GB/s in %s", 1e-9 / s->gamma[type], scalar_name(type));
    }
    printf(". Intervals at 95 %%; errors are the largest relative ones,\nof the sizes fitted, of "
           "those in the middle (over 1 KiB, under 512 KiB: not fitted) and of those held "
           "out.\n");
    printf(table_format, "link", "algorithm", "model", "ranks", "alpha", "", "GB/s", "", "fit",
           "middle", "held out");
}

static void print_fit(const struct fitted *f) {
    const struct cost_fit *fit = f->fit;
    char ranks[16], alpha[24], low[24], high[24], between[60] = "", rate[24] = "-", rates[60] = "",
                                                  error[16], middle[16] = "-", held[16] = "-";
    snprintf(ranks, sizeof ranks, "%d", f->ranks);
    seconds_text(fit->alpha, alpha, sizeof alpha);
    seconds_text(fit->alpha_low, low, sizeof low);
    seconds_text(fit->alpha_high, high, sizeof high);
    if (isfinite(fit->alpha_low)) snprintf(between, sizeof between, "[%s, %s]", low, high);
    if (fit->beta > 0) snprintf(rate, sizeof rate, "%.3g", 1e-9 / fit->beta);
    if (isfinite(fit->beta_high) && fit->beta_low > 0)
        snprintf(rates, sizeof rates, "[%.3g, %.3g]", 1e-9 / fit->beta_high, 1e-9 / fit->beta_low);
    else if (isfinite(fit->beta_high) && fit->beta_high > 0)
        snprintf(rates, sizeof rates, "[%.3g, -]", 1e-9 / fit->beta_high);
    snprintf(error, sizeof error, "%.0f %%", 100 * fit->fit_error);
    if (isfinite(fit->middle_error))
        snprintf(middle, sizeof middle, "%.0f %%", 100 * fit->middle_error);
    if (isfinite(fit->prediction_error))
        snprintf(held, sizeof held, "%.0f %%", 100 * fit->prediction_error);
    printf(table_format, f->link, f->algorithm, f->model->name, ranks, alpha, between, rate, rates,
           error, middle, held);
}

static void fit_one(struct session *s, const char *link, int row, enum scalar type) {
    struct fitted *f = &s->fits[s->fit_count];
    *f = (struct fitted){.link = link,
                         .algorithm = follows[row].algorithm,
                         .model = cost_model_find(follows[row].model),
                         .type = type};
    size_t count;
    struct cost_point *points = points_of(s, link, f->algorithm, type, &count, f);
    struct cost_fit fit;
    cost_hold_out(points, count);
    if (cost_fit(f->model, s->gamma[type], points, count, &fit)) {
        f->fit = malloc(sizeof *f->fit);
        if (!f->fit) die(EXIT_MISSING, "out of memory");
        *f->fit = fit;
        if (s->table && s->fit_count == 0) print_header(s);
        s->fit_count++;
        record_fit(s, f, held_out(points, count, f->ranks));
        if (s->table) print_fit(f);
    }
    free(points);
}

void allreduce_fit(struct session *s) {
    const struct common *c = &s->options->common;
    enum { LINKS = sizeof links / sizeof *links };
    s->fits = calloc((size_t)LINKS * FOLLOWS * c->type_count, sizeof *s->fits);
    if (!s->fits) die(EXIT_MISSING, "out of memory");
    if (!s->finding_count) return;
    for (size_t t = 0; t < c->type_count; t++)
        for (int link = 0; link < LINKS; link++)
            for (int row = 0; row < FOLLOWS; row++) fit_one(s, links[link], row, c->types[t]);
    if (s->table && !s->fit_count)
        printf("\nno model was fitted: that takes two sizes or more of one algorithm\n");
}

void allreduce_fits_free(struct session *s) {
    for (size_t i = 0; i < s->fit_count; i++) free(s->fits[i].fit);
    free(s->fits);
    s->fits = NULL;
    s->fit_count = 0;
}
