/* One size: all algorithms on all groups of ranks in the same rounds, and what comes of them. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/allreduce/session.h"
#include "bench/harness/clock.h"
#include "bench/harness/error.h"
#include "bench/harness/interrupt.h"
#include "bench/harness/machine_state.h"
#include "bench/harness/rounds.h"
#include "bench/harness/texts.h"
#include "bench/harness/together.h"
#include "bench/rank_agree.h"
#include "bench/rank_rows.h"
#include "kernels/cpu/team.h"
#include "kernels/device.h"
#include "mpi/add.h"
#include "mpi/allreduce_check.h"
#include "mpi/point_to_point.h"
#include "mpi/ranks.h"
#include "mpi/watchdog.h"

struct allreduce_case {
    const struct session *session;
    const struct message *message;
    const struct group *group;
    const struct allreduce_algorithm *algorithm; /* NULL: there and back */
    enum scalar type;
    size_t count;
    void *from, *to, *work;
    const char *status;
    char reason[RANK_REASON];
    double error; /* of the check; NaN: unchecked, or not a number */
    bool checked;
    struct subject *subject; /* NULL: it cannot run */
};

struct buffers {
    void *from, *to, *work;
    size_t bytes, work_bytes;
};

bool allreduce_runs(const struct session *s, const struct group *g,
                    const struct allreduce_algorithm *a) {
    (void)s;
    if (g->pair) return a == NULL;
    if (!a) return false;
    /* smaller numbers of ranks are for the models, and it has none */
    return g->largest || strcmp(a->name, "shared") != 0;
}

static const char *name_of(const struct group *g, const struct allreduce_algorithm *a) {
    if (a) return a->name;
    return strcmp(g->link, "intra") == 0 ? "p2p-intra" : "p2p-inter";
}

static bool is_whole(const struct group *g) { return g->count == ranks_get()->count && !g->pair; }

/* ---- running ---- */

static void run_once(const struct allreduce_case *c) {
    if (!c->group->lane) return;
    if (!c->algorithm) {
        point_to_point(c->group->lane, c->from, c->to, c->count, c->type);
        return;
    }
    c->algorithm->run(&(struct allreduce_call){.lane = c->group->lane,
                                               .from = c->from,
                                               .to = c->to,
                                               .work = c->work,
                                               .count = c->count,
                                               .type = c->type});
}

static void enter(void *context) {
    (void)context;
    team_pin(1);
}

static void run(void *context, long repetitions) {
    const struct allreduce_case *c = context;
    watchdog_waits("waiting in an allreduce");
    for (long i = 0; i < repetitions; i++) run_once(c);
    watchdog_goes_on();
}

/* A message is half of the way there and back. */
static double timed_half(void *context, long repetitions) {
    double begin = clock_seconds();
    run(context, repetitions);
    return 0.5 * (clock_seconds() - begin);
}

/* ---- checking ---- */

/* A run into spoilt memory must write every element, and rightly. */
static void check(struct allreduce_case *c) {
    const struct group *g = c->group;
    double error = 0;
    if (g->lane) {
        allreduce_spoil(c->type, c->to, c->count);
        run_once(c);
        error = allreduce_error(c->type, c->to, c->count, c->session->options->common.seed,
                                g->members, g->pair ? 1 : g->count, ranks_get()->count);
    }
    together_slowest(&error, 1); /* NaN counts as the largest */
    if (c->checked && !(error > c->error) && !isnan(error)) return;
    c->checked = true;
    c->error = error;
    if (error == 0) return;
    c->status = "failed";
    if (isnan(error))
        snprintf(c->reason, sizeof c->reason,
                 "elements of the sum were not written, or are not "
                 "numbers");
    else
        snprintf(c->reason, sizeof c->reason,
                 "the sum is wrong: it is off by %g, and must be exact", error);
}

/* ---- memory ---- */

static size_t work_bytes(const struct session *s, size_t count, enum scalar type) {
    size_t most = 0;
    for (size_t a = 0; a < s->options->algorithm_count; a++) {
        const struct allreduce_algorithm *row = s->options->algorithms[a];
        size_t bytes = row->work_bytes ? row->work_bytes(count, type, ranks_get()->count) : 0;
        if (bytes > most) most = bytes;
    }
    return most;
}

