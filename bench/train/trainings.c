#include "bench/train/trainings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/harness/clock.h"
#include "bench/harness/error.h"
#include "bench/harness/gpu_monitors.h"
#include "bench/harness/interrupt.h"
#include "bench/harness/machine_state.h"
#include "bench/harness/rounds.h"
#include "bench/harness/together.h"
#include "bench/train/pictures.h"
#include "bench/train/rank_reducer.h"
#include "mpi/ranks.h"
#include "mpi/replicas.h"
#include "mpi/watchdog.h"
#include "nn/layers.h"
#include "nn/notation.h"

enum {
    LEAST_ROOM = 250,     /* images in an evaluation's batch, however small the training's */
    SOME_SAMPLES = 10000, /* of the training part, for its accuracy */
    KEPT_STEPS = 512,     /* times of steps in a row of the history */
    WATCH_EVERY = 32,     /* steps: one of so many is watched by layer, and not timed */
    AT_ONCE = 32          /* steps that a device which runs behind is given before it is asked */
};

struct run {
    struct session *session;
    const struct train_options *options;
    const struct recipe *recipe;
    const char *network_name;
    struct dataset data;
    struct queue queue;
    struct network network;
    struct optimizer optimizer;
    struct training training;
    struct rank_reducer reducer; /* of several ranks */
    struct roofs roofs;
    struct phases phases;
    char optimizer_text[OPTIMIZER_TEXT];
    long history, last; /* steps between rows, and of the whole training */

    /* Of the interval at hand. */
    double times[KEPT_STEPS];    /* of this rank */
    double slowest[KEPT_STEPS];  /* of the slowest one, set for a row */
    size_t timed, stride, asked; /* asked: how often steps were waited for */
    struct tally tally;
    long interval_begin;
    struct machine_state before;
    struct gpu_watch *watch; /* NULL: no GPU that tells */

    /* Of the whole training. */
    double seconds, begin, drawn;
    void *best; /* parameters with the best accuracy so far */
    double best_accuracy;
    long best_step, first_step;
    struct training_outcome outcome;
};

static bool prepare_data(struct run *run, char *reason, size_t size, bool *missing) {
    const struct recipe *r = run->recipe;
    *missing = false;
    enum dataset_status status = dataset_load(&run->data, r->dataset, run->options->data,
                                              run->options->common.seed, reason, size);
    *missing = status == DATASET_MISSING;
    if (status != DATASET_OK) return false;
    if ((r->first_train || r->first_test) &&
        !dataset_take_first(&run->data, r->first_train, r->first_test)) {
        snprintf(reason, size, "%s has fewer than %ld training or %ld test samples", r->dataset,
                 r->first_train, r->first_test);
        return false;
    }
    if (r->validation && !dataset_hold_out(&run->data, r->validation)) {
        snprintf(reason, size, "--validation %ld: %s has %ld training samples", r->validation,
                 r->dataset, run->data.train.count);
        return false;
    }
    return true;
}

/* Ranks that learn from different data would go on without a word. */
static uint64_t hash_of_samples(const struct samples *s, const struct dataset *d) {
    size_t n = (size_t)s->count, in = (size_t)extent_size(d->extent), out = (size_t)d->outputs;
    uint64_t hash = n;
    if (s->pixels) hash = hash * 31 + ranks_hash(s->pixels, n * in);
    if (s->numbers) hash = hash * 31 + ranks_hash(s->numbers, n * in * sizeof *s->numbers);
    if (s->labels) hash = hash * 31 + ranks_hash(s->labels, n * sizeof *s->labels);
    if (s->targets) hash = hash * 31 + ranks_hash(s->targets, n * out * sizeof *s->targets);
    return hash;
}

static bool same_data(const struct run *run, char *reason, size_t size) {
    const struct dataset *d = &run->data;
    uint64_t hash = hash_of_samples(&d->train, d);
    hash = hash * 31 + hash_of_samples(&d->validation, d);
    hash = hash * 31 + hash_of_samples(&d->test, d);
    int other = ranks_first_other(hash);
    if (other < 0) return true;
    snprintf(reason, size,
             "rank %d (%s) has other data for %s than rank 0 (%s); --data names a folder that all "
             "hosts see",
             other, ranks_table()[other].host, d->name, ranks_table()[0].host);
    return false;
}

