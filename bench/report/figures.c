#include "bench/report/figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"
#include "kernels/kernel.h"

struct study {
    const struct results *results;
    struct {
        const char *library, *host;
        double threads;
    } most[64]; /* the most threads a library ran with on a machine */
    size_t most_count;
    bool only_throughput;     /* no case in latency mode: then figures show the other mode */
    const char *main_library; /* the one with the highest rate; "" where nothing was measured */
};

/* ---- texts ---- */

const char *type_name(const char *type) {
    static const char *const names[][2] = {
        {"s", "single"}, {"d", "double"}, {"h", "half"}, {"bf16", "bfloat16"}, {"tf32", "TF32"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(type, names[i][0]) == 0) return names[i][1];
    return type;
}

void kernel_label(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%.40s%s%.8s", row->kernel, *row->trans ? " " : "", row->trans);
}

static void threads_text(double threads, char *text, size_t size) {
    if (threads > 0)
        snprintf(text, size, "%.0f thread%s", threads, threads == 1 ? "" : "s");
    else
        *text = '\0';
}

/* 4096, 30k, 10M */
static void size_label(double n, char *text, size_t size) {
    bool mega = n >= 1e6, kilo = !mega && n >= 1e4;
    snprintf(text, size, "%.4g%s",
             mega   ? n / 1e6
             : kilo ? n / 1e3
                    : n,
             mega   ? "M"
             : kilo ? "k"
                    : "");
}

static void append(char *text, size_t size, const char *separator, const char *more) {
    size_t used = strlen(text);
    if (*more) snprintf(text + used, size - used, "%s%s", used ? separator : "", more);
}

static bool same(const char *a, const char *b) { return strcmp(a, b) == 0; }

/* ---- what tells cases apart: a curve's name holds those that differ within it ---- */

static void say_machine(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%s", *row->run->host ? row->run->host : row->run->machine);
}
static void say_device(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%.60s", row->device);
}
static void say_library(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%.80s", row->library);
}
static void say_threads(const struct row *row, char *text, size_t size) {
    threads_text(row->threads, text, size);
}
static void say_mode(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%s", same(row->mode, "throughput") ? "one case a core" : "");
}
static void say_type(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%s", type_name(row->type));
}
static void say_cold(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%s",
             json_is_true(json_object_get(row->record, "cold")) ? "cold caches" : "");
}
static void say_transfer(const struct row *row, char *text, size_t size) {
    const json_t *value = json_object_get(row->record, "transfer");
    if (json_is_string(value))
        snprintf(text, size, "%.40s", json_string_value(value));
    else
        snprintf(text, size, "%s", json_is_true(value) ? "with transfers" : "");
}
static void say_shape(const struct row *row, char *text, size_t size) {
    bool square;
    row_size(row, &square);
    snprintf(text, size, "%s", square ? "" : "other shapes");
}
static void say_uplo(const struct row *row, char *text, size_t size) {
    const char *uplo = record_text(row->record, "uplo");
    snprintf(text, size, "%s%.4s", *uplo ? "uplo " : "", uplo);
}
static void say_number(const struct row *row, const char *key, char *text, size_t size) {
    double value = record_number(row->record, key);
    *text = '\0';
    if (!isnan(value)) snprintf(text, size, "%s %g", key, value);
}
static void say_incx(const struct row *row, char *text, size_t size) {
    say_number(row, "incx", text, size);
}
static void say_incy(const struct row *row, char *text, size_t size) {
    say_number(row, "incy", text, size);
}
static void say_alpha(const struct row *row, char *text, size_t size) {
    say_number(row, "alpha", text, size);
}
static void say_beta(const struct row *row, char *text, size_t size) {
    say_number(row, "beta", text, size);
}
static void say_lda(const struct row *row, char *text, size_t size) {
    const char *asked = record_text(row->record, "lda_asked"); /* empty where lda is tight */
    snprintf(text, size, "%s%.20s", *asked ? "lda " : "", asked);
}
/* The folder of the file: cases that one folder holds twice are one study's and stay one curve. */
static void say_folder(const struct row *row, char *text, size_t size) {
    const char *path = row->run->path, *slash = strrchr(path, '/'), *begin = slash;
    if (!slash) slash = begin = path;
    while (begin > path && begin[-1] != '/') begin--;
    snprintf(text, size, "%.*s", (int)(slash - begin < 80 ? slash - begin : 80), begin);
}

static const struct attribute {
    void (*say)(const struct row *row, char *text, size_t size);
    bool in_subtitle; /* said there where all cases agree */
    bool last_resort; /* used only where a curve would hold two cases of one size */
    bool is_threads;
} attributes[] = {
    {.say = say_machine},
    {.say = say_library, .in_subtitle = true},
    {.say = say_device},
    {.say = say_threads, .in_subtitle = true, .is_threads = true},
    {.say = say_mode, .in_subtitle = true},
    {.say = say_type},
    {.say = say_cold, .in_subtitle = true},
    {.say = say_transfer, .in_subtitle = true},
    {.say = say_shape},
    {.say = say_uplo},
    {.say = say_incx},
    {.say = say_incy},
    {.say = say_alpha},
    {.say = say_beta},
    {.say = say_lda},
    {.say = say_folder, .last_resort = true},
};
enum { ATTRIBUTES = sizeof attributes / sizeof attributes[0] };

