/* A data set in memory: inputs with labels (classes) or with targets (numbers), in three parts. */
#ifndef FLOPSTEP_NN_DATASET_H
#define FLOPSTEP_NN_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DATASET_REASON = 512 };

/* What one input is: an image height x width x channels (NHWC), or 1 x 1 x n numbers. */
struct extent {
    long height, width, channels;
};

static inline long extent_size(struct extent e) { return e.height * e.width * e.channels; }

/* One part. Inputs are bytes (pixels, 0 to 255, used as 0 to 1) or numbers; never both. Likewise
 * labels or targets. */
struct samples {
    long count;
    uint8_t *pixels; /* [count][height][width][channels], or NULL */
    double *numbers; /* the same shape, or NULL */
    int32_t *labels; /* [count], 0 <= label < classes, or NULL */
    double *targets; /* [count][outputs], or NULL */
};

struct dataset {
    char name[64];
    struct extent extent;           /* of one input */
    long classes;                   /* 0 where it has targets instead of labels */
    long outputs;                   /* numbers in a target; equal to classes where it has labels */
    const char *const *class_names; /* NULL-terminated, or NULL: the numbers from 0 */
    char source[256];               /* folder, or generator with its numbers, for the records */
    struct samples train, validation, test; /* count 0: there is none */
};

/* One row a data set that has a name: what `flopstep list` shows and `--dataset` takes. */
struct dataset_row {
    const char *name, *what;
    const char *file_prefix; /* of IDX file names ("" or "emnist-digits-"), NULL: generated */
    const char *folder_name; /* what its folder is called elsewhere (besides name), or NULL */
    /* Usual places, NULL-terminated; NULL: generated. "~/.local/share/" stands for XDG_DATA_HOME
     * where that is set. */
    const char *const *folders;
    const char *fetch;              /* how a user gets it, one line, or NULL */
    const char *const *class_names; /* NULL: the ten digits */
    bool transposed; /* the files hold columns where MNIST has rows; they are turned when read */
    /* CRC-32 of the 10000 labels of the test part; 0: not known. The files of MNIST's relatives
     * have the same names, so this is what tells a folder of one from a folder of another. */
    uint32_t test_labels_crc;
    bool (*generate)(struct dataset *dataset, uint64_t seed); /* NULL: read from files */
};
extern const struct dataset_row dataset_table[]; /* ends with a NULL name */

/* The row of that name, or NULL. */
const struct dataset_row *dataset_find(const char *name);

enum dataset_status { DATASET_OK, DATASET_MISSING, DATASET_BAD };

/* Loads or generates the data set of that name. `folder` (--data, may be NULL): where to look,
 * its subfolder of the data set's name, then itself; without it the folder in the environment
 * variable FLOPSTEP_DATA in the same way, then the usual places. A folder given explicitly that
 * holds none of the files, or not all, is MISSING: the usual places are not tried then. File names
 * are [prefix]train-images-idx3-ubyte and so on, also with a dot (train-images.idx3-ubyte), each
 * plain or .gz. BAD: files that are there and wrong, also those of another data set. `seed` is for
 * generators. The reason is one line that says what is wrong and what to do. Free with
 * dataset_free, unless it failed. */
enum dataset_status dataset_load(struct dataset *dataset, const char *name, const char *folder,
                                 uint64_t seed, char *reason, size_t size);
void dataset_free(struct dataset *dataset);

/* Moves the last `count` training samples to the validation part (labels stay as they are mixed).
 * False where there are not more than `count`, or there is a validation part already. */
bool dataset_hold_out(struct dataset *dataset, long count);

/* Keeps only the first `train` and `test` samples (0: all). False, and nothing changed, where there
 * are fewer. */
bool dataset_take_first(struct dataset *dataset, long train, long test);

/* Generators, deterministic in the seed. False for numbers that make no sense, or no memory. */
/* Two circles as sklearn's make_circles: radii 1 (label 0) and `inner` (label 1), normal noise of
 * standard deviation `noise`, shuffled, the last fifth is the test part. */
bool dataset_circles(struct dataset *dataset, long count, double noise, double inner,
                     uint64_t seed);
/* y = slope x + intercept + N(0, sigma), x uniform in [low, high); all samples are training ones.
 */
bool dataset_linear(struct dataset *dataset, long count, double slope, double intercept,
                    double sigma, double low, double high, uint64_t seed);
/* Random images, pixels and labels uniform; all are training ones. For timing only. */
bool dataset_random(struct dataset *dataset, long count, struct extent extent, long classes,
                    uint64_t seed);

#endif