static bool same_weights(const struct run *run, char *reason, size_t size) {
    const struct network *n = &run->network;
    int other = replicas_first_other(run->queue.device, n->parameter.memory,
                                     (size_t)n->parameters * scalar_bytes(run->queue.type));
    if (other == -1) return true;
    if (other == -2)
        snprintf(reason, size, "not enough memory to compare the ranks' weights");
    else
        snprintf(
            reason, size,
            "the weights of rank %d (%s) are not those of rank 0 at step %ld: a rank computes or "
            "receives wrong numbers",
            other, ranks_table()[other].host, run->training.step);
    return false;
}

static struct optimizer_settings optimizer_of(const struct train_options *o,
                                              const struct recipe *r) {
    struct optimizer_settings settings;
    char reason[256];
    if (!optimizer_parse(&settings, r->optimizer, reason, sizeof reason))
        die(EXIT_USAGE, "--optimizer: %s", reason);
    if (!isnan(o->lr)) settings.numbers.lr = o->lr;
    return settings;
}

static struct architecture architecture_of(const struct recipe *r, struct extent in) {
    struct architecture architecture;
    char reason[NETWORK_REASON], *text = train_network_text(r->network);
    if (!architecture_parse(&architecture, text, in, reason, sizeof reason))
        train_network_refuse(r->network, reason);
    free(text);
    return architecture;
}

static long steps_of(const struct run *run) {
    const struct recipe *r = run->recipe;
    long whole = r->steps ? r->steps : (long)ceil(r->epochs * (double)run->training.per_epoch);
    return whole;
}

static void measure_roofs(struct run *run) {
    struct subject subjects[2] = {0};
    if (!roofs_open(&run->roofs, &run->queue)) return;
    size_t used = roofs_subjects(&run->roofs, subjects, 0, false);
    struct rounds_options options = {
        .limits = {0.02, fmin(0.2, run->options->common.limits.budget), 0}};
    if (rounds_run(subjects, used, &options)) roofs_read(&run->roofs);
    for (size_t i = 0; i < used; i++) sampler_free(&subjects[i].sampler);
    roofs_close(&run->roofs);
}

