#include "bench/blas/group.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/blas/operands.h"
#include "bench/ceilings.h"
#include "bench/harness/clock.h"
#include "bench/harness/error.h"
#include "bench/harness/interrupt.h"
#include "bench/harness/machine_state.h"
#include "kernels/cpu/team.h"
#include "kernels/cpu/topology.h"
#include "kernels/trace.h"

struct member *group_members(const struct blas_options *o, const struct blas_shape *shape,
                             struct blas_library *const *libraries, size_t library_count,
                             size_t *count) {
    const struct common *c = &o->common;
    struct member *members =
        calloc(c->type_count * library_count * c->thread_counts, sizeof *members);
    if (!members) die(EXIT_MISSING, "out of memory");
    *count = 0;
    for (size_t t = 0; t < c->type_count; t++)
        for (size_t l = 0; l < library_count; l++)
            for (size_t i = 0; i < c->thread_counts; i++) {
                /* A library without threads is measured once, on one. */
                bool single = !libraries[l]->control && o->mode == MODE_LATENCY;
                if (single && i > 0) continue;
                members[(*count)++] = (struct member){.shape = shape,
                                                      .type = c->types[t],
                                                      .library = libraries[l],
                                                      .threads = single ? 1 : c->threads[i],
                                                      .lda = -1,
                                                      .ceiling_rate = NAN,
                                                      .peak_fraction = NAN,
                                                      .clock_ghz = NAN,
                                                      .stolen = NAN,
                                                      .load = NAN};
            }
    return members;
}

void group_free(struct member *members, size_t count) {
    for (size_t i = 0; i < count; i++) free(members[i].samples);
    free(members);
}

static void skip(struct member *members, size_t count, const char *reason) {
    for (size_t i = 0; i < count; i++) {
        members[i].status = MEMBER_SKIPPED;
        snprintf(members[i].reason, sizeof members[i].reason, "%s", reason);
    }
}

/* How one member runs. */
struct runner {
    const struct blas_options *options;
    struct member *member;
    struct blas_operands *operands;
    blas_routine routine;
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
    if (r->options->mode == MODE_LATENCY)
        make_calls(r->operands, 0, r->routine, repetitions);
    else
        team_run(r->member->threads, lane_body, &task);
    span_end(&span);
}

static void enter_member(void *context) {
    struct runner *r = context;
    struct member *m = r->member;
    bool throughput = r->options->mode == MODE_THROUGHPUT;
    if (team_pin(m->threads)) m->unpinned = true;
    if (blas_library_pin_workers(m->library)) m->unpinned = true;
    blas_library_set_threads(m->library, throughput ? 1 : m->threads);
}

/* One checked call of a member, in throughput mode one on each core at once. */
static void check_member(struct runner *r, struct check *check) {
    struct member *m = r->member;
    struct blas_operands *operands = r->operands;
    enter_member(r);
    size_t lanes = r->options->mode == MODE_THROUGHPUT ? (size_t)m->threads : 1;
    for (size_t lane = 0; lane < lanes; lane++)
        check_arm(check, &operands->calls[lane * operands->sets]);
    for (size_t lane = 0; lane < operands->lanes; lane++) operands->next[lane] = 0;
    blas_library_note_threads(m->library);
    run_member(r, 1);
    if (blas_library_adopt_threads(m->library)) m->unpinned = true;
    m->checked = true;
    m->check.passed = true;
    for (size_t lane = 0; lane < lanes; lane++) {
        struct check_result result = check_verify(check, &operands->calls[lane * operands->sets]);
        if (lane == 0 || (m->check.passed && !result.passed) || result.error > m->check.error)
            m->check = result;
    }
    if (m->check.passed) return;
    m->status = MEMBER_FAILED;
    snprintf(m->reason, sizeof m->reason, "%s", m->check.reason);
}

/* The ceilings of a group: one for each type and number of threads. */
struct ceilings {
    struct fma_ceiling fma[SCALAR_COUNT * MOST_THREAD_COUNTS];
    struct bandwidth_ceiling bandwidth[SCALAR_COUNT * MOST_THREAD_COUNTS];
    struct subject *subject[SCALAR_COUNT * MOST_THREAD_COUNTS];
    enum scalar type[SCALAR_COUNT * MOST_THREAD_COUNTS];
    int threads[SCALAR_COUNT * MOST_THREAD_COUNTS];
    const char *name[SCALAR_COUNT * MOST_THREAD_COUNTS];
    size_t count;
    double *buffer;
    size_t buffer_bytes;
};

/* Beyond twice the last-level cache bandwidth no longer depends on the working set. */
static size_t ceiling_working_set(const struct blas_options *o, double working_set) {
    double most = 2.0 * (double)topology_last_level_cache();
    if (o->common.cold || working_set > most) return (size_t)most;
    return (size_t)working_set;
}

static size_t find_ceiling(const struct ceilings *c, enum scalar type, int threads) {
    for (size_t i = 0; i < c->count; i++)
        if (c->type[i] == type && c->threads[i] == threads) return i;
    return c->count;
}

