#include "bench/blas/blas_options.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/blas/recipes.h"
#include "bench/harness/error.h"
#include "bench/rank_agree.h"
#include "bench/report/published.h"
#include "kernels/cpu/topology.h"
#include "mpi/ranks.h"

static void take_recipe(void *target, const char *name, const char *value) {
    struct blas_options *o = target;
    o->recipe = blas_recipe_find(value);
    if (o->recipe) return;
    const char *names[16];
    size_t count = 0;
    for (const struct blas_recipe *row = blas_recipe_table(); row->name; row++)
        names[count++] = row->name;
    names[count] = NULL;
    const char *near = option_nearest(value, names);
    die(EXIT_USAGE, "--%s: no BLAS recipe is called '%s'%s%s%s; 'flopstep list' shows them", name,
        value, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static void add_kernel(struct blas_options *o, const struct kernel *kernel, bool by_name) {
    size_t i = 0;
    while (i < o->kernel_count && o->kernels[i] != kernel) i++;
    if (i == o->kernel_count) {
        o->kernels[o->kernel_count++] = kernel;
        o->by_name[i] = false;
    }
    o->by_name[i] |= by_name;
}

static void take_kernels(void *target, const char *name, const char *value) {
    struct blas_options *o = target;
    const char *known[MOST_KERNELS + 8] = {"all", "level1", "level2", "level3"};
    size_t count = 4;
    for (const struct kernel *const *row = kernel_table(); *row; row++)
        known[count++] = (*row)->name;
    known[count] = NULL;
    o->kernel_count = 0;
    o->kernels_given = true;
    char **list = option_list(name, value);
    for (char **entry = list; *entry; entry++) {
        bool found = false;
        for (const struct kernel *const *row = kernel_table(); *row; row++) {
            char level[16];
            snprintf(level, sizeof level, "level%d", (*row)->level);
            if (strcmp(*entry, "all") != 0 && strcmp(*entry, level) != 0 &&
                strcmp(*entry, (*row)->name) != 0)
                continue;
            add_kernel(o, *row, strcmp(*entry, (*row)->name) == 0);
            found = true;
        }
        if (found) continue;
        const char *near = option_nearest(*entry, known);
        die(EXIT_USAGE, "--%s: no kernel is called '%s'%s%s%s; 'flopstep list' shows them", name,
            *entry, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    option_list_free(list);
}

static void take_sizes(void *target, const char *name, const char *value) {
    struct blas_options *o = target;
    char error[256];
    free(o->sizes);
    o->sizes = sizes_parse(value, &o->size_count, error, sizeof error);
    if (!o->sizes) die(EXIT_USAGE, "--%s %s", name, error);
}

static void take_trans(void *target, const char *name, const char *value) {
    struct blas_options *o = target;
    o->trans_count = 0;
    char **list = option_list(name, value);
    for (char **entry = list; *entry; entry++) {
        size_t length = strlen(*entry);
        if (length > 2 || strspn(*entry, "nt") != length)
            die(EXIT_USAGE, "--%s '%s': write n or t, and for gemm nn, nt, tn or tt", name, *entry);
        bool seen = false;
        for (size_t i = 0; i < o->trans_count; i++) seen |= strcmp(o->trans[i], *entry) == 0;
        if (!seen) memcpy(o->trans[o->trans_count++], *entry, length + 1);
    }
    option_list_free(list);
}

static void take_uplo(void *target, const char *name, const char *value) {
    struct blas_options *o = target;
    o->uplo_count = 0;
    char **list = option_list(name, value);
    for (char **entry = list; *entry; entry++) {
        if (strcmp(*entry, "l") != 0 && strcmp(*entry, "u") != 0)
            die(EXIT_USAGE, "--%s '%s': write l or u", name, *entry);
        if (o->uplo_count == 0 || (o->uplo_count == 1 && o->uplo[0] != **entry))
            o->uplo[o->uplo_count++] = **entry;
    }
    option_list_free(list);
}

static void take_lda(void *target, const char *name, const char *value) {
    struct blas_options *o = target;
    o->lda_pads = *value == '+';
    o->lda = option_integer(name, value + o->lda_pads, o->lda_pads ? 0 : 1, INT_MAX);
}

static long increment(const char *name, const char *value) {
    long inc = option_integer(name, value, -1000000, 1000000);
    if (inc == 0) die(EXIT_USAGE, "--%s 0: an increment is not 0", name);
    return inc;
}

static void take_incx(void *target, const char *name, const char *value) {
    ((struct blas_options *)target)->incx = increment(name, value);
}

static void take_incy(void *target, const char *name, const char *value) {
    ((struct blas_options *)target)->incy = increment(name, value);
}

/* Its reciprocal is needed too: every other call undoes the one before. */
static double coefficient(const char *name, const char *value) {
    double number = option_real(name, value, -1e6, 1e6);
    if (number != 0 && fabs(number) < 1e-6)
        die(EXIT_USAGE, "--%s %s is too small; 0, or at least 1e-6 in magnitude", name, value);
    return number;
}

static void take_alpha(void *target, const char *name, const char *value) {
    double alpha = coefficient(name, value);
    if (alpha == 0)
        die(EXIT_USAGE, "--%s 0: libraries return without computing, which is no measurement",
            name);
    ((struct blas_options *)target)->alpha = alpha;
}

static void take_beta(void *target, const char *name, const char *value) {
    ((struct blas_options *)target)->beta = coefficient(name, value);
}

static void take_fill(void *target, const char *name, const char *value) {
    struct blas_options *o = target;
    const char *colon = strchr(value, ':');
    if (!colon) die(EXIT_USAGE, "--%s '%s': write LOW:HIGH, for example 0:1", name, value);
    char low[64];
    snprintf(low, sizeof low, "%.*s", (int)(colon - value), value);
    o->low = option_real(name, low, -1e3, 1e3);
    o->high = option_real(name, colon + 1, -1e3, 1e3);
    if (o->low >= o->high) die(EXIT_USAGE, "--%s '%s': LOW must be below HIGH", name, value);
}

static void take_blas(void *target, const char *name, const char *value) {
    struct blas_options *o = target;
    option_list_free(o->libraries);
    o->libraries = option_list(name, value);
}

static void take_reference(void *target, const char *name, const char *value) {
    struct blas_options *o = target;
    struct published *figures;
    char **names = option_list(name, value);
    published_load(names, &figures); /* an unknown name is found before anything is measured */
    free(figures);
    option_list_free(names);
    free(o->reference);
    o->reference = strdup(value);
}

static void take_mode(void *target, const char *name, const char *value) {
    struct blas_options *o = target;
    if (strcmp(value, "latency") == 0)
        o->mode = MODE_LATENCY;
    else if (strcmp(value, "throughput") == 0)
        o->mode = MODE_THROUGHPUT;
    else
        die(EXIT_USAGE, "--%s: no mode is called '%s'; there are latency and throughput", name,
            value);
}

static void take_batch(void *target, const char *name, const char *value) {
    ((struct blas_options *)target)->batch = option_integer(name, value, 1, 1000000);
}

static void take_sustain(void *target, const char *name, const char *value) {
    ((struct blas_options *)target)->sustain = option_real(name, value, 1, 7 * 86400);
}

static void take_transfer(void *target, const char *name, const char *value) {
    (void)name, (void)value;
    ((struct blas_options *)target)->transfer = true;
}

static const struct option_row own_options[] = {
    {"recipe", "NAME", "a lecture's benchmark: blas-levels, intensity, matmul-lab, matmul-5000",
     take_recipe},
    {"kernels", "LIST", "names, level1, level2, level3 or all (default axpy,gemv,gemm)",
     take_kernels},
    {"sizes", "LIST", "N, MxNxK, 100:500:100, 64:4096:x2; suffixes k, M, Ki, Mi", take_sizes},
    {"batch", "N", "products in one call of gemm_strided_batched (default 16)", take_batch},
    {"trans", "LIST", "n, t for gemv, syrk, tr*; nn, nt, tn, tt for gemm (default n, nn)",
     take_trans},
    {"uplo", "LIST", "l, u: triangle of symmetric and triangular matrices (default l)", take_uplo},
    {"lda", "N", "leading dimension of all matrices; +N adds N to the rows", take_lda},
    {"incx", "N", "increment of x (default 1)", take_incx},
    {"incy", "N", "increment of y (default 1)", take_incy},
    {"alpha", "A", "factor of the product (default 1, for scal 2)", take_alpha},
    {"beta", "B", "factor of the old output (default 1, as in C = C + A B)", take_beta},
    {"fill", "LOW:HIGH", "values are uniform in this range (default -1:1)", take_fill},
    {"blas", "LIST", "libraries by name or path, e.g. openblas,blis,/path/libx.so", take_blas},
    {"mode", "NAME", "latency: one case, all threads (default); throughput: one a core", take_mode},
    {"reference", "LIST", "published lines in the figure of a recipe, e.g. p100,v100",
     take_reference},
    {"sustain", "S", "run one case for S seconds: rate, clock, power, temperature over time",
     take_sustain},
    {"transfer", NULL, "cases with the copies to and from a GPU as well, pageable and pinned",
     take_transfer},
    {NULL, NULL, NULL, NULL},
};

static const struct usage usage = {
    .command = "blas",
    .purpose =
        "Measures GFLOP/s of BLAS 1, 2 and 3 and checks every result. Cases that differ only "
        "in type,\nlibrary and threads are measured in turn, in the same rounds, beside the "
        "ceiling they are\nheld against.",
    .tables = (const struct option_row *const[]){own_options, common_options, NULL},
    .examples = "  flopstep blas\n"
                "  flopstep blas --kernels gemm --types s,d --sizes 256:2048:x2 --threads 1,2\n"
                "  flopstep blas --kernels level1 --sizes 100:10M:x10 --format csv\n"
                "  flopstep blas --kernels gemm --sizes 512 --blas naive,blocked,openblas,blis\n"
                "  flopstep blas --kernels gemm --types s,d,h,bf16,tf32 --device cuda\n"
                "  flopstep blas --device all --transfer --sizes 64:8192:x2\n"
                "  flopstep blas --recipe blas-levels --reference p100\n",
};

/* Usage that only all options together show. */
static void check_together(const struct blas_options *o) {
    bool cpu = false, gpu = false;
    for (size_t d = 0; d < o->common.device_count; d++)
        if (o->common.devices[d]->own_memory)
            gpu = true;
        else
            cpu = true;
    common_check_types(&o->common);
    if (o->sustain > 0 && ranks_get()->count > 1)
        die(EXIT_USAGE, "--sustain runs on one rank; start it on each node by itself, e.g. with "
                        "srun -N1 -n1 -w NODE");
    if (gpu && o->mode == MODE_THROUGHPUT)
        die(EXIT_USAGE, "--mode throughput: one call on every core at once is for the CPU; leave "
                        "GPUs out of --device");
    if (!cpu && o->libraries)
        die(EXIT_USAGE, "--blas: %s brings its own library, %s; --blas chooses the CPU's",
            o->common.device->name, o->common.device->library);
    if (!gpu && o->transfer)
        die(EXIT_MISSING, "--transfer: only a GPU has operands to copy; choose one with --device");
}

struct blas_options blas_options_parse(int argc, char **argv) {
    struct blas_options o = {.common = common_defaults(),
                             .incx = 1,
                             .incy = 1,
                             .alpha = NAN,
                             .beta = 1,
                             .batch = 16,
                             .low = -1,
                             .high = 1,
                             .uplo = {'l'},
                             .uplo_count = 1};
    options_parse(&usage, argc, argv, &o);
    if (o.recipe) { /* once more: the recipe's own line first, so that the user's wins */
        const struct blas_recipe *recipe = o.recipe;
        int count = 0;
        while (recipe->arguments[count]) count++;
        char **line = calloc((size_t)count + 1, sizeof *line);
        if (!line) die(EXIT_MISSING, "out of memory");
        line[0] = argv[0];
        for (int i = 0; i < count; i++) line[i + 1] = (char *)recipe->arguments[i];
        options_parse(&usage, count + 1, line, &o);
        options_parse(&usage, argc, argv, &o);
        free(line);
    }
    if (o.kernel_count == 0) {
        static const char *const lecture[] = {"axpy", "gemv", "gemm"};
        for (size_t i = 0; i < 3; i++) add_kernel(&o, kernel_find(lecture[i]), true);
    }
    o.threads_given = o.common.thread_counts > 0;
    if (!o.threads_given) {
        o.common.threads[0] = rank_least(common_default_threads());
        o.common.thread_counts = 1;
    }
    check_together(&o);
    return o;
}

void blas_options_free(struct blas_options *o) {
    free(o->sizes);
    option_list_free(o->libraries);
    free(o->reference);
}

double blas_alpha(const struct blas_options *o, const struct kernel *kernel) {
    if (!isnan(o->alpha)) return o->alpha;
    return kernel->default_alpha != 0 ? kernel->default_alpha : 1;
}

/* Sizes where nothing is asked for, by level. */
static const char *const default_sizes[] = {NULL, "1k:10M:x10", "64:4096:x2", "64:2048:x2"};

/* The dimensions of a kernel from one size: N means all of them. */
static void set_dimensions(struct blas_shape *shape, const struct size *size) {
    const char *dimensions = shape->kernel->dimensions;
    int needed = (int)strlen(dimensions);
    if (size->extents != 1 && size->extents != needed)
        die(EXIT_USAGE, "--sizes: %s has %d dimension%s (%s), a size with %d does not fit it",
            shape->kernel->name, needed, needed == 1 ? "" : "s", dimensions, size->extents);
    shape->m = shape->n = shape->k = -1;
    for (int i = 0; i < needed; i++) {
        long extent = size->extent[size->extents == 1 ? 0 : i];
        if (dimensions[i] == 'm') shape->m = extent;
        if (dimensions[i] == 'n') shape->n = extent;
        if (dimensions[i] == 'k') shape->k = extent;
    }
}

struct list {
    struct blas_shape *shapes;
    size_t count, capacity;
};

static void append(struct list *list, const struct blas_shape *shape) {
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 64;
        list->shapes = realloc(list->shapes, list->capacity * sizeof *list->shapes);
        if (!list->shapes) die(EXIT_MISSING, "out of memory");
    }
    list->shapes[list->count++] = *shape;
}

static void add_shapes(struct list *list, const struct blas_options *o, const struct kernel *kernel,
                       const char *trans, const struct size *sizes, size_t size_count) {
    size_t triangles = kernel->has_uplo ? o->uplo_count : 1;
    for (size_t u = 0; u < triangles; u++)
        for (size_t s = 0; s < size_count; s++) {
            struct blas_shape shape = {.kernel = kernel,
                                       .batch = kernel->is_batched ? o->batch : -1,
                                       .uplo = kernel->has_uplo ? o->uplo[u] : 'l'};
            snprintf(shape.trans, sizeof shape.trans, "%s", trans);
            set_dimensions(&shape, &sizes[s]);
            append(list, &shape);
        }
}

struct blas_shape *blas_shapes(const struct blas_options *o, size_t *count) {
    struct list list = {0};
    for (size_t i = 0; i < o->kernel_count; i++) {
        const struct kernel *kernel = o->kernels[i];
        struct size *own = NULL;
        size_t size_count = o->size_count;
        char error[256];
        if (!o->sizes)
            own = sizes_parse(kernel->sizes ? kernel->sizes : default_sizes[kernel->level],
                              &size_count, error, sizeof error);
        const struct size *sizes = o->sizes ? o->sizes : own;
        bool fitted = false;
        for (size_t t = 0; t < o->trans_count; t++)
            if (kernel->trans[0] && kernel_takes_trans(kernel, o->trans[t])) {
                add_shapes(&list, o, kernel, o->trans[t], sizes, size_count);
                fitted = true;
            }
        if (!fitted) add_shapes(&list, o, kernel, kernel->trans, sizes, size_count);
        free(own);
    }
    *count = list.count;
    return list.shapes;
}
