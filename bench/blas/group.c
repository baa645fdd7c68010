#include "bench/blas/group.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/blas/group_ceilings.h"
#include "bench/blas/group_memory.h"
#include "bench/blas/group_ranks.h"
#include "bench/blas/group_watch.h"
#include "bench/device_time.h"
#include "bench/harness/clock.h"
#include "bench/harness/error.h"
#include "bench/harness/gpu_monitors.h"
#include "bench/harness/interrupt.h"
#include "bench/harness/machine_state.h"
#include "bench/harness/together.h"
#include "kernels/cpu/quiesce.h"
#include "kernels/cpu/team.h"
#include "kernels/trace.h"

static struct member new_member(const struct blas_shape *shape, enum scalar type,
                                const struct blas_target *target, int threads,
                                enum transfer transfer) {
    return (struct member){.shape = shape,
                           .type = type,
                           .target = target,
                           .threads = threads,
                           .transfer = transfer,
                           .lda = -1,
                           .ceiling_rate = NAN,
                           .peak_fraction = NAN,
                           .clock_ghz = NAN,
                           .stolen = NAN,
                           .load = NAN,
                           .gpu = gpu_summarise(NULL, 0, 0, 0)};
}

/* The members of one type on one target; at most as many as there are numbers of threads, or ways
 * to transfer. */
static size_t add_members(struct member *members, const struct blas_options *o,
                          const struct blas_shape *shape, enum scalar type,
                          const struct blas_target *target) {
    size_t count = 0;
    if (!blas_target_routine(target, shape->kernel, type)) return 0;
    if (!target->library) {
        for (enum transfer t = TRANSFER_NONE; t < (o->transfer ? TRANSFER_COUNT : 1); t++)
            members[count++] = new_member(shape, type, target, 1, t);
        return count;
    }
    /* A library without threads is measured once, on one. */
    bool single = !target->library->control && o->mode == MODE_LATENCY;
    for (size_t i = 0; i < (single ? 1 : o->common.thread_counts); i++)
        members[count++] =
            new_member(shape, type, target, single ? 1 : o->common.threads[i], TRANSFER_NONE);
    return count;
}

struct member *group_members(const struct blas_options *o, const struct blas_shape *shape,
                             const struct blas_targets *targets, size_t *count) {
    const struct common *c = &o->common;
    size_t most = c->thread_counts > TRANSFER_COUNT ? c->thread_counts : TRANSFER_COUNT;
    struct member *members = calloc(c->type_count * targets->count * most, sizeof *members);
    if (!members) die(EXIT_MISSING, "out of memory");
    *count = 0;
    for (size_t t = 0; t < c->type_count; t++)
        for (size_t i = 0; i < targets->count; i++)
            *count += add_members(members + *count, o, shape, c->types[t], &targets->target[i]);
    return members;
}

void group_free(struct member *members, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(members[i].samples);
        free(members[i].own);
        free(members[i].throttled);
        gpu_summary_free(&members[i].gpu);
        sustain_free(&members[i].sustained);
    }
    free(members);
}

/* Why a device does nothing any more; NULL: it works. */
static const char *error_of(const struct device *device) {
    return device->error ? device->error(device) : NULL;
}

/* Members of devices that failed while the group ran. */
static void fail_lost(const struct blas_options *o, struct member *members, size_t count) {
    for (size_t d = 0; d < o->common.device_count; d++) {
        const char *error = error_of(o->common.devices[d]);
        if (error)
            group_end(members, count, o->common.devices[d], SCALAR_COUNT, MEMBER_FAILED,
                      "the device failed: ", error);
    }
}

/* How one member runs. */
struct runner {
    const struct blas_options *options;
    struct member *member;
    struct blas_operands *operands;
    blas_routine routine;
    void *from, *to; /* events of a device that runs behind */
};

static void make_calls(struct blas_operands *operands, size_t lane, blas_routine routine,
                       long repetitions) {
    struct blas_call *first = &operands->calls[lane * operands->sets];
    if (operands->sets == 1) {
        first->kernel->run[first->type](first, routine, repetitions);
        return;
    }
    size_t *next = &operands->next[lane]; /* cold: the operands used longest ago */
    for (long r = 0; r < repetitions; r++) {
        first[*next].kernel->run[first->type](&first[*next], routine, 1);
        *next = *next + 1 == operands->sets ? 0 : *next + 1;
    }
}

