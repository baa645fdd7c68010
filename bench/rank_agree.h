/* What several ranks decide together where each sees its own machine. Collective: every rank makes
 * the same calls in the same order. With one rank each says what that rank says. */
#ifndef FLOPSTEP_BENCH_RANK_AGREE_H
#define FLOPSTEP_BENCH_RANK_AGREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/device.h"

/* Whether it holds on every rank. Where it does not, `reason` becomes that of the first rank on
 * which it does not, behind "rank 3 (node7): " unless all say the same. */
bool rank_agree(bool holds, char *reason, size_t size);

/* The same of a text that is of interest where the given rank says so: `reason` of rank `from` to
 * all, with its name before it unless all ranks' are alike. */
void rank_agree_text(int from, char *reason, size_t size);

/* The least of a number over the ranks. */
int rank_least(int number);

/* Ends the command where ranks would run other cases: `hash` is of what decides them. */
void rank_require_same_cases(uint64_t hash);

/* "rank 3 (node7)". Static text. */
const char *rank_name(int rank);

/* How many ranks share the memory of the device: those of this node, on a GPU those that use the
 * same one. At least 1. Not collective; of GPUs known after rank_hooks_provenance(). */
int rank_sharers(const struct device *device);

#endif
