/* The command line of `flopstep train`. */
#ifndef FLOPSTEP_BENCH_TRAIN_TRAIN_OPTIONS_H
#define FLOPSTEP_BENCH_TRAIN_TRAIN_OPTIONS_H

#include "bench/harness/common.h"
#include "bench/train/recipes.h"

struct train_options {
    struct common common; /* first: common_options fill it */
    char **recipes;       /* as written; NULL: none */
    char **networks;      /* names, or one notation; NULL: none */
    long *batches;
    size_t batch_count;
    long global_batch;     /* of all ranks together; 0: batches are a rank's */
    const char *reduce[8]; /* modes of reduction; none with one rank */
    size_t reduce_count;
    size_t bucket_bytes;
    const char *gpu_reduce;     /* how gradients of GPUs travel; NULL: not given */
    long verify_replicas;       /* steps between comparisons; 0: at rows of the history only */
    const char *dataset, *data; /* --dataset, --data */
    const char *optimizer;
    double lr; /* NaN: not given */
    double epochs;
    long steps, history, validation;       /* -1: not given */
    int loss, schedule, initial, sampling; /* -1: not given */
    const char *library;
    const char *checkpoint, *resume;
    bool by_layer, ladder;
    enum math math;
    enum conv_path conv;
    enum dense_path dense;
    const struct isa *isa; /* NULL: not given */
    unsigned without;      /* of enum measure, a bit each */
    bool library_given;
    bool budget_given, precision_given, types_given, seed_given;
};

/* The measures that are left out, by name: "fused,vector-math", "" for none. */
void train_without_text(unsigned without, char *text, size_t size);

struct train_options train_options_parse(int argc, char **argv);
void train_options_free(struct train_options *options);

/* The recipe with what the command line sets in its place. `changed` gets the options that were
 * given, in words; "" where the recipe is as it was. */
struct recipe train_options_apply(const struct train_options *options, const struct recipe *recipe,
                                  char *changed, size_t size);

/* The text of a network: that of a name, of a file, or as written. malloced. Ends the process where
 * a file can't be read. */
char *train_network_text(const char *network);

/* Ends the process: what was written is no network, and which name it resembles. */
_Noreturn void train_network_refuse(const char *network, const char *reason);

extern const char *const loss_names[]; /* NULL-terminated, in the order of enum loss */

#endif