/* Everything before the first step; false with a reason. */
static bool begin_here(struct run *run, const char *resume, char *reason, size_t size,
                       bool *missing) {
    const struct recipe *r = run->recipe;
    const struct common *c = &run->options->common;
    if (!prepare_data(run, reason, size, missing)) return false;
    struct architecture architecture = architecture_of(r, run->data.extent);
    struct optimizer_settings settings = optimizer_of(run->options, r);
    optimizer_text(&settings, run->optimizer_text, sizeof run->optimizer_text);
    long batch = r->batch ? r->batch : run->data.train.count;
    enum loss loss = r->loss == LOSS_COUNT ? network_usual_loss(&architecture) : r->loss;
    bool entropy = loss == LOSS_BINARY || loss == LOSS_CATEGORICAL;
    if (entropy && run->data.train.targets) {
        snprintf(reason, size, "--loss: %s needs classes, %s has numbers; try --loss half-mean",
                 loss_names[loss], r->dataset);
        return false;
    }
    run->queue = session_queue(run->session, c->device, c->types[0], c->threads[0]);
    if (!run->queue.device->layers->accepts(&run->queue, reason, size)) return false;
    if (!network_loss_fits(&architecture, loss, reason, size)) return false;
    *missing = true; /* memory */
    struct part part = rank_part();
    long share = training_share(batch, &part);
    if (!network_plan(&run->network, &architecture, &run->queue,
                      share > LEAST_ROOM ? share : LEAST_ROOM, loss, true, reason, size))
        return false;
    run->network_name =
        named_network_find(r->network) ? r->network : run->network.architecture.text;
    if (!optimizer_plan(&run->optimizer, &settings, &run->queue, run->network.parameters)) {
        snprintf(reason, size, "not enough memory for the optimizer");
        return false;
    }
    *missing = false;
    if (!training_begin_part(&run->training, &run->network, &run->optimizer, &run->data,
                             r->sampling, r->batch, c->seed, part, reason, size)) {
        *missing = strstr(reason, "memory"); /* else sizes that do not fit */
        return false;
    }
    run->last = steps_of(run);
    run->optimizer.schedule = r->schedule;
    run->optimizer.steps = run->last;
    run->history = r->history ? r->history : run->training.per_epoch;
    if (run->options->steps >= 0 && run->options->steps < run->last)
        run->last = run->options->steps;
    else if (run->options->steps >= 0 && !recipe_find(r->name))
        run->optimizer.steps = run->last = run->options->steps;
    network_initialise(&run->network, r->initial, c->seed);
    run->best_accuracy = -1;
    run->best = malloc(run->network.parameter.bytes);
    if (!run->best) {
        snprintf(reason, size, "out of memory");
        return false;
    }
    if (!resume) return true;
    struct checkpoint checkpoint;
    if (!checkpoint_load(resume, &checkpoint, &run->network, &run->optimizer, run->best, reason,
                         size) ||
        !checkpoint_resume(&checkpoint, &run->training, reason, size))
        return false;
    run->first_step = run->training.step;
    if (checkpoint.has_best) {
        run->best_accuracy = checkpoint.best_accuracy;
        run->best_step = checkpoint.best_step;
    }
    if (run->last < run->training.step) run->last = run->training.step;
    if (run->last == run->training.step)
        warn("the checkpoint has made all its %ld steps; --epochs or --steps gives it more",
             run->training.step);
    if (r->schedule == SCHEDULE_CONSTANT) run->optimizer.steps = steps_of(run);
    if (run->optimizer.schedule == SCHEDULE_COSINE && run->last > run->optimizer.steps)
        warn(
            "the learning rate has fallen to 0 by step %ld, as the training began; the steps after "
            "it change nothing",
            run->optimizer.steps);
    return true;
}

/* The same on all ranks, with the same weights. */
static bool begin(struct run *run, const char *resume, char *reason, size_t size, bool *missing) {
    const struct network *n = &run->network;
    watchdog_doing("reading the data", -1);
    bool here = begin_here(run, resume, reason, size, missing);
    if (ranks_get()->count == 1) return here;
    double failed = !here;
    ranks_sum(&failed, 1);
    if (failed == ranks_get()->count) return false; /* everywhere, for the same reason */
    if (failed > 0) { /* the rank that knows why says so, and ends the others */
        if (!here) die(*missing ? EXIT_MISSING : EXIT_USAGE, "%s", reason);
        ranks_barrier();
    }
    if (!same_data(run, reason, size)) return false;
    if (!resume && !replicas_broadcast(run->queue.device, n->parameter.memory,
                                       (size_t)n->parameters * scalar_bytes(run->queue.type))) {
        snprintf(reason, size, "not enough memory to send the initial weights");
        return false;
    }
    if (!same_weights(run, reason, size)) return false;
    *missing = true; /* memory, or the way that --gpu-reduce asks for */
    return rank_reducer_open(&run->reducer, n, run->options->reduce[0], run->options, reason, size);
}

static void save(struct run *run) {
    struct checkpoint checkpoint;
    char reason[NETWORK_REASON];
    const char *path = run->options->checkpoint;
    if (!path || !together_leads()) return;
    checkpoint_describe(&checkpoint, &run->training);
    snprintf(checkpoint.recipe, sizeof checkpoint.recipe, "%s", run->recipe->name);
    checkpoint.has_best = run->recipe->keeps_best && run->best_accuracy >= 0;
    checkpoint.best_accuracy = run->best_accuracy;
    checkpoint.best_step = run->best_step;
    if (!checkpoint_write(path, &checkpoint, &run->network, &run->optimizer, run->best, reason,
                          sizeof reason)) {
        record_incomplete(&run->session->record, reason);
        die(EXIT_NOT_WRITTEN, "%s; the history so far is kept in '%s'", reason,
            run->session->record.path);
    }
}

