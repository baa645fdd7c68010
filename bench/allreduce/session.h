/* What the parts of `flopstep allreduce` share. */
#ifndef FLOPSTEP_BENCH_ALLREDUCE_SESSION_H
#define FLOPSTEP_BENCH_ALLREDUCE_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/harness/common.h"
#include "bench/harness/progress.h"
#include "bench/harness/record.h"
#include "kernels/cpu/blas_library.h"
#include "mpi/allreduce.h"
#include "nn/network.h"

enum { MOST_ALGORITHMS = 16, MOST_PREDICTED = 64 };

struct allreduce_options {
    struct common common; /* first: the common options go there */
    const char *sizes;    /* NULL: the default ones */
    const char *networks; /* "all", "none", or a list */
    const struct allreduce_algorithm *algorithms[MOST_ALGORITHMS];
    size_t algorithm_count;
    int predict[MOST_PREDICTED]; /* numbers of ranks */
    size_t predict_count;
    long batch; /* of a rank, in predictions */
    const char *library;
};

/* A size to be measured. */
struct message {
    size_t bytes;
    const char *network; /* whose gradient it is; NULL: of --sizes */
    bool by_default;     /* nobody asked for it by name: left out where it does not fit */
};

/* A network whose gradient is summed. */
struct model_network {
    const char *name;
    struct architecture architecture;
    long parameters;
};

/* Ranks that measure together: over one sort of link. */
struct group {
    const char *link; /* "intra": within a node; "inter": one rank a node; "all": both */
    int *members;     /* ranks */
    int count, nodes;
    bool largest;      /* of its link */
    bool pair;         /* for messages from one to the other */
    struct lane *lane; /* NULL on other ranks */
};

/* One measured time, kept for the fits. */
struct finding {
    const struct group *group;
    const char *algorithm;
    enum scalar type;
    double bytes, seconds;
};

struct fitted;

struct session {
    const struct allreduce_options *options;
    struct record record;
    struct progress progress;
    struct message *messages;
    size_t message_count;
    struct model_network *networks;
    size_t network_count;
    struct group *groups;
    size_t group_count;
    struct finding *findings;
    size_t finding_count;
    double gamma[SCALAR_COUNT]; /* s per byte */
    struct fitted *fits;
    size_t fit_count;
    struct blas_library *library; /* for predictions; NULL: none */
    bool table;
};

/* sizes.c: networks and messages of the options. Ends with EXIT_USAGE where something is wrong. */
void allreduce_sizes(struct session *session);

/* groups.c: collective. */
void allreduce_groups_open(struct session *session);
void allreduce_groups_close(struct session *session);

/* cases.c */
bool allreduce_runs(const struct session *session, const struct group *group,
                    const struct allreduce_algorithm *algorithm);
size_t allreduce_list(const struct session *session);
void allreduce_print_header(void);
void allreduce_measure(struct session *session, const struct message *message, enum scalar type);

/* Seconds per byte of adding one array to another, on all ranks at once. */
double allreduce_gamma(const struct session *session, enum scalar type);

/* models.c: fits, prints and records them. */
struct fitted {
    const char *link, *algorithm;
    const struct cost_model *model;
    enum scalar type;
    int ranks, nodes; /* the most that were measured */
    struct cost_fit *fit;
};
void allreduce_fit(struct session *session);
void allreduce_fits_free(struct session *session);

/* compute.c: seconds of a step without communication and of its forward part, on all ranks at once;
 * NaN with a reason where it cannot run. */
struct step_time {
    double step, forward;
};
struct step_time allreduce_step_time(const struct session *session,
                                     const struct model_network *network, char *reason,
                                     size_t size);

/* predict.c */
void allreduce_predict(struct session *session);

#endif