struct lane_task {
    struct runner *runner;
    long repetitions;
};

static void lane_body(int thread, int threads, void *argument) {
    (void)threads;
    const struct lane_task *task = argument;
    make_calls(task->runner->operands, (size_t)thread, task->runner->routine, task->repetitions);
}

static void run_member(void *context, long repetitions) {
    struct runner *r = context;
    const struct blas_shape *shape = r->member->shape;
    struct span span = {
        .operation = shape->kernel->name, .m = shape->m, .n = shape->n, .k = shape->k};
    struct lane_task task = {r, repetitions};
    span_begin(&span); /* one a region: the calls in it stay as bare as a user's loop */
    if (r->member->transfer != TRANSFER_NONE)
        blas_operands_call_with_transfers(r->operands, r->member->transfer, r->routine,
                                          repetitions);
    else if (r->options->mode == MODE_LATENCY)
        make_calls(r->operands, 0, r->routine, repetitions);
    else
        team_run(r->member->threads, lane_body, &task);
    span_end(&span);
}

/* Calls that run behind are timed by the device's own events. Those with transfers have ended when
 * they return, and what the host waits for is what they cost: the host's clock. */
static double time_on_device(void *context, long repetitions) {
    struct runner *r = context;
    const struct device *device = r->member->target->device;
    if (r->member->transfer != TRANSFER_NONE) {
        double begin = clock_seconds();
        run_member(r, repetitions);
        return device->error(device) ? NAN : clock_seconds() - begin;
    }
    return device_time(device, r->from, r->to, run_member, r, repetitions);
}

static void enter_member(void *context) {
    struct runner *r = context;
    struct member *m = r->member;
    struct blas_library *library = m->target->library;
    bool throughput = r->options->mode == MODE_THROUGHPUT;
    if (!library) { /* another device may have had its turn */
        r->routine = blas_target_routine(m->target, m->shape->kernel, m->type);
        return;
    }
    if (team_pin(m->threads)) m->unpinned = true;
    if (blas_library_pin_workers(library)) m->unpinned = true;
    blas_library_set_threads(library, throughput ? 1 : m->threads);
}

static void keep_check(struct member *m, bool first, const struct check_result *result) {
    if (first || (m->check.passed && !result->passed) || result->error > m->check.error)
        m->check = *result;
}

/* One checked call on the CPU, in throughput mode one on each core at once. */
static void check_on_cpu(struct runner *r, struct check *check) {
    struct member *m = r->member;
    struct blas_operands *operands = r->operands;
    size_t lanes = r->options->mode == MODE_THROUGHPUT ? (size_t)m->threads : 1;
    for (size_t lane = 0; lane < lanes; lane++)
        check_arm(check, &operands->calls[lane * operands->sets]);
    for (size_t lane = 0; lane < operands->lanes; lane++) operands->next[lane] = 0;
    blas_library_note_threads(m->target->library);
    run_member(r, 1);
    if (blas_library_adopt_threads(m->target->library)) m->unpinned = true;
    for (size_t lane = 0; lane < lanes; lane++) {
        struct check_result result = check_verify(check, &operands->calls[lane * operands->sets]);
        keep_check(m, lane == 0, &result);
    }
}

/* One checked call on a device: its operands are made and looked at on the host. */
static void check_on_device(struct runner *r, struct check *check) {
    struct member *m = r->member;
    struct blas_call *image = blas_operands_host(r->operands);
    check_arm(check, image);
    blas_operands_load(r->operands, m->transfer);
    r->operands->next[0] = 0;
    run_member(r, 1);
    blas_operands_fetch(r->operands, m->transfer);
    struct check_result result = check_verify(check, image);
    keep_check(m, true, &result);
}

static void check_member(struct runner *r, struct check *check) {
    struct member *m = r->member;
    enter_member(r);
    if (m->target->library)
        check_on_cpu(r, check);
    else
        check_on_device(r, check);
    if (error_of(m->target->device)) return; /* that is why */
    m->checked = true;
    if (m->check.passed) return;
    m->status = MEMBER_FAILED;
    snprintf(m->reason, sizeof m->reason, "%s", m->check.reason);
}

static void take_result(struct member *m, struct subject *s, const struct machine_state *before,
                        const struct machine_state *after) {
    m->summary = sampler_result(&s->sampler, &m->noisy);
    m->repetitions = s->repetitions;
    m->samples = s->sampler.samples; /* ours now */
    m->own = s->sampler.own;
    s->sampler.samples = s->sampler.own = NULL;
    m->clock_ghz = m->target->library ? fmin(before->clock_ghz, after->clock_ghz) : NAN;
    m->stolen = machine_state_stolen(before, after);
    m->load = after->load;
}