static long at_once(const struct run *run) { return run->queue.device->runs_behind ? AT_ONCE : 1; }

static void interval_begin(struct run *run) {
    run->timed = run->asked = 0;
    run->queue.device->layers->tally_clear(&run->queue);
    run->queue.device->layers->tally(&run->queue, &run->tally);
    run->interval_begin = run->training.step;
    run->stride = (size_t)(run->history / at_once(run) / KEPT_STEPS) + 1;
    run->before = machine_state_now();
    if (!run->watch)
        run->watch = gpu_watch_begin(gpu_monitor_of(run->queue.device, NULL), GPU_WATCH_PERIOD);
    phases_free(&run->phases);
    phases_begin(&run->phases, run->queue.device);
}

static long smaller(long a, long b) { return a < b ? a : b; }

/* Steps to issue before the host looks at what came of them: all of whole batches, none watched, up
 * to the next row of the history; else one. */
static long steps_together(const struct run *run) {
    const struct training *t = &run->training;
    long most = at_once(run), watch = WATCH_EVERY * most;
    if (most == 1 || training_images(t) != t->batch) return 1;
    long number = t->step - run->interval_begin;
    long in_epoch = t->sampling == SAMPLING_REPLACEMENT
                        ? most
                        : t->data->train.count / t->batch - t->step % t->per_epoch;
    most = smaller(smaller(most, in_epoch), run->last - t->step);
    most = smaller(most, run->history - t->step % run->history);
    if (run->options->verify_replicas)
        most =
            smaller(most, run->options->verify_replicas - t->step % run->options->verify_replicas);
    most = smaller(most, watch - 1 - number % watch);
    return most > 1 ? most : 1;
}

/* Some steps, timed or watched; short batches are neither. False where one diverged. */
static bool steps(struct run *run) {
    struct training *t = &run->training;
    const struct device *device = run->queue.device;
    long number = t->step - run->interval_begin, watch = WATCH_EVERY * at_once(run);
    long count = steps_together(run);
    bool whole = training_images(t) == t->batch, watched = whole && number % watch == watch - 1;
    if (watched) phases_step_begin(&run->phases);
    double begin = clock_seconds();
    const struct reducer *reducer = run->reducer.gradients ? &run->reducer.reducer : NULL;
    watchdog_doing("training step", t->step + 1);
    long made = 0;
    while (made < count && !run->reducer.not_finite) {
        training_issue(t, reducer);
        made++;
    }
    device->synchronise(device);
    double seconds = clock_seconds() - begin;
    if (watched) phases_step_end(&run->phases);
    run->seconds += seconds;
    device->layers->tally(&run->queue, &run->tally);
    bool kept = whole && !watched && run->asked++ % run->stride == 0;
    if (kept && run->timed < KEPT_STEPS) run->times[run->timed++] = seconds / (double)made;
    return run->tally.fine == run->tally.calls && !run->reducer.not_finite;
}

static struct samples first_samples(const struct samples *all, long count) {
    struct samples some = *all;
    if (count && some.count > count) some.count = count;
    return some;
}

static bool higher(double a, double b) { return isfinite(a) && a > b; }

static void keep_best(struct run *run, double accuracy) {
    if (!run->recipe->keeps_best || !higher(accuracy, run->best_accuracy)) return;
    run->best_accuracy = accuracy;
    run->best_step = run->training.step;
    run->queue.device->copy_out(run->queue.device, run->best, run->network.parameter.memory,
                                (size_t)run->network.parameters * scalar_bytes(run->queue.type));
}

