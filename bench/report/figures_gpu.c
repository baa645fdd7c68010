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

static void name_curve(struct point *point) {
    snprintf(point->series, sizeof point->series, "%s%s", curve(point->row),
             point->part == 1 ? " in single" : "");
}

/* No CPU has TF32: its single precision takes the same operands. */
static bool stands_beside_tf32(const struct study *study, const struct row *row) {
    if (is_gpu(row) || !same(row->type, "s")) return false;
    for (size_t i = 0; i < study->results->row_count; i++) {
        const struct row *other = &study->results->rows[i];
        if (is_gpu(other) && same(other->type, "tf32") && is_square_gemm(other)) return true;
    }
    return false;
}

/* The fastest of each size: over libraries and threads, GPUs of one host, kinds of copies. */
bool take_flops(const struct study *study, const struct row *row, struct point *point) {
    static const char *const types[] = {"d", "s", "tf32", "h", "bf16"};
    bool square, beside_tf32 = point->part == 1;
    if (!is_square_gemm(row) || (beside_tf32 && !stands_beside_tf32(study, row))) return false;
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
    const char *type = beside_tf32 ? "tf32" : row->type;
    for (int t = 0; t < 5; t++)
        if (same(types[t], type)) point->panel_order = t;
    point->of_other_type = beside_tf32;
    point->x = size;
    set_rate(point, row->gflops);
    point->ceiling = NAN;
    *point->ceiling_name = '\0';
    snprintf(point->panel, sizeof point->panel, "gemm · %s", precision_name(type));
    name_curve(point);
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
        name_curve(point);
        if (several) append(point->series, sizeof point->series, " · ", point->row->run->host);
    }
}