/* ---- questions about all cases ---- */

static bool is_blas(const struct row *row) {
    return row->ok && same(row->command, "blas") && *row->kernel;
}
static bool is_latency(const struct row *row) { return !same(row->mode, "throughput"); }
/* Cases of the mode that all figures but one show. */
static bool is_shown(const struct study *study, const struct row *row) {
    return is_blas(row) && is_latency(row) != study->only_throughput;
}
static bool is_plain(const struct row *row) {
    return strspn(row->trans, "nN") == strlen(row->trans);
}
static bool is_kernel(const struct row *row, const char *name) {
    return same(row->kernel, name) && is_plain(row);
}

/* The most threads this case's library ran with on this machine. */
static double most_threads(const struct study *study, const struct row *row) {
    for (size_t i = 0; i < study->most_count; i++)
        if (same(study->most[i].library, row->library) && same(study->most[i].host, row->run->host))
            return study->most[i].threads;
    return row->threads;
}

static void count_threads(struct study *study, const struct row *row) {
    size_t i = 0;
    while (i < study->most_count && (!same(study->most[i].library, row->library) ||
                                     !same(study->most[i].host, row->run->host)))
        i++;
    if (i == sizeof study->most / sizeof study->most[0]) return;
    if (i == study->most_count) {
        study->most[study->most_count++].library = row->library;
        study->most[i].host = row->run->host;
        study->most[i].threads = row->threads;
    }
    if (row->threads > study->most[i].threads) study->most[i].threads = row->threads;
}

/* Cases of the fastest library on all its threads: figures with a curve for each kernel show these
 * and no others. */
static bool is_main(const struct study *study, const struct row *row) {
    return same(row->library, study->main_library) &&
           (isnan(row->threads) || row->threads == most_threads(study, row));
}

static bool same_kernel(const struct row *a, const struct row *b) {
    return same(a->kernel, b->kernel) && same(a->trans, b->trans) && same(a->type, b->type) &&
           same(a->library, b->library) && same(a->run->host, b->run->host) &&
           is_latency(a) == is_latency(b);
}

/* Whether this is the case that stands for its kernel: the largest one, and of several of that size
 * the fastest. */
static bool is_largest(const struct study *study, const struct row *row) {
    for (size_t i = 0; i < study->results->row_count; i++) {
        const struct row *other = &study->results->rows[i];
        if (other == row || !same_kernel(row, other) || !is_shown(study, other) ||
            !is_main(study, other))
            continue;
        if (other->bytes > row->bytes ||
            (other->bytes == row->bytes &&
             (other->median < row->median || (other->median == row->median && other < row))))
            return false;
    }
    return true;
}

/* The case on the fewest threads at the largest size that this kernel ran with on more than one
 * number of threads, within one run: times of different runs are not compared. NULL: none. */
static const struct row *speedup_base(const struct study *study, const struct row *row) {
    const struct row *base = NULL, *rows = study->results->rows;
    for (size_t i = 0; i < study->results->row_count; i++) {
        if (!same_kernel(row, &rows[i]) || !is_shown(study, &rows[i]) || !(rows[i].threads > 0))
            continue;
        if (base && !(rows[i].bytes > base->bytes)) continue;
        const struct row *fewest = &rows[i];
        bool several = false;
        for (size_t j = 0; j < study->results->row_count; j++) {
            if (rows[j].bytes != rows[i].bytes || !same_kernel(row, &rows[j]) ||
                rows[j].run != rows[i].run || !is_shown(study, &rows[j]))
                continue;
            several |= rows[j].threads != rows[i].threads;
            if (rows[j].threads < fewest->threads) fewest = &rows[j];
        }
        if (several) base = fewest;
    }
    return base;
}

static struct study study_of(const struct results *results) {
    struct study study = {.results = results, .only_throughput = true, .main_library = ""};
    for (size_t i = 0; i < results->row_count; i++)
        if (is_blas(&results->rows[i]) && is_latency(&results->rows[i]))
            study.only_throughput = false;
    const struct row *best = NULL;
    for (size_t i = 0; i < results->row_count; i++) {
        const struct row *row = &results->rows[i];
        if (!is_shown(&study, row)) continue;
        count_threads(&study, row);
        double rate = isnan(row->gflops) ? 0 : row->gflops;
        if (!best || row->level > best->level ||
            (row->level == best->level && rate > (isnan(best->gflops) ? 0 : best->gflops)))
            best = row;
    }
    if (best) study.main_library = best->library;
    return study;
}

/* ---- cases to points ---- */

