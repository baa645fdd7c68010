#include "bench/train/steps.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"
#include "bench/harness/gpu_monitors.h"
#include "bench/harness/gpu_watch.h"
#include "bench/harness/interrupt.h"
#include "bench/harness/machine_state.h"
#include "bench/harness/rounds.h"
#include "bench/harness/together.h"
#include "bench/train/step_case.h"
#include "mpi/ranks.h"
#include "nn/layers.h"
#include "nn/notation.h"

static struct step_case case_of(const struct train_options *o, const struct device *device,
                                enum scalar type, int threads, long batch, const struct rung *rungs,
                                int rung, const char *reduce) {
    const struct ranks *r = ranks_get();
    struct step_case c = {.device = device,
                          .type = type,
                          .threads = device->own_memory ? 1 : threads,
                          .batch = batch,
                          .global_batch = batch * r->count,
                          .first_image = batch * r->rank,
                          .reduce = reduce,
                          .rungs = rungs,
                          .rung = o->ladder ? &rungs[rung] : NULL};
    if (o->global_batch) {
        c.global_batch = o->global_batch;
        c.first_image = o->global_batch * r->rank / r->count;
        c.batch = o->global_batch * (r->rank + 1) / r->count - c.first_image;
    }
    return c;
}

struct step_group *step_group_new(const struct train_options *o, const char *name) {
    struct step_group *g = calloc(1, sizeof *g);
    const struct named_network *named = named_network_find(name);
    char reason[NETWORK_REASON], *text = train_network_text(name);
    if (!g || !text) die(EXIT_MISSING, "out of memory");
    struct extent unknown = {0}, images = {28, 28, 1};
    if (!architecture_parse(&g->architecture, text, unknown, reason, sizeof reason)) {
        bool own_input = extent_size(g->architecture.in) > 0;
        if (own_input || !architecture_parse(&g->architecture, text, images, reason, sizeof reason))
            train_network_refuse(name, reason);
    }
    free(text);
    g->options = o;
    g->name = named ? name : g->architecture.text;
    g->loss = o->loss >= 0 ? (enum loss)o->loss
              : named      ? named->loss
                           : network_usual_loss(&g->architecture);
    if (!network_loss_fits(&g->architecture, g->loss, reason, sizeof reason))
        die(EXIT_USAGE, "--loss: %s", reason);
    const char *optimizer = o->optimizer ? o->optimizer
                            : named      ? named->optimizer
                            : g->loss == LOSS_CATEGORICAL || g->loss == LOSS_BINARY
                                ? "sgd:lr=0.1"
                                : "sgd:lr=0.001";
    if (!optimizer_parse(&g->optimizer, optimizer, reason, sizeof reason))
        die(EXIT_USAGE, "--optimizer: %s", reason);
    if (!isnan(o->lr)) g->optimizer.numbers.lr = o->lr;
    optimizer_text(&g->optimizer, g->optimizer_text, sizeof g->optimizer_text);
    const struct common *c = &o->common;
    size_t batches = o->batch_count ? o->batch_count : 1; /* the default lies in batches[0] */
    size_t modes = o->reduce_count ? o->reduce_count : 1;
    size_t most = c->device_count * c->type_count * c->thread_counts * batches * modes;
    g->cases = calloc(most * MOST_RUNGS, sizeof *g->cases);
    g->silent = calloc(most, sizeof *g->silent);
    if (!g->cases || !g->silent) die(EXIT_MISSING, "out of memory");
    if (o->global_batch && o->global_batch < ranks_get()->count)
        die(EXIT_USAGE, "--global-batch %ld: %d ranks want an image each at least", o->global_batch,
            ranks_get()->count);
    for (size_t b = 0; b < batches; b++)
        if (!o->global_batch && o->batches[b] > SYNTHETIC_IMAGES)
            die(EXIT_USAGE, "--batch %ld: there are %d synthetic images", o->batches[b],
                SYNTHETIC_IMAGES);
    for (size_t d = 0; d < c->device_count; d++) {
        const struct device *device = c->devices[d];
        struct rung *rungs = g->rungs[d];
        int count = o->ladder ? ladder_rungs(&g->architecture, device, rungs) : 1;
        for (size_t t = 0; t < c->type_count; t++)
            for (size_t i = 0; i < (device->own_memory ? 1 : c->thread_counts); i++)
                for (size_t b = 0; b < batches; b++)
                    for (int r = 0; r < count; r++)
                        for (size_t m = 0; m < modes; m++)
                            g->cases[g->count++] =
                                case_of(o, device, c->types[t], c->threads[i], o->batches[b], rungs,
                                        r, o->reduce_count ? o->reduce[m] : NULL);
    }
    return g;
}