/* The figure of a row that was reported, where it is this row's. */
static double figure_of(const struct run *run, enum figure_of_training figure,
                        const struct train_row *row) {
    const struct layer *first = &run->network.layers[0];
    double value[2] = {NAN, NAN};
    if (figure == FIGURE_WEIGHT || figure == FIGURE_BIAS) {
        float single[2];
        if (run->queue.type == SCALAR_D) {
            run->queue.device->copy_out(run->queue.device, value, first->w, sizeof value);
        } else {
            run->queue.device->copy_out(run->queue.device, single, first->w, sizeof single);
            value[0] = (double)single[0], value[1] = (double)single[1];
        }
    }
    switch (figure) {
    case FIGURE_TEST_ACCURACY: return row->test_accuracy;
    case FIGURE_TRAIN_ACCURACY: return row->train_accuracy;
    case FIGURE_BEST_TRAIN_ACCURACY: return run->best_accuracy;
    case FIGURE_RUNNING_ACCURACY: return row->running_accuracy;
    case FIGURE_RUNNING_LOSS: return row->running_loss;
    case FIGURE_TEST_LOSS: return row->test_loss;
    case FIGURE_WEIGHT: return value[0];
    case FIGURE_BIAS: return value[1];
    case FIGURE_SECONDS: return run->seconds;
    case FIGURE_COUNT: break;
    }
    return NAN;
}

static void note_figures(struct run *run, const struct train_row *row, bool last) {
    const struct reported_figure *reported = run->recipe->reported;
    for (int i = 0; reported && reported[i].value != 0; i++) {
        bool here = reported[i].step == AT_END ? last && run->training.step == steps_of(run)
                                               : reported[i].step == run->training.step;
        if (here) run->outcome.ours[i] = figure_of(run, reported[i].figure, row);
    }
}

static const char row_format[] = "%8s %9s  %10s %9s %9s  %9s %9s  %9s\n";

static void print_row(const struct run *run, const struct train_row *r) {
    char epoch[24], step_text[24], text[6][24];
    const double values[] = {
        r->train_loss,          r->train_accuracy,         r->test_accuracy,
        r->validation_accuracy, train_row_images_per_s(r), train_row_mfu(r) * 100};
    static const char *const formats[] = {"%.5g", "%.4f", "%.4f", "%.4f", "%.0f", "%.1f"};
    snprintf(epoch, sizeof epoch, "%.2f", r->epoch);
    snprintf(step_text, sizeof step_text, "%ld", r->step);
    for (int i = 0; i < 6; i++) {
        snprintf(text[i], sizeof text[i], "-");
        if (isfinite(values[i])) snprintf(text[i], sizeof text[i], formats[i], values[i]);
    }
    (void)run;
    printf(row_format, epoch, step_text, text[0], text[1], text[2], text[3], text[4], text[5]);
    fflush(stdout);
}

/* Of several ranks: the text of the first one that has one, and which one that is. */
static void first_to_say(char *text, size_t size, char *which, size_t which_size) {
    int ranks = ranks_get()->count;
    char *all = ranks > 1 ? calloc((size_t)ranks, size) : NULL;
    if (!all) return;
    ranks_gather_text(text, (int)size, all);
    for (int r = 0; r < ranks; r++) {
        if (!all[(size_t)r * size]) continue;
        snprintf(text, size, "%s", all + (size_t)r * size);
        snprintf(which, which_size, " on rank %d (%s)", r, ranks_table()[r].host);
        break;
    }
    free(all);
}

/* `images`: of the latest forward pass. */
static void diverged(struct run *run, long images) {
    const struct training *t = &run->training;
    const struct device *device = run->queue.device;
    const char *error = device->error ? device->error(device) : NULL;
    long step =
        run->tally.fine < run->tally.calls ? run->interval_begin + run->tally.fine + 1 : t->step;
    run->outcome.end = TRAINING_FAILED;
    if (error) {
        snprintf(run->outcome.reason, sizeof run->outcome.reason, "%s failed near step %ld: %s",
                 device->name, t->step, error);
        return;
    }
    if (images > run->network.batch) images = run->network.batch;
    const struct layer *layer = first_not_finite(&run->network, images);
    char where[48] = "", which[RANK_TEXT + 32] = "";
    if (layer || run->tally.fine < run->tally.calls)
        snprintf(where, sizeof where, "%s", layer ? layer->name : "loss");
    first_to_say(where, sizeof where, which, sizeof which);
    snprintf(run->outcome.reason, sizeof run->outcome.reason,
             "diverged at step %ld: numbers that are not finite in layer %s%s, learning rate %g; "
             "lower it with --lr",
             step, where[0] ? where : "loss", which, optimizer_rate(&run->optimizer, step));
}

