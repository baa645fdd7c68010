/* What the figure of CPU, GPU and published lines shows. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/report/study.h"
#include "bench/report/takes.h"
#include "bench/report/text.h"

static bool is_square_gemm(const struct row *row) {
    bool square;
    return is_blas(row) && is_latency(row) && is_kernel(row, "gemm") && row->gflops > 0 &&
           row_size(row, &square) > 0 && square;
}

static const char *curve(const struct row *row) {
    if (!is_gpu(row)) return "CPU";
    return *record_text(row->record, "transfer") ? "GPU with copies" : "GPU without copies";
}

/* The fastest of each size: over libraries and threads, GPUs of one host, kinds of copies. */
bool take_flops(const struct study *study, const struct row *row, struct point *point) {
    static const char *const types[] = {"d", "s", "tf32", "h", "bf16"};
    if (!is_square_gemm(row)) return false;
    bool square;
    double size = row_size(row, &square);
    for (size_t i = 0; i < study->results->row_count; i++) {
        const struct row *other = &study->results->rows[i];
        if (other->n != row->n || !same(other->type, row->type) || !is_square_gemm(other) ||
            row_size(other, &square) != size || !same(curve(other), curve(row)) ||
            !same(other->run->host, row->run->host))
            continue;
        if (other->gflops > row->gflops || (other->gflops == row->gflops && other < row))
            return false;
    }
    for (int t = 0; t < 5; t++)
        if (same(types[t], row->type)) point->panel_order = t;
    point->x = size;
    set_rate(point, row->gflops);
    point->ceiling = NAN;
    *point->ceiling_name = '\0';
    snprintf(point->panel, sizeof point->panel, "gemm · %s%s", type_name(row->type),
             same(row->type, "s") || same(row->type, "d") ? " precision" : "");
    snprintf(point->series, sizeof point->series, "%s", curve(row));
    return true;
}

const char *lacks_gpu(const struct point *points, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (is_gpu(points[i].row)) return NULL;
    return "needs gemm on a GPU";
}

/* Which library and how many threads were the fastest changes along a curve: no curve for each. */
void arrange_flops(const struct results *results, struct plot *plot) {
    (void)results;
    bool several = false;
    for (size_t i = 1; i < plot->count; i++)
        several |= !same(plot->points[i].row->run->host, plot->points[0].row->run->host);
    for (size_t i = 0; i < plot->count; i++) {
        struct point *point = &plot->points[i];
        snprintf(point->series, sizeof point->series, "%s", curve(point->row));
        if (several) append(point->series, sizeof point->series, " · ", point->row->run->host);
    }
}

/* The model of a GPU, which stands before the first comma of its description. */
static void model_of(const struct row *row, char *text, size_t size) {
    size_t i;
    const json_t *device;
    *text = '\0';
    json_array_foreach(json_object_get(row->run->provenance, "devices"), i, device) {
        const char *what = record_text(device, "what");
        if (same(record_text(device, "name"), row->device))
            snprintf(text, size, "%.*s", (int)strcspn(what, ",("), what);
    }
}

void plot_subtitle_gpus(struct plot *plot) {
    for (size_t i = 0; i < plot->count; i++) {
        const struct row *row = plot->points[i].row;
        char model[100];
        if (!row || !is_gpu(row)) continue;
        model_of(row, model, sizeof model);
        if (!strstr(plot->subtitle, model))
            append(plot->subtitle, sizeof plot->subtitle, " · ", model);
    }
}

struct plot *mark_flops(const struct results *results, struct plot *plot) {
    (void)results;
    plot_subtitle_gpus(plot);
    return plot;
}
