/* Data sets that are IDX files: finding them and checking them. Internal to nn/dataset*.c. */
#ifndef FLOPSTEP_NN_DATASET_FILES_H
#define FLOPSTEP_NN_DATASET_FILES_H

#include "nn/dataset.h"

/* dataset_load for a row that has files. */
enum dataset_status dataset_load_files(struct dataset *dataset, const struct dataset_row *row,
                                       const char *folder, char *reason, size_t size);

#endif