size_t step_group_cases(const struct step_group *g) { return g->count; }
const char *step_group_name(const struct step_group *g) { return g->name; }

void step_group_free(struct step_group *g) {
    free(g->cases);
    free(g->silent);
    free(g);
}

/* "cuda, " where it is not the processor. */
static const char *device_words(const struct device *device) {
    static char text[64];
    if (!device->own_memory) return "";
    snprintf(text, sizeof text, "%s, ", device->name);
    return text;
}

void step_group_list(const struct step_group *g) {
    enum record_format format = g->options->common.format;
    for (size_t i = 0; i < g->count; i++) {
        const struct step_case *c = &g->cases[i];
        if (format == FORMAT_TABLE)
            printf("%s, batch %ld, %s, %s%d thread%s, %s%s%s%s%s\n", g->name, c->batch,
                   scalar_name(c->type), device_words(c->device), c->threads,
                   c->threads == 1 ? "" : "s", g->optimizer_text, c->rung ? ", " : "",
                   c->rung ? c->rung->name : "", c->reduce ? ", reduce " : "",
                   c->reduce ? c->reduce : "");
        else if (format == FORMAT_CSV)
            printf("train,%s,%d,%s,\"%s\",%ld\n", c->device->name, c->threads,
                   scalar_letter(c->type), g->name, c->batch);
        else {
            json_t *line =
                json_pack("{s:s, s:s, s:i, s:s, s:o, s:I}", "command", "train", "device",
                          c->device->name, "threads", c->threads, "type", scalar_letter(c->type),
                          "network", record_string(g->name), "batch", (json_int_t)c->batch);
            json_dumpf(line, stdout, JSON_COMPACT);
            putchar('\n');
            json_decref(line);
        }
    }
}

/* What a device that runs behind tells only when asked. */
static void look_behind(struct step_case *c, struct train_row *row) {
    bool noisy;
    if (!c->device->runs_behind) return;
    const char *error = c->device->error(c->device);
    if (error) snprintf(c->reason, sizeof c->reason, "%s failed: %s", c->device->name, error);
    size_t hosts = c->host_count < MOST_HOST_TIMES ? c->host_count : MOST_HOST_TIMES;
    if (hosts) row->host_s = statistics_median(c->host, hosts);
    if (c->unrecorded && c->unrecorded->sampler.count)
        row->launch_s =
            sampler_result(&c->unrecorded->sampler, &noisy).median - row->summary.median;
}

/* Where the step goes: computing, waiting for the slowest rank, communication that is not hidden.
 */
static void take_exposed(const struct train_options *options, const struct step_case *c,
                         struct train_row *row) {
    bool noisy;
    row->reduce = c->reduce;
    row->transport = gradients_transport(c->reducer.gradients);
    row->bucket_bytes = (long)options->bucket_bytes;
    row->buckets = (long)gradients_buckets(c->reducer.gradients);
    if (!c->silent || !c->silent->plain->sampler.count) return;
    const struct sampler *s = &c->silent->plain->sampler;
    double slowest = sampler_result(s, &noisy).median;
    double mean = s->own ? statistics_median(s->own, s->count) : NAN;
    ranks_sum(&mean, 1);
    mean /= ranks_get()->count;
    row->compute_s = mean;
    row->wait_s = slowest - mean;
    row->exposed_s = row->summary.median - slowest;
}