/* y with its interval: rates go like 1/time. */
static void set_rate(struct point *point, double y) {
    const struct row *row = point->row;
    point->y = y;
    point->low = row->high > 0 ? y * row->median / row->high : NAN;
    point->high = row->low > 0 ? y * row->median / row->low : NAN;
    if (!(row->peak_fraction > 0)) return;
    point->ceiling = y / row->peak_fraction;
    char threads[32];
    threads_text(row->threads, threads, sizeof threads);
    snprintf(point->ceiling_name, sizeof point->ceiling_name, "%.40s",
             record_text(row->record, "ceiling"));
    append(point->ceiling_name, sizeof point->ceiling_name, " · ", type_name(row->type));
    append(point->ceiling_name, sizeof point->ceiling_name, " · ",
           is_latency(row) ? threads : "every core");
}

static void set_gflops_by_size(struct point *point) {
    bool square;
    point->x = row_size(point->row, &square);
    set_rate(point, point->row->gflops);
}

static bool take_blas_levels(const struct study *study, const struct row *row,
                             struct point *point) {
    static const char *const panels[][2] = {
        {"axpy", "axpy: y = αx + y"}, {"gemv", "gemv: y = y + A·x"}, {"gemm", "gemm: C = C + A·B"}};
    if (!is_shown(study, row) || !same(row->type, "d")) return false;
    for (int i = 0; i < 3; i++)
        if (is_kernel(row, panels[i][0])) {
            point->panel_order = i;
            snprintf(point->panel, sizeof point->panel, "%s", panels[i][1]);
            set_gflops_by_size(point);
            return true;
        }
    return false;
}

/* Where the kernel stands in the table of kernels, those it does not know behind all others. */
static int kernel_order(const char *name) {
    const struct kernel *const *table = kernel_table();
    int order = 0;
    while (table[order] && !same(table[order]->name, name)) order++;
    return order;
}

static bool take_level(const struct study *study, const struct row *row, struct point *point,
                       int level) {
    if (!is_shown(study, row) || row->level != level) return false;
    kernel_label(row, point->panel, sizeof point->panel);
    point->panel_order = kernel_order(row->kernel);
    set_gflops_by_size(point);
    return true;
}
static bool take_level1(const struct study *study, const struct row *row, struct point *point) {
    return take_level(study, row, point, 1);
}
static bool take_level2(const struct study *study, const struct row *row, struct point *point) {
    return take_level(study, row, point, 2);
}
static bool take_level3(const struct study *study, const struct row *row, struct point *point) {
    return take_level(study, row, point, 3);
}

static bool take_types(const struct study *study, const struct row *row, struct point *point) {
    static const char *const kernels[] = {"axpy", "gemv", "gemm"};
    if (!is_shown(study, row) || !is_main(study, row)) return false;
    for (int i = 0; i < 3; i++)
        if (is_kernel(row, kernels[i])) {
            point->panel_order = i;
            snprintf(point->panel, sizeof point->panel, "%s", kernels[i]);
            snprintf(point->series, sizeof point->series, "%s", type_name(row->type));
            set_gflops_by_size(point);
            return true;
        }
    return false;
}

static const char *lacks_types(const struct point *points, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (!same(points[i].row->type, points[0].row->type)) return NULL;
    return "needs one kernel in two precisions";
}

static bool take_percent(const struct study *study, const struct row *row, struct point *point) {
    if (!is_shown(study, row) || !is_main(study, row) || isnan(row->level)) return false;
    bool square;
    point->x = row_size(row, &square);
    set_rate(point, 100 * row->peak_fraction);
    point->ceiling = NAN;
    *point->ceiling_name = '\0'; /* 100 for every case: the figure draws it */
    point->panel_order = (int)row->level + (same(row->type, "s") ? 0 : 10);
    snprintf(point->panel, sizeof point->panel, "level %.0f · %s", row->level,
             type_name(row->type));
    kernel_label(row, point->series, sizeof point->series);
    return true;
}

static bool take_bandwidth(const struct study *study, const struct row *row, struct point *point) {
    (void)study;
    if (!same(row->command, "peak") || same(row->probe, "fma") || !*row->probe) return false;
    threads_text(row->threads, point->panel, sizeof point->panel);
    point->panel_order = row->threads > 0 ? (int)row->threads : 0;
    snprintf(point->series, sizeof point->series, "%.60s", row->probe);
    point->x = row->working_set;
    set_rate(point, row->gbytes);
    point->ceiling = NAN;
    return true;
}

static bool take_roofline(const struct study *study, const struct row *row, struct point *point) {
    if (!is_shown(study, row) || !is_main(study, row) || !is_largest(study, row)) return false;
    char kernel[64], size[32];
    bool square;
    kernel_label(row, kernel, sizeof kernel);
    size_label(row_size(row, &square), size, sizeof size);
    snprintf(point->label, sizeof point->label, "%s · N = %s", kernel, size);
    snprintf(point->series, sizeof point->series, "level %.0f", row->level);
    point->x = row->bytes > 0 ? row->flops / row->bytes : NAN;
    set_rate(point, row->gflops);
    return true;
}

