/* What the figures of `peak` show. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/study.h"
#include "bench/report/takes.h"
#include "bench/report/text.h"

bool take_bandwidth(const struct study *study, const struct row *row, struct point *point) {
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

bool take_fma(const struct study *study, const struct row *row, struct point *point) {
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