/* The event that begins a region is recorded on an idle stream, so what the first launch takes to
 * reach the device, 2 to 20 us, is in the region's time: at most 1 % of one this long. Events
 * themselves resolve half a microsecond. */
static const double device_region = 2e-3;

static struct subject subject_of(const struct blas_options *o, struct runner *r) {
    const struct device *device = r->member->target->device;
    bool behind = device->runs_behind;
    return (struct subject){.context = r,
                            .enter = enter_member,
                            .run = run_member,
                            .timed = behind ? time_on_device : NULL,
                            .least_region = behind                       ? device_region
                                            : o->mode == MODE_THROUGHPUT ? 5e-4
                                                                         : 0};
}

/* All members and ceilings in interleaved rounds. */
static double measure(const struct blas_options *o, struct runner *runners, struct member *members,
                      size_t count, const struct group_progress *progress) {
    struct subject *subjects = calloc(2 * count, sizeof *subjects);
    struct subject **of = calloc(count, sizeof *of);
    if (!subjects || !of) die(EXIT_MISSING, "out of memory");
    size_t used = 0;
    double seconds = 0;
    for (size_t i = 0; i < count; i++) {
        if (members[i].status != MEMBER_OK || !runners[i].member) continue;
        of[i] = &subjects[used];
        subjects[used++] = subject_of(o, &runners[i]);
    }
    if (used) {
        struct group_ceilings *ceilings = group_ceilings_add(o, members, count, subjects, &used);
        struct rounds_options options = {o->common.limits, progress->progress, progress->context};
        struct group_watch *watch = group_watch_begin(o, members, count);
        struct machine_state before = machine_state_now();
        double begin = clock_seconds();
        bool complete = rounds_run(subjects, used, &options);
        seconds = clock_seconds() - begin;
        struct machine_state after = machine_state_now();
        group_watch_end(watch);
        fail_lost(o, members, count);
        group_agree(members, count);
        for (size_t i = 0; i < count; i++) {
            if (!of[i] || members[i].status != MEMBER_OK) continue;
            if (!complete) {
                members[i].status = MEMBER_INCOMPLETE;
                snprintf(members[i].reason, sizeof members[i].reason, "interrupted by %s",
                         interrupt_name());
                continue;
            }
            members[i].repetitions = of[i]->repetitions;
            group_watch_tell(watch, &members[i], &of[i]->sampler, used == 1);
            take_result(&members[i], of[i], &before, &after);
            group_ceilings_read(ceilings, &members[i]);
        }
        group_agree_conditions(members, count);
        group_ceilings_free(ceilings);
        group_watch_free(watch);
    }
    for (size_t i = 0; i < used; i++) sampler_free(&subjects[i].sampler);
    free(of);
    free(subjects);
    return seconds;
}

static void make_runner(struct runner *r, const struct blas_options *o, struct member *m,
                        struct blas_operands *operands) {
    const struct device *device = m->target->device;
    *r = (struct runner){
        o, m, operands, blas_target_routine(m->target, m->shape->kernel, m->type), NULL, NULL};
    if (!device->runs_behind) return;
    r->from = device->event_new(device);
    r->to = device->event_new(device);
}

static void free_runner(struct runner *r) {
    const struct device *device = r->member ? r->member->target->device : NULL;
    if (!device || !device->runs_behind) return;
    device->event_free(device, r->from);
    device->event_free(device, r->to);
}

/* Checks all members that use these operands, then fills them for the timing. */
static void check_and_fill(const struct blas_options *o, struct blas_operands *operands,
                           struct runner *runners, struct member *members, size_t count) {
    struct blas_call *host = blas_operands_host(operands);
    struct check check;
    if (o->common.check) check_prepare(&check, host, o->common.seed, o->low, o->high);
    if (o->common.check) blas_operands_copy(operands);
    for (size_t i = 0; i < count; i++) {
        struct member *m = &members[i];
        if (m->type != host->type || m->target->device != operands->device) continue;
        if (m->status != MEMBER_OK) continue;
        make_runner(&runners[i], o, m, operands);
        if (o->common.check && !interrupt_came()) check_member(&runners[i], &check);
        fail_lost(o, members, count);
    }
    if (o->common.check) check_free(&check);
    check_fill_for_timing(host, o->common.seed, o->low, o->high);
    blas_operands_copy(operands);
    fail_lost(o, members, count);
}

