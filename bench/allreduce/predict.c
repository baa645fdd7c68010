/* What a training step would take on more ranks: the measured compute, and communication by the
 * fitted models. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/allreduce/session.h"
#include "bench/harness/interrupt.h"
#include "bench/harness/texts.h"
#include "mpi/cost_model.h"
#include "mpi/ranks.h"

struct seconds {
    double middle, low, high;
};

static struct seconds seconds_of(const struct fitted *f, double bytes, int ranks) {
    struct seconds t = {cost_seconds(f->model, f->fit, bytes, ranks),
                        cost_seconds_low(f->model, f->fit, bytes, ranks),
                        cost_seconds_high(f->model, f->fit, bytes, ranks)};
    /* intervals unknown: the band is that of hiding alone */
    /* and by how far off the model was on what it had not seen */
    double error = f->fit->prediction_error;
    if (isfinite(error)) t.low /= 1 + error, t.high *= 1 + error;
    if (isnan(t.low)) t.low = t.middle;
    if (isnan(t.high)) t.high = t.middle;
    return t;
}

/* The link that a larger run would be on: the whole of this one, else between nodes. */
static const char *link_of(const struct session *s) {
    static const char *const order[] = {"all", "inter", "intra"};
    for (int i = 0; i < 3; i++)
        for (size_t f = 0; f < s->fit_count; f++)
            if (strcmp(s->fits[f].link, order[i]) == 0 &&
                strncmp(s->fits[f].algorithm, "p2p", 3) != 0)
                return order[i];
    return NULL;
}

/* Of the library where it was measured: that of our ring only without it. */
static const char *algorithm_of(const struct session *s, const char *link) {
    const char *name = NULL;
    for (size_t f = 0; f < s->fit_count; f++) {
        const struct fitted *fit = &s->fits[f];
        if (strcmp(fit->link, link) != 0 || strncmp(fit->algorithm, "p2p", 3) == 0) continue;
        if (!name || strcmp(fit->algorithm, "library") == 0) name = fit->algorithm;
    }
    return name;
}

/* A library takes the algorithm that suits size and ranks, so the fastest model counts. */
static const struct fitted *fastest(const struct session *s, const char *link,
                                    const char *algorithm, double bytes, int ranks) {
    const struct fitted *best = NULL;
    for (size_t i = 0; i < s->fit_count; i++) {
        const struct fitted *f = &s->fits[i];
        if (f->type != s->options->common.types[0] || strcmp(f->link, link) != 0 ||
            strcmp(f->algorithm, algorithm) != 0)
            continue;
        if (!best || seconds_of(f, bytes, ranks).middle < seconds_of(best, bytes, ranks).middle)
            best = f;
    }
    return best;
}

static const char table_format[] = "%-10s %6s  %10s %10s  %10s %-25s  %6s %-15s %s\n";

static void print_header(const struct session *s, const char *link) {
    printf(
        "\nPrediction: an extrapolation. Batch %ld per rank; compute was measured here, on all "
        "ranks at once;\nallreduce is by the fastest of the models fitted to the %s link. Low: "
        "hidden behind the backward pass as far as\nit reaches; high: nothing hidden; both by "
        "the ends of the parameters' intervals and by the model's\nerror on what was held out. "
        "Efficiency: compute over step, against ranks that are as busy, not against one alone.\n",
        s->options->batch, link);
    if (strcmp(link, "intra") == 0)
        printf("note: all ranks are on one node: the network between nodes was not measured, and "
               "these numbers are\nof a machine whose nodes are as near as these ranks. Measure "
               "with ranks on two nodes or more.\n");
    printf(table_format, "network", "ranks", "compute", "allreduce", "step", "", "eff. %", "",
           "model");
}