/* Adds the ceilings that the members need behind their own subjects; returns the new count. */
static size_t add_ceilings(const struct blas_options *o, struct ceilings *c, struct member *members,
                           size_t count, struct subject *subjects, size_t used) {
    const struct kernel *kernel = members[0].shape->kernel;
    for (size_t i = 0; i < count; i++) {
        const struct member *m = &members[i];
        if (m->status != MEMBER_OK || find_ceiling(c, m->type, m->threads) < c->count) continue;
        if (kernel->is_product) {
            const struct fma_probe *probe = fma_probe_best(m->type);
            if (!probe) continue;
            c->fma[c->count] = (struct fma_ceiling){probe, m->threads};
            c->name[c->count] = probe->isa;
            subjects[used] = fma_ceiling_subject(&c->fma[c->count]);
        } else {
            size_t working_set = ceiling_working_set(o, m->working_set);
            size_t bytes = bandwidth_buffer_bytes(working_set, m->threads);
            if (bytes > c->buffer_bytes) c->buffer_bytes = bytes;
            c->bandwidth[c->count] = (struct bandwidth_ceiling){
                bandwidth_probe_find(kernel->stream), m->threads, NULL, working_set};
            if (!c->bandwidth[c->count].probe) continue;
            c->name[c->count] = kernel->stream;
            subjects[used] = bandwidth_ceiling_subject(&c->bandwidth[c->count]);
        }
        subjects[used].companion = true;
        c->type[c->count] = m->type;
        c->threads[c->count] = m->threads;
        c->subject[c->count++] = &subjects[used++];
    }
    if (!c->buffer_bytes) return used;
    c->buffer = o->common.device->allocate(c->buffer_bytes);
    if (!c->buffer) die(EXIT_MISSING, "out of memory for the bandwidth ceiling");
    for (size_t i = 0; i < c->count; i++) c->bandwidth[i].buffer = c->buffer;
    bandwidth_buffer_fill(c->buffer, c->buffer_bytes, common_most_threads(&o->common));
    return used;
}

static void read_ceiling(const struct ceilings *c, struct member *m) {
    size_t i = find_ceiling(c, m->type, m->threads);
    if (i == c->count || c->subject[i]->sampler.count == 0) return;
    double seconds = sampler_result(&c->subject[i]->sampler, &m->ceiling_noisy).median;
    bool product = m->shape->kernel->is_product;
    snprintf(m->ceiling_name, sizeof m->ceiling_name, "%s%s", product ? "fma-" : "", c->name[i]);
    m->ceiling = m->ceiling_name;
    double work =
        product ? fma_ceiling_flops(&c->fma[i]) : bandwidth_ceiling_bytes(&c->bandwidth[i]);
    m->ceiling_rate = work / seconds * 1e-9;
    double ours = (product ? m->flops : m->bytes) / m->summary.median * 1e-9;
    m->peak_fraction = ours / m->ceiling_rate;
}

static void take_result(struct member *m, struct subject *s, const struct machine_state *before,
                        const struct machine_state *after) {
    m->summary = sampler_result(&s->sampler, &m->noisy);
    m->repetitions = s->repetitions;
    m->samples = s->sampler.samples; /* ours now */
    s->sampler.samples = NULL;
    m->clock_ghz = fmin(before->clock_ghz, after->clock_ghz);
    m->stolen = machine_state_stolen(before, after);
    m->load = after->load;
}

/* All members and ceilings in interleaved rounds. */
static double measure(const struct blas_options *o, struct runner *runners, struct member *members,
                      size_t count, const struct group_progress *progress) {
    struct ceilings *ceilings = calloc(1, sizeof *ceilings);
    struct subject *subjects = calloc(2 * count, sizeof *subjects);
    struct subject **of = calloc(count, sizeof *of);
    if (!ceilings || !subjects || !of) die(EXIT_MISSING, "out of memory");
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (members[i].status != MEMBER_OK) continue;
        of[i] = &subjects[used];
        subjects[used++] = (struct subject){.context = &runners[i],
                                            .enter = enter_member,
                                            .run = run_member,
                                            .least_region = o->mode == MODE_THROUGHPUT ? 5e-4 : 0};
    }
    double seconds = 0;
    if (used) {
        used = add_ceilings(o, ceilings, members, count, subjects, used);
        struct rounds_options options = {o->common.limits, progress->progress, progress->context};
        struct machine_state before = machine_state_now();
        double begin = clock_seconds();
        bool complete = rounds_run(subjects, used, &options);
        seconds = clock_seconds() - begin;
        struct machine_state after = machine_state_now();
        for (size_t i = 0; i < count; i++) {
            if (!of[i]) continue;
            if (!complete) {
                members[i].status = MEMBER_INCOMPLETE;
                snprintf(members[i].reason, sizeof members[i].reason, "interrupted by %s",
                         interrupt_name());
                continue;
            }
            take_result(&members[i], of[i], &before, &after);
            read_ceiling(ceilings, &members[i]);
        }
    }
    for (size_t i = 0; i < used; i++) sampler_free(&subjects[i].sampler);
    o->common.device->release(ceilings->buffer, ceilings->buffer_bytes);
    free(of);
    free(subjects);
    free(ceilings);
    return seconds;
}

