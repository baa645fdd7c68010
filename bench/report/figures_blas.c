/* What the figures of `blas` show. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/study.h"
#include "bench/report/takes.h"
#include "bench/report/text.h"
#include "kernels/kernel.h"

static void set_gflops_by_size(struct point *point) {
    bool square;
    point->x = row_size(point->row, &square);
    set_rate(point, point->row->gflops);
}

bool take_blas_levels(const struct study *study, const struct row *row, struct point *point) {
    static const char *const panels[][2] = {
        {"axpy", "axpy: y = αx + y"}, {"gemv", "gemv: y = y + A·x"}, {"gemm", "gemm: C = C + A·B"}};
    if (!is_shown(study, row) || with_copies(row) || !same(row->type, "d")) return false;
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
bool take_level1(const struct study *study, const struct row *row, struct point *point) {
    return take_level(study, row, point, 1);
}
bool take_level2(const struct study *study, const struct row *row, struct point *point) {
    return take_level(study, row, point, 2);
}
bool take_level3(const struct study *study, const struct row *row, struct point *point) {
    return take_level(study, row, point, 3);
}

bool take_types(const struct study *study, const struct row *row, struct point *point) {
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

const char *lacks_types(const struct point *points, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (!same(points[i].row->type, points[0].row->type)) return NULL;
    return "needs one kernel in two precisions";
}

bool take_percent(const struct study *study, const struct row *row, struct point *point) {
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

bool take_roofline(const struct study *study, const struct row *row, struct point *point) {
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

bool take_ladder(const struct study *study, const struct row *row, struct point *point) {
    if (!is_shown(study, row) || !is_kernel(row, "gemm")) return false;
    if (row->threads > 1 && row->threads != most_threads(study, row)) return false;
    snprintf(point->panel, sizeof point->panel, "gemm · %s", type_name(row->type));
    point->panel_order = same(row->type, "s") ? 0 : 1;
    set_gflops_by_size(point);
    return true;
}

const char *lacks_libraries(const struct point *points, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (!same(points[i].row->library, points[0].row->library)) return NULL;
    return "needs gemm of two libraries";
}

/* Speed-up against the fewest threads at the largest size; its interval is the quotient's widest.
 */
bool take_threads(const struct study *study, const struct row *row, struct point *point) {
    if (!is_shown(study, row) || with_copies(row) || !same(row->library, study->main_library))
        return false;
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

const char *lacks_threads(const struct point *points, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (points[i].x != points[0].x) return NULL;
    return "needs two numbers of threads";
}

/* Kernels that the fastest library ran in throughput mode; beside them one thread and all. */
bool take_throughput(const struct study *study, const struct row *row, struct point *point) {
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

const char *lacks_throughput(const struct point *points, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (is_latency(points[i].row) != is_latency(points[0].row)) return NULL;
    return "needs both modes, latency and throughput";
}

static void add_roof(struct plot *plot, const char *series, double rate, const char *label) {
    struct point *mark = plot_add_point(plot);
    mark->kind = "roof";
    mark->y = rate;
    snprintf(mark->series, sizeof mark->series, "%s", series);
    snprintf(mark->label, sizeof mark->label, "%s", label);
}

/* The best probe of the device of a case at a level of the memory, at the number of threads nearest
 * to that of the case. */
static const struct row *best_probe(const struct results *results, const char *level,
                                    const struct row *first) {
    const char *type = first->type;
    double threads = first->threads;
    const struct row *best = NULL;
    for (size_t i = 0; i < results->row_count; i++) {
        const struct row *row = &results->rows[i];
        if (!row->ok || !same(row->command, "peak") || !same(row->device, first->device)) continue;
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
struct plot *mark_roofs(const struct results *results, struct plot *plot) {
    static const char *const levels[] = {"memory", "L1"};
    const struct row *first = plot->points[0].row;
    char label[120];
    bool compute = false, memory = false;
    const struct row *fma = best_probe(results, NULL, first);
    if (fma) {
        snprintf(label, sizeof label, "FMA %.40s: %.0f GFLOP/s", fma->isa, fma->gflops);
        add_roof(plot, "compute", fma->gflops, label);
        compute = true;
    }
    for (int i = 0; i < 2; i++) {
        const struct row *probe = best_probe(results, levels[i], first);
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
