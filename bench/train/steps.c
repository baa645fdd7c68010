#include "bench/train/steps.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"
#include "bench/harness/interrupt.h"
#include "bench/harness/machine_state.h"
#include "bench/harness/rounds.h"
#include "bench/harness/texts.h"
#include "bench/train/ladder.h"
#include "nn/layers.h"
#include "nn/notation.h"

struct step_case {
    enum scalar type;
    int threads;
    long batch;
    const struct rung *rung; /* of a ladder; NULL: as the options say */
    struct queue queue;
    struct network network;
    struct optimizer optimizer;
    const struct images *images;
    long position, step; /* next image; steps made so far */
    bool planned, diverged;
    char reason[NETWORK_REASON];
    struct phases phases;
    struct subject *plain;
};

/* The synthetic images of one type, in the device's memory, walked in order. */
struct images {
    void *x;
    int32_t *labels;
    size_t x_bytes, label_bytes;
};

struct step_group {
    const struct train_options *options;
    const char *name;
    struct architecture architecture;
    enum loss loss;
    struct optimizer_settings optimizer;
    char optimizer_text[OPTIMIZER_TEXT];
    struct rung rungs[MOST_RUNGS];
    struct step_case *cases;
    size_t count;
    struct images images[SCALAR_COUNT];
};

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
    int rungs = o->ladder ? ladder_rungs(&g->architecture, g->rungs) : 1;
    g->cases = calloc(c->type_count * c->thread_counts * batches * (size_t)rungs, sizeof *g->cases);
    if (!g->cases) die(EXIT_MISSING, "out of memory");
    for (size_t t = 0; t < c->type_count; t++)
        for (size_t i = 0; i < c->thread_counts; i++)
            for (size_t b = 0; b < batches; b++) {
                if (o->batches[b] > SYNTHETIC_IMAGES)
                    die(EXIT_USAGE, "--batch %ld: there are %d synthetic images", o->batches[b],
                        SYNTHETIC_IMAGES);
                for (int r = 0; r < rungs; r++)
                    g->cases[g->count++] =
                        (struct step_case){.type = c->types[t],
                                           .threads = c->threads[i],
                                           .batch = o->batches[b],
                                           .rung = o->ladder ? &g->rungs[r] : NULL};
            }
    return g;
}

size_t step_group_cases(const struct step_group *g) { return g->count; }
const char *step_group_name(const struct step_group *g) { return g->name; }

void step_group_free(struct step_group *g) {
    free(g->cases);
    free(g);
}

void step_group_list(const struct step_group *g) {
    enum record_format format = g->options->common.format;
    for (size_t i = 0; i < g->count; i++) {
        const struct step_case *c = &g->cases[i];
        if (format == FORMAT_TABLE)
            printf("%s, batch %ld, %s, %d thread%s, %s%s%s\n", g->name, c->batch,
                   scalar_name(c->type), c->threads, c->threads == 1 ? "" : "s", g->optimizer_text,
                   c->rung ? ", " : "", c->rung ? c->rung->name : "");
        else if (format == FORMAT_CSV)
            printf("train,%s,%d,%s,\"%s\",%ld\n", g->options->common.device->name, c->threads,
                   scalar_letter(c->type), g->name, c->batch);
        else {
            json_t *line = json_pack("{s:s, s:s, s:i, s:s, s:o, s:I}", "command", "train", "device",
                                     g->options->common.device->name, "threads", c->threads, "type",
                                     scalar_letter(c->type), "network", record_string(g->name),
                                     "batch", (json_int_t)c->batch);
            json_dumpf(line, stdout, JSON_COMPACT);
            putchar('\n');
            json_decref(line);
        }
    }
}

static bool load_images(struct step_group *g, struct images *images, struct queue *queue) {
    const struct device *device = queue->device;
    struct dataset data;
    size_t n = (size_t)extent_size(g->architecture.in);
    long outputs = extent_size(g->architecture.layers[g->architecture.count - 1].out);
    if (images->x) return true;
    images->x_bytes = SYNTHETIC_IMAGES * n * scalar_bytes(queue->type);
    images->label_bytes = SYNTHETIC_IMAGES * sizeof(int32_t);
    if (images->x_bytes + SYNTHETIC_IMAGES * n > device->memory_available()) return false;
    if (!dataset_random(&data, SYNTHETIC_IMAGES, g->architecture.in, outputs > 1 ? outputs : 2,
                        g->options->common.seed))
        return false;
    images->x = device->allocate(images->x_bytes);
    images->labels = device->allocate(images->label_bytes);
    if (images->x && images->labels) {
        device->layers->gather(queue, SYNTHETIC_IMAGES, (long)n, data.train.pixels, NULL, NULL,
                               images->x);
        device->copy_in(images->labels, data.train.labels, images->label_bytes);
    }
    dataset_free(&data);
    return images->x && images->labels;
}

