/* flopstep train: timed training steps, and the trainings of the lectures. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/commands.h"
#include "bench/draw_results.h"
#include "bench/harness/error.h"
#include "bench/harness/interrupt.h"
#include "bench/harness/provenance.h"
#include "bench/harness/together.h"
#include "bench/rank_hooks.h"
#include "bench/train/exercises.h"
#include "bench/train/rank_reducer.h"
#include "bench/train/session.h"
#include "bench/train/steps.h"
#include "bench/train/trainings.h"
#include "kernels/cpu/topology.h"
#include "kernels/kernel.h"
#include "mpi/ranks.h"
#include "nn/notation.h"

enum { MOST_NETWORKS = 64, MOST_RECIPES = 128 };

/* A recipe as it will run. */
struct job {
    struct recipe recipe;
    char changed[256];
};

struct jobs {
    struct job job[MOST_RECIPES];
    size_t count;
    bool all;           /* asked for by "all": what lacks its data is skipped */
    const char *resume; /* a checkpoint to go on from */
    struct checkpoint checkpoint;
};

static void open_library(struct session *s) {
    char error[1024] = "";
    if (!common_on_cpu(&s->options->common)) return; /* GPUs bring their own */
    const char *name = s->options->library;
    s->library = blas_library_open(name, error, sizeof error);
    if (!s->library) die(EXIT_MISSING, "%s", error);
    for (size_t t = 0; t < s->options->common.type_count; t++)
        if (!blas_library_routine(s->library, kernel_find("gemm"), s->options->common.types[t]))
            die(EXIT_MISSING, "%s (%s) has no cblas_%sgemm; choose another --blas",
                s->library->name, s->library->path, scalar_letter(s->options->common.types[t]));
}

static json_t *provenance(const struct session *s, int argc, char **argv) {
    const struct common *c = &s->options->common;
    json_t *p = provenance_new(argc, argv);
    if (s->library) provenance_add_library(p, s->library);
    for (size_t i = 0; i < c->device_count; i++) provenance_add_device(p, c->devices[i]);
    json_object_set_new(p, "settings",
                        json_pack("{s:f, s:f, s:I, s:I, s:b, s:b, s:b, s:s}", "time_budget_s",
                                  c->limits.budget, "precision", c->limits.precision, "max_samples",
                                  (json_int_t)c->limits.max_samples, "seed", (json_int_t)c->seed,
                                  "cold", c->cold, "check", c->check, "denormals_flushed",
                                  !(s->options->without >> MEASURE_FLUSHED & 1), "math",
                                  math_names[s->options->math]));
    provenance_add_affinity(p, common_most_threads(c));
    json_object_set_new(p, "mpi", rank_hooks_provenance(c));
    json_t *ways = rank_reducer_provenance(s->options);
    if (ways) json_object_set_new(p, "gpu_gradients", ways);
    if (s->options->without >> MEASURE_PINNED & 1) json_object_set_new(p, "pinned", json_false());
    if (s->options->ladder) { /* differs from rung to rung: `without` of each case says it */
        json_object_set_new(p, "pinned", json_null());
        json_object_set_new(json_object_get(p, "settings"), "denormals_flushed", json_null());
    }
    return p;
}

static void print_notes(const struct session *s) {
    char summary[256];
    topology_summary(summary, sizeof summary);
    printf("%s: %s\n", provenance_cpu_model(), summary);
    if (s->library)
        printf("%s: %s%s%s\n", s->library->name, s->library->path,
               s->library->configuration[0] ? "; " : "", s->library->configuration);
    const struct common *c = &s->options->common;
    for (size_t i = 0; i < c->device_count; i++)
        if (c->devices[i]->own_memory)
            printf("%s: %s; %s; products in %s%s\n", c->devices[i]->name, c->devices[i]->what,
                   c->devices[i]->versions, math_names[s->options->math],
                   s->options->math == MATH_FP32 ? " (no tensor cores in single precision)" : "");
    rank_hooks_print();
    for (const char *const *line = provenance_warnings(); *line; line++)
        printf("warning: %s\n", *line);
    printf("results: %s\n\n", s->record.path);
}