/* A region of --sustain: long enough that looking at the machine between two costs nothing. */
static const double sustain_region_seconds = 10e-3;

struct sustained_region {
    struct runner *runner;
    long repetitions;
};

static double run_sustained(void *context) {
    struct sustained_region *region = context;
    if (region->runner->member->target->device->runs_behind)
        return time_on_device(region->runner, region->repetitions);
    double begin = clock_seconds();
    run_member(region->runner, region->repetitions);
    return clock_seconds() - begin;
}

static void sustain(struct runner *runner, const struct group_progress *progress) {
    struct member *m = runner->member;
    double calls = fmax(1, ceil(sustain_region_seconds / m->summary.median));
    struct sustained_region region = {runner, (long)calls};
    struct sustain_case c = {.run = run_sustained,
                             .context = &region,
                             .flops = m->flops * calls,
                             .bytes = m->bytes * calls,
                             .gpu = gpu_monitor_of(m->target->device, NULL),
                             .on_gpu = !m->target->library,
                             .progress = progress->progress,
                             .progress_context = progress->context};
    enter_member(runner);
    quiesce_others();
    m->sustained = sustain_run(&c, runner->options->sustain);
}

static double run_group(const struct blas_options *o, struct group_memory *memory,
                        struct member *members, size_t count,
                        const struct group_progress *progress) {
    struct runner *runners = calloc(count, sizeof *runners);
    if (!runners) die(EXIT_MISSING, "out of memory");
    for (size_t t = 0; t < o->common.type_count; t++)
        for (size_t d = 0; d < o->common.device_count; d++) {
            struct blas_operands *mine = &memory->of[d][o->common.types[t]];
            if (mine->calls) check_and_fill(o, mine, runners, members, count);
        }
    group_agree_checks(members, count);
    group_agree(members, count);
    double seconds = measure(o, runners, members, count, progress);
    for (size_t i = 0; i < count && o->sustain > 0; i++)
        if (members[i].status == MEMBER_OK && runners[i].member && !interrupt_came())
            sustain(&runners[i], progress);
    fail_lost(o, members, count);
    for (size_t i = 0; i < count; i++) free_runner(&runners[i]);
    free(runners);
    return seconds;
}

/* Members of one type after the other: they are ordered by type. */
static double measure_types_apart(const struct blas_options *o, struct member *members,
                                  size_t count, const struct group_progress *progress) {
    double seconds = 0;
    for (size_t t = 0; t < o->common.type_count; t++) {
        struct blas_options one = *o;
        one.common.types[0] = o->common.types[t];
        one.common.type_count = 1;
        size_t first = 0, of_type = 0;
        while (first < count && members[first].type != o->common.types[t]) first++;
        while (first + of_type < count && members[first + of_type].type == o->common.types[t])
            of_type++;
        if (of_type) seconds += group_measure(&one, members + first, of_type, progress);
    }
    return seconds;
}

/* What an earlier group has left of the devices. */
static void skip_lost(const struct blas_options *o, struct member *members, size_t count) {
    for (size_t d = 0; d < o->common.device_count; d++) {
        const char *error = error_of(o->common.devices[d]);
        if (error)
            group_end(members, count, o->common.devices[d], SCALAR_COUNT, MEMBER_SKIPPED,
                      "the device is lost: ", error);
    }
}

double group_measure(const struct blas_options *o, struct member *members, size_t count,
                     const struct group_progress *progress) {
    size_t lanes = o->mode == MODE_THROUGHPUT ? (size_t)common_most_threads(&o->common) : 1;
    struct group_memory *memory = group_memory_new();
    double seconds = 0;
    skip_lost(o, members, count);
    bool fits = together_all(group_memory_plan(memory, o, members, count, lanes));
    group_agree(members, count);
    if (o->common.type_count > 1 && (!fits || o->common.cold)) {
        seconds = measure_types_apart(o, members, count, progress);
    } else {
        group_memory_allocate(memory, o, members, count, lanes);
        fail_lost(o, members, count); /* before anything has run */
        group_agree(members, count);
        seconds = run_group(o, memory, members, count, progress);
    }
    group_memory_free(memory);
    return seconds;
}
