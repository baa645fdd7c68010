/* The table of figures. */
#include "bench/report/figures.h"

#include "bench/report/takes.h"

static const char *const gpus[] = {"p100", "v100", "a100", "h100", "h200", NULL};

const struct figure figure_table[] = {
    {.name = "blas-levels",
     .title = "The three levels of BLAS: GFLOP/s against N · double precision",
     .purpose = "One kernel of each BLAS level in double precision. Levels 1 and 2 move as many "
                "numbers as they compute with and stay at the speed of the memory; level 3 reuses "
                "each number N times and comes near the peak of the processor.",
     .command = "blas",
     .y = UNIT_GFLOPS,
     .take = take_blas_levels},
    {.name = "gflops-level1",
     .title = "BLAS level 1: GFLOP/s against N",
     .purpose = "Vector kernels, one panel each. Steps show where the vectors leave a cache. copy "
                "computes nothing, so it has no panel: see percent-of-peak.",
     .command = "blas",
     .by_type = true,
     .y = UNIT_GFLOPS,
     .take = take_level1},
    {.name = "gflops-level2",
     .title = "BLAS level 2: GFLOP/s against N",
     .purpose = "Matrix-vector kernels, one panel each (n: A as stored, t: transposed).",
     .command = "blas",
     .by_type = true,
     .y = UNIT_GFLOPS,
     .take = take_level2},
    {.name = "gflops-level3",
     .title = "BLAS level 3: GFLOP/s against N",
     .purpose = "Matrix-matrix kernels, one panel each (n: as stored, t: transposed).",
     .command = "blas",
     .by_type = true,
     .y = UNIT_GFLOPS,
     .take = take_level3},
    {.name = "single-vs-double",
     .title = "Single against double precision: GFLOP/s against N",
     .purpose = "The same kernel in both precisions, by the fastest library on all its threads. "
                "Half the bytes, and twice as many numbers in a vector register: up to twice the "
                "rate.",
     .command = "blas",
     .y = UNIT_GFLOPS,
     .take = take_types,
     .lacks = lacks_types},
    {.name = "percent-of-peak",
     .title = "Share of the measured ceiling against N",
     .purpose = "Every kernel against the ceiling that was measured beside it, by the fastest "
                "library on all its threads: level 3 against the FMA rate, levels 1 and 2 against "
                "the bandwidth at their working set.",
     .command = "blas",
     .y = UNIT_PERCENT,
     .take = take_percent},
    {.name = "roofline",
     .title = "Roofline: what bounds each kernel",
     .purpose = "Every measured kernel at its largest size, fastest library on all its threads. "
                "Under the slope a kernel waits for memory, under the flat roof for arithmetic. "
                "Roofs are measured on the same machine.",
     .command = "blas",
     .by_type = true,
     .take = take_roofline,
     .mark = mark_roofs},
    {.name = "library-ladder",
     .title = "The ladder of libraries: GFLOP/s of gemm against N",
     .purpose = "The same product by textbook loops, with cache blocking and by tuned libraries, "
                "on one thread and on all.",
     .command = "blas",
     .y = UNIT_GFLOPS,
     .take = take_ladder,
     .lacks = lacks_libraries},
    {.name = "threads",
     .title = "Speed-up by number of threads",
     .purpose = "Each kernel at its largest size, fastest library, against its own time on the "
                "fewest threads. Dashed: ideal speed-up.",
     .command = "blas",
     .by_type = true,
     .x_is = "threads",
     .take = take_threads,
     .lacks = lacks_threads},
    {.name = "throughput",
     .title = "One case on all threads or one on every core",
     .purpose = "What one problem gets from all threads (latency), and what all cores deliver "
                "together with a single-threaded problem each (throughput).",
     .command = "blas",
     .by_type = true,
     .y = UNIT_GFLOPS,
     .take = take_throughput,
     .lacks = lacks_throughput},
    {.name = "crossover",
     .title = "GPU against CPU",
     .purpose =
         "The fastest that the CPU reaches, over all libraries and numbers of threads, beside "
         "the GPU, with operands that lie on it and with copies in and out. Marked is the N "
         "from which on the GPU is faster, interpolated between measured sizes.",
     .command = "blas",
     .gpu = true,
     .make = make_crossover},
    {.name = "flops-against-n",
     .title = "FLOPS against N: gemm on CPU and GPU beside published figures",
     .purpose = "The fastest of the CPU and of the GPU at each N, and what other GPUs reach: "
                "measured (solid) and according to their data sheets (dashed, without sparsity).",
     .command = "blas",
     .gpu = true,
     .y = UNIT_GFLOPS,
     .references = gpus,
     .parts = FLOPS_PARTS,
     .take = take_flops,
     .lacks = lacks_gpu,
     .arrange = arrange_flops},
    {.name = "sustain",
     .title = "Sustained rate",
     .purpose =
         "One case over minutes: rate, clock, power and temperature. A machine that is cooled "
         "and fed well ends as fast as it began. Shaded: the GPU says that it is throttled.",
     .command = "blas",
     .make = make_sustain},
    {.name = "bandwidth",
     .title = "Memory bandwidth against working set",
     .purpose = "Streaming probes by working set, one panel for each number of threads. Vertical "
                "lines: sizes of the caches that these threads fill. Probes with -nt use "
                "non-temporal stores.",
     .command = "peak",
     .y = UNIT_GBYTES,
     .take = take_bandwidth,
     .mark = mark_caches},
    {.name = "fma",
     .title = "Peak arithmetic: FMA rate by instruction set",
     .purpose = "Rate of independent fused multiply-adds in registers: the ceiling of everything "
                "that computes.",
     .command = "peak",
     .y = UNIT_GFLOPS,
     .take = take_fma},
    {.name = "learning-history",
     .title = "Learning history",
     .purpose = "Accuracy and loss of one training on the samples it learns from and on those it "
                "has not seen. Where the two part, the network learns its samples by heart. "
                "Diamonds and dotted lines: what the lecture reported.",
     .command = "train",
     .group = training_name,
     .from_zero = true,
     .parts = HISTORY_PARTS,
     .take = take_history,
     .arrange = arrange_history,
     .mark = mark_history},
    {.name = "recipes",
     .title = "Test accuracy of several trainings",
     .purpose = "Test accuracy by epoch on one data set, the best training first in the legend. "
                "The axis is logarithmic in the error, so that 98 and 99 % stand as "
                "far apart as 80 and 90 %.",
     .command = "train",
     .group = dataset_name,
     .from_zero = true,
     .take = take_recipes,
     .lacks = lacks_recipes,
     .arrange = arrange_recipes},
    {.name = "classifications",
     .title = "Right and wrong classifications",
     .purpose = "Test images that the trained network classifies rightly and wrongly, each beside "
                "the probabilities that it gives.",
     .command = "train",
     .make = make_examples},
    {.name = "digits",
     .title = "Classified images",
     .purpose = "Images as the network sees them, each beside the probabilities that it gives.",
     .command = "predict",
     .make = make_examples},
    {.name = "decision-boundary",
     .title = "Decision boundary",
     .purpose = "What the network answers everywhere in the plane, the line where it is "
                "undecided, and the samples it learned from and was tested on.",
     .command = "train",
     .make = make_boundary},
    {.name = "gradient-descent",
     .title = "Gradient descent",
     .purpose = "The steps x <- x - η f'(x) of one exercise, numbered, one panel for each learning "
                "rate η. Small rates creep, larger ones jump over the minimum, and too large ones "
                "climb out of the valley.",
     .command = "train",
     .make = make_descent},
    {.name = "step-by-layer",
     .title = "Where the time of a training step goes",
     .purpose =
         "Time of each layer in one training step, forward and backward pass and update on "
         "each other, with its share of the step and its rate. Of several batches and numbers of "
         "threads the smallest and the largest.",
     .command = "train",
     .make = make_layers},
    {.name = "step-ladder",
     .title = "What each measure is worth",
     .purpose = "Time of a training step from plain loops and calls of the BLAS to the fast step: "
                "each bar adds one measure to those above it.",
     .command = "train",
     .from_zero = true,
     .x_is = "rung",
     .group = rung_network,
     .take = take_rungs,
     .lacks = lacks_rungs,
     .arrange = arrange_rungs,
     .mark = mark_rungs},
    {.name = "images-per-s",
     .title = "Images per second against batch",
     .purpose = "Whole training steps: forward, loss, backward and update. Small batches pay for "
                "every call; large ones reach the rate of the matrix products.",
     .command = "train",
     .x_is = "batch",
     .take = take_images},
    {.name = "crossover-batch",
     .title = "GPU against CPU: images per second against batch",
     .purpose = "Whole training steps, the fastest of the CPU over all libraries and numbers of "
                "threads beside the GPU. Marked is the batch from which on the GPU is faster, "
                "interpolated between measured batches.",
     .command = "train",
     .gpu = true,
     .make = make_crossover},
    {.name = "mfu",
     .title = "Share of the FMA peak that a training step reaches (MFU)",
     .purpose = "FLOP of the network's matrix products over the step's time, as a share of the FMA "
                "rate measured beside it. Dashed: the share that a large square product reaches.",
     .command = "train",
     .x_is = "batch",
     .take = take_mfu},
    {.name = "weak-scaling",
     .title = "Weak scaling: efficiency against ranks",
     .purpose = "Each rank has as many images as one rank had alone: time of the step on one rank, "
                "built without any reduction, over the time on so many. Dashed: ideal, no time "
                "lost.",
     .command = "train",
     .ranks = true,
     .needs = "needs timed steps of several ranks and of one with the same batch per rank, in one "
              "report: 'mpirun -n 2 flopstep train --network NAME --batch B --out DIR' and the "
              "same with -n 1",
     .x_is = "ranks batch",
     .take = take_weak,
     .arrange = arrange_speedup},
    {.name = "strong-scaling",
     .title = "Strong scaling: speed-up against ranks",
     .purpose = "The images of one rank's step, dealt out to several: how often as fast the step "
                "is. Dashed: ideal. e: the share of the step that more ranks do not make shorter "
                "(Karp and Flatt).",
     .command = "train",
     .ranks = true,
     .needs = "needs timed steps of several ranks and of one with the same batch in all, in one "
              "report: 'mpirun -n 2 flopstep train --network NAME --global-batch B --out DIR' and "
              "'flopstep train --network NAME --batch B --out DIR'",
     .x_is = "ranks batch",
     .take = take_strong,
     .arrange = arrange_speedup,
     .mark = mark_strong},
    {.name = "step-split",
     .title = "Where the time of a step on several ranks goes",
     .purpose = "Compute (mean of all ranks), wait for the slowest rank, and communication that "
                "was not hidden: the step less the same step without communication. Bars that "
                "reach to the left of zero: it took less time with communication than without, by "
                "chance or because the clock changed.",
     .command = "train",
     .ranks = true,
     .needs = "needs timed steps of several ranks: 'mpirun -n 2 flopstep train --network NAME'",
     .x_is = "ranks batch reduce",
     .take = take_split,
     .arrange = arrange_split,
     .mark = mark_split},
    {.name = "overlap-modes",
     .title = "Modes of reduction: what is left of the communication",
     .purpose = "Communication that was not hidden behind the backward pass, by mode, on the most "
                "ranks that were measured, and its share of the step.",
     .command = "train",
     .ranks = true,
     .needs = "needs timed steps of several ranks: 'mpirun -n 2 flopstep train --network NAME "
              "--reduce all'",
     .x_is = "ranks batch reduce",
     .take = take_overlap,
     .arrange = arrange_overlap,
     .mark = mark_overlap},
    {.name = "allreduce-bandwidth",
     .title = "Bus bandwidth against size",
     .purpose = "Bytes that a rank must send over the time of the whole sum (2(p-1)/p times the "
                "array's, so that numbers of ranks compare), and of messages between two ranks. "
                "Dashed: the fitted model; rings: sizes that it was not fitted to.",
     .command = "allreduce",
     .x_is = "ranks network",
     .y = UNIT_GBYTES,
     .take = take_busbw,
     .mark = mark_busbw},
    {.name = "allreduce-time",
     .title = "Time of an allreduce against size",
     .purpose = "Small arrays cost the latency of every message, large ones the bandwidth. Dashed: "
                "the fitted model; rings: sizes that it was not fitted to.",
     .command = "allreduce",
     .x_is = "ranks network",
     .take = take_allreduce_time,
     .mark = mark_allreduce_time},
    {.name = "prediction",
     .title = "Predicted weak scaling",
     .purpose =
         "Efficiency on more ranks than there were, from the measured step and the fitted "
         "model of the allreduce: an extrapolation, no measurement. Band: from nothing hidden "
         "to hidden as far as the backward pass reaches, by the ends of the model's "
         "intervals.",
     .command = "allreduce",
     .ranks = true,
     .needs = "no prediction; 'mpirun -n 2 flopstep allreduce --predict 16,64,256' makes one",
     .make = make_prediction},
    {.name = "slow-ranks",
     .title = "Every rank beside the others",
     .purpose = "All ranks ran every case at the same time. A bar is the time of a rank over that "
                "of the others (median of all cases), the line above it reaches to its worst case. "
                "Ranks that are slower than noise explains are marked.",
     .command = "blas",
     .ranks = true,
     .needs = "needs a run of several ranks: 'mpirun -n 2 flopstep blas'",
     .make = make_slow_ranks},
    {.name = NULL},
};
