/* Pictures by gnuplot, one process each, without a shell. */
#ifndef FLOPSTEP_BENCH_REPORT_DRAW_H
#define FLOPSTEP_BENCH_REPORT_DRAW_H

#include <stdbool.h>

/* Whether `gnuplot --version` runs. */
bool draw_available(void);

/* Runs `gnuplot -d -c SCRIPT DATA PICTURE`; the script takes the format from the picture's name.
 * Returns false, after one line on standard error, where gnuplot fails or leaves no picture. */
bool draw_picture(const char *script, const char *data, const char *picture);

#endif