static bool take_ladder(const struct study *study, const struct row *row, struct point *point) {
    if (!is_shown(study, row) || !is_kernel(row, "gemm")) return false;
    if (row->threads > 1 && row->threads != most_threads(study, row)) return false;
    snprintf(point->panel, sizeof point->panel, "gemm · %s", type_name(row->type));
    point->panel_order = same(row->type, "s") ? 0 : 1;
    set_gflops_by_size(point);
    return true;
}

static const char *lacks_libraries(const struct point *points, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (!same(points[i].row->library, points[0].row->library)) return NULL;
    return "needs gemm of two libraries";
}

/* Speed-up against the fewest threads at the largest size; its interval is the quotient's widest.
 */
static bool take_threads(const struct study *study, const struct row *row, struct point *point) {
    if (!is_shown(study, row) || !same(row->library, study->main_library)) return false;
    const struct row *base = speedup_base(study, row);
    if (!base || base->run != row->run || base->bytes != row->bytes || !(row->threads > 0))
        return false;
    point->x = row->threads;
    point->y = base->median / row->median;
    point->low = base == row ? 1 : base->low / row->high;
    point->high = base == row ? 1 : base->high / row->low;
    point->ceiling = row->threads / base->threads;
    snprintf(point->ceiling_name, sizeof point->ceiling_name, "ideal");
    point->panel_order = (int)row->level;
    snprintf(point->panel, sizeof point->panel, "level %.0f", row->level);
    char kernel[64], size[32];
    bool square;
    kernel_label(row, kernel, sizeof kernel);
    size_label(row_size(row, &square), size, sizeof size);
    snprintf(point->series, sizeof point->series, "%s (N = %s)", kernel, size);
    return true;
}

static const char *lacks_threads(const struct point *points, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (points[i].x != points[0].x) return NULL;
    return "needs two numbers of threads";
}

static bool take_fma(const struct study *study, const struct row *row, struct point *point) {
    if (!same(row->command, "peak") || !same(row->probe, "fma")) return false;
    const char *seen[16];
    size_t count = 0, place = 0;
    for (size_t i = 0; i < study->results->row_count; i++) {
        const struct row *other = &study->results->rows[i];
        if (!other->ok || !same(other->command, "peak") || !same(other->probe, "fma")) continue;
        for (place = 0; place < count && !same(seen[place], other->isa); place++) {
        }
        if (place == count && count < 16) seen[count++] = other->isa;
    }
    for (place = 0; place < count && !same(seen[place], row->isa); place++) {
    }
    point->x = (double)place + 1;
    set_rate(point, row->gflops);
    point->ceiling = NAN;
    point->panel_order = same(row->type, "s") ? 0 : 1;
    snprintf(point->panel, sizeof point->panel, "%s precision", type_name(row->type));
    snprintf(point->label, sizeof point->label, "%.40s", row->isa);
    threads_text(row->threads, point->series, sizeof point->series);
    return true;
}

/* Kernels that the fastest library ran in throughput mode; beside them one thread and all. */
static bool take_throughput(const struct study *study, const struct row *row, struct point *point) {
    if (!is_blas(row) || !same(row->library, study->main_library)) return false;
    bool measured = !is_latency(row);
    for (size_t i = 0; !measured && i < study->results->row_count; i++) {
        const struct row *other = &study->results->rows[i];
        measured = is_blas(other) && !is_latency(other) && same(other->kernel, row->kernel) &&
                   same(other->trans, row->trans) && same(other->type, row->type) &&
                   same(other->library, row->library);
    }
    if (!measured) return false;
    if (is_latency(row) && row->threads > 1 && row->threads != most_threads(study, row))
        return false;
    kernel_label(row, point->panel, sizeof point->panel);
    if (is_latency(row) && row->threads > 0)
        snprintf(point->series, sizeof point->series, "one case on %.0f thread%s", row->threads,
                 row->threads == 1 ? "" : "s");
    else
        snprintf(point->series, sizeof point->series, "%s",
                 is_latency(row) ? "one case on all threads" : "one case on every core");
    set_gflops_by_size(point);
    return true;
}

static const char *lacks_throughput(const struct point *points, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (is_latency(points[i].row) != is_latency(points[0].row)) return NULL;
    return "needs both modes, latency and throughput";
}

/* ---- marks ---- */

static struct point *add_point(struct plot *plot) {
    plot->points = realloc(plot->points, (plot->count + 1) * sizeof *plot->points);
    if (!plot->points) die(EXIT_MISSING, "out of memory");
    struct point *point = &plot->points[plot->count++];
    *point = (struct point){
        .kind = "point", .x = NAN, .y = NAN, .low = NAN, .high = NAN, .ceiling = NAN};
    return point;
}

static void size_text(double bytes, char *text, size_t size) {
    const char *const units[] = {"B", "KiB", "MiB", "GiB"};
    int unit = 0;
    for (; bytes >= 1024 && unit < 3; unit++) bytes /= 1024;
    snprintf(text, size, "%.3g %s", bytes, units[unit]);
}

/* Sizes of the caches that a panel's threads fill: as many L1 and L2 as there are threads on cores,
 * and as few L3, which cores share, as the cases labelled with it need. */