static void plan(struct step_group *g, const struct session *session, struct step_case *c) {
    c->queue = session_queue(session, c->type, c->threads);
    if (c->rung) {
        c->queue.conv = c->rung->conv;
        c->queue.dense = c->rung->dense;
        c->queue.without = c->rung->without;
    }
    c->queue.device->queue_enter(&c->queue);
    c->images = &g->images[c->type];
    if (!load_images(g, &g->images[c->type], &c->queue)) {
        snprintf(c->reason, sizeof c->reason, "not enough memory for the synthetic images");
        return;
    }
    if (!network_plan(&c->network, &g->architecture, &c->queue, c->batch, g->loss, true, c->reason,
                      sizeof c->reason))
        return;
    if (!optimizer_plan(&c->optimizer, &g->optimizer, &c->queue, c->network.parameters)) {
        snprintf(c->reason, sizeof c->reason, "not enough memory for the optimizer");
        network_free(&c->network);
        return;
    }
    network_initialise(&c->network, INITIAL_GLOROT, g->options->common.seed);
    phases_begin(&c->phases);
    c->planned = true;
}

static void one_step(struct step_case *c) {
    if (c->position + c->batch > SYNTHETIC_IMAGES) c->position = 0;
    size_t n = (size_t)extent_size(c->network.architecture.in) * scalar_bytes(c->type);
    struct pass pass = training_pass(&c->network, c->batch, 1, (uint64_t)c->step++, 0);
    struct loss_targets targets = {c->images->labels + c->position, NULL};
    const void *x = (const char *)c->images->x + (size_t)c->position * n;
    struct step_result result = train_step(&c->network, &c->optimizer, &pass, x, &targets, NULL);
    if (!isfinite(result.loss)) c->diverged = true; /* such a step has no backward pass */
    c->position += c->batch;
}

static void enter(void *context) {
    struct step_case *c = context;
    c->queue.device->queue_enter(&c->queue);
}

static void run_plain(void *context, long repetitions) {
    for (long i = 0; i < repetitions; i++) one_step(context);
}

static void run_watched(void *context, long repetitions) {
    struct step_case *c = context;
    for (long i = 0; i < repetitions; i++) {
        phases_step_begin(&c->phases);
        one_step(c);
        phases_step_end(&c->phases);
    }
}

static const char table_format[] =
    "%-10s %6s %3s %4s  %10s %6s  %9s %9s %6s %6s  %5s %5s %5s %5s  %s\n";

/* The ladder's own table: what each rung is worth. */
static const char ladder_format[] = "%-10s %6s %3s %4s  %-14s %10s %6s %9s %6s  %7s %7s  %s\n";

static void ladder_header(void) {
    printf(ladder_format, "network", "batch", "thr", "type", "with", "step", "+-%", "GFLOP/s",
           "% FMA", "gained", "x plain", "flags");
}

void step_table_header(bool ladder) {
    if (ladder) {
        ladder_header();
        return;
    }
    printf(table_format, "network", "batch", "thr", "type", "step", "+-%", "images/s", "GFLOP/s",
           "% FMA", "% gemm", "fwd%", "loss%", "bwd%", "upd%", "flags");
}

