/* Where a GPU overtakes the CPU: for each kernel the N, for each network the batch from which on it
 * is faster. Best against best: of the CPU over all libraries and numbers of threads, of the GPUs
 * of one host over all of them; medians of whole calls or steps are compared. */
#ifndef FLOPSTEP_BENCH_REPORT_CROSSOVER_H
#define FLOPSTEP_BENCH_REPORT_CROSSOVER_H

#include <stddef.h>
#include <stdio.h>

#include "bench/report/results.h"

/* The fastest cases of one size; NULL where only the other side was measured. */
struct duel {
    double size; /* N or the batch */
    const struct row *cpu, *gpu;
};

enum crossover_verdict {
    CROSSOVER_ALWAYS,  /* the GPU is faster at every size */
    CROSSOVER_FROM,    /* from `first` on up to the largest size */
    CROSSOVER_BETWEEN, /* at some size, but not at the largest */
    CROSSOVER_NEVER
};

struct crossover {
    const struct row *gpu; /* one of its cases: kernel or network, type, host */
    const char *transfer;  /* "": operands are on the GPU; "pageable", "pinned": copies are timed */
    const char *cpu_type;  /* single where the GPU computes in TF32, else the same type */
    char name[96];         /* "gemm nn" or a network; with what tells it from others of that name */
    struct duel *duels;    /* by size */
    size_t count;
    enum crossover_verdict verdict;
    /* Of sizes that both sides have: the smallest, the largest, the smallest from which on the GPU
     * is faster at all of them (NULL: none). */
    const struct duel *smallest, *largest, *first;
    /* Where time against size, straight lines between measured sizes on logarithmic axes, crosses
     * below `first`; NaN unless CROSSOVER_FROM. */
    double at;
};

/* All pairs of a GPU and a CPU that share a size, in the order of the results: first `blas`, then
 * `train`. Returns their number and stores a malloced array for crossovers_free. */
size_t crossovers_find(const struct results *results, struct crossover **crossovers);
void crossovers_free(struct crossover *crossovers, size_t count);

/* "N" or "batch" */
const char *crossover_axis(const struct crossover *crossover);
/* "faster from N ≈ 731 on", "never faster up to N = 4096", ... */
void crossover_text(const struct crossover *crossover, char *text, size_t size);
/* CPU time over GPU time: above 1 the GPU is faster; NaN where one side is missing. */
double duel_ratio(const struct duel *duel);
/* What was measured: "GPU without copies", "GPU with copies (pinned)"; "GPU", "GPU in TF32"
 * for steps. */
void crossover_series(const struct crossover *crossover, char *text, size_t size);

/* The table: one line for each crossover (docs/figures.md says what the columns mean). */
void crossovers_write(FILE *file, const struct crossover *crossovers, size_t count);

#endif