static void report_case(struct step_group *g, struct session *session, struct step_case *c,
                        const struct roofs *roofs, const struct gpu_summary *gpu,
                        const struct machine_state *before, const struct machine_state *after,
                        bool complete) {
    char interrupted[64];
    bool noisy = false;
    struct train_row row = train_row_unknown();
    row.kind = c->rung ? "ladder" : "steps";
    row.rung = c->rung ? c->rung->name : NULL;
    row.rung_number = c->rung ? c->rung - c->rungs : -1;
    row.network = g->name;
    row.dataset = "synthetic";
    row.optimizer = g->optimizer_text;
    row.loss = g->loss;
    train_row_take_queue(&row, &c->queue);
    row.batch = (c->global_batch + ranks_get()->count - 1) / ranks_get()->count;
    row.global_batch = c->global_batch;
    bool diverged = !together_all(!c->diverged), failed = !together_all(!c->reason[0]);
    if (!c->planned) {
        row.status = "skipped";
        row.reason = c->reason;
    } else if (!complete) {
        snprintf(interrupted, sizeof interrupted, "interrupted by %s", interrupt_name());
        row.status = "incomplete";
        row.reason = interrupted;
    } else {
        row.parameters = c->network.parameters;
        row.flops =
            (network_flops(&c->network, "forward") + network_flops(&c->network, "backward")) *
            (double)c->global_batch;
        row.summary = sampler_result(&c->plain->sampler, &noisy);
        row.samples = c->plain->sampler.samples;
        row.own = c->plain->sampler.own;
        row.repetitions = c->plain->repetitions;
        row.roofs = roofs;
        row.phases = &c->phases;
        row.clock_ghz = fmin(before->clock_ghz, after->clock_ghz);
        row.stolen = machine_state_stolen(before, after);
        row.load = after->load;
        record_add_flag(row.flags, sizeof row.flags, noisy, "noisy");
        record_add_flag(row.flags, sizeof row.flags, roofs && roofs->noisy, "ceiling-noisy");
        record_add_flag(row.flags, sizeof row.flags, row.stolen > 0.01, "stolen");
        row.gpu = gpu;
        record_add_flag(row.flags, sizeof row.flags,
                        gpu && gpu_summary_throttled(gpu, -INFINITY, INFINITY), "throttled");
        look_behind(c, &row);
        if (c->reduce) take_exposed(g->options, c, &row);
        if (failed || c->reason[0]) {
            if (!c->reason[0]) snprintf(c->reason, sizeof c->reason, "failed on another rank");
            row.status = "failed";
            row.reason = c->reason;
        } else if (diverged) {
            const struct layer *layer = first_not_finite(&c->network, c->batch);
            snprintf(c->reason, sizeof c->reason,
                     "diverged: numbers that are not finite in layer %s, learning rate %g; lower "
                     "it with --lr",
                     layer ? layer->name : "loss", g->optimizer.numbers.lr);
            row.status = "failed";
            row.reason = c->reason;
        }
        if (strcmp(row.status, "failed") == 0) { /* steps without a backward pass, or none */
            row.summary = train_row_unknown().summary;
            row.samples = row.own = NULL;
            row.exposed_s = row.wait_s = row.compute_s = NAN;
            row.phases = NULL;
            row.host_s = row.launch_s = NAN;
            row.flags[0] = '\0';
        }
    }
    session_record(session, &row);
    if (session->table && c->rung)
        step_table_rung(g, c, &row);
    else if (session->table)
        step_table_case(g, &row);
}

/* Steps without reduction beside a case that reduces, one for all its modes; as many ranks compute
 * at the same time, so what they take from each other is in both. */
static size_t add_silent(struct step_group *g, struct session *session, struct step_case *c,
                         struct subject *subjects, size_t used) {
    for (size_t i = 0; i < g->silent_count; i++) {
        struct step_case *s = &g->silent[i];
        if (s->device != c->device || s->type != c->type || s->threads != c->threads ||
            s->batch != c->batch)
            continue;
        c->silent = s;
        return used;
    }
    struct step_case *s = &g->silent[g->silent_count];
    *s = (struct step_case){.device = c->device,
                            .type = c->type,
                            .threads = c->threads,
                            .batch = c->batch,
                            .global_batch = c->batch};
    step_case_plan(g, session, s);
    if (!s->planned) return used;
    g->silent_count++;
    c->silent = s;
    return step_case_silent_subject(s, subjects, used);
}

