#include "bench/train/session.h"

#include <math.h>
#include <string.h>

#include "bench/harness/gpu_columns.h"
#include "bench/rank_rows.h"
#include "kernels/cpu/layers/tile.h"
#include "kernels/kernel.h"
#include "mpi/ranks.h"

struct queue session_queue(const struct session *s, const struct device *device, enum scalar type,
                           int threads) {
    bool own = device->own_memory;
    return (struct queue){.device = device,
                          .type = type,
                          .threads = own ? 1 : threads,
                          .library = own ? NULL : s->library,
                          .gemm = own ? NULL
                                      : blas_library_routine(s->library, kernel_find("gemm"), type),
                          .math = s->options->math,
                          .dense = s->options->dense,
                          .conv = s->options->conv,
                          .isa = s->options->isa,
                          .without = s->options->without};
}

void train_row_take_queue(struct train_row *row, const struct queue *q) {
    row->type = q->type;
    row->threads = q->threads;
    row->device = q->device;
    row->math = q->math;
    row->conv = q->conv;
    row->dense = q->dense;
    row->isa = q->device->own_memory ? NULL : tile_set_find(q->isa, q->type)->isa;
    row->without = q->without;
}

struct train_row train_row_unknown(void) {
    return (struct train_row){.status = "ok",
                              .summary = {0, NAN, NAN, NAN, NAN, NAN, NAN},
                              .batch = -1,
                              .parameters = -1,
                              .flops = NAN,
                              .clock_ghz = NAN,
                              .stolen = NAN,
                              .load = NAN,
                              .epoch = NAN,
                              .train_loss = NAN,
                              .train_accuracy = NAN,
                              .test_loss = NAN,
                              .test_accuracy = NAN,
                              .validation_loss = NAN,
                              .validation_accuracy = NAN,
                              .running_loss = NAN,
                              .running_accuracy = NAN,
                              .lr = NAN,
                              .host_s = NAN,
                              .bucket_bytes = -1,
                              .buckets = -1,
                              .global_batch = -1,
                              .exposed_s = NAN,
                              .wait_s = NAN,
                              .compute_s = NAN,
                              .launch_s = NAN,
                              .step = -1,
                              .rung_number = -1};
}

/* Images of a step on all ranks. */
static long whole_batch(const struct train_row *r) {
    return r->global_batch > 0 ? r->global_batch : r->batch;
}

double train_row_images_per_s(const struct train_row *r) {
    return (double)whole_batch(r) / r->summary.median;
}

static double gflops(const struct train_row *r) { return r->flops / r->summary.median * 1e-9; }

double train_row_mfu(const struct train_row *r) {
    return r->roofs ? gflops(r) / (r->roofs->fma_gflops * ranks_get()->count) : NAN;
}

static double pass_seconds(const struct train_row *r, const char *pass) {
    return r->phases && r->phases->count ? phases_pass_seconds(r->phases, pass) : NAN;
}

static const struct device *device_of(const struct session *s, const struct train_row *r) {
    return r->device ? r->device : s->options->common.device;
}

static json_t *library_of(const struct session *s, const struct train_row *r) {
    const struct device *device = device_of(s, r);
    if (device->library) return json_string(device->library);
    return s->library ? record_string(s->library->name) : json_null();
}

