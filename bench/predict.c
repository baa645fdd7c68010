/* flopstep predict: which digit is in a picture, by a network that `flopstep train` saved.
 * predict.jsonl holds a case for each file (predicted, class_name, probability, p0 to p9 and all
 * outputs in "probabilities") and one "examples" line, which the figure "digits" is drawn from. */
#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/commands.h"
#include "bench/draw_results.h"
#include "bench/harness/common.h"
#include "bench/harness/error.h"
#include "bench/harness/provenance.h"
#include "bench/harness/record.h"
#include "kernels/cpu/blas_library.h"
#include "kernels/cpu/topology.h"
#include "nn/checkpoint.h"
#include "nn/image.h"
#include "nn/notation.h"

enum { SIDE = 28, PIXELS = SIDE * SIDE, BATCH = 64, COLUMNS = 10 };

struct predict_options {
    struct common common; /* first: the common rows write here */
    const char *checkpoint, *library;
    bool raw;
    char **files;
    size_t count;
};

static void take_checkpoint(void *target, const char *name, const char *value) {
    (void)name;
    ((struct predict_options *)target)->checkpoint = value;
}

static void take_library(void *target, const char *name, const char *value) {
    if (!value[0] || strchr(value, ',')) die(EXIT_USAGE, "--%s: takes one library", name);
    ((struct predict_options *)target)->library = value;
}

static void take_raw(void *target, const char *name, const char *value) {
    (void)name, (void)value;
    ((struct predict_options *)target)->raw = true;
}

static void take_threads(void *target, const char *name, const char *value) {
    struct common *c = target;
    c->threads[0] = (int)option_integer(name, value, 1, topology_get()->hardware_threads);
    c->thread_counts = 1;
}

static void take_file(void *target, const char *value) {
    struct predict_options *o = target;
    char **files = realloc(o->files, (o->count + 1) * sizeof *files);
    if (!files) die(EXIT_MISSING, "out of memory");
    o->files = files;
    o->files[o->count++] = (char *)value;
}

static const struct option_row own_options[] = {
    {"checkpoint", "FILE", "the network, as 'flopstep train --checkpoint FILE' saves it",
     take_checkpoint},
    {"raw", NULL, "pictures are 28x28 and in MNIST's convention already: use them as they are",
     take_raw},
    {"threads", "N", "number of threads (default 1)", take_threads},
    {"blas", "NAME", "library: an alias or a path (default " BLAS_LIBRARY_DEFAULT ")",
     take_library},
    {NULL, NULL, NULL, NULL},
};

/* Those of the common options that mean something here. */
static const struct option_row *shared_options(void) {
    static const char *const names[] = {"out", "format", "quiet"};
    static struct option_row rows[sizeof names / sizeof *names + 1];
    size_t used = 0;
    for (const struct option_row *row = common_options; row->name; row++)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (strcmp(row->name, names[i]) == 0) rows[used++] = *row;
    return rows;
}

static struct predict_options parse(int argc, char **argv) {
    struct predict_options o = {.common = common_defaults(), .library = BLAS_LIBRARY_DEFAULT};
    o.common.threads[0] = 1;
    const struct option_row *const tables[] = {own_options, shared_options(), NULL};
    const struct usage usage = {
        .command = "predict",
        .operands = "IMAGE.png...",
        .purpose = "Tells which digit is in each picture, by a network that was trained before.",
        .tables = tables,
        .examples =
            "  flopstep train --network mlp5 --dataset mnist --epochs 3 --checkpoint mlp5.ckpt\n"
            "  flopstep predict --checkpoint mlp5.ckpt photo.png\n"
            "  flopstep predict --checkpoint mlp5.ckpt --format csv --quiet digits/*.png\n"
            "  flopstep predict --checkpoint mlp5.ckpt --raw test-image.png\n",
        .operand = take_file,
    };
    options_parse(&usage, argc, argv, &o);
    common_check_cpu_types(&o.common);
    if (!o.checkpoint)
        die(EXIT_USAGE, "--checkpoint FILE is missing: 'flopstep train --checkpoint FILE' saves a "
                        "network");
    if (!o.count) die(EXIT_USAGE, "which pictures? 'flopstep predict --help' shows examples");
    return o;
}

