/* What the figures of `peak` show. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/study.h"
#include "bench/report/takes.h"
#include "bench/report/text.h"

/* The CPU's panels come first. */
enum { GPU_PANELS = 1 << 20 };

bool take_bandwidth(const struct study *study, const struct row *row, struct point *point) {
    (void)study;
    if (!same(row->command, "peak") || !*row->probe || !(row->gbytes > 0)) return false;
    threads_text(row->threads, point->panel, sizeof point->panel);
    point->panel_order = row->threads > 0 ? (int)row->threads : 0;
    if (is_gpu(row)) {
        /* where a working set has no level it goes from one memory to another */
        bool copies = !*row->memory_level;
        snprintf(point->panel, sizeof point->panel, "%.40s%s", row->device,
                 copies ? ", to and from the host" : "");
        point->panel_order = GPU_PANELS + copies;
    }
    snprintf(point->series, sizeof point->series, "%.60s", row->probe);
    point->x = row->working_set;
    set_rate(point, row->gbytes);
    point->ceiling = NAN;
    return true;
}

static bool is_arithmetic(const struct row *row) {
    return row->ok && same(row->command, "peak") && row->gflops > 0 &&
           (same(row->probe, "fma") || is_gpu(row));
}

/* Bars that stand at one place: an instruction set; of a GPU also the type, as all of its lie in
 * one panel. */
static bool same_bars(const struct row *a, const struct row *b) {
    if (is_gpu(a) != is_gpu(b) || !same(a->isa, b->isa)) return false;
    return !is_gpu(a) || (same(a->type, b->type) && same(a->device, b->device));
}

/* The number of the row's place among those of its panels, from 1, in the order of the results. */
static int place_of(const struct results *results, const struct row *row) {
    const struct row *seen[64];
    int count = 0, place = 0;
    for (size_t i = 0; i < results->row_count; i++) {
        const struct row *other = &results->rows[i];
        if (!is_arithmetic(other) || is_gpu(other) != is_gpu(row)) continue;
        if (is_gpu(row) && !same(other->device, row->device)) continue;
        for (place = 0; place < count && !same_bars(seen[place], other); place++) {
        }
        if (place == count && count < 64) seen[count++] = other;
    }
    for (place = 0; place < count && !same_bars(seen[place], row); place++) {
    }
    return place + 1;
}

bool take_fma(const struct study *study, const struct row *row, struct point *point) {
    if (!is_arithmetic(row)) return false;
    point->x = place_of(study->results, row);
    set_rate(point, row->gflops);
    point->ceiling = NAN;
    if (is_gpu(row)) {
        point->panel_order = GPU_PANELS;
        snprintf(point->panel, sizeof point->panel, "%.40s", row->device);
        snprintf(point->label, sizeof point->label, "%.20s %.12s",
                 same(row->probe, "fma") ? row->isa : row->probe, type_name(row->type));
        snprintf(point->series, sizeof point->series, "the whole GPU");
        return true;
    }
    point->panel_order = same(row->type, "s") ? 0 : 1;
    snprintf(point->panel, sizeof point->panel, "%s precision", type_name(row->type));
    snprintf(point->label, sizeof point->label, "%.40s", row->isa);
    threads_text(row->threads, point->series, sizeof point->series);
    return true;
}

static void size_text(double bytes, char *text, size_t size) {
    const char *const units[] = {"B", "KiB", "MiB", "GiB"};
    int unit = 0;
    for (; bytes >= 1024 && unit < 3; unit++) bytes /= 1024;
    snprintf(text, size, "%.3g %s", bytes, units[unit]);
}

/* Sizes of the caches that a panel's threads fill: as many L1 and L2 as there are threads on cores,
 * and as few L3, which cores share, as the cases labelled with it need. */
struct plot *mark_caches(const struct results *results, struct plot *plot) {
    (void)results;
    static const char *const levels[][2] = {{"L1d", "L1"}, {"L2", "L2"}, {"L3", "L3"}};
    size_t count = plot->count;
    for (size_t first = 0; first < count; first++) {
        if (first && same(plot->points[first].panel, plot->points[first - 1].panel)) continue;
        const struct row *row = plot->points[first].row;
        if (is_gpu(row)) continue; /* the provenance knows the caches of the host */
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
            struct point *mark = plot_add_point(plot);
            mark->kind = "cache";
            mark->x = (number > 1 ? number : 1) * bytes;
            memcpy(mark->panel, plot->points[first].panel, sizeof mark->panel);
            snprintf(mark->label, sizeof mark->label, "%s%s %s", times, levels[i][0], size);
        }
    }
    return plot;
}