static struct plot *mark_caches(const struct results *results, struct plot *plot) {
    (void)results;
    static const char *const levels[][2] = {{"L1d", "L1"}, {"L2", "L2"}, {"L3", "L3"}};
    size_t count = plot->count;
    for (size_t first = 0; first < count; first++) {
        if (first && same(plot->points[first].panel, plot->points[first - 1].panel)) continue;
        const struct row *row = plot->points[first].row;
        const json_t *provenance = row->run->provenance;
        const json_t *cpu = json_object_get(provenance, "cpu");
        const json_t *caches = json_object_get(provenance, "caches");
        if (!caches) caches = json_object_get(cpu, "caches");
        double cores = record_number(cpu, "cores");
        for (int i = 0; i < 3; i++) {
            double bytes = record_number(caches, levels[i][0]), number = row->threads;
            if (!(bytes > 0)) continue;
            if (number > cores) number = cores;
            if (i == 2) {
                number = 1;
                for (size_t j = first; j < count; j++) {
                    const struct row *other = plot->points[j].row;
                    if (same(plot->points[j].panel, plot->points[first].panel) &&
                        same(other->memory_level, levels[i][1]) &&
                        other->working_set > number * bytes)
                        number = ceil(other->working_set / bytes);
                }
            }
            char size[32], times[16] = "";
            size_text(bytes, size, sizeof size);
            if (number > 1) snprintf(times, sizeof times, "%.0f × ", number);
            struct point *mark = add_point(plot);
            mark->kind = "cache";
            mark->x = (number > 1 ? number : 1) * bytes;
            memcpy(mark->panel, plot->points[first].panel, sizeof mark->panel);
            snprintf(mark->label, sizeof mark->label, "%s%s %s", times, levels[i][0], size);
        }
    }
    return plot;
}

static void add_roof(struct plot *plot, const char *series, double rate, const char *label) {
    struct point *mark = add_point(plot);
    mark->kind = "roof";
    mark->y = rate;
    snprintf(mark->series, sizeof mark->series, "%s", series);
    snprintf(mark->label, sizeof mark->label, "%s", label);
}

/* The best probe at a level of the memory, at the number of threads nearest to `threads`. */
static const struct row *best_probe(const struct results *results, const char *level,
                                    const char *type, double threads) {
    const struct row *best = NULL;
    for (size_t i = 0; i < results->row_count; i++) {
        const struct row *row = &results->rows[i];
        if (!row->ok || !same(row->command, "peak")) continue;
        bool fma = same(row->probe, "fma");
        if (level ? fma || !same(row->memory_level, level) : !fma || !same(row->type, type))
            continue;
        double rate = level ? row->gbytes : row->gflops;
        if (isnan(rate)) continue;
        if (best && level && same(level, "memory") && row->working_set != best->working_set) {
            if (row->working_set > best->working_set) best = row; /* farthest from the caches */
            continue;
        }
        double far = isnan(threads) ? 0 : fabs(row->threads - threads);
        double best_far = !best || isnan(threads) ? 0 : fabs(best->threads - threads);
        if (!best || far < best_far ||
            (far == best_far && rate > (level ? best->gbytes : best->gflops)))
            best = row;
    }
    return best;
}

/* Roofs from the probes of `peak`; without them from the ceilings that the cases themselves hold.
 */
static struct plot *mark_roofs(const struct results *results, struct plot *plot) {
    static const char *const levels[] = {"memory", "L1"};
    const struct row *first = plot->points[0].row;
    char label[120];
    bool compute = false, memory = false;
    const struct row *fma = best_probe(results, NULL, first->type, first->threads);
    if (fma) {
        snprintf(label, sizeof label, "FMA %.40s: %.0f GFLOP/s", fma->isa, fma->gflops);
        add_roof(plot, "compute", fma->gflops, label);
        compute = true;
    }
    for (int i = 0; i < 2; i++) {
        const struct row *probe = best_probe(results, levels[i], first->type, first->threads);
        if (!probe) continue;
        snprintf(label, sizeof label, "%s (%.20s): %.0f GB/s", levels[i], probe->probe,
                 probe->gbytes);
        add_roof(plot, "memory", probe->gbytes, label);
        memory = true;
    }
    size_t count = plot->count;
    for (int want_fma = 0; want_fma < 2; want_fma++) {
        if (want_fma ? compute : memory) continue;
        double best = 0;
        const char *name = "";
        for (size_t i = 0; i < count; i++) {
            const struct row *row = plot->points[i].row;
            if (!row) continue;
            const char *ceiling = record_text(row->record, "ceiling");
            double rate = record_number(row->record, "ceiling_rate");
            if (*ceiling && (strncmp(ceiling, "fma", 3) == 0) == want_fma && rate > best) {
                best = rate;
                name = ceiling;
            }
        }
        if (!(best > 0)) continue;
        snprintf(label, sizeof label, "%s%.40s: %.0f %s", want_fma ? "" : "bandwidth, ", name, best,
                 want_fma ? "GFLOP/s" : "GB/s");
        add_roof(plot, want_fma ? "compute" : "memory", best, label);
    }
    return plot;
}