/* Checks and fills for every type of the group, then measures. */
static double run_group(const struct blas_options *o, struct blas_operands *operands,
                        struct member *members, size_t count,
                        const struct group_progress *progress) {
    struct runner *runners = calloc(count, sizeof *runners);
    if (!runners) die(EXIT_MISSING, "out of memory");
    for (size_t t = 0; t < o->common.type_count; t++) {
        struct blas_operands *mine = &operands[o->common.types[t]];
        if (!mine->calls) continue;
        struct check check;
        if (o->common.check)
            check_prepare(&check, &mine->calls[0], o->common.seed, o->low, o->high);
        if (o->common.check) blas_operands_copy(mine);
        for (size_t i = 0; i < count && !interrupt_came(); i++) {
            if (members[i].type != mine->calls[0].type || members[i].status != MEMBER_OK) continue;
            runners[i] =
                (struct runner){o, &members[i], mine,
                                blas_library_routine(members[i].library, members[i].shape->kernel,
                                                     members[i].type)};
            if (o->common.check) check_member(&runners[i], &check);
        }
        if (o->common.check) check_free(&check);
        check_fill_for_timing(&mine->calls[0], o->common.seed, o->low, o->high);
        blas_operands_copy(mine);
    }
    double seconds = measure(o, runners, members, count, progress);
    free(runners);
    return seconds;
}

static void describe(struct member *members, size_t count, const struct blas_call *call,
                     size_t lanes_of_all) {
    for (size_t i = 0; i < count; i++) {
        if (members[i].type != call->type) continue;
        double lanes = lanes_of_all > 1 ? members[i].threads : 1;
        members[i].flops = call->kernel->flops(call) * lanes;
        members[i].bytes = kernel_bytes(call) * lanes;
        members[i].working_set = kernel_working_set(call) * lanes;
        for (int p = 0; p < MAX_OPERANDS && members[i].lda < 0; p++)
            if (call->operand[p].kind != OPERAND_NONE && call->operand[p].kind != OPERAND_VECTOR)
                members[i].lda = call->operand[p].stride;
    }
}

/* Members of one type, moved to the front of a copy, so that types can be measured apart. */
static double measure_types_apart(const struct blas_options *o, struct member *members,
                                  size_t count, const struct group_progress *progress) {
    double seconds = 0;
    for (size_t t = 0; t < o->common.type_count; t++) {
        struct blas_options one = *o;
        one.common.types[0] = o->common.types[t];
        one.common.type_count = 1;
        size_t first = 0, of_type = 0; /* members are ordered by type */
        while (first < count && members[first].type != o->common.types[t]) first++;
        while (first + of_type < count && members[first + of_type].type == o->common.types[t])
            of_type++;
        if (of_type) seconds += group_measure(&one, members + first, of_type, progress);
    }
    return seconds;
}

double group_measure(const struct blas_options *o, struct member *members, size_t count,
                     const struct group_progress *progress) {
    size_t lanes = o->mode == MODE_THROUGHPUT ? (size_t)common_most_threads(&o->common) : 1;
    struct blas_operands operands[SCALAR_COUNT] = {0};
    size_t need = 0, available = o->common.device->memory_available();
    char reason[256] = "";
    bool fits = true;
    for (size_t t = 0; t < o->common.type_count && fits; t++) {
        struct blas_operands *mine = &operands[o->common.types[t]];
        fits = blas_operands_plan(mine, o, members[0].shape, o->common.types[t], lanes, reason,
                                  sizeof reason);
        if (fits) fits = !__builtin_add_overflow(need, mine->bytes, &need);
    }
    if (fits && need > available / 10 * 9) {
        snprintf(reason, sizeof reason, "operands need %.3g GB, %.3g GB of memory are free",
                 (double)need * 1e-9, (double)available * 1e-9);
        fits = false;
    }
    bool apart = o->common.type_count > 1 && (!fits || o->common.cold);
    double seconds = 0;
    for (size_t t = 0; t < o->common.type_count && fits && !apart; t++) {
        struct blas_operands *mine = &operands[o->common.types[t]];
        if (!blas_operands_allocate(mine, o)) {
            snprintf(reason, sizeof reason, "the system refused %.3g GB of memory",
                     (double)mine->bytes * 1e-9);
            fits = false;
            break;
        }
        describe(members, count, &mine->calls[0], lanes);
    }
    if (apart)
        seconds = measure_types_apart(o, members, count, progress);
    else if (!fits)
        skip(members, count, reason);
    else
        seconds = run_group(o, operands, members, count, progress);
    for (enum scalar t = 0; t < SCALAR_COUNT; t++) blas_operands_free(&operands[t], o);
    return seconds;
}