/* Losses and accuracies of a row; false where the network has diverged. */
static bool evaluate(struct run *run, struct train_row *r, bool last) {
    struct training *t = &run->training;
    watchdog_doing("evaluation at step", t->step);
    struct samples some = first_samples(&t->data->train, run->recipe->whole ? 0 : SOME_SAMPLES);
    struct evaluation train = training_evaluate(t, &some);
    if (!isfinite(train.loss)) {
        long rest = some.count % run->network.batch;
        diverged(run, rest ? rest : run->network.batch);
        return false;
    }
    struct evaluation test = training_evaluate(t, &t->data->test);
    struct evaluation validation = training_evaluate(t, &t->data->validation);
    r->train_loss = train.loss;
    r->train_accuracy = train.accuracy;
    r->test_loss = test.loss;
    r->test_accuracy = test.accuracy;
    r->validation_loss = validation.loss;
    r->validation_accuracy = validation.accuracy;
    keep_best(run, train.accuracy);
    record_add_flag(r->flags, sizeof r->flags, run->recipe->keeps_best && run->best_step == t->step,
                    "best");
    note_figures(run, r, last);
    run->outcome.test_accuracy = test.accuracy;
    run->outcome.train_accuracy = train.accuracy;
    return true;
}

/* False where a rank's weights have come to differ: the training is worth nothing. */
static bool verify(struct run *run) {
    if (ranks_get()->count == 1) return true;
    if (same_weights(run, run->outcome.reason, sizeof run->outcome.reason)) return true;
    run->outcome.end = TRAINING_FAILED;
    return false;
}

/* Records a row; false where the network has diverged: in the step before (`fine` is false), or in
 * what is evaluated here. */
