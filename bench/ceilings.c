#include "bench/ceilings.h"

#include "kernels/cpu/team.h"
#include "kernels/cpu/topology.h"

/* A region of several threads must drown the few microseconds of starting and joining them. */
static double region(int threads) { return threads == 1 ? 1e-4 : 5e-4; }

/* Of the FMA loop: about 100 us on the fastest cores. */
enum { LEAST_ITERATIONS = 10000 };

struct task {
    const void *ceiling;
    long repetitions;
};

static void enter_fma(void *context) { team_pin(((struct fma_ceiling *)context)->threads); }

static void fma_body(int thread, int threads, void *argument) {
    (void)thread, (void)threads;
    const struct task *task = argument;
    ((const struct fma_ceiling *)task->ceiling)->probe->run(task->repetitions);
}

static void run_fma(void *context, long repetitions) {
    struct fma_ceiling *c = context;
    struct task task = {c, repetitions};
    team_run(c->threads, fma_body, &task);
}

struct subject fma_ceiling_subject(struct fma_ceiling *ceiling) {
    return (struct subject){.context = ceiling,
                            .enter = enter_fma,
                            .run = run_fma,
                            .least_repetitions = LEAST_ITERATIONS,
                            .least_region = region(ceiling->threads)};
}

double fma_ceiling_flops(const struct fma_ceiling *ceiling) {
    return ceiling->probe->flops_per_iteration * ceiling->threads;
}

/* Each thread's part holds its arrays one behind the other. Arrays that begin at the same place of
 * a page would make loads wait for stores they have nothing to do with, so each is set off by five
 * cache lines more than the one before. */
enum { MOST_ARRAYS = 3, LINE = 8, SET_OFF = 5 * LINE, PAD = MOST_ARRAYS * SET_OFF };

static size_t part_doubles(size_t working_set, int threads) {
    size_t doubles = working_set / sizeof(double) / (size_t)threads;
    size_t least = MOST_ARRAYS * BANDWIDTH_PROBE_BLOCK;
    return ((doubles > least ? doubles : least) + PAD + LINE - 1) / LINE * LINE;
}

size_t bandwidth_buffer_bytes(size_t working_set, int threads) {
    return part_doubles(working_set, threads) * sizeof(double) * (size_t)threads;
}

/* Doubles in each array of a thread: whole blocks, one at least. */
static size_t array_doubles(const struct bandwidth_ceiling *c) {
    size_t n = c->working_set / sizeof(double) / (size_t)c->threads / (size_t)c->probe->arrays;
    n = n / BANDWIDTH_PROBE_BLOCK * BANDWIDTH_PROBE_BLOCK;
    return n ? n : BANDWIDTH_PROBE_BLOCK;
}

struct fill {
    double *buffer;
    size_t doubles;
};

static void fill_body(int thread, int threads, void *argument) {
    const struct fill *fill = argument;
    size_t part = fill->doubles / (size_t)threads;
    double *mine = fill->buffer + (size_t)thread * part;
    for (size_t i = 0; i < part; i++) mine[i] = 0.5 + 1e-3 * (double)(i % 251);
}

void bandwidth_buffer_fill(double *buffer, size_t bytes, int threads) {
    size_t doubles = bytes / sizeof(double);
    struct fill fill = {buffer, doubles};
    team_run(threads, fill_body, &fill);
    for (size_t i = doubles / (size_t)threads * (size_t)threads; i < doubles; i++) buffer[i] = 0.5;
}

static void bandwidth_body(int thread, int threads, void *argument) {
    const struct task *task = argument;
    const struct bandwidth_ceiling *c = task->ceiling;
    size_t n = array_doubles(c);
    double *a = c->buffer + (size_t)thread * part_doubles(c->working_set, threads);
    double *b = a + n + SET_OFF;
    c->probe->run(a, b, b + n + SET_OFF, n, task->repetitions);
}

static void run_bandwidth(void *context, long repetitions) {
    struct bandwidth_ceiling *c = context;
    struct task task = {c, repetitions};
    team_run(c->threads, bandwidth_body, &task);
}

static void enter_bandwidth(void *context) {
    team_pin(((struct bandwidth_ceiling *)context)->threads);
}

struct subject bandwidth_ceiling_subject(struct bandwidth_ceiling *ceiling) {
    return (struct subject){.context = ceiling,
                            .enter = enter_bandwidth,
                            .run = run_bandwidth,
                            .least_region = region(ceiling->threads)};
}

double bandwidth_ceiling_bytes(const struct bandwidth_ceiling *ceiling) {
    return bandwidth_probe_bytes(ceiling->probe, array_doubles(ceiling)) * ceiling->threads;
}

size_t bandwidth_ceiling_working_set(const struct bandwidth_ceiling *ceiling) {
    return array_doubles(ceiling) * sizeof(double) * (size_t)ceiling->probe->arrays *
           (size_t)ceiling->threads;
}

const char *memory_level(size_t working_set, int threads) {
    static const char *const names[] = {"", "L1", "L2", "L3"};
    const struct topology *t = topology_get();
    for (int level = 1; level <= 3; level++) {
        int sharers = t->cache_sharers[level] > 0 ? t->cache_sharers[level] : 1;
        int caches = (threads + sharers - 1) / sharers; /* threads fill one cache after the other */
        if (t->cache_bytes[level] && working_set <= t->cache_bytes[level] * (size_t)caches)
            return names[level];
    }
    return "memory";
}