/* The same on all ranks: memory for all of a size, or for none of it. */
static bool allocate(struct buffers *b, const struct session *s, size_t bytes, enum scalar type,
                     char *reason, size_t size) {
    *b = (struct buffers){.bytes = bytes};
    b->work_bytes = work_bytes(s, bytes / scalar_bytes(type), type);
    size_t need = (2 * bytes + b->work_bytes) * (size_t)ranks_get()->local_count;
    size_t available = cpu_device.memory_available(&cpu_device);
    snprintf(reason, size, "the ranks of a node need %.3g GB, %.3g GB of memory are free",
             (double)need * 1e-9, (double)available * 1e-9);
    bool fits = need <= available / 10 * 8 && bytes / scalar_bytes(type) <= INT_MAX;
    if (!rank_agree(fits, reason, size)) return false;
    b->from = cpu_device.allocate(&cpu_device, bytes);
    b->to = cpu_device.allocate(&cpu_device, bytes);
    b->work = b->work_bytes ? cpu_device.allocate(&cpu_device, b->work_bytes) : NULL;
    snprintf(reason, size, "out of memory");
    return rank_agree(b->from && b->to && (b->work || !b->work_bytes), reason, size);
}

static void release(struct buffers *b) {
    cpu_device.release(&cpu_device, b->from, b->bytes);
    cpu_device.release(&cpu_device, b->to, b->bytes);
    if (b->work) cpu_device.release(&cpu_device, b->work, b->work_bytes);
}

/* ---- rows ---- */

static const char table_format[] = "%12s  %-12s %5s %-5s  %10s %6s  %8s %8s  %5s  %s\n";

void allreduce_print_header(void) {
    printf(table_format, "bytes", "algorithm", "ranks", "link", "median", "+-%", "algbw", "busbw",
           "error", "flags");
}

/* Each rank sends and receives at least 2(p-1)/p of the array, whatever the algorithm. */
static double bus_factor(const struct group *g) {
    return g->pair ? 1 : 2 * (g->count - 1.0) / g->count;
}

static void print_row(const struct allreduce_case *c, const struct summary *sum,
                      const char *flags) {
    char bytes[24], ranks[16], median[24] = "-", width[16] = "-", algbw[24] = "-", busbw[24] = "-",
                               error[16] = "-";
    snprintf(bytes, sizeof bytes, "%zu", c->message->bytes);
    snprintf(ranks, sizeof ranks, "%d", c->group->count);
    if (c->checked) snprintf(error, sizeof error, "%g", c->error);
    if (sum) {
        double rate = (double)c->message->bytes / sum->median * 1e-9;
        seconds_text(sum->median, median, sizeof median);
        if (isfinite(sum->low) && isfinite(sum->high))
            snprintf(width, sizeof width, "%.1f", 50 * (sum->high - sum->low) / sum->median);
        snprintf(algbw, sizeof algbw, "%.3g", rate);
        snprintf(busbw, sizeof busbw, "%.3g", rate * bus_factor(c->group));
    }
    char note[RANK_REASON + 128];
    snprintf(note, sizeof note, "%s%s%s%s%s", c->message->network ? c->message->network : "",
             c->message->network && (sum ? flags[0] : 1) ? "; " : "", sum ? flags : c->status,
             sum ? "" : ": ", sum ? "" : c->reason);
    printf(table_format, bytes, name_of(c->group, c->algorithm), ranks, c->group->link, median,
           width, algbw, busbw, error, note);
    fflush(stdout);
}

static void keep(struct session *s, const struct allreduce_case *c, double seconds) {
    struct finding *more = realloc(s->findings, (s->finding_count + 1) * sizeof *more);
    if (!more) die(EXIT_MISSING, "out of memory");
    s->findings = more;
    more[s->finding_count++] = (struct finding){c->group, name_of(c->group, c->algorithm), c->type,
                                                (double)c->message->bytes, seconds};
}

