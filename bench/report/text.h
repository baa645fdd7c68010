/* Words of figures and tables. */
#ifndef FLOPSTEP_BENCH_REPORT_TEXT_H
#define FLOPSTEP_BENCH_REPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "bench/report/results.h"

static inline bool same(const char *a, const char *b) { return strcmp(a, b) == 0; }

/* Appends `more`, behind the separator where there is a text already; nothing where it is "". */
void append(char *text, size_t size, const char *separator, const char *more);

/* "single", "double", "half", ... for "s", "d", "h", ... */
const char *type_name(const char *type);
/* "single precision", "TF32", "bf16": as titles call it. */
const char *precision_name(const char *type);
/* "gemm nt", or the kernel alone where it takes no transpose. */
void kernel_label(const struct row *row, char *text, size_t size);
/* "1 thread", "2 threads", "" where unknown. */
void threads_text(double threads, char *text, size_t size);
/* 4096, 30k, 10M */
void size_label(double n, char *text, size_t size);

#endif
