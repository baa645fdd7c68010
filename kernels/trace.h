/* Spans: each operation says what it is when it begins and when it ends. Times by layer, ledgers of
 * calls, counter regions and timelines are readers of spans; the code that opens them measures
 * nothing. With no reader a span costs one predictable branch. */
#ifndef FLOPSTEP_KERNELS_TRACE_H
#define FLOPSTEP_KERNELS_TRACE_H

#include <stddef.h>

struct span {
    const char *operation; /* "gemm" */
    const char *pass;      /* "forward", "backward", …; NULL outside networks */
    const char *layer;     /* "conv2"; NULL outside networks */
    const char *path;      /* how the device does it: "direct"; NULL: no choice */
    long m, n, k;          /* -1 where there is none */
    int thread;            /* of the team; 0 outside */
};

/* What is told about spans; begin and end come in pairs, nested, on the thread that runs them. */
struct trace_reader {
    void (*begin)(void *context, const struct span *span);
    void (*end)(void *context, const struct span *span);
    void *context;
};

extern const struct trace_reader *trace_current; /* NULL: off */

/* Sets the reader (NULL: none) and returns the one before. Not while spans are open. */
const struct trace_reader *trace_set(const struct trace_reader *reader);

static inline void span_begin(const struct span *span) {
    if (__builtin_expect(trace_current != NULL, 0))
        trace_current->begin(trace_current->context, span);
}

static inline void span_end(const struct span *span) {
    if (__builtin_expect(trace_current != NULL, 0))
        trace_current->end(trace_current->context, span);
}

#endif