static void print_row(const struct model_network *n, int ranks, double compute, double allreduce,
                      const struct seconds *step, const char *model) {
    char text[6][40], band[60], efficiencies[32];
    snprintf(text[0], sizeof text[0], "%d", ranks);
    seconds_text(compute, text[1], sizeof text[1]);
    seconds_text(allreduce, text[2], sizeof text[2]);
    seconds_text(step->middle, text[3], sizeof text[3]);
    seconds_text(step->low, text[4], sizeof text[4]);
    seconds_text(step->high, text[5], sizeof text[5]);
    snprintf(band, sizeof band, "[%.11s, %.11s]", text[4], text[5]);
    snprintf(text[4], sizeof text[4], "%.1f", 100 * compute / step->middle);
    snprintf(efficiencies, sizeof efficiencies, "[%.1f, %.1f]", 100 * compute / step->high,
             100 * compute / step->low);
    printf(table_format, n->name, text[0], text[1], text[2], text[3], band, text[4], efficiencies,
           model);
}

static void predict_one(struct session *s, const struct model_network *n,
                        const struct step_time *time, const char *link, const char *algorithm,
                        int ranks) {
    enum scalar type = s->options->common.types[0];
    double bytes = (double)n->parameters * (double)scalar_bytes(type);
    const struct fitted *f = fastest(s, link, algorithm, bytes, ranks);
    if (!f) return;
    struct seconds sum = seconds_of(f, bytes, ranks), step;
    /* the first gradient is there when the backward pass begins, at the earliest */
    step.low = fmax(time->step, time->forward + sum.low);
    step.high = time->step + sum.high;
    step.middle = 0.5 * (fmax(time->step, time->forward + sum.middle) + time->step + sum.middle);
    const struct ranks *r = ranks_get();
    int nodes = (ranks + r->local_count - 1) / r->local_count;
    json_t *line = json_pack("{s:s, s:s, s:o, s:I, s:I, s:i, s:i, s:s, s:s, s:s, s:s, s:b}",
                             "record", "prediction", "command", "allreduce", "network",
                             record_string(n->name), "parameters", (json_int_t)n->parameters,
                             "batch", (json_int_t)s->options->batch, "ranks", ranks, "nodes", nodes,
                             "type", scalar_letter(type), "link", link, "algorithm", algorithm,
                             "model", f->model->name, "extrapolated", ranks > f->ranks);
    record_set_real(line, "compute_s", time->step);
    record_set_real(line, "forward_s", time->forward);
    record_set_real(line, "allreduce_s", sum.middle);
    record_set_real(line, "step_low_s", step.low);
    record_set_real(line, "step_high_s", step.high);
    record_set_real(line, "step_s", step.middle);
    record_set_real(line, "efficiency", time->step / step.middle);
    record_set_real(line, "efficiency_low", time->step / step.high);
    record_set_real(line, "efficiency_high", time->step / step.low);
    record_line(&s->record, line);
    if (s->table) print_row(n, ranks, time->step, sum.middle, &step, f->model->name);
}

void allreduce_predict(struct session *s) {
    const struct allreduce_options *o = s->options;
    const char *link = link_of(s), *algorithm = link ? algorithm_of(s, link) : NULL;
    if (!o->predict_count || interrupt_came()) return;
    if (!algorithm) {
        if (s->table) printf("\nno prediction: no model was fitted\n");
        return;
    }
    if (s->table) print_header(s, link);
    for (size_t i = 0; i < s->network_count && !interrupt_came(); i++) {
        char reason[NETWORK_REASON];
        progress_step(&s->progress, s->progress.step, s->networks[i].name);
        struct step_time time = allreduce_step_time(s, &s->networks[i], reason, sizeof reason);
        progress_clear(&s->progress);
        if (!isfinite(time.step)) {
            if (s->table && reason[0]) printf("note: %s: %s\n", s->networks[i].name, reason);
            continue;
        }
        for (size_t p = 0; p < o->predict_count; p++)
            predict_one(s, &s->networks[i], &time, link, algorithm, o->predict[p]);
    }
}