static bool row(struct run *run, bool last, bool fine) {
    struct training *t = &run->training;
    struct machine_state after = machine_state_now();
    struct train_row r = train_row_unknown();
    if (run->options->common.quiet == false && isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
    r.kind = "training";
    r.network = run->network_name;
    r.recipe = run->recipe->name;
    r.dataset = t->data->name;
    r.optimizer = run->optimizer_text;
    r.loss = run->network.loss;
    train_row_take_queue(&r, &run->queue);
    struct part part = rank_part();
    r.batch = training_share(t->batch, &part);
    r.global_batch = t->batch;
    if (run->reducer.gradients) {
        r.reduce = run->reducer.mode;
        r.transport = gradients_transport(run->reducer.gradients);
        r.bucket_bytes = (long)run->options->bucket_bytes;
        r.buckets = (long)gradients_buckets(run->reducer.gradients);
    }
    r.parameters = run->network.parameters;
    r.step = t->step;
    r.epoch = (double)t->step / (double)t->per_epoch;
    r.lr = optimizer_rate(&run->optimizer, t->step ? t->step : 1);
    r.roofs = &run->roofs;
    r.flops = (network_flops(&run->network, "forward") + network_flops(&run->network, "backward")) *
              (double)t->batch;
    if (run->timed) {
        memcpy(run->slowest, run->times, run->timed * sizeof *run->times);
        ranks_max(run->slowest, (int)run->timed);
        r.summary = statistics_summary(run->slowest, run->timed);
        r.samples = run->slowest;
        r.own = run->times;
        r.repetitions = 1;
        r.phases = run->phases.steps ? &run->phases : NULL;
        r.clock_ghz = fmin(run->before.clock_ghz, after.clock_ghz);
        r.stolen = machine_state_stolen(&run->before, &after);
        r.load = after.load;
    }
    double sums[] = {(double)run->tally.images, run->tally.weighted_sum,
                     (double)run->tally.correct_sum, run->tally.loss_sum};
    double steps = (double)run->tally.calls;
    ranks_sum(sums, 4);
    ranks_max(&steps, 1);
    if (sums[0] > 0) { /* a sum over the batch is the sum of its parts */
        r.running_loss = run->network.loss == LOSS_HALF_SUM ? sums[3] / steps : sums[1] / sums[0];
        if (t->data->train.labels) r.running_accuracy = sums[2] / sums[0];
    }
    struct gpu_summary gpu = gpu_watch_end(run->watch); /* of this interval */
    run->watch = NULL;
    if (run->queue.device->own_memory) r.gpu = &gpu;
    record_add_flag(r.flags, sizeof r.flags, gpu_summary_throttled(&gpu, -INFINITY, INFINITY),
                    "throttled");
    fine = fine && evaluate(run, &r, last) && verify(run);
    record_add_flag(r.flags, sizeof r.flags, run->timed && run->roofs.noisy, "ceiling-noisy");
    record_add_flag(r.flags, sizeof r.flags, r.stolen > 0.01, "stolen");
    if (!fine) { /* no times: steps on numbers that are not finite are others */
        r.status = "failed";
        r.reason = run->outcome.reason;
        r.summary = train_row_unknown().summary;
        r.samples = r.own = NULL;
        r.phases = NULL;
        r.flags[0] = '\0';
    }
    session_record(run->session, &r);
    gpu_summary_free(&gpu);
    if (run->session->table) print_row(run, &r);
    if (fine) save(run);
    return fine;
}

/* One line on a terminal: what people watch. */
static void watch(struct run *run) {
    if (run->options->common.quiet || !together_leads() || !isatty(STDERR_FILENO)) return;
    double now = clock_seconds();
    if (now - run->drawn < 0.2) return;
    run->drawn = now;
    const struct training *t = &run->training;
    double done = (double)(t->step - run->first_step), left = (double)(run->last - t->step);
    double spent = now - run->begin;
    fprintf(stderr, "\r\033[Kepoch %.2f, step %ld of %ld, loss %.4f, accuracy %.4f, %.0f images/s",
            (double)t->step / (double)t->per_epoch, t->step, run->last,
            run->tally.weighted_sum / fmax((double)run->tally.images, 1),
            t->data->train.labels
                ? (double)run->tally.correct_sum / fmax((double)run->tally.images, 1)
                : NAN,
            (double)(done * (double)t->batch) / fmax(run->seconds, 1e-9));
    if (spent > 1 && done > 0) fprintf(stderr, ", about %.0f s left", spent / done * left);
    fflush(stderr);
}

static void train(struct run *run) {
    struct training *t = &run->training;
    run->begin = clock_seconds();
    interval_begin(run);
    run->queue.device->queue_enter(&run->queue);
    if (!row(run, t->step == run->last, true)) return;
    while (t->step < run->last) {
        long images = training_images(t);
        bool fine = steps(run);
        watch(run);
        if (!fine) diverged(run, images);
        bool last = t->step == run->last, stop = interrupt_came();
        long every = run->options->verify_replicas;
        if (fine && every && t->step % every == 0 && t->step % run->history) {
            if (!verify(run)) fine = false; /* the row says why */
        }
        if (fine && t->step % run->history && !last && !stop) continue;
        if (!row(run, last, fine)) return;
        if (stop && !last) {
            run->outcome.end = TRAINING_INTERRUPTED;
            return;
        }
        interval_begin(run);
    }
}

void training_print(const struct run *run, const char *changed) {
    const struct recipe *r = run->recipe;
    const struct dataset *d = &run->data;
    if (recipe_find(r->name))
        printf("recipe %s (%s): %s%s%s\n", r->name, r->deck, r->what,
               changed[0] ? "; changed: " : "", changed);
    printf("network: %s, %ld parameters\n", run->network.architecture.text,
           run->network.parameters);
    printf("data: %s (%s): %ld training, %ld validation, %ld test samples\n", d->name, d->source,
           d->train.count, d->validation.count, d->test.count);
    const struct device *device = run->queue.device;
    char where[96];
    if (ranks_get()->count > 1)
        snprintf(where, sizeof where, "%d ranks of %d thread%s, gradients by %s",
                 ranks_get()->count, run->queue.threads, run->queue.threads == 1 ? "" : "s",
                 run->reducer.mode);
    else if (device->own_memory)
        snprintf(where, sizeof where, "%s, products in %s", device->name,
                 math_names[run->queue.math]);
    else
        snprintf(where, sizeof where, "%d thread%s", run->queue.threads,
                 run->queue.threads == 1 ? "" : "s");
    printf("training: %s, %s%s, batch %ld, %ld steps, initial weights %s, seed %llu, %s, %s\n",
           loss_names[run->network.loss], run->optimizer_text,
           r->schedule == SCHEDULE_COSINE ? " (cosine to 0)" : "", run->training.batch, run->last,
           run->first_step ? "of the checkpoint" : initial_names[r->initial],
           (unsigned long long)run->training.seed, scalar_name(run->queue.type), where);
    if (r->note && !run->options->common.quiet) printf("note: %s\n", r->note);
    printf(row_format, "epoch", "step", "train loss", "train acc", "test acc", "valid acc",
           "images/s", "% FMA");
}

void training_free(struct run *run) {
    free(run->best);
    phases_free(&run->phases);
    if (run->reducer.gradients) rank_reducer_close(&run->reducer);
    if (run->training.network) training_end(&run->training);
    if (run->optimizer.queue) optimizer_free(&run->optimizer);
    if (run->network.queue) network_free(&run->network);
    dataset_free(&run->data);
    free(run);
}

struct training_outcome training_outcome_unknown(void) {
    struct training_outcome outcome = {.test_accuracy = NAN, .train_accuracy = NAN};
    for (size_t i = 0; i < sizeof outcome.ours / sizeof *outcome.ours; i++) outcome.ours[i] = NAN;
    return outcome;
}

struct run *training_new(struct session *session, const struct recipe *recipe, const char *resume,
                         char *reason, size_t size, bool *missing) {
    struct run *run = calloc(1, sizeof *run);
    if (!run) die(EXIT_MISSING, "out of memory");
    run->session = session;
    run->options = session->options;
    run->recipe = recipe;
    run->outcome = training_outcome_unknown();
    if (begin(run, resume, reason, size, missing)) return run;
    training_free(run);
    return NULL;
}

/* Where the best is kept it is what the training gives: the network becomes it, for the pictures
 * and for the test accuracy that is compared. */
static void take_best(struct run *run) {
    if (!run->recipe->keeps_best || run->best_accuracy < 0) return;
    run->queue.device->copy_in(run->queue.device, run->network.parameter.memory, run->best,
                               (size_t)run->network.parameters * scalar_bytes(run->queue.type));
    struct evaluation test = training_evaluate(&run->training, &run->data.test);
    run->outcome.train_accuracy = run->best_accuracy;
    run->outcome.test_accuracy = test.accuracy;
    const struct reported_figure *reported = run->recipe->reported;
    for (int i = 0; reported && reported[i].value != 0; i++)
        if (reported[i].figure == FIGURE_TEST_ACCURACY && reported[i].step == AT_END &&
            isfinite(run->outcome.ours[i]))
            run->outcome.ours[i] = test.accuracy;
}

struct training_outcome training_run(struct run *run) {
    struct session *session = run->session;
    measure_roofs(run);
    train(run);
    if (run->outcome.end == TRAINING_DONE) {
        take_best(run);
        record_examples(session, run->recipe, run->network_name, &run->training);
        record_boundary(session, run->recipe, &run->training, run->outcome.train_accuracy,
                        run->outcome.test_accuracy);
    }
    if (session->table && run->options->by_layer && run->phases.steps) {
        putchar('\n');
        phases_print(&run->phases);
    }
    run->outcome.steps = run->training.step;
    run->outcome.seconds = run->seconds;
    return run->outcome;
}

void training_skip(struct session *session, const struct recipe *recipe, const char *reason) {
    struct train_row row = train_row_unknown();
    row.kind = "training";
    row.network = recipe->network;
    row.recipe = recipe->name;
    row.dataset = recipe->dataset;
    row.optimizer = recipe->optimizer;
    row.loss = recipe->loss;
    struct queue queue =
        session_queue(session, session->options->common.device, session->options->common.types[0],
                      session->options->common.threads[0]);
    train_row_take_queue(&row, &queue);
    row.status = "skipped";
    row.reason = reason;
    session_record(session, &row);
}