static void print_rung(const struct step_group *g, const struct step_case *c,
                       const struct train_row *r) {
    char batch[16], threads[8], step[24] = "-", width[16] = "-", rate[24] = "-", fma[16];
    char gained[16] = "-", times[16] = "-";
    snprintf(batch, sizeof batch, "%ld", r->batch);
    snprintf(threads, sizeof threads, "%d", r->threads);
    double seconds = r->summary.median, before = NAN, plain = NAN;
    for (const struct step_case *other = c; other >= g->cases; other--) { /* rungs of one case */
        if (!other->plain || other->rung - g->rungs > c->rung - g->rungs) break;
        bool noisy;
        double median = sampler_result(&other->plain->sampler, &noisy).median;
        if (other == c - 1) before = median;
        plain = median;
        if (other->rung == g->rungs) break;
    }
    if (isfinite(seconds)) {
        seconds_text(seconds, step, sizeof step);
        if (isfinite(r->summary.low))
            snprintf(width, sizeof width, "%.1f",
                     50 * (r->summary.high - r->summary.low) / seconds);
        snprintf(rate, sizeof rate, "%.1f", r->flops / seconds * 1e-9);
        if (c->rung != g->rungs && isfinite(before))
            snprintf(gained, sizeof gained, "%.1f%%", 100 * (1 - seconds / before));
        if (isfinite(plain)) snprintf(times, sizeof times, "%.2f", plain / seconds);
    }
    percent_text(r->flops / seconds * 1e-9, r->roofs ? r->roofs->fma_gflops : NAN, fma, sizeof fma);
    bool ok = strcmp(r->status, "ok") == 0;
    char note[NETWORK_REASON + 32];
    snprintf(note, sizeof note, "%s%s%s", ok ? r->flags : r->status, ok ? "" : ": ",
             ok ? "" : r->reason);
    printf(ladder_format, g->name, batch, threads, scalar_letter(r->type), c->rung->name, step,
           width, rate, fma, gained, times, note);
    if (g->options->by_layer && r->phases) phases_print(r->phases);
    fflush(stdout);
}

static void print_case(const struct step_group *g, const struct train_row *r) {
    char batch[16], threads[8], step[24] = "-", width[16] = "-", images[24] = "-", rate[24] = "-";
    char fma[16], gemm[16], part[4][16];
    static const char *const passes[] = {"forward", "loss", "backward", "update"};
    snprintf(batch, sizeof batch, "%ld", r->batch);
    snprintf(threads, sizeof threads, "%d", r->threads);
    if (isfinite(r->summary.median)) {
        seconds_text(r->summary.median, step, sizeof step);
        if (isfinite(r->summary.low))
            snprintf(width, sizeof width, "%.1f",
                     50 * (r->summary.high - r->summary.low) / r->summary.median);
        snprintf(images, sizeof images, "%.0f", train_row_images_per_s(r));
        snprintf(rate, sizeof rate, "%.1f", r->flops / r->summary.median * 1e-9);
    }
    double achieved = r->flops / r->summary.median * 1e-9, whole = 0;
    percent_text(achieved, r->roofs ? r->roofs->fma_gflops : NAN, fma, sizeof fma);
    percent_text(achieved, r->roofs ? r->roofs->square_gflops : NAN, gemm, sizeof gemm);
    for (int i = 0; i < 4; i++)
        whole += r->phases ? phases_pass_seconds(r->phases, passes[i]) : NAN;
    for (int i = 0; i < 4; i++)
        percent_text(r->phases ? phases_pass_seconds(r->phases, passes[i]) : NAN, whole, part[i],
                     sizeof part[i]);
    bool ok = strcmp(r->status, "ok") == 0;
    char note[NETWORK_REASON + 32];
    snprintf(note, sizeof note, "%s%s%s", ok ? r->flags : r->status, ok ? "" : ": ",
             ok ? "" : r->reason);
    printf(table_format, g->name, batch, threads, scalar_letter(r->type), step, width, images, rate,
           fma, gemm, part[0], part[1], part[2], part[3], note);
    if (g->options->by_layer && r->phases) phases_print(r->phases);
    fflush(stdout);
}