/* Only networks for pictures of digits, or of what has their size. */
static void check_network(const struct predict_options *o, const struct checkpoint *c,
                          struct architecture *a) {
    char reason[NETWORK_REASON];
    if (!architecture_parse(a, c->network, c->in, reason, sizeof reason))
        die(EXIT_MISSING, "%s: %s", o->checkpoint, reason);
    if (extent_size(c->in) != PIXELS)
        die(EXIT_MISSING,
            "%s: its network takes inputs of %ldx%ldx%ld, pictures become 28x28; train one on "
            "mnist",
            o->checkpoint, c->in.height, c->in.width, c->in.channels);
    if (extent_size(a->layers[a->count - 1].out) < 2)
        die(EXIT_MISSING, "%s: its network has one output, so it tells no classes apart",
            o->checkpoint);
}

static void read_picture(const struct predict_options *o, const char *path, uint8_t *pixels) {
    char reason[1024];
    struct image image;
    if (!image_read_png(&image, path, reason, sizeof reason)) die(EXIT_MISSING, "%s", reason);
    if (o->raw && (image.height != SIDE || image.width != SIDE))
        die(EXIT_MISSING, "'%s' is %ldx%ld; with --raw a picture must be 28x28", path, image.width,
            image.height);
    for (long i = 0; o->raw && i < PIXELS; i++)
        pixels[i] = (uint8_t)lround(255 * (double)image.grey[i]);
    if (!o->raw && !image_to_mnist(&image, pixels, reason, sizeof reason))
        die(EXIT_MISSING, "'%s': %s", path, reason);
    image_free(&image);
}

static struct blas_library *open_library(const char *name, enum scalar type) {
    char error[1024];
    struct blas_library *library = blas_library_open(name, error, sizeof error);
    if (!library) die(EXIT_MISSING, "%s", error);
    if (!blas_library_routine(library, kernel_find("gemm"), type))
        die(EXIT_MISSING, "%s (%s) has no cblas_%sgemm", library->name, library->path,
            scalar_letter(type));
    return library;
}

/* The network in memory, with the best parameters where the file has such. */
static void open_network(const struct predict_options *o, struct network *n,
                         const struct architecture *a, struct checkpoint *c, struct queue *queue) {
    char reason[NETWORK_TEXT];
    if (!network_plan(n, a, queue, BATCH, c->loss, false, reason, sizeof reason))
        die(EXIT_MISSING, "%s: %s", o->checkpoint, reason);
    size_t bytes = (size_t)n->parameters * scalar_bytes(c->type);
    void *best = malloc(bytes ? bytes : 1);
    if (!best) die(EXIT_MISSING, "out of memory");
    if (!checkpoint_load(o->checkpoint, c, n, NULL, best, reason, sizeof reason))
        die(EXIT_MISSING, "%s", reason);
    if (c->has_best) queue->device->copy_in(queue->device, n->parameter.memory, best, bytes);
    free(best);
}

/* outputs[count][n->outputs] */
static double *predict(struct network *n, const uint8_t *pixels, size_t count) {
    struct queue *q = n->queue;
    size_t element = scalar_bytes(q->type), outputs = (size_t)n->outputs;
    size_t input_bytes = BATCH * PIXELS * element;
    double *all = malloc(count * outputs * sizeof *all);
    char *host = malloc(BATCH * outputs * element);
    void *x = q->device->allocate(q->device, input_bytes);
    if (!all || !host || !x) die(EXIT_MISSING, "out of memory");
    q->scratch = n->scratch.memory;
    q->scratch_bytes = n->scratch.bytes;
    for (size_t begin = 0; begin < count; begin += BATCH) {
        size_t part = count - begin < BATCH ? count - begin : BATCH;
        q->device->layers->gather(q, (long)part, PIXELS, pixels + begin * PIXELS, NULL, NULL, 0, x);
        q->device->copy_out(q->device, host, network_predict(n, x, (long)part),
                            part * outputs * element);
        q->device->synchronise(q->device);
        for (size_t i = 0; i < part * outputs; i++) {
            float single;
            double value;
            memcpy(&single, host + i * element, sizeof single);
            memcpy(&value, host + i * element, element); /* of the two the one that is meant */
            all[begin * outputs + i] = q->type == SCALAR_S ? (double)single : value;
        }
    }
    q->device->release(q->device, x, input_bytes);
    free(host);
    return all;
}

/* The largest of the outputs, -1 where one is not finite. */
static long largest(const double *outputs, long count) {
    long best = 0;
    for (long j = 0; j < count; j++) {
        if (!isfinite(outputs[j])) return -1;
        if (outputs[j] > outputs[best]) best = j;
    }
    return best;
}

