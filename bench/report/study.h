/* What the figures of `blas` ask about all cases together. */
#ifndef FLOPSTEP_BENCH_REPORT_STUDY_H
#define FLOPSTEP_BENCH_REPORT_STUDY_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/report/results.h"

struct study {
    const struct results *results;
    struct {
        const char *library, *host;
        double threads;
    } most[64]; /* the most threads a library ran with on a machine */
    size_t most_count;
    bool only_throughput; /* no case in latency mode: then figures show the other mode */
    /* The one with the highest rate, of the CPU's where a CPU was measured: figures with a curve
     * for each kernel show one device. "" where nothing was measured. */
    const char *main_library;
};

struct study study_of(const struct results *results);

bool is_gpu(const struct row *row);
/* Whether there is a case with status ok on a GPU. */
bool any_gpu(const struct results *results);
/* Whether there is a case with status ok of several ranks. */
bool any_ranks(const struct results *results);
bool is_blas(const struct row *row);
bool is_latency(const struct row *row);
/* Cases of the mode that all figures but one show. */
bool is_shown(const struct study *study, const struct row *row);
/* The time holds copies to a GPU and back. */
bool with_copies(const struct row *row);
/* Nothing transposed. */
bool is_plain(const struct row *row);
bool is_kernel(const struct row *row, const char *name);
/* The most threads this case's library ran with on this machine. */
double most_threads(const struct study *study, const struct row *row);
/* Cases of the fastest library on all its threads, without copies: figures with a curve for each
 * kernel show these and no others. */
bool is_main(const struct study *study, const struct row *row);
/* Whether this is the case that stands for its kernel: the largest one, and of several of that size
 * the fastest. */
bool is_largest(const struct study *study, const struct row *row);
/* The case on the fewest threads at the largest size that this kernel ran with on more than one
 * number of threads, within one run: times of different runs are not compared. NULL: none. */
const struct row *speedup_base(const struct study *study, const struct row *row);

#endif