/* ---- the table ---- */

const struct figure figure_table[] = {
    {.name = "blas-levels",
     .title = "The three levels of BLAS: GFLOP/s against N · double precision",
     .purpose = "One kernel of each BLAS level in double precision. Levels 1 and 2 move as many "
                "numbers as they compute with and stay at the speed of the memory; level 3 reuses "
                "each number N times and comes near the peak of the processor.",
     .command = "blas",
     .y = UNIT_GFLOPS,
     .take = take_blas_levels},
    {.name = "gflops-level1",
     .title = "BLAS level 1: GFLOP/s against N",
     .purpose = "Vector kernels, one panel each. Steps show where the vectors leave a cache. copy "
                "computes nothing, so it has no panel: see percent-of-peak.",
     .command = "blas",
     .by_type = true,
     .y = UNIT_GFLOPS,
     .take = take_level1},
    {.name = "gflops-level2",
     .title = "BLAS level 2: GFLOP/s against N",
     .purpose = "Matrix-vector kernels, one panel each (n: A as stored, t: transposed).",
     .command = "blas",
     .by_type = true,
     .y = UNIT_GFLOPS,
     .take = take_level2},
    {.name = "gflops-level3",
     .title = "BLAS level 3: GFLOP/s against N",
     .purpose = "Matrix-matrix kernels, one panel each (n: as stored, t: transposed).",
     .command = "blas",
     .by_type = true,
     .y = UNIT_GFLOPS,
     .take = take_level3},
    {.name = "single-vs-double",
     .title = "Single against double precision: GFLOP/s against N",
     .purpose = "The same kernel in both precisions, by the fastest library on all its threads. "
                "Half the bytes, and twice as many numbers in a vector register: up to twice the "
                "rate.",
     .command = "blas",
     .y = UNIT_GFLOPS,
     .take = take_types,
     .lacks = lacks_types},
    {.name = "percent-of-peak",
     .title = "Share of the measured ceiling against N",
     .purpose = "Every kernel against the ceiling that was measured beside it, by the fastest "
                "library on all its threads: level 3 against the FMA rate, levels 1 and 2 against "
                "the bandwidth at their working set.",
     .command = "blas",
     .y = UNIT_PERCENT,
     .take = take_percent},
    {.name = "roofline",
     .title = "Roofline: what bounds each kernel",
     .purpose = "Every measured kernel at its largest size, fastest library on all its threads. "
                "Under the slope a kernel waits for memory, under the flat roof for arithmetic. "
                "Roofs are measured on the same machine.",
     .command = "blas",
     .by_type = true,
     .take = take_roofline,
     .mark = mark_roofs},
    {.name = "library-ladder",
     .title = "The ladder of libraries: GFLOP/s of gemm against N",
     .purpose = "The same product by textbook loops, with cache blocking and by tuned libraries, "
                "on one thread and on all.",
     .command = "blas",
     .y = UNIT_GFLOPS,
     .take = take_ladder,
     .lacks = lacks_libraries},
    {.name = "threads",
     .title = "Speed-up by number of threads",
     .purpose = "Each kernel at its largest size, fastest library, against its own time on the "
                "fewest threads. Dashed: ideal speed-up.",
     .command = "blas",
     .by_type = true,
     .x_is_threads = true,
     .take = take_threads,
     .lacks = lacks_threads},
    {.name = "throughput",
     .title = "One case on all threads or one on every core",
     .purpose = "What one problem gets from all threads (latency), and what all cores deliver "
                "together with a single-threaded problem each (throughput).",
     .command = "blas",
     .by_type = true,
     .y = UNIT_GFLOPS,
     .take = take_throughput,
     .lacks = lacks_throughput},
    {.name = "bandwidth",
     .title = "Memory bandwidth against working set",
     .purpose = "Streaming probes by working set, one panel for each number of threads. Vertical "
                "lines: sizes of the caches that these threads fill. Probes with -nt use "
                "non-temporal stores.",
     .command = "peak",
     .y = UNIT_GBYTES,
     .take = take_bandwidth,
     .mark = mark_caches},
    {.name = "fma",
     .title = "Peak arithmetic: FMA rate by instruction set",
     .purpose = "Rate of independent fused multiply-adds in registers: the ceiling of everything "
                "that computes.",
     .command = "peak",
     .y = UNIT_GFLOPS,
     .take = take_fma},
    {.name = NULL},
};

/* ---- points to plots ---- */

static bool same_group(const struct point *a, const struct point *b) {
    return same(a->panel, b->panel) && same(a->series, b->series) && same(a->label, b->label);
}

static int by_place(const void *left, const void *right) {
    const struct point *a = left, *b = right;
    if (a->panel_order != b->panel_order) return a->panel_order < b->panel_order ? -1 : 1;
    if (a->panel_index != b->panel_index) return a->panel_index < b->panel_index ? -1 : 1;
    if (a->series_index != b->series_index) return a->series_index < b->series_index ? -1 : 1;
    return (a->x > b->x) - (a->x < b->x);
}

