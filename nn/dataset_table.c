/* The data sets that have a name. */
#include <string.h>

#include "nn/dataset.h"

/* The classes as each data set's own README names them. */
static const char *const garments[] = {"T-shirt/top", "Trouser",    "Pullover", "Dress",
                                       "Coat",        "Sandal",     "Shirt",    "Sneaker",
                                       "Bag",         "Ankle boot", NULL};
static const char *const hiragana[] = {"o",  "ki", "su", "tsu", "na", "ha",
                                       "ma", "ya", "re", "wo",  NULL};

static const char *const mnist_folders[] = {"~/.local/share/flopstep/mnist", "data/mnist",
                                            "/usr/share/datasets/mnist", NULL};
static const char *const fashion_folders[] = {
    "/usr/share/datasets/fashion-mnist", "~/.local/share/flopstep/fashion", "data/fashion", NULL};
static const char *const kuzushiji_folders[] = {"~/.local/share/flopstep/kuzushiji",
                                                "data/kuzushiji", NULL};
static const char *const emnist_folders[] = {"~/.local/share/flopstep/emnist-digits",
                                             "data/emnist-digits", NULL};

/* The settings of the lectures' exercises. */
static bool circles(struct dataset *dataset, uint64_t seed) {
    return dataset_circles(dataset, 500, 0.1, 0.8, seed);
}

static bool linear(struct dataset *dataset, uint64_t seed) {
    return dataset_linear(dataset, 1000, 2, 1, 2, 1, 10, seed);
}

const struct dataset_row dataset_table[] = {
    {
        .name = "mnist",
        .what = "handwritten digits, 60000 + 10000 images of 28x28",
        .file_prefix = "",
        .folders = mnist_folders,
        .fetch = "scripts/fetch_data.sh mnist",
        .test_labels_crc = 0xee8604d9,
    },
    {
        .name = "fashion",
        .what = "Fashion-MNIST, garments, 60000 + 10000 images of 28x28",
        .file_prefix = "",
        .folder_name = "fashion-mnist",
        .folders = fashion_folders,
        .fetch = "apt install dataset-fashion-mnist, or scripts/fetch_data.sh fashion",
        .class_names = garments,
        .test_labels_crc = 0x242bc73f,
    },
    {
        .name = "kuzushiji",
        .what = "Kuzushiji-MNIST, cursive Japanese, 60000 + 10000 images of 28x28",
        .file_prefix = "",
        .folder_name = "kmnist",
        .folders = kuzushiji_folders,
        .fetch = "scripts/fetch_data.sh kuzushiji",
        .class_names = hiragana,
    },
    {
        .name = "emnist-digits",
        .what = "EMNIST's digits, 240000 + 40000 images of 28x28, turned to MNIST's orientation",
        .file_prefix = "emnist-digits-",
        .folder_name = "emnist",
        .folders = emnist_folders,
        .fetch = "unpack the emnist-digits files of NIST's EMNIST archive (gzip.zip) into "
                 "~/.local/share/flopstep/emnist-digits",
        .transposed = true,
    },
    {
        .name = "circles",
        .what = "two noisy circles, 400 + 100 points (generated)",
        .generate = circles,
    },
    {
        .name = "linear",
        .what = "y = 2x + 1 + N(0, 2), 1000 points (generated)",
        .generate = linear,
    },
    {.name = NULL},
};

const struct dataset_row *dataset_find(const char *name) {
    for (const struct dataset_row *row = dataset_table; row->name; row++)
        if (strcmp(row->name, name) == 0) return row;
    return NULL;
}