/* The name of a class: a line of the checkpoint's, else its number. */
static void class_text(const struct checkpoint *c, long class, char *text, size_t size) {
    const char *line = c->class_names;
    for (long i = 0; i < class && line; i++) {
        line = strchr(line, '\n');
        if (line) line++;
    }
    if (line && *line && *line != '\n')
        snprintf(text, size, "%.*s", (int)strcspn(line, "\n"), line);
    else
        snprintf(text, size, "%ld", class);
}

/* One result with what all have in common. */
struct context {
    const struct predict_options *options;
    const struct checkpoint *checkpoint;
    const struct blas_library *library;
    long outputs;
};

static json_t *outputs_of(const struct context *x, const double *outputs) {
    json_t *list = json_array();
    for (long j = 0; j < x->outputs; j++)
        json_array_append_new(list, isfinite(outputs[j]) ? json_real(outputs[j]) : json_null());
    return list;
}

static json_t *row_of(const struct context *x, const char *file, const double *outputs) {
    const struct checkpoint *c = x->checkpoint;
    long best = largest(outputs, x->outputs);
    char name[CHECKPOINT_CLASSES] = "";
    if (best >= 0) class_text(c, best, name, sizeof name);
    json_t *row = json_pack(
        "{s:s, s:o, s:i, s:i, s:s, s:s, s:o, s:s}", "device", x->options->common.device->name,
        "library", record_string(x->library->name), "threads", x->options->common.threads[0],
        "ranks", 1, "type", scalar_letter(c->type), "status", best < 0 ? "failed" : "ok", "reason",
        record_text_or_null(best < 0 ? "the network's outputs are not finite" : ""), "flags", "");
    json_object_set_new(row, "checkpoint", record_string(x->options->checkpoint));
    json_object_set_new(row, "network", record_string(c->network));
    json_object_set_new(row, "recipe", record_text_or_null(c->recipe));
    json_object_set_new(row, "dataset", record_text_or_null(c->dataset));
    json_object_set_new(row, "file", record_string(file));
    json_object_set_new(row, "predicted", best < 0 ? json_null() : json_integer(best));
    json_object_set_new(row, "class_name", record_text_or_null(name));
    record_set_real(row, "probability", best < 0 ? NAN : outputs[best]);
    for (long j = 0; j < COLUMNS && j < x->outputs; j++) {
        char key[8];
        snprintf(key, sizeof key, "p%d", (int)j);
        record_set_real(row, key, outputs[j]);
    }
    json_object_set_new(row, "probabilities", outputs_of(x, outputs));
    return row;
}

static json_t *examples_of(const struct context *x, const uint8_t *pixels, const double *outputs) {
    const struct checkpoint *c = x->checkpoint;
    json_t *items = json_array(), *names = json_array();
    for (size_t i = 0; i < x->options->count; i++) {
        char hex[2 * PIXELS + 1];
        const double *y = outputs + i * (size_t)x->outputs;
        long best = largest(y, x->outputs);
        if (best < 0) continue;
        for (int p = 0; p < PIXELS; p++)
            snprintf(hex + 2 * p, 3, "%02x", pixels[i * PIXELS + (size_t)p]);
        json_array_append_new(items, json_pack("{s:o, s:s, s:n, s:I, s:o}", "name",
                                               record_string(x->options->files[i]), "pixels", hex,
                                               "label", "predicted", (json_int_t)best,
                                               "probabilities", outputs_of(x, y)));
    }
    for (long j = 0; j < x->outputs; j++) {
        char name[CHECKPOINT_CLASSES];
        class_text(c, j, name, sizeof name);
        json_array_append_new(names, record_string(name));
    }
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:i, s:i, s:o, s:o}", "record", "examples",
                     "command", "predict", "recipe", record_text_or_null(c->recipe), "network",
                     record_string(c->network), "dataset", record_text_or_null(c->dataset),
                     "height", SIDE, "width", SIDE, "class_names", names, "items", items);
}

static json_t *provenance(const struct context *x, int argc, char **argv) {
    json_t *p = provenance_new(argc, argv);
    provenance_add_library(p, x->library);
    json_object_set_new(p, "settings",
                        json_pack("{s:o, s:I, s:b, s:b}", "checkpoint",
                                  record_string(x->options->checkpoint), "step",
                                  (json_int_t)(x->checkpoint->has_best ? x->checkpoint->best_step
                                                                       : x->checkpoint->step),
                                  "best", x->checkpoint->has_best, "raw", x->options->raw));
    provenance_add_affinity(p, x->options->common.threads[0]);
    return p;
}

