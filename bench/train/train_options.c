#include "bench/train/train_options.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/harness/error.h"
#include "kernels/cpu/blas_library.h"
#include "kernels/cpu/layers/conv_onednn.h"
#include "kernels/cpu/layers/tile.h"
#include "mpi/gradients.h"
#include "mpi/ranks.h"
#include "nn/notation.h"

const char *const loss_names[] = {
    "half-sum", "half-mean", "mean-squared", "binary-crossentropy", "crossentropy", NULL};

static void take_recipe(void *target, const char *name, const char *value) {
    struct train_options *o = target;
    const char *known[128] = {"all"};
    size_t count = 1;
    for (const struct recipe *row = recipe_table; row->name; row++) known[count++] = row->name;
    known[count] = NULL;
    option_list_free(o->recipes);
    o->recipes = option_list(name, value);
    for (char **entry = o->recipes; *entry; entry++) {
        if (strcmp(*entry, "all") == 0 || recipe_find(*entry)) continue;
        const char *near = option_nearest(*entry, known);
        die(EXIT_USAGE, "--%s: no training recipe is called '%s'%s%s%s; 'flopstep list' shows them",
            name, *entry, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
}

static void take_network(void *target, const char *name, const char *value) {
    struct train_options *o = target;
    option_list_free(o->networks);
    o->networks = option_list(name, value);
    if (strcmp(value, "all") != 0) return;
    size_t count = 0;
    while (named_networks[count].name) count++;
    option_list_free(o->networks);
    o->networks = calloc(count + 1, sizeof *o->networks);
    for (size_t i = 0; o->networks && i < count; i++)
        o->networks[i] = strdup(named_networks[i].name);
}

static void take_batch(void *target, const char *name, const char *value) {
    struct train_options *o = target;
    char **list = option_list(name, value);
    size_t count = 0;
    while (list[count]) count++;
    free(o->batches);
    o->batches = calloc(count + 1, sizeof *o->batches);
    if (!o->batches) die(EXIT_MISSING, "out of memory");
    o->batch_count = count;
    for (size_t i = 0; i < count; i++) o->batches[i] = option_integer(name, list[i], 1, INT_MAX);
    option_list_free(list);
}

/* A word of a list: its place. */
static int take_word(const char *name, const char *value, const char *const *words) {
    char text[200] = "";
    for (int i = 0; words[i]; i++) {
        if (strcmp(words[i], value) == 0) return i;
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s", i ? ", " : "", words[i]);
    }
    die(EXIT_USAGE, "--%s '%s': write one of %s", name, value, text);
}

static void take_dataset(void *target, const char *name, const char *value) {
    const char *known[64];
    size_t count = 0;
    for (const struct dataset_row *row = dataset_table; row->name && count < 63; row++)
        known[count++] = row->name;
    known[count] = NULL;
    ((struct train_options *)target)->dataset = value;
    for (size_t i = 0; i < count; i++)
        if (strcmp(known[i], value) == 0) return;
    const char *near = option_nearest(value, known);
    die(EXIT_USAGE, "--%s: no data set is called '%s'%s%s%s; 'flopstep list datasets' shows them",
        name, value, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

#define TAKE(function, statement)                                                                  \
    static void function(void *target, const char *name, const char *value) {                      \
        struct train_options *o = target;                                                          \
        (void)name, (void)value;                                                                   \
        statement;                                                                                 \
    }
TAKE(take_data, o->data = value)
TAKE(take_lr, o->lr = option_real(name, value, 0, 1e6))
TAKE(take_epochs, o->epochs = option_real(name, value, 1e-6, 1e6))
TAKE(take_steps, o->steps = option_integer(name, value, 0, 1000000000))
TAKE(take_history, o->history = option_integer(name, value, 1, 1000000000))
TAKE(take_validation, o->validation = option_integer(name, value, 0, INT_MAX))
TAKE(take_loss, o->loss = take_word(name, value, loss_names))
TAKE(take_schedule, o->schedule = take_word(name, value, schedule_names))
TAKE(take_initial, o->initial = take_word(name, value, initial_names))
TAKE(take_sampling, o->sampling = take_word(name, value, sampling_names))
TAKE(take_library, o->library = value; o->library_given = true)
TAKE(take_checkpoint, o->checkpoint = value)
TAKE(take_resume, o->resume = value)
TAKE(take_by_layer, o->by_layer = true)

TAKE(take_ladder, o->ladder = true)
TAKE(take_conv, o->conv = (enum conv_path)take_word(name, value, conv_path_names))
TAKE(take_dense, o->dense = (enum dense_path)take_word(name, value, dense_path_names))

TAKE(take_math, o->math = (enum math)take_word(name, value, math_names))

TAKE(take_global_batch, o->global_batch = option_integer(name, value, 1, INT_MAX))
TAKE(take_bucket_size, o->bucket_bytes = (size_t)option_bytes(name, value, 1, 1L << 40))
TAKE(take_verify, o->verify_replicas = option_integer(name, value, 0, INT_MAX))

static void take_reduce(void *target, const char *name, const char *value) {
    struct train_options *o = target;
    const char *words[8] = {"all"};
    size_t count = 1;
    for (const struct reduce_name *row = reduce_names; row->name; row++) words[count++] = row->name;
    words[count] = NULL;
    char **list = option_list(name, value);
    o->reduce_count = 0;
    for (char **entry = list; *entry; entry++) {
        int word = take_word(name, *entry, words);
        for (size_t i = 1; i < count; i++)
            if (word == 0 || (size_t)word == i) {
                bool seen = false;
                for (size_t j = 0; j < o->reduce_count; j++) seen |= o->reduce[j] == words[i];
                if (!seen) o->reduce[o->reduce_count++] = words[i];
            }
    }
    option_list_free(list);
}

static void take_gpu_reduce(void *target, const char *name, const char *value) {
    const char *words[8] = {NULL};
    for (size_t i = 0; gpu_reduce_names[i].name; i++) words[i] = gpu_reduce_names[i].name;
    ((struct train_options *)target)->gpu_reduce = words[take_word(name, value, words)];
}

static void take_isa(void *target, const char *name, const char *value) {
    size_t count;
    const struct isa *table = isa_table(&count);
    char known[120] = "";
    for (size_t i = 0; i < count; i++) {
        const struct tile_set *set =
            table[i].supported() ? tile_set_find(&table[i], SCALAR_S) : NULL;
        if (!set || strcmp(set->isa, table[i].name) != 0) continue;
        if (strcmp(table[i].name, value) == 0) ((struct train_options *)target)->isa = &table[i];
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", table[i].name);
    }
    if (!((struct train_options *)target)->isa)
        die(EXIT_USAGE, "--%s '%s': this machine has %s", name, value, known);
}

static void take_without(void *target, const char *name, const char *value) {
    char **list = option_list(name, value);
    const char *words[MEASURE_COUNT + 2] = {"all"};
    for (int i = 0; i < MEASURE_COUNT; i++) words[i + 1] = measure_table[i].name;
    for (char **entry = list; *entry; entry++) {
        if (strcmp(*entry, "tiled") == 0 || strcmp(*entry, "direct") == 0 ||
            strcmp(*entry, "own") == 0)
            die(EXIT_USAGE,
                "--%s '%s': a path is chosen with --conv im2col|tiled|direct or "
                "--dense cblas",
                name, *entry);
        int word = take_word(name, *entry, words);
        ((struct train_options *)target)->without |=
            word ? 1U << (word - 1) : (1U << MEASURE_COUNT) - 1;
    }
    option_list_free(list);
}

void train_without_text(unsigned without, char *text, size_t size) {
    text[0] = '\0';
    for (int i = 0; i < MEASURE_COUNT; i++) {
        size_t used = strlen(text);
        if (without >> i & 1)
            snprintf(text + used, size - used, "%s%s", used ? "," : "", measure_table[i].name);
    }
}

static void take_optimizer(void *target, const char *name, const char *value) {
    struct optimizer_settings settings;
    char reason[256];
    if (!optimizer_parse(&settings, value, reason, sizeof reason))
        die(EXIT_USAGE, "--%s: %s", name, reason);
    ((struct train_options *)target)->optimizer = value;
}

static const struct option_row train_rows[] = {
    {"recipe", "LIST", "trainings and exercises of the lectures by name, or all", take_recipe},
    {"network", "LIST", "names, all, a file, or a notation such as 784-200relu-10softmax",
     take_network},
    {"batch", "LIST", "images in a step, of a rank; a list times each (default 128)", take_batch},
    {"global-batch", "N", "images in a step of all ranks together, in the place of --batch",
     take_global_batch},
    {"dataset", "NAME", "trains on it; without one, steps are timed on synthetic images",
     take_dataset},
    {"data", "DIR", "where its files lie (default: FLOPSTEP_DATA, then the usual places)",
     take_data},
    {"optimizer", "TEXT", "e.g. sgd:lr=0.1, adam:lr=0.001,beta2=0.99 ('list optimizers')",
     take_optimizer},
    {"lr", "X", "learning rate, in the place of the optimizer's", take_lr},
    {"schedule", "NAME", "of the learning rate: constant, or cosine to 0 at the end",
     take_schedule},
    {"loss", "NAME", "half-sum, half-mean, mean-squared, binary-crossentropy, crossentropy",
     take_loss},
    {"initial", "NAME", "initial weights: zero, normal, small (deviation 0.01), glorot, he",
     take_initial},
    {"sampling", "NAME", "of batches: epochs (shuffled), replacement, order", take_sampling},
    {"epochs", "N", "length of a training (default 1)", take_epochs},
    {"steps", "N", "steps to time, or to end a training or a recipe after", take_steps},
    {"history", "N", "steps between rows of a training's history (default: an epoch)",
     take_history},
    {"validation", "N", "training samples to hold out and watch", take_validation},
    {"by-layer", NULL, "time, share and rate of every layer and pass", take_by_layer},
    {"conv", "PATH",
     "of convolutions: auto, im2col, tiled, direct, onednn (default auto: by shape)", take_conv},
    {"dense", "PATH", "of dense layers: auto, cblas, own (default auto: by shape)", take_dense},
    {"isa", "NAME", "of own products: avx512, avx2, sse2, neon (default: the widest)", take_isa},
    {"math", "NAME", "of a GPU's products in single: fp32 (default), tf32, bf16", take_math},
    {"without", "LIST", "measures to leave out, or all of them ('flopstep list measures')",
     take_without},
    {"ladder", NULL, "times the plain step, then adds one measure after the other", take_ladder},
    {"reduce", "LIST",
     "of gradients over ranks: blocking, nonblocking, overlap, thread, reproducible or all "
     "(default "
     "overlap)",
     take_reduce},
    {"gpu-reduce", "WAY", "of gradients on GPUs: auto (default), nccl, cuda-aware, staged",
     take_gpu_reduce},
    {"bucket-size", "BYTES", "of gradients that are reduced together, e.g. 512Ki (default 1Mi)",
     take_bucket_size},
    {"verify-replicas", "N", "steps between comparisons of all ranks' weights (default: each row)",
     take_verify},
    {"blas", "NAME", "the CBLAS library (default openblas)", take_library},
    {"checkpoint", "FILE", "saves the training there at every row of the history", take_checkpoint},
    {"resume", "FILE", "continues a saved training, bit for bit, and saves it there", take_resume},
    {NULL, NULL, NULL, NULL}};

static const struct option_row *const train_tables[] = {train_rows, common_options, NULL};

static const struct usage train_usage = {
    .command = "train",
    .purpose = "Times full training steps, and trains the networks of the lectures.",
    .tables = train_tables,
    .examples = "  flopstep train --recipe two-layer\n"
                "  flopstep train --recipe all --data ~/mnist\n"
                "  flopstep train --network cnn --batch 128 --steps 200 --by-layer\n"
                "  flopstep train --network mlp5,cnn --batch 1,8,32,128,512 --threads 1,2\n"
                "  flopstep train --network cnn,mlp5 --ladder\n"
                "  flopstep train --network 784-100relu-10softmax --dataset fashion --epochs 5 \\\n"
                "    --optimizer adam:lr=0.001 --checkpoint my.ckpt\n"
                "  flopstep train --resume my.ckpt --epochs 10\n",
};

static bool all_on_cpu(const struct common *common) {
    for (size_t i = 0; i < common->device_count; i++)
        if (common->devices[i]->own_memory) return false;
    return true;
}

static bool given(int argc, char **argv, const char *option) {
    size_t length = strlen(option);
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], option, length) == 0 &&
            (argv[i][length] == '\0' || argv[i][length] == '='))
            return true;
    return false;
}

static void check_onednn(const struct train_options *o) {
    char reason[512];
    for (size_t i = 0; i < o->common.type_count; i++)
        if (o->common.types[i] != SCALAR_S)
            die(EXIT_USAGE,
                "--conv onednn computes in single precision only; leave %s out of --types",
                scalar_letter(o->common.types[i]));
    if (!conv_onednn_open(reason, sizeof reason)) die(EXIT_MISSING, "--conv onednn: %s", reason);
}

/* Paths, measures and types that a device does not have. */
static void check_devices(const struct train_options *o) {
    char reason[512];
    for (size_t d = 0; d < o->common.device_count; d++)
        for (size_t t = 0; t < o->common.type_count; t++) {
            struct queue q = {.device = o->common.devices[d],
                              .type = o->common.types[t],
                              .threads = 1,
                              .dense = o->dense,
                              .conv = o->conv,
                              .math = o->math,
                              .isa = o->isa,
                              .without = o->without};
            if (q.type != SCALAR_S && q.type != SCALAR_D)
                die(EXIT_MISSING,
                    "--types %s: a network's numbers have types that cpu has, s and d; on a GPU "
                    "--math bf16 and tf32 multiply them in fewer bits",
                    scalar_letter(q.type));
            if (!q.device->layers->accepts(&q, reason, sizeof reason))
                die(EXIT_USAGE, "%s", reason);
        }
}

static void check_together(const struct train_options *o) {
    common_check_cpu_types(&o->common);
    if (o->ladder && (o->recipes || o->resume || o->dataset))
        die(EXIT_USAGE, "--ladder times steps of --network, without --dataset");
    if (o->ladder && (o->conv || o->dense || o->without))
        die(EXIT_USAGE, "--ladder goes through all paths and measures; leave --%s out",
            o->conv    ? "conv"
            : o->dense ? "dense"
                       : "without");
    if (o->common.cold)
        die(EXIT_USAGE, "--cold: a step has no cold form; its images come from memory anyway");
    if (!o->recipes && !o->networks && !o->resume)
        die(EXIT_USAGE, "train what? give --recipe NAME, --network NAME or --resume FILE; "
                        "'flopstep list' shows the names");
    if (o->recipes && (o->networks || o->resume))
        die(EXIT_USAGE, "--recipe and --%s exclude each other", o->networks ? "network" : "resume");
    if (o->resume && o->networks)
        die(EXIT_USAGE, "--resume brings its own network; leave --network out");
    bool training = o->recipes || o->resume || o->dataset;
    if (!training && (o->checkpoint || !isnan(o->epochs) || o->validation >= 0 || o->history >= 0))
        die(EXIT_USAGE, "--%s belongs to a training; add --dataset NAME or --recipe NAME",
            o->checkpoint        ? "checkpoint"
            : !isnan(o->epochs)  ? "epochs"
            : o->validation >= 0 ? "validation"
                                 : "history");
    if (!training && o->steps == 0) die(EXIT_USAGE, "--steps 0: there is nothing to time");
    if (o->global_batch && o->batch_count)
        die(EXIT_USAGE,
            "--global-batch and --batch exclude each other: a batch of all ranks, or of "
            "each");
    if (o->global_batch && o->resume)
        die(EXIT_USAGE, "--resume goes on with its own batch; leave --global-batch out");
    if (o->ladder && ranks_get()->count > 1)
        die(EXIT_USAGE, "--ladder times one rank; start it without %s", ranks_get()->launcher);
    if (training && o->reduce_count > 1)
        die(EXIT_USAGE,
            "--reduce: a training has one; a list is for timed steps (--network without "
            "--dataset)");
    if (training && o->batch_count > 1)
        die(EXIT_USAGE, "--batch: a training has one batch size; a list is for timed steps "
                        "(--network without --dataset)");
    if (training && o->common.thread_counts > 1)
        die(EXIT_USAGE, "--threads: a training has one number of threads; a list is for timed "
                        "steps (--network without --dataset)");
    if (training && o->common.device_count > 1)
        die(EXIT_USAGE, "--device: a training runs on one device; name it");
    if (training && o->common.type_count > 1)
        die(EXIT_USAGE, "--types: a training has one element type");
    if (o->networks && o->dataset && o->networks[1])
        die(EXIT_USAGE, "--network: one network for a training");
    if (o->checkpoint && o->recipes && (o->recipes[1] || strcmp(o->recipes[0], "all") == 0))
        die(EXIT_USAGE, "--checkpoint: one recipe at a time");
}

/* With one rank nothing is reduced, whatever is asked for; with several, something is. */
static void note_ranks(struct train_options *o) {
    bool several = ranks_get()->count > 1;
    if (several && !o->reduce_count) o->reduce[o->reduce_count++] = "overlap";
    if (several) return;
    if (o->reduce_count && !o->common.quiet)
        fputs("note: one rank: no gradients are reduced; start several, e.g. 'mpirun -n 2 flopstep "
              "train …'\n",
              stderr);
    o->reduce_count = 0;
}

struct train_options train_options_parse(int argc, char **argv) {
    struct train_options o = {.common = common_defaults(),
                              .lr = NAN,
                              .epochs = NAN,
                              .steps = -1,
                              .history = -1,
                              .validation = -1,
                              .loss = -1,
                              .schedule = -1,
                              .initial = -1,
                              .sampling = -1,
                              .bucket_bytes = 1 << 20,
                              .library = BLAS_LIBRARY_DEFAULT};
    o.budget_given = given(argc, argv, "--time-budget");
    o.precision_given = given(argc, argv, "--precision");
    o.types_given = given(argc, argv, "--types");
    o.seed_given = given(argc, argv, "--seed");
    options_parse(&train_usage, argc, argv, &o);
    if (!o.types_given) {
        o.common.types[0] = SCALAR_S;
        o.common.type_count = 1;
    }
    if (!o.common.thread_counts) {
        o.common.threads[0] = common_default_threads();
        o.common.thread_counts = 1;
    }
    if (o.library_given && !common_on_cpu(&o.common))
        die(EXIT_USAGE, "--blas is of the processor; %s has its own library",
            o.common.device->name);
    common_note_threads(&o.common, given(argc, argv, "--threads"));
    if (o.gpu_reduce && strcmp(o.gpu_reduce, "auto") != 0 && all_on_cpu(&o.common))
        die(EXIT_USAGE, "--gpu-reduce %s is of GPUs; add --device cuda, or leave it out",
            o.gpu_reduce);
    check_together(&o);
    check_devices(&o);
    if (o.conv == CONV_ONEDNN) check_onednn(&o);
    note_ranks(&o);
    if (!o.batch_count) {
        o.batches = calloc(1, sizeof *o.batches);
        if (!o.batches) die(EXIT_MISSING, "out of memory");
        o.batches[0] = 128;
    }
    return o;
}

void train_options_free(struct train_options *o) {
    option_list_free(o->recipes);
    option_list_free(o->networks);
    free(o->batches);
}

struct recipe train_options_apply(const struct train_options *o, const struct recipe *recipe,
                                  char *changed, size_t size) {
    struct recipe r = *recipe;
    changed[0] = '\0';
#define CHANGE(condition, option, statement)                                                       \
    if (condition) {                                                                               \
        size_t used = strlen(changed);                                                             \
        snprintf(changed + used, size - used, "%s--%s", used ? " " : "", option);                  \
        statement;                                                                                 \
    }
    CHANGE(o->dataset && strcmp(o->dataset, r.dataset) != 0, "dataset", r.dataset = o->dataset)
    CHANGE(o->batch_count, "batch", r.batch = o->batches[0] * ranks_get()->count)
    CHANGE(o->global_batch, "global-batch", r.batch = o->global_batch)
    CHANGE(o->optimizer, "optimizer", r.optimizer = o->optimizer)
    CHANGE(!isnan(o->lr), "lr", (void)0)
    CHANGE(o->loss >= 0, "loss", r.loss = (enum loss)o->loss)
    CHANGE(o->schedule >= 0, "schedule", r.schedule = (enum schedule)o->schedule)
    CHANGE(o->initial >= 0, "initial", r.initial = (enum initial)o->initial)
    CHANGE(o->sampling >= 0, "sampling", r.sampling = (enum sampling)o->sampling)
    if (o->history > 0) r.history = o->history; /* changes what is shown only */
    CHANGE(o->validation >= 0, "validation", r.validation = o->validation)
    CHANGE(!isnan(o->epochs), "epochs", r.epochs = o->epochs; r.steps = 0)
    CHANGE(o->steps >= 0 && !(r.steps && o->steps >= r.steps), "steps", (void)0)
    CHANGE(o->common.types[0] != SCALAR_S, "types", (void)0)
#undef CHANGE
    return r;
}

void train_network_refuse(const char *network, const char *reason) {
    const char *known[64];
    size_t count = 0;
    for (; named_networks[count].name && count < 63; count++)
        known[count] = named_networks[count].name;
    known[count] = NULL;
    const char *near = isalpha((unsigned char)network[0]) ? option_nearest(network, known) : NULL;
    die(EXIT_USAGE, "--network: %s%s%s%s", reason, near ? "; did you mean '" : "", near ? near : "",
        near ? "'?" : "");
}

char *train_network_text(const char *network) {
    const struct named_network *named = named_network_find(network);
    if (named) return strdup(named->notation);
    struct stat what = {0};
    if (stat(network, &what) || S_ISDIR(what.st_mode)) {
        if (strchr(network, '/'))
            die(EXIT_MISSING, "--network: no file '%s' that can be read: %s", network,
                S_ISDIR(what.st_mode) ? "a folder" : strerror(errno));
        return strdup(network);
    }
    FILE *file = fopen(network, "r");
    if (!file) die(EXIT_MISSING, "--network: '%s': %s", network, strerror(errno));
    char *text = calloc(1, 64 * 1024);
    size_t length = text ? fread(text, 1, 64 * 1024 - 1, file) : 0;
    bool whole = feof(file) && !ferror(file);
    fclose(file);
    if (!text || !whole || strlen(text) != length)
        die(EXIT_USAGE, "--network: '%s' is no network: a text below 64 KiB is expected", network);
    return text;
}