static json_t *case_of(const struct session *s, const struct train_row *r) {
    json_t *row =
        json_pack("{s:s, s:o, s:i, s:i, s:s, s:s, s:o, s:s}", "device", device_of(s, r)->name,
                  "library", library_of(s, r), "threads", r->threads, "ranks", ranks_get()->count,
                  "type", scalar_letter(r->type), "status", r->status, "reason",
                  record_text_or_null(r->reason), "flags", r->flags);
    json_object_set_new(row, "samples", json_integer((json_int_t)r->summary.samples));
    record_set_real(row, "median_s", r->summary.median);
    record_set_real(row, "low_s", r->summary.low);
    record_set_real(row, "high_s", r->summary.high);
    record_set_real(row, "min_s", r->summary.min);
    record_set_real(row, "gflops", gflops(r));
    record_set_real(row, "peak_fraction", train_row_mfu(r));
    json_object_set_new(row, "network", record_text_or_null(r->network));
    json_object_set_new(row, "recipe", record_text_or_null(r->recipe));
    json_object_set_new(row, "dataset", record_text_or_null(r->dataset));
    record_set_count(row, "batch", r->batch);
    record_set_real(row, "images_per_s", train_row_images_per_s(r));
    record_set_real(row, "mfu", train_row_mfu(r));
    record_set_real(row, "gemm_fraction",
                    r->roofs ? gflops(r) / (r->roofs->square_gflops * ranks_get()->count) : NAN);
    record_set_real(row, "forward_s", pass_seconds(r, "forward"));
    record_set_real(row, "loss_s", pass_seconds(r, "loss"));
    record_set_real(row, "backward_s", pass_seconds(r, "backward"));
    record_set_real(row, "reduce_s", r->reduce ? pass_seconds(r, "reduce") : NAN);
    record_set_real(row, "exposed_s", r->exposed_s);
    record_set_real(row, "wait_s", r->wait_s);
    record_set_real(row, "compute_s", r->compute_s);
    record_set_real(row, "update_s", pass_seconds(r, "update"));
    record_set_real(row, "input_s", pass_seconds(r, "input"));
    record_set_real(row, "epoch", r->epoch);
    record_set_count(row, "step", r->step);
    record_set_real(row, "train_loss", r->train_loss);
    record_set_real(row, "train_accuracy", r->train_accuracy);
    record_set_real(row, "test_accuracy", r->test_accuracy);
    record_set_real(row, "test_loss", r->test_loss);
    record_set_real(row, "validation_loss", r->validation_loss);
    record_set_real(row, "validation_accuracy", r->validation_accuracy);
    record_set_real(row, "running_loss", r->running_loss);
    record_set_real(row, "running_accuracy", r->running_accuracy);
    record_set_real(row, "lr", r->lr);
    json_object_set_new(row, "reduce", record_text_or_null(r->reduce));
    json_object_set_new(row, "transport", record_text_or_null(r->transport));
    record_set_count(row, "bucket_bytes", r->bucket_bytes);
    record_set_count(row, "buckets", r->buckets);
    record_set_count(row, "global_batch", whole_batch(r));
    json_object_set_new(row, "kind", json_string(r->kind));
    json_object_set_new(row, "optimizer", record_text_or_null(r->optimizer));
    json_object_set_new(row, "loss_function",
                        r->network ? json_string(loss_names[r->loss]) : json_null());
    json_object_set_new(row, "seed", json_integer((json_int_t)s->options->common.seed));
    record_set_count(row, "parameters", r->parameters);
    char without[200] = "";
    train_without_text(r->without, without, sizeof without);
    bool network = r->network != NULL;
    json_object_set_new(row, "conv", network ? json_string(conv_path_names[r->conv]) : json_null());
    json_object_set_new(row, "dense",
                        network ? json_string(dense_path_names[r->dense]) : json_null());
    bool gpu = network && device_of(s, r)->own_memory;
    json_object_set_new(row, "math", gpu ? json_string(math_names[r->math]) : json_null());
    if (r->gpu) gpu_columns_set(row, r->gpu);
    if (r->gpu) json_object_set_new(row, "gpu", gpu_columns_whole(r->gpu));
    record_set_real(row, "host_s", r->host_s);
    record_set_real(row, "launch_s", r->launch_s);
    json_object_set_new(row, "isa", record_text_or_null(r->isa));
    json_object_set_new(row, "without", network ? json_string(without) : json_null());
    json_object_set_new(row, "rung", record_text_or_null(r->rung));
    record_set_count(row, "rung_number", r->rung_number);
    record_set_real(row, "ceiling_rate", r->roofs ? r->roofs->fma_gflops : NAN);
    record_set_real(row, "square_gflops", r->roofs ? r->roofs->square_gflops : NAN);
    record_set_real(row, "clock_ghz", r->clock_ghz);
    record_set_real(row, "steal_fraction", r->stolen);
    record_set_real(row, "load", r->load);
    json_object_set_new(row, "repetitions",
                        r->repetitions > 0 ? json_integer(r->repetitions) : json_null());
    record_set_real(row, "flops", r->flops);
    json_t *samples = json_array();
    for (size_t i = 0; r->samples && i < r->summary.samples; i++)
        json_array_append_new(samples, json_real(r->samples[i]));
    json_object_set_new(row, "samples_s", samples);
    rank_rows_set(row, r->own, r->summary.samples);
    return row;
}

static json_t *layer_of(const struct session *s, const struct train_row *r,
                        const struct phase *phase) {
    double seconds = phases_seconds(r->phases, phase), flops = phases_flops(r->phases, phase);
    double step = 0;
    static const char *const passes[] = {"input",    "forward", "loss",
                                         "backward", "reduce",  "update"};
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++)
        step += phases_pass_seconds(r->phases, passes[i]);
    json_t *line = json_pack(
        "{s:s, s:s, s:s, s:o, s:i, s:s, s:o, s:o, s:i, s:s, s:s, s:s}", "record", "layer",
        "command", "train", "device", device_of(s, r)->name, "library", library_of(s, r), "threads",
        r->threads, "type", scalar_letter(r->type), "network", record_text_or_null(r->network),
        "recipe", record_text_or_null(r->recipe), "batch", (int)r->batch, "layer",
        phase->span.layer, "operation", phase->span.operation, "pass", phase->span.pass);
    json_object_set_new(line, "ranks", json_integer(ranks_get()->count));
    json_object_set_new(line, "reduce", record_text_or_null(r->reduce));
    record_set_count(line, "m", phase->span.m);
    record_set_count(line, "n", phase->span.n);
    record_set_count(line, "k", phase->span.k);
    json_object_set_new(line, "path", record_text_or_null(phase->span.path));
    record_set_real(line, "step_s", r->summary.median);
    record_set_real(line, "time_s", seconds);
    record_set_real(line, "share", seconds / step);
    record_set_real(line, "flops", flops);
    record_set_real(line, "gflops", flops / seconds * 1e-9);
    return line;
}

void session_record(struct session *s, const struct train_row *r) {
    record_case(&s->record, case_of(s, r));
    if (!s->options->by_layer || !r->phases) return;
    for (size_t i = 0; i < r->phases->count; i++)
        record_line(&s->record, layer_of(s, r, &r->phases->phase[i]));
}