/* Numbers panels and series by first appearance and sorts. */
static void sort_points(struct plot *plot) {
    struct point *p = plot->points;
    for (size_t i = 0; i < plot->count; i++) {
        p[i].panel_index = p[i].series_index = i;
        for (size_t j = i; j-- > 0;) {
            if (same(p[i].panel, p[j].panel)) p[i].panel_index = p[j].panel_index;
            if (same(p[i].series, p[j].series)) p[i].series_index = p[j].series_index;
        }
    }
    qsort(p, plot->count, sizeof *p, by_place);
}

/* Appends to the series what tells cases within one curve apart. */
static void name_series(struct plot *plot) {
    size_t count = plot->count;
    size_t *leader = calloc(count, sizeof *leader);
    char(*text)[160] = calloc(count, sizeof *text);
    if (!leader || !text) die(EXIT_MISSING, "out of memory");
    for (int resort = 0; resort < 2; resort++) {
        for (size_t i = 0; i < count; i++)
            for (leader[i] = 0; !same_group(&plot->points[leader[i]], &plot->points[i]);)
                leader[i]++;
        for (int a = 0; a < ATTRIBUTES; a++) {
            if (attributes[a].last_resort != resort) continue;
            if (attributes[a].is_threads && plot->figure->x_is_threads) continue;
            if (resort) { /* points are sorted: two cases of one size are neighbours */
                bool twice = false;
                sort_points(plot);
                for (size_t i = 0; i < count; i++)
                    for (leader[i] = 0; !same_group(&plot->points[leader[i]], &plot->points[i]);)
                        leader[i]++;
                for (size_t i = 1; i < count; i++)
                    twice |= same_group(&plot->points[i - 1], &plot->points[i]) &&
                             plot->points[i - 1].x == plot->points[i].x;
                if (!twice) break;
            }
            bool varies = false;
            for (size_t i = 0; i < count; i++) {
                attributes[a].say(plot->points[i].row, text[i], sizeof text[i]);
                varies |= !same(text[i], text[leader[i]]);
            }
            for (size_t i = 0; varies && i < count; i++)
                append(plot->points[i].series, sizeof plot->points[i].series, " · ", text[i]);
        }
    }
    free(leader);
    free(text);
}

/* Says the machines and whatever all cases have in common. */
static void say_subtitle(struct plot *plot) {
    for (size_t i = 0; i < plot->count; i++) {
        const char *machine = plot->points[i].row->run->machine;
        if (!strstr(plot->subtitle, machine))
            append(plot->subtitle, sizeof plot->subtitle, " | ", machine);
    }
    for (int a = 0; a < ATTRIBUTES; a++) {
        char first[160], text[160];
        bool common = attributes[a].in_subtitle;
        attributes[a].say(plot->points[0].row, first, sizeof first);
        for (size_t i = 1; common && i < plot->count; i++) {
            attributes[a].say(plot->points[i].row, text, sizeof text);
            common = same(first, text);
        }
        if (common) append(plot->subtitle, sizeof plot->subtitle, " · ", first);
    }
}

/* The cases that belong to the figure, of one type or (NULL) of all. */
static void take_points(const struct figure *figure, const struct study *study, const char *type,
                        struct plot *plot) {
    for (size_t i = 0; i < study->results->row_count; i++) {
        const struct row *row = &study->results->rows[i];
        if (!row->ok || !same(row->command, figure->command) || (type && !same(type, row->type)))
            continue;
        struct point *point = add_point(plot);
        point->row = row;
        bool taken = figure->take(study, row, point);
        if (!taken || !(point->x > 0 && isfinite(point->x)) ||
            !(point->y > 0 && isfinite(point->y)))
            plot->count--;
    }
}

static bool finish_plot(struct plot *plot, const struct results *results, const char **lacks) {
    const struct figure *figure = plot->figure;
    *lacks = "no case with status ok to show";
    if (!plot->count) return false;
    *lacks = figure->lacks ? figure->lacks(plot->points, plot->count) : NULL;
    if (*lacks) return false;
    name_series(plot);
    sort_points(plot);
    say_subtitle(plot);
    if (figure->mark) figure->mark(results, plot);
    return true;
}