static _Noreturn void end_interrupted(struct session *s) {
    char reason[64];
    const char *checkpoint = s->options->checkpoint;
    snprintf(reason, sizeof reason, "interrupted by %s", interrupt_name());
    record_incomplete(&s->record, reason);
    warn("%s; what was finished is kept in '%s'%s%s%s", reason, s->record.path,
         checkpoint ? ", the training in '" : "", checkpoint ? checkpoint : "",
         checkpoint ? "' (go on with --resume)" : "");
    interrupt_end();
}

static int finish(struct session *s) {
    size_t failed = s->record.failed, skipped = s->record.skipped, ok = s->record.ok;
    bool table = s->table && !s->options->common.quiet;
    record_end(&s->record, NULL);
    if (table && together_leads()) {
        printf("%zu row%s: %zu ok, %zu failed, %zu skipped\n", s->record.cases,
               s->record.cases == 1 ? "" : "s", ok, failed, skipped);
        char folder[4096];
        if (draw_results(&s->record, NULL, NULL, folder, sizeof folder))
            printf("Figures: %s/figures\n", folder);
    }
    if (failed) return EXIT_CASE_FAILED;
    if (!ok && skipped) {
        warn("nothing could run: every case was skipped, see the reasons in '%s'", s->record.path);
        return EXIT_MISSING;
    }
    return EXIT_DONE;
}

/* ---- timed steps ---- */

static int time_steps(struct session *s, int argc, char **argv) {
    const struct train_options *o = s->options;
    struct step_group *groups[MOST_NETWORKS];
    size_t count = 0;
    for (char **name = o->networks; *name; name++) {
        if (count == MOST_NETWORKS) die(EXIT_USAGE, "--network: more than %d", MOST_NETWORKS);
        groups[count++] = step_group_new(o, *name);
    }
    if (o->common.dry_run) {
        size_t cases = 0;
        if (o->common.format == FORMAT_CSV) printf("command,device,threads,type,network,batch\n");
        for (size_t i = 0; i < count; i++) {
            step_group_list(groups[i]);
            cases += step_group_cases(groups[i]);
            step_group_free(groups[i]);
        }
        if (o->common.format == FORMAT_TABLE)
            printf("%zu case%s, none run\n", cases, cases == 1 ? "" : "s");
        return EXIT_DONE;
    }
    open_library(s);
    record_open(&s->record, "train", o->common.out, o->common.format, provenance(s, argc, argv));
    interrupt_catch();
    if (s->table && !o->common.quiet) print_notes(s);
    if (s->table) step_table_header(o->ladder);
    struct progress progress = progress_begin(!o->common.quiet, count);
    bool complete = true;
    for (size_t i = 0; i < count && complete; i++) {
        progress_step(&progress, i, step_group_name(groups[i]));
        complete = step_group_measure(groups[i], s, &progress);
    }
    progress_clear(&progress);
    for (size_t i = 0; i < count; i++) step_group_free(groups[i]);
    if (!complete) end_interrupted(s);
    return finish(s);
}

/* ---- trainings ---- */

static void add_job(struct jobs *jobs, const struct train_options *o, const struct recipe *recipe) {
    if (jobs->count == MOST_RECIPES) die(EXIT_USAGE, "--recipe: more than %d", MOST_RECIPES);
    struct job *job = &jobs->job[jobs->count++];
    job->recipe = train_options_apply(o, recipe, job->changed, sizeof job->changed);
}

/* The training that the command line describes without a recipe. */
static struct recipe own_recipe(const struct train_options *o) {
    const struct named_network *named = named_network_find(o->networks[0]);
    struct recipe recipe = {.name = "",
                            .deck = "",
                            .network = o->networks[0],
                            .dataset = o->dataset,
                            .loss = named ? named->loss : LOSS_COUNT,
                            .optimizer = named ? named->optimizer : "sgd:lr=0.1",
                            .initial = INITIAL_GLOROT,
                            .batch = o->batches[0] * ranks_get()->count,
                            .epochs = 1};
    return recipe;
}