static void report_case(struct step_group *g, struct session *session, struct step_case *c,
                        const struct roofs *roofs, const struct machine_state *before,
                        const struct machine_state *after, bool complete) {
    char interrupted[64];
    bool noisy = false;
    struct train_row row = train_row_unknown();
    row.kind = c->rung ? "ladder" : "steps";
    row.rung = c->rung ? c->rung->name : NULL;
    row.rung_number = c->rung ? c->rung - g->rungs : -1;
    row.network = g->name;
    row.dataset = "synthetic";
    row.optimizer = g->optimizer_text;
    row.loss = g->loss;
    train_row_take_queue(&row, &c->queue);
    row.type = c->type;
    row.threads = c->threads;
    row.batch = c->batch;
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
            (double)c->batch;
        row.summary = sampler_result(&c->plain->sampler, &noisy);
        row.samples = c->plain->sampler.samples;
        row.repetitions = c->plain->repetitions;
        row.roofs = roofs;
        row.phases = &c->phases;
        row.clock_ghz = fmin(before->clock_ghz, after->clock_ghz);
        row.stolen = machine_state_stolen(before, after);
        row.load = after->load;
        record_add_flag(row.flags, sizeof row.flags, noisy, "noisy");
        record_add_flag(row.flags, sizeof row.flags, roofs && roofs->noisy, "ceiling-noisy");
        record_add_flag(row.flags, sizeof row.flags, row.stolen > 0.01, "stolen");
        if (c->diverged) {
            const struct layer *layer = first_not_finite(&c->network, c->batch);
            snprintf(c->reason, sizeof c->reason,
                     "diverged: numbers that are not finite in layer %s, learning rate %g; lower "
                     "it with --lr",
                     layer ? layer->name : "loss", g->optimizer.numbers.lr);
            row.status = "failed";
            row.reason = c->reason;
            row.summary = train_row_unknown().summary; /* steps without a backward pass */
            row.samples = NULL;
            row.phases = NULL;
            row.flags[0] = '\0';
        }
    }
    session_record(session, &row);
    if (session->table && c->rung)
        print_rung(g, c, &row);
    else if (session->table)
        print_case(g, &row);
}

/* The roofs of a case's type and threads among those of the group. */
static struct roofs *find_roofs(struct roofs *roofs, size_t count, const struct step_case *c) {
    for (size_t i = 0; i < count; i++)
        if (roofs[i].type == c->type && roofs[i].threads == c->threads) return &roofs[i];
    return NULL;
}

bool step_group_measure(struct step_group *g, struct session *session, struct progress *progress) {
    const struct train_options *o = g->options;
    struct subject *subjects = calloc(4 * g->count, sizeof *subjects);
    struct roofs *roofs = calloc(g->count, sizeof *roofs);
    if (!subjects || !roofs) die(EXIT_MISSING, "out of memory");
    size_t used = 0, roof_count = 0;
    for (size_t i = 0; i < g->count; i++) {
        struct step_case *c = &g->cases[i];
        plan(g, session, c);
        if (!c->planned) continue;
        c->plain = &subjects[used];
        subjects[used++] = (struct subject){.context = c, .enter = enter, .run = run_plain};
        subjects[used++] =
            (struct subject){.context = c, .enter = enter, .run = run_watched, .companion = true};
        if (find_roofs(roofs, roof_count, c)) continue;
        if (!roofs_open(&roofs[roof_count], c->type, c->threads, session->library))
            die(EXIT_MISSING, "out of memory for the square GEMM");
        used = roofs_subjects(&roofs[roof_count++], subjects, used, true);
    }
    struct rounds_options options = {o->common.limits, progress_share, progress};
    if (o->steps > 0) { /* so many samples, however long they take and however sure they are */
        options.limits.max_samples = (size_t)o->steps;
        if (!o->precision_given) options.limits.precision = 0;
        if (!o->budget_given) options.limits.budget = 1e9;
    }
    struct machine_state before = machine_state_now();
    bool complete = used ? rounds_run(subjects, used, &options) : !interrupt_came();
    struct machine_state after = machine_state_now();
    progress_clear(progress);
    for (size_t i = 0; i < roof_count; i++) roofs_read(&roofs[i]);
    for (size_t i = 0; i < g->count; i++) {
        struct step_case *c = &g->cases[i];
        report_case(g, session, c, find_roofs(roofs, roof_count, c), &before, &after, complete);
        if (!c->planned) continue;
        phases_free(&c->phases);
        optimizer_free(&c->optimizer);
        network_free(&c->network);
    }
    for (size_t i = 0; i < used; i++) sampler_free(&subjects[i].sampler);
    for (size_t i = 0; i < roof_count; i++) roofs_close(&roofs[i]);
    for (int t = 0; t < SCALAR_COUNT; t++) {
        o->common.device->release(g->images[t].x, g->images[t].x_bytes);
        o->common.device->release(g->images[t].labels, g->images[t].label_bytes);
        g->images[t] = (struct images){0};
    }
    free(roofs);
    free(subjects);
    return complete;
}
