/* flopstep allreduce: sums over the ranks by size and algorithm, cost models, predictions. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/allreduce/session.h"
#include "bench/commands.h"
#include "bench/harness/error.h"
#include "bench/harness/interrupt.h"
#include "bench/harness/provenance.h"
#include "bench/harness/together.h"
#include "bench/rank_hooks.h"
#include "kernels/cpu/topology.h"
#include "kernels/kernel.h"
#include "mpi/ranks.h"

static void take_sizes(void *target, const char *name, const char *value) {
    (void)name;
    ((struct allreduce_options *)target)->sizes = value;
}

static void take_networks(void *target, const char *name, const char *value) {
    (void)name;
    ((struct allreduce_options *)target)->networks = value;
}

static void take_all(struct allreduce_options *o) {
    o->algorithm_count = 0;
    for (const struct allreduce_algorithm *row = allreduce_table; row->name; row++)
        if (o->algorithm_count < MOST_ALGORITHMS) o->algorithms[o->algorithm_count++] = row;
}

/* Without MPI the table is empty and no name can be judged: then that is said, later. */
static void take_algorithms(void *target, const char *name, const char *value) {
    struct allreduce_options *o = target;
    const char *known[MOST_ALGORITHMS + 1];
    size_t rows = 0;
    o->algorithm_count = 0;
    for (; allreduce_table[rows].name && rows < MOST_ALGORITHMS; rows++)
        known[rows] = allreduce_table[rows].name;
    known[rows] = NULL;
    char **list = option_list(name, value);
    for (char **entry = list; *entry && rows; entry++) {
        const struct allreduce_algorithm *row = allreduce_find(*entry);
        if (strcmp(*entry, "all") == 0) {
            take_all(o);
            break;
        }
        if (!row) {
            const char *near = option_nearest(*entry, known);
            die(EXIT_USAGE,
                "--%s: no algorithm is called '%s'%s%s%s; 'flopstep allreduce --help' lists them",
                name, *entry, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        }
        bool seen = false;
        for (size_t i = 0; i < o->algorithm_count; i++) seen |= o->algorithms[i] == row;
        if (!seen) o->algorithms[o->algorithm_count++] = row;
    }
    option_list_free(list);
}

static void take_predict(void *target, const char *name, const char *value) {
    struct allreduce_options *o = target;
    char **list = option_list(name, value);
    o->predict_count = 0;
    for (char **entry = list; *entry; entry++) {
        if (o->predict_count == MOST_PREDICTED)
            die(EXIT_USAGE, "--%s: more than %d numbers", name, MOST_PREDICTED);
        o->predict[o->predict_count++] = (int)option_integer(name, *entry, 2, 10000000);
    }
    option_list_free(list);
}

static void take_batch(void *target, const char *name, const char *value) {
    ((struct allreduce_options *)target)->batch = option_integer(name, value, 1, 16384);
}

static void take_library(void *target, const char *name, const char *value) {
    (void)name;
    ((struct allreduce_options *)target)->library = value;
}

static const struct option_row own_options[] = {
    {"sizes", "LIST", "bytes of a rank's array (default 4:256Mi:x4, what memory allows)",
     take_sizes},
    {"network", "LIST",
     "networks whose gradients are summed, by name or as written; all or none (default all)",
     take_networks},
    {"algorithm", "LIST",
     "library, ring, reproducible, shared (within a node) or all (default all)", take_algorithms},
    {"predict", "LIST", "numbers of ranks to predict a training step for, e.g. 16,64,256,1024,4096",
     take_predict},
    {"batch", "N", "of each rank in predictions (default 128)", take_batch},
    {"blas", "NAME", "the CBLAS library of the steps behind predictions (default openblas)",
     take_library},
    {NULL, NULL, NULL, NULL},
};

static const struct usage usage = {
    .command = "allreduce",
    .purpose =
        "Sums arrays over the ranks, by size and algorithm, and sends messages between two of "
        "them. Fits\ncost models (alpha: a message's start, beta: a byte, gamma: a byte added) and "
        "tries them on sizes\nthat they were not fitted to. Started by mpirun or srun; types s "
        "(default) and d.",
    .tables = (const struct option_row *const[]){own_options, common_options, NULL},
    .examples = "  mpirun -n 2 flopstep allreduce\n"
                "  mpirun -n 4 flopstep allreduce --sizes 4:16Mi:x4 --network cnn --algorithm "
                "library,ring\n"
                "  srun -N 4 flopstep allreduce --predict 16,64,256,1024,4096 --batch 128\n",
};

static struct allreduce_options parse(int argc, char **argv) {
    struct allreduce_options o = {.common = common_defaults(),
                                  .networks = "all",
                                  .batch = 128,
                                  .library = BLAS_LIBRARY_DEFAULT};
    o.common.types[0] = SCALAR_S; /* what gradients are */
    o.common.limits.budget = 0.2; /* 100 cases and more */
    options_parse(&usage, argc, argv, &o);
    if (o.common.cold) die(EXIT_USAGE, "allreduce has no --cold: one array is summed repeatedly");
    for (size_t d = 0; d < o.common.device_count; d++)
        if (o.common.devices[d]->own_memory)
            die(EXIT_USAGE, "--device %s: allreduce sums arrays of the host's memory; leave it out",
                o.common.devices[d]->name);
    common_check_cpu_types(&o.common);
    if (o.predict_count && strcmp(o.networks, "none") == 0)
        die(EXIT_USAGE, "--predict is for training steps: choose a --network too");
    if (!o.common.thread_counts)
        o.common.threads[o.common.thread_counts++] = common_default_threads();
    if (o.common.thread_counts > 1)
        die(EXIT_USAGE, "--threads: one number, that of the steps behind predictions");
    if (!o.algorithm_count) take_all(&o);
    return o;
}

static void require_ranks(void) {
    if (!*ranks_built_with())
        die(EXIT_MISSING, "this flopstep is built without MPI; install one (Open MPI or MPICH) and "
                          "configure with -DFLOPSTEP_MPI=ON");
    if (ranks_get()->count < 2)
        die(EXIT_MISSING, "allreduce sums over several ranks and this is one; start it as: mpirun "
                          "-n 2 flopstep allreduce");
}

static void open_library(struct session *s) {
    const struct allreduce_options *o = s->options;
    char error[1024] = "";
    if (!o->predict_count) return;
    s->library = blas_library_open(o->library, error, sizeof error);
    if (!s->library) die(EXIT_MISSING, "%s", error);
    if (!blas_library_routine(s->library, kernel_find("gemm"), o->common.types[0]))
        die(EXIT_MISSING, "%s (%s) has no cblas_%sgemm; choose another --blas", s->library->name,
            s->library->path, scalar_letter(o->common.types[0]));
}

static json_t *provenance(const struct session *s, int argc, char **argv) {
    const struct allreduce_options *o = s->options;
    const struct common *c = &o->common;
    json_t *p = provenance_new(argc, argv);
    if (s->library) provenance_add_library(p, s->library);
    json_object_set_new(p, "settings",
                        json_pack("{s:f, s:f, s:I, s:I, s:b, s:b}", "time_budget_s",
                                  c->limits.budget, "precision", c->limits.precision, "max_samples",
                                  (json_int_t)c->limits.max_samples, "seed", (json_int_t)c->seed,
                                  "cold", c->cold, "check", c->check));
    provenance_add_affinity(p, common_most_threads(c));
    json_object_set_new(p, "mpi", rank_hooks_provenance(c));
    return p;
}

static void print_notes(const struct session *s) {
    char summary[256];
    topology_summary(summary, sizeof summary);
    printf("%s: %s\n", provenance_cpu_model(), summary);
    rank_hooks_print();
    for (const char *const *line = provenance_warnings(); *line; line++)
        printf("warning: %s\n", *line);
    for (size_t i = 0; i < s->options->algorithm_count; i++)
        printf("%s: %s\n", s->options->algorithms[i]->name, s->options->algorithms[i]->what);
    printf("algbw: bytes over time, GB/s; busbw: times 2(p-1)/p, what passes each rank's link at "
           "least\nresults: %s\n\n",
           s->record.path);
}

static int finish(struct session *s) {
    struct record *r = &s->record;
    if (interrupt_came()) {
        char reason[64];
        snprintf(reason, sizeof reason, "interrupted by %s", interrupt_name());
        record_incomplete(r, reason);
        warn("%s; the finished cases are kept in '%s'", reason, r->path);
        interrupt_end();
    }
    record_end(r, NULL);
    if (s->table && !s->options->common.quiet)
        printf("\n%zu cases: %zu ok, %zu failed, %zu skipped\n", r->cases, r->ok, r->failed,
               r->skipped);
    if (r->failed) {
        warn("%zu of %zu cases failed: their sums are wrong; see '%s'", r->failed, r->cases,
             r->path);
        return EXIT_CASE_FAILED;
    }
    if (!r->ok) {
        warn("nothing could run: see the reasons in '%s'", r->path);
        return EXIT_MISSING;
    }
    return EXIT_DONE;
}

static void measure_all(struct session *s) {
    const struct common *c = &s->options->common;
    s->progress = progress_begin(!c->quiet && together_leads(),
                                 s->message_count * c->type_count +
                                     (s->options->predict_count ? s->network_count : 0));
    if (s->table) allreduce_print_header();
    size_t step = 0;
    for (size_t t = 0; t < c->type_count && !interrupt_came(); t++) {
        s->gamma[c->types[t]] = allreduce_gamma(s, c->types[t]);
        for (size_t i = 0; i < s->message_count && !interrupt_came(); i++) {
            char label[64];
            snprintf(label, sizeof label, "%zu bytes", s->messages[i].bytes);
            progress_step(&s->progress, step++, label);
            allreduce_measure(s, &s->messages[i], c->types[t]);
            progress_clear(&s->progress);
        }
    }
}

int command_allreduce(int argc, char **argv) {
    struct allreduce_options o = parse(argc, argv);
    struct session *s = calloc(1, sizeof *s);
    if (!s) die(EXIT_MISSING, "out of memory");
    topology_get(); /* the mask the process was started with, before anything changes it */
    s->options = &o;
    s->table = o.common.format == FORMAT_TABLE;
    allreduce_sizes(s);
    require_ranks();
    int code = EXIT_DONE;
    if (o.common.dry_run) {
        allreduce_groups_open(s);
        size_t cases = allreduce_list(s);
        if (s->table) printf("%zu case%s, none run\n", cases, cases == 1 ? "" : "s");
    } else {
        open_library(s);
        record_open(&s->record, "allreduce", o.common.out, o.common.format,
                    provenance(s, argc, argv));
        interrupt_catch();
        allreduce_groups_open(s);
        if (s->table && !o.common.quiet) print_notes(s);
        measure_all(s);
        if (!interrupt_came()) allreduce_fit(s);
        allreduce_predict(s);
        code = finish(s);
    }
    allreduce_groups_close(s);
    allreduce_fits_free(s);
    if (s->library) blas_library_close(s->library);
    free(s->findings);
    free(s->messages);
    free(s->networks);
    free(s);
    return code;
}
