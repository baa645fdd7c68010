/* Where the files lie that flopstep reads at run time: gnuplot scripts and published figures. */
#ifndef FLOPSTEP_BENCH_HARNESS_SHARE_H
#define FLOPSTEP_BENCH_HARNESS_SHARE_H

#include <stdbool.h>
#include <stddef.h>

enum share_folder { SHARE_PLOTS, SHARE_PUBLISHED };

/* Writes the folder's path. Looked for in this order: below the environment variable FLOPSTEP_SHARE
 * (plots/, published/), in the source tree that holds the build folder of the binary, and in
 * ../share/flopstep of an installed binary. Returns false where none of them is a folder; `path`
 * then says where it was looked for last. */
bool share_find(enum share_folder folder, char *path, size_t size);

#endif
