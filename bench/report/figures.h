/* The figures: one row each in one table (figures.c), one gnuplot script each in plots/. A row says
 * which cases become points; the rest (series, order, interval, subtitle) is derived. How to add
 * one: docs/figures.md. */
#ifndef FLOPSTEP_BENCH_REPORT_FIGURES_H
#define FLOPSTEP_BENCH_REPORT_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "bench/report/published.h"
#include "bench/report/results.h"

/* One line of a figure's data file. */
struct point {
    const struct row *row; /* the case it shows; NULL for marks */
    const char *kind;      /* "point", or a mark: "reference", "cache", "roof", ... */
    char panel[80];        /* panels are small multiples; "" where a figure has one */
    char series[200];      /* one curve; what tells cases apart is appended to it */
    char label[120];       /* text at the point or mark */
    bool of_other_type;    /* than its panel: no published figure stands beside it */
    int part;              /* which of the points of its case, from 0 */
    double x, y, low, high;
    double ceiling;                   /* measured ceiling in the unit of y, NaN: unknown */
    char ceiling_name[100];           /* points with the same name lie under the same ceiling */
    int panel_order;                  /* panels are sorted by it, then by first appearance */
    size_t panel_index, series_index; /* for sorting */
};

struct plot;
struct study; /* what take() may ask about all cases, see study.h */

enum figure_unit { UNIT_OTHER, UNIT_GFLOPS, UNIT_GBYTES, UNIT_PERCENT };

struct figure {
    const char *name;    /* of the data file, the pictures and plots/<name>.gp */
    const char *title;   /* of the picture */
    const char *purpose; /* caption, and what lists and documentation say */
    const char *command; /* whose results it shows */
    bool by_type;        /* one picture for each element type */
    bool from_zero;      /* x and y may be 0 */
    bool gpu;            /* about GPUs: not missed where no case is of one */
    bool ranks;          /* about several ranks: not missed where no case is of them */
    const char *needs;   /* why there is none where no case belongs to it; NULL: no case is ok */
    /* Published figures drawn where none are asked for, the best of each name and kind; NULL: none.
     */
    const char *const *references;
    int parts;          /* points that one case makes at most; 0 says 1 */
    const char *x_is;   /* attributes (attributes.h), with spaces between, that the x axis or the
                         * figure itself tells: they never tell curves apart */
    enum figure_unit y; /* which published figures fit */
    /* One picture for each text that this says of a case, which becomes part of its name; NULL: one
     * picture, or one for each type. */
    void (*group)(const struct row *row, char *text, size_t size);
    /* Whether the case belongs to the figure; if so fills panel, panel_order, series, label, x, y,
     * low, high, ceiling. Only cases with status ok are offered, each `parts` times. */
    bool (*take)(const struct study *study, const struct row *row, struct point *point);
    /* Why these points make no figure, or NULL; may be NULL itself. */
    const char *(*lacks)(const struct point *points, size_t count);
    /* Last changes to the points before they are sorted; may be NULL. */
    void (*arrange)(const struct results *results, struct plot *plot);
    /* Adds marks (cache sizes, roofs) to the plot; may be NULL. */
    struct plot *(*mark)(const struct results *results, struct plot *plot);
    /* Makes the plots of a figure of other records than cases, as figure_plots does; then there is
     * neither take nor mark. */
    size_t (*make)(const struct figure *figure, const struct results *results, struct plot **plots,
                   const char **lacks);
};

extern const struct figure figure_table[]; /* ends with a NULL name */

/* One picture: a figure's points, sorted by panel, series and x; marks behind them. */
struct plot {
    const struct figure *figure;
    char name[96]; /* the figure's, with -single or -double where both types are there, or with the
                    * training that it is about */
    char title[200], subtitle[400];
    struct point *points;
    size_t count;
    char *data; /* the whole data file, of figures that are no curves; else NULL. malloced */
};

/* Makes the plots of one figure (none to one for each element type) and stores a malloced array.
 * `*lacks` says why there is none. */
size_t figure_plots(const struct figure *figure, const struct results *results, struct plot **plots,
                    const char **lacks);
/* Adds the published figures of these names that fit: same kernel, type and unit. */
void plot_add_references(struct plot *plot, const struct published *figures, size_t count,
                         const char *const *names);
/* Writes the data file (CSV; commas and quotes in texts are replaced, since gnuplot cannot read
 * them quoted). */
void plot_write(const struct plot *plot, FILE *file);
void plots_free(struct plot *plots, size_t count);

#endif