/* The training of a checkpoint: everything but its length and its data's place is the file's. */
static void add_resumed(struct jobs *jobs, struct train_options *o) {
    struct checkpoint *c = &jobs->checkpoint;
    char reason[NETWORK_REASON];
    if (!checkpoint_read(o->resume, c, reason, sizeof reason))
        die(access(o->resume, F_OK) ? EXIT_MISSING : EXIT_USAGE, "--resume: %s", reason);
    if (!c->optimizer[0])
        die(EXIT_USAGE, "--resume: '%s' holds a network to predict with, not a training",
            o->resume);
    if (o->optimizer || !isnan(o->lr) || o->loss >= 0 || o->schedule >= 0 || o->initial >= 0 ||
        o->sampling >= 0 || o->batch_count || o->dataset || o->types_given || o->seed_given)
        die(EXIT_USAGE,
            "--resume goes on as the training began; only --epochs, --steps, "
            "--history, --validation, --data, --threads, --blas and --checkpoint fit beside "
            "it");
    const struct recipe *known = recipe_find(c->recipe);
    struct recipe recipe = known ? *known : (struct recipe){.name = "", .deck = ""};
    recipe.network = c->network;
    recipe.dataset = c->dataset;
    recipe.loss = c->loss;
    recipe.optimizer = c->optimizer;
    recipe.schedule = c->schedule;
    recipe.sampling = c->sampling;
    recipe.batch = c->batch;
    if (!known) recipe.steps = c->schedule_steps;
    o->common.seed = c->seed;
    o->common.types[0] = c->type;
    o->common.type_count = 1;
    if (!o->checkpoint) o->checkpoint = o->resume;
    jobs->resume = o->resume;
    struct train_options length = *o; /* what may change */
    length.common.types[0] = SCALAR_S;
    add_job(jobs, &length, &recipe);
}

static void collect_jobs(struct jobs *jobs, struct train_options *o) {
    if (o->resume) {
        add_resumed(jobs, o);
        return;
    }
    if (!o->recipes) {
        struct recipe recipe = own_recipe(o);
        add_job(jobs, o, &recipe);
        return;
    }
    for (char **name = o->recipes; *name; name++) {
        if (strcmp(*name, "all") != 0) {
            add_job(jobs, o, recipe_find(*name));
            continue;
        }
        jobs->all = true;
        for (const struct recipe *row = recipe_table; row->name; row++) add_job(jobs, o, row);
    }
}

static const char comparison_format[] = "%-22s %-28s %12s %12s  %s\n";

static void number_text(double value, char *text, size_t size) {
    snprintf(text, size, "-");
    if (isfinite(value)) snprintf(text, size, "%.6g", value);
}

/* One number as reported beside ours: a line of the table, and of the results. */
static void compare(struct session *s, const struct job *job, const char *figure, double reported,
                    double ours, const char *note) {
    char left[32], right[32];
    number_text(reported, left, sizeof left);
    number_text(ours, right, sizeof right);
    if (s->options->common.format == FORMAT_TABLE)
        printf(comparison_format, job->recipe.name, figure, left, right, note ? note : "");
    json_t *line =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "record", "reported", "command", "train",
                  "recipe", job->recipe.name, "figure", figure, "deck", job->recipe.deck, "note",
                  note && note[0] ? record_string(note) : json_null());
    record_set_real(line, "reported", reported);
    record_set_real(line, "ours", ours);
    record_line(&s->record, line);
}

