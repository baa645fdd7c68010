/* What the table of figures is made of: see struct figure for what each function does. */
#ifndef FLOPSTEP_BENCH_REPORT_TAKES_H
#define FLOPSTEP_BENCH_REPORT_TAKES_H

#include "bench/report/figures.h"

enum { GROUP_SIZE = 80, HISTORY_PARTS = 8 };

typedef bool take_function(const struct study *study, const struct row *row, struct point *point);
typedef const char *lacks_function(const struct point *points, size_t count);
typedef struct plot *mark_function(const struct results *results, struct plot *plot);
typedef void arrange_function(const struct results *results, struct plot *plot);
typedef size_t make_function(const struct figure *figure, const struct results *results,
                             struct plot **plots, const char **lacks);

/* figures_blas.c */
take_function take_blas_levels, take_level1, take_level2, take_level3, take_types, take_percent,
    take_roofline, take_ladder, take_threads, take_throughput;
lacks_function lacks_types, lacks_libraries, lacks_threads, lacks_throughput;
mark_function mark_roofs;

/* figures_peak.c */
take_function take_bandwidth, take_fma;
mark_function mark_caches;

/* figures_train.c */
take_function take_history, take_recipes, take_images, take_mfu;
lacks_function lacks_recipes;
arrange_function arrange_history, arrange_recipes;
mark_function mark_history;
/* Which training a case belongs to: the recipe, or the network and the data set. */
void training_name(const struct row *row, char *text, size_t size);
/* The data set of a case. */
void dataset_name(const struct row *row, char *text, size_t size);
void line_name(const struct line *line, char *text, size_t size);

/* figure_rungs.c */
take_function take_rungs;
lacks_function lacks_rungs;
arrange_function arrange_rungs;
mark_function mark_rungs;
void rung_network(const struct row *row, char *text, size_t size);

/* figures_gpu.c */
take_function take_flops;
lacks_function lacks_gpu;
arrange_function arrange_flops;
enum { FLOPS_PARTS = 2 };

/* figure_layers.c, figure_examples.c, figure_boundary.c, figure_descent.c, figure_crossover.c,
 * figure_sustain.c */
make_function make_layers, make_examples, make_boundary, make_descent, make_crossover, make_sustain;

/* figures_ranks.c */
take_function take_weak, take_strong;
arrange_function arrange_speedup;
mark_function mark_strong;

/* figures_split.c */
take_function take_split, take_overlap;
arrange_function arrange_split, arrange_overlap;
mark_function mark_split, mark_overlap;

/* figures_allreduce.c */
take_function take_busbw, take_allreduce_time;
mark_function mark_busbw, mark_allreduce_time;

/* figure_prediction.c, figure_slow_ranks.c */
make_function make_prediction, make_slow_ranks;

/* ---- tools ---- */

/* y with its interval: rates go like 1/time (curves.c). */
void set_rate(struct point *point, double y);

/* The machines and GPUs that the points are of, as the plot's subtitle (curves.c). */
void plot_subtitle_devices(struct plot *plot);

/* Numbers panels and series by first appearance and sorts the points by them and x (curves.c). */
void plot_sort(struct plot *plot);

/* plot.c: a further point, all numbers unknown. */
struct point *plot_add_point(struct plot *plot);
/* A further plot of a figure, in an array that grows. */
struct plot *plots_add(struct plot **plots, size_t *count, const struct figure *figure);
/* The figure's name with a suffix that is fit for a file's name. */
void plot_name(struct plot *plot, const char *suffix);
/* Numbers plots whose names are the same. */
void plots_tell_apart(struct plot *plots, size_t count);
/* The machine or GPU, library and threads of a line that is no case, as the plot's subtitle. */
void plot_subtitle(struct plot *plot, const struct line *line);

/* The data file of a figure that is no curves: item,kind,x,y,value,text, beginning with the rows
 * "title" and "subtitle" of item 0. NaN becomes an empty field. */
struct sheet {
    FILE *file;
    char *text;
    size_t size;
};
void sheet_open(struct sheet *sheet, const struct plot *plot);
void sheet_row(struct sheet *sheet, size_t item, const char *kind, double x, double y, double value,
               const char *text);
/* Hands the text to the plot. */
void sheet_close(struct sheet *sheet, struct plot *plot);

/* A text as the data files hold it: no comma, double quote or control character. */
void plot_write_text(FILE *file, const char *text);

#endif