static void report(struct session *s, struct allreduce_case *c, const struct machine_state *before,
                   const struct machine_state *after) {
    bool ok = c->subject && strcmp(c->status, "ok") == 0, noisy = false;
    struct summary sum = {0, NAN, NAN, NAN, NAN, NAN, NAN};
    char flags[64] = "";
    double stolen = machine_state_stolen(before, after);
    double worst = isnan(stolen) ? -1 : stolen;
    together_slowest(&worst, 1);
    if (ok) sum = sampler_result(&c->subject->sampler, &noisy);
    record_add_flag(flags, sizeof flags, noisy, "noisy");
    record_add_flag(flags, sizeof flags, worst > 0.01, "stolen");
    record_add_flag(flags, sizeof flags, !s->options->common.check, "unchecked");
    double rate = (double)c->message->bytes / sum.median * 1e-9;
    json_t *row =
        json_pack("{s:s, s:n, s:i, s:i, s:s, s:s, s:o, s:s, s:I}", "device", "cpu", "library",
                  "threads", 1, "ranks", c->group->count, "type", scalar_letter(c->type), "status",
                  c->status, "reason", record_text_or_null(ok ? NULL : c->reason), "flags",
                  ok ? flags : "", "samples", (json_int_t)sum.samples);
    record_set_real(row, "median_s", sum.median);
    record_set_real(row, "low_s", sum.low);
    record_set_real(row, "high_s", sum.high);
    record_set_real(row, "min_s", sum.min);
    record_set_real(row, "gbytes_per_s", rate);
    json_object_set_new(row, "algorithm", json_string(name_of(c->group, c->algorithm)));
    json_object_set_new(row, "bytes", json_integer((json_int_t)c->message->bytes));
    record_set_real(row, "algbw", rate);
    record_set_real(row, "busbw", rate * bus_factor(c->group));
    record_set_real(row, "check_error", c->checked ? c->error : NAN);
    json_object_set_new(row, "link", json_string(c->group->link));
    json_object_set_new(row, "network", record_text_or_null(c->message->network));
    record_set_real(row, "clock_ghz", ok ? fmin(before->clock_ghz, after->clock_ghz) : NAN);
    record_set_real(row, "steal_fraction", ok ? stolen : NAN);
    record_set_real(row, "load", ok ? after->load : NAN);
    json_object_set_new(row, "repetitions",
                        ok ? json_integer(c->subject->repetitions) : json_null());
    json_t *samples = json_array();
    for (size_t i = 0; ok && i < sum.samples; i++)
        json_array_append_new(samples, json_real(c->subject->sampler.samples[i]));
    json_object_set_new(row, "samples_s", samples);
    if (ok && is_whole(c->group)) rank_rows_set(row, c->subject->sampler.own, sum.samples);
    json_object_set_new(row, "nodes", json_integer(c->group->nodes));
    record_case(&s->record, row);
    if (ok) keep(s, c, sum.median);
    if (s->table) print_row(c, ok ? &sum : NULL, flags);
}

/* ---- the sweep ---- */

static bool measured_in(const struct session *s, const struct message *m, enum scalar type) {
    if (!m->network) return true;
    for (size_t n = 0; n < s->network_count; n++)
        if (strcmp(s->networks[n].name, m->network) == 0)
            return m->bytes == (size_t)s->networks[n].parameters * scalar_bytes(type);
    return false;
}

static struct allreduce_case *cases_of(const struct session *s, const struct message *m,
                                       enum scalar type, size_t *count) {
    const struct allreduce_options *o = s->options;
    size_t most = s->group_count * (o->algorithm_count + 1);
    struct allreduce_case *cases = calloc(most ? most : 1, sizeof *cases);
    if (!cases) die(EXIT_MISSING, "out of memory");
    *count = 0;
    if (!measured_in(s, m, type)) return cases;
    for (size_t g = 0; g < s->group_count; g++)
        for (size_t a = 0; a <= o->algorithm_count; a++) {
            const struct allreduce_algorithm *row =
                a < o->algorithm_count ? o->algorithms[a] : NULL;
            if (!allreduce_runs(s, &s->groups[g], row)) continue;
            cases[(*count)++] = (struct allreduce_case){.session = s,
                                                        .message = m,
                                                        .group = &s->groups[g],
                                                        .algorithm = row,
                                                        .type = type,
                                                        .count = m->bytes / scalar_bytes(type),
                                                        .status = "ok",
                                                        .error = NAN};
        }
    return cases;
}

size_t allreduce_list(const struct session *s) {
    const struct common *common = &s->options->common;
    size_t total = 0;
    if (common->format == FORMAT_CSV) printf("command,type,bytes,network,algorithm,link,ranks\n");
    for (size_t t = 0; t < common->type_count; t++)
        for (size_t i = 0; i < s->message_count; i++) {
            const struct message *m = &s->messages[i];
            size_t count;
            struct allreduce_case *cases = cases_of(s, m, common->types[t], &count);
            for (size_t k = 0; k < count; k++) {
                const struct allreduce_case *c = &cases[k];
                const char *type = scalar_letter(c->type), *name = name_of(c->group, c->algorithm),
                           *network = m->network ? m->network : "";
                if (common->format == FORMAT_TABLE)
                    printf("%12zu bytes  %-12s %-5s %d ranks, %s%s%s\n", m->bytes, name,
                           c->group->link, c->group->count, scalar_name(c->type),
                           m->network ? ", gradient of " : "", network);
                else if (common->format == FORMAT_CSV)
                    printf("allreduce,%s,%zu,%s,%s,%s,%d\n", type, m->bytes, network, name,
                           c->group->link, c->group->count);
                else {
                    json_t *line = json_pack(
                        "{s:s, s:s, s:I, s:o, s:s, s:s, s:i}", "command", "allreduce", "type", type,
                        "bytes", (json_int_t)m->bytes, "network", record_text_or_null(m->network),
                        "algorithm", name, "link", c->group->link, "ranks", c->group->count);
                    json_dumpf(line, stdout, JSON_COMPACT);
                    putchar('\n');
                    json_decref(line);
                }
            }
            total += count;
            free(cases);
        }
    return total;
}

