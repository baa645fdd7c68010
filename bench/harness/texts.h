/* Numbers as tables print them. */
#ifndef FLOPSTEP_BENCH_HARNESS_TEXTS_H
#define FLOPSTEP_BENCH_HARNESS_TEXTS_H

#include <stddef.h>

/* "1.234 ms" */
void seconds_text(double seconds, char *text, size_t size);

/* 100 part / whole, "-" where that is unknown. */
void percent_text(double part, double whole, char *text, size_t size);

#endif
