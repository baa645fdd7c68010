/* Timed training steps of one network on synthetic images: its batches, threads and types share the
 * rounds, with the ceilings they are held against. */
#ifndef FLOPSTEP_BENCH_TRAIN_STEPS_H
#define FLOPSTEP_BENCH_TRAIN_STEPS_H

#include "bench/harness/progress.h"
#include "bench/train/session.h"

enum { SYNTHETIC_IMAGES = 16384 };

/* One network with its cases: every type, number of threads and batch. */
struct step_group;

/* Reads the network; what is wrong with it ends the process. `name` must outlive the group. */
struct step_group *step_group_new(const struct train_options *options, const char *name);
void step_group_free(struct step_group *group);

size_t step_group_cases(const struct step_group *group);
const char *step_group_name(const struct step_group *group);

/* Prints the cases as they would run. */
void step_group_list(const struct step_group *group);

/* Measures all cases and records them. False where a signal ended it. */
bool step_group_measure(struct step_group *group, struct session *session,
                        struct progress *progress);

/* The header of the table that step_group_measure prints. */
void step_table_header(bool ladder);

#endif