/* Whether it can run on these ranks: the same answer on all of them. */
static bool prepare(struct allreduce_case *c) {
    bool fine = true;
    if (c->group->lane && c->algorithm && c->algorithm->open)
        fine = c->algorithm->open(c->group->lane, c->reason, sizeof c->reason);
    fine = rank_agree(fine, c->reason, sizeof c->reason);
    if (!fine) c->status = "skipped";
    return fine;
}

static void run_rounds(struct session *s, struct allreduce_case *cases, size_t count,
                       struct machine_state *before, struct machine_state *after) {
    struct subject *subjects = calloc(count, sizeof *subjects);
    if (!subjects) die(EXIT_MISSING, "out of memory");
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        struct allreduce_case *c = &cases[i];
        if (strcmp(c->status, "ok") != 0) continue;
        c->subject = &subjects[used++];
        *c->subject = (struct subject){
            .context = c, .enter = enter, .run = run, .timed = c->algorithm ? NULL : timed_half};
    }
    struct rounds_options options = {s->options->common.limits, progress_share, &s->progress};
    *before = machine_state_now();
    bool complete = used ? rounds_run(subjects, used, &options) : !interrupt_came();
    *after = machine_state_now();
    for (size_t i = 0; i < count && !complete; i++)
        if (cases[i].subject) {
            cases[i].status = "incomplete";
            snprintf(cases[i].reason, sizeof cases[i].reason, "interrupted by %s",
                     interrupt_name());
        }
    for (size_t i = 0; i < count && complete; i++)
        if (cases[i].subject && s->options->common.check) check(&cases[i]); /* once more */
    progress_clear(&s->progress);
    for (size_t i = 0; i < count; i++) report(s, &cases[i], before, after);
    for (size_t i = 0; i < used; i++) sampler_free(&subjects[i].sampler);
    free(subjects);
}

void allreduce_measure(struct session *s, const struct message *m, enum scalar type) {
    const struct common *common = &s->options->common;
    struct buffers buffers;
    char reason[RANK_REASON];
    size_t count;
    struct allreduce_case *cases = cases_of(s, m, type, &count);
    if (count) {
        struct machine_state before = machine_state_now(), after = before;
        bool fits = allocate(&buffers, s, m->bytes, type, reason, sizeof reason);
        if (fits)
            allreduce_fill(type, buffers.from, m->bytes / scalar_bytes(type), common->seed,
                           ranks_get()->rank, ranks_get()->count);
        for (size_t i = 0; i < count; i++) {
            struct allreduce_case *c = &cases[i];
            if (!fits) {
                c->status = "skipped";
                snprintf(c->reason, sizeof c->reason, "%s", reason);
                continue;
            }
            c->from = buffers.from;
            c->to = buffers.to;
            c->work = buffers.work;
            if (prepare(c) && common->check) check(c);
        }
        if (fits)
            run_rounds(s, cases, count, &before, &after);
        else if (!m->by_default)
            for (size_t i = 0; i < count; i++) report(s, &cases[i], &before, &after);
        else if (s->table && !common->quiet)
            printf("note: %zu bytes left out: %s\n", m->bytes, reason);
        release(&buffers);
    }
    free(cases);
}

/* ---- gamma ---- */

struct adding {
    void *to, *from;
    size_t count;
    enum scalar type;
};

static void run_adding(void *context, long repetitions) {
    const struct adding *a = context;
    for (long i = 0; i < repetitions; i++) add_into(a->type, a->to, a->from, a->count);
}

double allreduce_gamma(const struct session *s, enum scalar type) {
    enum { BYTES = 4 << 20 };
    struct adding a = {.count = BYTES / scalar_bytes(type), .type = type};
    a.to = cpu_device.allocate(&cpu_device, BYTES);
    a.from = cpu_device.allocate(&cpu_device, BYTES);
    double seconds = NAN;
    if (together_all(a.to && a.from)) {
        allreduce_fill(type, a.to, a.count, 1, 0, 1); /* pages of zeros are all one page */
        allreduce_fill(type, a.from, a.count, 1, 0, 1);
        struct subject subject = {.context = &a, .enter = enter, .run = run_adding};
        struct rounds_options options = {s->options->common.limits, NULL, NULL};
        bool noisy;
        if (rounds_run(&subject, 1, &options))
            seconds = sampler_result(&subject.sampler, &noisy).median;
        sampler_free(&subject.sampler);
    }
    cpu_device.release(&cpu_device, a.to, BYTES);
    cpu_device.release(&cpu_device, a.from, BYTES);
    return seconds / BYTES;
}
