/* What all cases of one `flopstep train` share: the library, the results, what is shown. */
#ifndef FLOPSTEP_BENCH_TRAIN_SESSION_H
#define FLOPSTEP_BENCH_TRAIN_SESSION_H

#include "bench/harness/gpu_watch.h"
#include "bench/harness/record.h"
#include "bench/harness/statistics.h"
#include "bench/train/phases.h"
#include "bench/train/roofs.h"
#include "bench/train/train_options.h"
#include "kernels/cpu/blas_library.h"

struct session {
    const struct train_options *options;
    struct blas_library *library;
    struct record record;
    bool table; /* prints tables; csv and jsonl are the record's business */
};

/* A queue of the session's device and library. */
struct queue session_queue(const struct session *session, const struct device *device,
                           enum scalar type, int threads);

/* One row of the results, timed steps and trainings alike. What does not apply or is unknown is
 * NaN, NULL or -1. */
struct train_row {
    const char *kind; /* "steps", "ladder" or "training" */
    const char *network, *recipe, *dataset, *optimizer;
    enum loss loss;
    enum scalar type;
    int threads;
    long batch, parameters;
    const char *status, *reason;
    char flags[96];
    struct summary summary; /* of one step */
    const double *samples;
    long repetitions;
    double flops; /* of one step */
    const struct roofs *roofs;
    const struct phases *phases;
    double clock_ghz, stolen, load;
    double epoch, train_loss, train_accuracy, test_loss, test_accuracy;
    double validation_loss, validation_accuracy, running_loss, running_accuracy, lr;
    long step;
    const struct device *device;
    enum conv_path conv;
    enum dense_path dense;
    enum math math;
    const char *isa; /* of own products */
    unsigned without;
    const struct gpu_summary *gpu; /* while it was measured; NULL: no GPU */
    double host_s;   /* seconds of the host's to issue a step; NaN: it does not run ahead */
    double launch_s; /* what a step that is not recorded takes longer; NaN: not measured */
    /* Of several ranks. */
    const char *reduce, *transport; /* NULL: nothing is reduced */
    long bucket_bytes, buckets;     /* -1: unknown */
    long global_batch;              /* of all ranks; -1: the batch is the whole */
    double exposed_s;  /* step less the same step without communication, of the slowest ranks */
    double wait_s;     /* that step of the slowest rank less the mean of all ranks */
    double compute_s;  /* that step, mean of all ranks */
    const double *own; /* this rank's samples; NULL: samples are its own */
    const char *rung;  /* of a ladder, with its place; -1: none */
    long rung_number;
};

/* Sets what the queue decides: type, threads, paths, measures. */
void train_row_take_queue(struct train_row *row, const struct queue *queue);

/* One in which everything is unknown. */
struct train_row train_row_unknown(void);

/* Writes the case, and with --by-layer a line for each layer and pass behind it. */
void session_record(struct session *session, const struct train_row *row);

double train_row_images_per_s(const struct train_row *row);
double train_row_mfu(const struct train_row *row);

#endif