/* The roofs of a case's queue among those of the group. */
static struct roofs *find_roofs(struct roofs *roofs, size_t count, const struct step_case *c) {
    for (size_t i = 0; i < count; i++)
        if (roofs_fit(&roofs[i], &c->queue)) return &roofs[i];
    return NULL;
}

/* What was seen of the case's GPU while all cases ran; NULL: it is none. */
static struct gpu_summary *gpu_of(const struct train_options *o, struct gpu_summary *gpus,
                                  const struct step_case *c) {
    for (size_t d = 0; d < o->common.device_count; d++) {
        if (o->common.devices[d] != c->device || !c->device->own_memory) continue;
        gpus[d].energy_j = NAN; /* the rounds are not this case's alone */
        gpus[d].energy_source = GPU_ENERGY_UNKNOWN;
        return &gpus[d];
    }
    return NULL;
}

bool step_group_measure(struct step_group *g, struct session *session, struct progress *progress) {
    const struct train_options *o = g->options;
    struct subject *subjects = calloc(6 * g->count, sizeof *subjects);
    struct roofs *roofs = calloc(g->count, sizeof *roofs);
    if (!subjects || !roofs) die(EXIT_MISSING, "out of memory");
    size_t used = 0, roof_count = 0;
    for (size_t i = 0; i < g->count; i++) {
        struct step_case *c = &g->cases[i];
        step_case_plan(g, session, c);
        if (!c->planned) continue;
        used = step_case_subjects(c, subjects, used);
        if (c->reduce) used = add_silent(g, session, c, subjects, used);
        if (find_roofs(roofs, roof_count, c)) continue;
        if (roofs_open(&roofs[roof_count], &c->queue))
            used = roofs_subjects(&roofs[roof_count++], subjects, used, true);
        else if (!c->device->own_memory)
            die(EXIT_MISSING, "out of memory for the square GEMM");
    }
    struct rounds_options options = {o->common.limits, progress_share, progress};
    if (o->steps > 0) { /* so many samples, however long they take and however sure they are */
        options.limits.max_samples = (size_t)o->steps;
        if (!o->precision_given) options.limits.precision = 0;
        if (!o->budget_given) options.limits.budget = 1e9;
    }
    struct gpu_watch *watches[MOST_DEVICES] = {NULL};
    struct gpu_summary gpus[MOST_DEVICES];
    for (size_t d = 0; used && d < o->common.device_count; d++)
        watches[d] = gpu_watch_begin(gpu_monitor_of(o->common.devices[d], NULL), GPU_WATCH_PERIOD);
    struct machine_state before = machine_state_now();
    bool complete = used ? rounds_run(subjects, used, &options) : !interrupt_came();
    struct machine_state after = machine_state_now();
    for (size_t d = 0; d < o->common.device_count; d++) gpus[d] = gpu_watch_end(watches[d]);
    progress_clear(progress);
    for (size_t i = 0; i < roof_count; i++) roofs_read(&roofs[i]);
    for (size_t i = 0; i < g->count; i++) {
        struct step_case *c = &g->cases[i];
        report_case(g, session, c, find_roofs(roofs, roof_count, c), gpu_of(o, gpus, c), &before,
                    &after, complete);
        if (c->planned) step_case_free(c);
    }
    for (size_t i = 0; i < g->silent_count; i++) step_case_free(&g->silent[i]);
    g->silent_count = 0;
    for (size_t d = 0; d < o->common.device_count; d++) gpu_summary_free(&gpus[d]);
    for (size_t i = 0; i < used; i++) sampler_free(&subjects[i].sampler);
    for (size_t i = 0; i < roof_count; i++) roofs_close(&roofs[i]);
    for (int t = 0; t < SCALAR_COUNT; t++) {
        cpu_device.release(&cpu_device, g->images[t].x, g->images[t].x_bytes);
        cpu_device.release(&cpu_device, g->images[t].labels, g->images[t].label_bytes);
        g->images[t] = (struct images){0};
    }
    dataset_free(&g->data);
    free(roofs);
    free(subjects);
    return complete;
}