size_t figure_plots(const struct figure *figure, const struct results *results, struct plot **plots,
                    const char **lacks) {
    static const char *const all_types[] = {"s", "d", "h", "bf16", "tf32"};
    enum { TYPES = sizeof all_types / sizeof all_types[0] };
    struct study study = study_of(results);
    size_t count = 0;
    *lacks = "no case with status ok to show";
    *plots = calloc(TYPES, sizeof **plots);
    if (!*plots) die(EXIT_MISSING, "out of memory");
    for (int t = 0; t < (figure->by_type ? TYPES : 1); t++) {
        const char *why;
        struct plot plot = {.figure = figure};
        take_points(figure, &study, figure->by_type ? all_types[t] : NULL, &plot);
        if (finish_plot(&plot, results, &why)) {
            (*plots)[count++] = plot;
        } else {
            if (plot.count) *lacks = why;
            free(plot.points);
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct plot *plot = &(*plots)[i];
        const char *type = type_name(plot->points[0].row->type);
        bool tell = count > 1;
        snprintf(plot->name, sizeof plot->name, "%s%s%.20s", figure->name, tell ? "-" : "",
                 tell ? type : "");
        snprintf(plot->title, sizeof plot->title, "%s%s%.20s%s", figure->title,
                 figure->by_type ? " · " : "", figure->by_type ? type : "",
                 figure->by_type ? " precision" : "");
    }
    return count;
}

void plots_free(struct plot *plots, size_t count) {
    for (size_t i = 0; i < count; i++) free(plots[i].points);
    free(plots);
}

/* ---- published figures ---- */

static double published_value(const struct published *p, enum figure_unit unit) {
    switch (unit) {
    case UNIT_GFLOPS: return p->gflops;
    case UNIT_GBYTES: return p->gbytes_per_s;
    case UNIT_PERCENT: return 100 * p->peak_fraction;
    default: return NAN;
    }
}

/* Whether a published figure is about what this point shows. Data-sheet peaks stand beside the
 * kernel that comes near them. */
static bool fits(const struct published *p, const struct row *row) {
    if (*p->type && !same(p->type, row->type) && !same(p->kernel, "triad") &&
        !same(p->kernel, "memory"))
        return false;
    if (!is_plain(row)) return false; /* published figures are of matrices as stored */
    if (same(p->kernel, "peak")) return same(row->kernel, "gemm") || same(row->probe, "fma");
    if (same(p->kernel, "memory")) return *row->memory_level != '\0';
    return same(p->kernel, row->kernel) || same(p->kernel, row->probe);
}

static bool is_wanted(const char *name, char *const *names) {
    for (; *names; names++)
        if (same(*names, name)) return true;
    return false;
}

void plot_add_references(struct plot *plot, const struct published *figures, size_t count,
                         char *const *names) {
    size_t points = plot->count;
    for (size_t f = 0; f < count; f++) {
        const struct published *p = &figures[f];
        double value = published_value(p, plot->figure->y);
        if (isnan(value) || !is_wanted(p->name, names)) continue;
        bool best = true; /* of several of one device */
        for (size_t g = 0; g < count; g++) {
            const struct published *other = &figures[g];
            double rival = published_value(other, plot->figure->y);
            if (g != f && same(p->name, other->name) && same(p->device, other->device) &&
                same(p->kernel, other->kernel) && same(p->type, other->type))
                best &= !(rival > value || (rival == value && g < f));
        }
        if (!best) continue;
        for (size_t i = 0; i < points; i++) {
            if (!plot->points[i].row || !fits(p, plot->points[i].row)) continue;
            /* one line in a panel: from its first point that fits */
            bool first = true;
            for (size_t j = 0; j < i; j++)
                first &= !plot->points[j].row ||
                         !same(plot->points[j].panel, plot->points[i].panel) ||
                         !fits(p, plot->points[j].row);
            if (!first) continue;
            bool sheet = same(p->kind, "sheet"), percent = plot->figure->y == UNIT_PERCENT;
            char label[120], panel[80];
            snprintf(panel, sizeof panel, "%s", plot->points[i].panel);
            int order = plot->points[i].panel_order;
            snprintf(label, sizeof label, "%.40s%s: %.5g%s", p->device, sheet ? " data sheet" : "",
                     value, percent ? " %" : "");
            struct point *mark = add_point(plot);
            mark->kind = "reference";
            mark->y = value;
            mark->panel_order = order;
            snprintf(mark->panel, sizeof mark->panel, "%s", panel);
            snprintf(mark->label, sizeof mark->label, "%s", label);
        }
    }
}

/* ---- the data file ---- */

static void write_text(FILE *file, const char *text) {
    for (; *text; text++)
        fputc(*text == ','                 ? ';'
              : *text == '"'               ? '\''
              : (unsigned char)*text < ' ' ? ' '
                                           : *text,
              file);
}

static void write_number(FILE *file, double value) {
    if (isfinite(value)) fprintf(file, "%.12g", value);
}

void plot_write(const struct plot *plot, FILE *file) {
    fputs("panel,series,kind,x,y,low,high,ceiling,ceiling_name,label,title,subtitle\n", file);
    for (size_t i = 0; i < plot->count; i++) {
        const struct point *p = &plot->points[i];
        const char *texts[] = {p->panel, p->series, p->kind};
        const double numbers[] = {p->x, p->y, p->low, p->high, p->ceiling};
        const char *more[] = {p->ceiling_name, p->label, plot->title, plot->subtitle};
        for (int t = 0; t < 3; t++) {
            write_text(file, texts[t]);
            fputc(',', file);
        }
        for (int n = 0; n < 5; n++) {
            write_number(file, numbers[n]);
            fputc(',', file);
        }
        for (int t = 0; t < 4; t++) {
            write_text(file, more[t]);
            fputc(t < 3 ? ',' : '\n', file);
        }
    }
}