static void compare_training(struct session *s, const struct job *job,
                             const struct training_outcome *outcome) {
    const struct reported_figure *r = job->recipe.reported;
    char note[300] = "", figure[64];
    if (job->changed[0]) snprintf(note, sizeof note, "changed: %s", job->changed);
    if (outcome->end != TRAINING_DONE) snprintf(note, sizeof note, "%.280s", outcome->reason);
    bool test = false;
    for (int i = 0; r && r[i].value != 0; i++) {
        reported_text(&r[i], figure, sizeof figure);
        compare(s, job, figure, r[i].value, outcome->ours[i], note);
        test |= r[i].figure == FIGURE_TEST_ACCURACY;
    }
    bool known = isfinite(outcome->test_accuracy);
    if (!test && (known || !r)) compare(s, job, "test accuracy", NAN, outcome->test_accuracy, note);
}

/* The lines of the exercise's picture. */
static void record_paths(struct session *s, const struct recipe *recipe) {
    json_t *path;
    for (int i = 0; recipe->path && (path = recipe->path(i)); i++) {
        json_t *line = json_pack("{s:s, s:s, s:s}", "record", "path", "command", "train", "recipe",
                                 recipe->name);
        json_object_update(line, path);
        json_decref(path);
        record_line(&s->record, line);
    }
}

static void run_exercise(struct session *s, const struct job *job) {
    struct exercise_row rows[MOST_EXERCISE_ROWS];
    int count = job->recipe.exercise(rows, MOST_EXERCISE_ROWS), wrong = 0;
    for (int i = 0; i < count; i++) {
        bool holds = fabs(rows[i].ours - rows[i].reported) <= rows[i].tolerance;
        wrong += !holds;
        compare(s, job, rows[i].what, rows[i].reported, rows[i].ours,
                !holds            ? "differs"
                : rows[i].in_deck ? ""
                                  : "follows from the formula");
    }
    record_paths(s, &job->recipe);
    struct train_row row = train_row_unknown();
    char reason[64];
    snprintf(reason, sizeof reason, "%d of %d numbers differ from the known ones", wrong, count);
    row.kind = "exercise";
    row.device = &cpu_device; /* whatever was asked for */
    row.recipe = job->recipe.name;
    row.type = SCALAR_D;
    row.threads = 1;
    row.status = wrong || !count ? "failed" : "ok";
    row.reason = wrong || !count ? reason : NULL;
    session_record(s, &row);
    if (wrong) warn("%s: %s", job->recipe.name, reason);
}

static void comparison_header(const struct session *s) {
    if (s->options->common.format == FORMAT_TABLE)
        printf(comparison_format, "recipe", "figure", "reported", "ours", "note");
}

/* Runs one training; `run` is NULL where it is still to be made. */
static void run_training(struct session *s, struct jobs *jobs, const struct job *job,
                         struct run *run) {
    char reason[NETWORK_REASON];
    bool missing;
    if (!run) run = training_new(s, &job->recipe, NULL, reason, sizeof reason, &missing);
    if (!run) { /* of "all": the data of some is not everywhere */
        training_skip(s, &job->recipe, reason);
        struct training_outcome none = training_outcome_unknown();
        none.end = TRAINING_FAILED;
        snprintf(none.reason, sizeof none.reason, "%s", reason);
        compare_training(s, job, &none);
        return;
    }
    bool single = jobs->count == 1;
    if (s->table) training_print(run, job->changed);
    struct training_outcome outcome = training_run(run);
    training_free(run);
    if (outcome.end == TRAINING_FAILED)
        warn("%s%s%s", job->recipe.name, job->recipe.name[0] ? ": " : "", outcome.reason);
    if (interrupt_came()) end_interrupted(s);
    if (!job->recipe.name[0]) return;
    if (single && s->table) putchar('\n');
    if (single) comparison_header(s);
    compare_training(s, job, &outcome);
}

/* Everything that can be wrong with the trainings is found before the first one runs. Returns the
 * only one, ready to run, or NULL where there are several. */
