/* The page that shows a study: machine, best numbers, figures with captions. */
#ifndef FLOPSTEP_BENCH_REPORT_PAGE_H
#define FLOPSTEP_BENCH_REPORT_PAGE_H

#include <stdio.h>

#include "bench/report/figures.h"
#include "bench/report/results.h"

/* One figure on the page. */
struct page_figure {
    char name[96], title[200];
    const char *purpose;
    bool svg, png; /* the pictures that were drawn */
};

/* Writes plain HTML without scripts; pictures and data are referred to by relative paths. */
void page_write(FILE *file, const struct results *results, const struct page_figure *figures,
                size_t count);

#endif