/* Control characters in a file's name must not reach the terminal. */
static void print_name(const char *name, int width) {
    for (; *name; name++, width--) putchar(iscntrl((unsigned char)*name) ? '?' : *name);
    for (; width > 0; width--) putchar(' ');
}

static int longest_name(const struct predict_options *o) {
    size_t longest = 4;
    for (size_t i = 0; i < o->count; i++)
        if (strlen(o->files[i]) > longest) longest = strlen(o->files[i]);
    return longest < 40 ? (int)longest : 40;
}

static void print_header(const struct context *x) {
    char name[CHECKPOINT_CLASSES];
    printf("%-*s  %-10s %6s  %-20s", longest_name(x->options), "file", "class", "%", "");
    for (long j = 0; j < x->outputs && j < COLUMNS; j++) {
        class_text(x->checkpoint, j, name, sizeof name);
        printf(" %5.5s", name);
    }
    putchar('\n');
}

/* The bar is the probability; in the columns behind it '.' stands for less than 0.1 %. */
static void print_row(const struct context *x, const char *file, const double *outputs) {
    char name[CHECKPOINT_CLASSES];
    long best = largest(outputs, x->outputs);
    print_name(file, longest_name(x->options));
    if (best < 0) {
        printf("  failed: the network's outputs are not finite\n");
        return;
    }
    class_text(x->checkpoint, best, name, sizeof name);
    int length = (int)lround(20 * fmin(fmax(outputs[best], 0), 1));
    printf("  %-10s %6.1f  %-20.*s", name, 100 * outputs[best], length, "####################");
    for (long j = 0; j < x->outputs && j < COLUMNS; j++)
        if (fabs(outputs[j]) < 0.001)
            printf(" %5s", ".");
        else
            printf(" %5.1f", 100 * outputs[j]);
    putchar('\n');
}

static void print_notes(const struct context *x, const struct record *record) {
    const struct checkpoint *c = x->checkpoint;
    printf("network: %s\n", c->network);
    if (c->has_best)
        printf("trained on %s, step %ld (the best of %ld)\n", c->dataset, c->best_step, c->step);
    else
        printf("trained on %s, step %ld\n", c->dataset, c->step);
    printf("results: %s\n\n", record->path);
}

int command_predict(int argc, char **argv) {
    struct predict_options o = parse(argc, argv);
    struct checkpoint checkpoint;
    struct architecture architecture;
    char reason[NETWORK_TEXT];
    topology_get(); /* the mask the process was started with, before anything changes it */
    if (!checkpoint_read(o.checkpoint, &checkpoint, reason, sizeof reason))
        die(EXIT_MISSING, "%s", reason);
    check_network(&o, &checkpoint, &architecture);
    uint8_t *pixels = malloc(o.count * PIXELS);
    if (!pixels) die(EXIT_MISSING, "out of memory");
    for (size_t i = 0; i < o.count; i++) read_picture(&o, o.files[i], pixels + i * PIXELS);
    struct blas_library *library = open_library(o.library, checkpoint.type);
    struct queue queue = {.device = o.common.device,
                          .type = checkpoint.type,
                          .threads = o.common.threads[0],
                          .library = library,
                          .gemm =
                              blas_library_routine(library, kernel_find("gemm"), checkpoint.type)};
    struct network network;
    open_network(&o, &network, &architecture, &checkpoint, &queue);
    struct context x = {&o, &checkpoint, library, network.outputs};
    struct record record;
    record_open(&record, "predict", o.common.out, o.common.format, provenance(&x, argc, argv));
    queue.device->queue_enter(&queue);
    double *outputs = predict(&network, pixels, o.count);
    bool table = o.common.format == FORMAT_TABLE;
    if (table && !o.common.quiet) print_notes(&x, &record);
    if (table) print_header(&x);
    for (size_t i = 0; i < o.count; i++) {
        const double *y = outputs + i * (size_t)x.outputs;
        record_case(&record, row_of(&x, o.files[i], y));
        if (table) print_row(&x, o.files[i], y);
    }
    record_line(&record, examples_of(&x, pixels, outputs));
    record_end(&record, NULL);
    char folder[4096];
    if (table && draw_results(&record, "digits", NULL, folder, sizeof folder) && !o.common.quiet)
        printf("\nFigure: %s/figures\n", folder);
    size_t failed = record.failed;
    free(outputs);
    free(pixels);
    network_free(&network);
    blas_library_close(library);
    free(o.files);
    if (!failed) return EXIT_DONE;
    warn("%s: the network's outputs are not finite; its training diverged", o.checkpoint);
    return EXIT_CASE_FAILED;
}