static struct run *try_jobs(struct session *s, struct jobs *jobs) {
    struct run *only = NULL;
    for (size_t i = 0; i < jobs->count; i++) {
        const struct recipe *recipe = &jobs->job[i].recipe;
        char reason[NETWORK_REASON];
        bool missing = false;
        if (recipe->exercise || jobs->all) continue;
        struct run *run = training_new(s, recipe, jobs->resume, reason, sizeof reason, &missing);
        if (!run) die(missing ? EXIT_MISSING : EXIT_USAGE, "%s", reason);
        if (jobs->count == 1)
            only = run;
        else
            training_free(run);
    }
    return only;
}

static void list_jobs(const struct jobs *jobs, enum record_format format) {
    if (format == FORMAT_CSV) printf("command,recipe,network,dataset\n");
    for (size_t i = 0; i < jobs->count; i++) {
        const struct recipe *r = &jobs->job[i].recipe;
        const char *network = r->network ? r->network : "", *data = r->dataset ? r->dataset : "";
        if (format == FORMAT_CSV)
            printf("train,%s,\"%s\",%s\n", r->name, network, data);
        else if (format == FORMAT_JSONL) {
            json_t *line = json_pack("{s:s, s:s, s:o, s:s}", "command", "train", "recipe", r->name,
                                     "network", record_string(network), "dataset", data);
            json_dumpf(line, stdout, JSON_COMPACT);
            putchar('\n');
            json_decref(line);
        } else
            printf("%-22s %s%s%s\n", r->name, r->exercise ? r->what : network,
                   r->exercise ? "" : " on ", data);
    }
    if (format == FORMAT_TABLE)
        printf("%zu training%s or exercise%s, none run\n", jobs->count, jobs->count == 1 ? "" : "s",
               jobs->count == 1 ? "" : "s");
}

static int run_jobs(struct session *s, struct train_options *o, int argc, char **argv) {
    struct jobs *jobs = calloc(1, sizeof *jobs);
    if (!jobs) die(EXIT_MISSING, "out of memory");
    collect_jobs(jobs, o);
    if (o->checkpoint && jobs->job[0].recipe.exercise)
        die(EXIT_USAGE, "--checkpoint: %s is an exercise, there is nothing to save",
            jobs->job[0].recipe.name);
    char reason[NETWORK_REASON];
    if (o->checkpoint && together_leads() &&
        !checkpoint_writable(o->checkpoint, reason, sizeof reason))
        die(EXIT_NOT_WRITTEN, "--checkpoint: %s", reason);
    open_library(s);
    struct run *only = try_jobs(s, jobs);
    if (o->common.dry_run) {
        list_jobs(jobs, o->common.format);
        if (only) training_free(only);
        free(jobs);
        return EXIT_DONE;
    }
    record_open(&s->record, "train", o->common.out, o->common.format, provenance(s, argc, argv));
    interrupt_catch();
    bool several = jobs->count > 1, table = s->table;
    if (table && !o->common.quiet) print_notes(s);
    if (several || jobs->job[0].recipe.exercise) comparison_header(s);
    if (several) s->table = false; /* one table of figures; the histories are in the results */
    for (size_t i = 0; i < jobs->count && !interrupt_came(); i++) {
        if (jobs->job[i].recipe.exercise)
            run_exercise(s, &jobs->job[i]);
        else
            run_training(s, jobs, &jobs->job[i], only);
        if (o->common.format == FORMAT_TABLE) fflush(stdout);
    }
    if (interrupt_came()) end_interrupted(s);
    s->table = table;
    free(jobs);
    return finish(s);
}

int command_train(int argc, char **argv) {
    struct train_options o = train_options_parse(argc, argv);
    struct session *s = calloc(1, sizeof *s);
    if (!s) die(EXIT_MISSING, "out of memory");
    topology_get(); /* the mask the process was started with, before anything changes it */
    rank_hooks_tell(&o.common);
    s->options = &o;
    s->table = o.common.format == FORMAT_TABLE;
    bool training = o.recipes || o.resume || o.dataset;
    int code = training ? run_jobs(s, &o, argc, argv) : time_steps(s, argc, argv);
    if (s->library) blas_library_close(s->library);
    free(s);
    train_options_free(&o);
    return code;
}
