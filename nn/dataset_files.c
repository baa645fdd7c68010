#include "nn/dataset_files.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "nn/idx.h"
#include "nn/reason.h"

enum { TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS, FILES, DIGITS = 10 };

/* The beginnings of a file's name, and the endings; EMNIST says "test" where MNIST says "t10k". */
static const char *const beginnings[FILES][2] = {{"train-images", NULL},
                                                 {"train-labels", NULL},
                                                 {"t10k-images", "test-images"},
                                                 {"t10k-labels", "test-labels"}};
static const char *const endings[FILES][2] = {{"-idx3-ubyte", ".idx3-ubyte"},
                                              {"-idx1-ubyte", ".idx1-ubyte"},
                                              {"-idx3-ubyte", ".idx3-ubyte"},
                                              {"-idx1-ubyte", ".idx1-ubyte"}};
static const char *const packings[] = {"", ".gz"}; /* plain first: nothing to inflate */

/* The files of one folder; an empty path: not there. */
struct files {
    char path[FILES][PATH_MAX];
    int count;
};

/* A file that cannot be looked at for another reason than its absence counts as there: reading it
 * will say why. */
static bool is_there(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

static bool find_file(char path[PATH_MAX], const struct dataset_row *row, const char *folder,
                      int which) {
    for (int b = 0; b < 2 && beginnings[which][b]; b++)
        for (int e = 0; e < 2; e++)
            for (int p = 0; p < 2; p++) {
                int length = snprintf(path, PATH_MAX, "%s/%s%s%s%s", folder, row->file_prefix,
                                      beginnings[which][b], endings[which][e], packings[p]);
                if (length < PATH_MAX && is_there(path)) return true;
            }
    path[0] = '\0';
    return false;
}

static void find_files(struct files *files, const struct dataset_row *row, const char *folder) {
    files->count = 0;
    for (int f = 0; f < FILES; f++) files->count += find_file(files->path[f], row, folder, f);
}

static long class_count(const struct dataset_row *row) {
    long count = 0;
    if (!row->class_names) return DIGITS;
    while (row->class_names[count]) count++;
    return count;
}

static bool read_labels(struct samples *part, const char *path, long classes, char *reason,
                        size_t size) {
    struct idx idx;
    if (!idx_read(&idx, path, reason, size)) return false;
    bool good = false;
    if (idx.dimensions != 1)
        reason_set(reason, size, "%s: labels have 1 dimension, this file has %d", path,
                   idx.dimensions);
    else if (!(part->labels = malloc(idx.bytes * sizeof *part->labels)))
        reason_set(reason, size, "%s: not enough memory for %zu labels", path, idx.bytes);
    else {
        good = true;
        part->count = idx.extent[0];
        for (long i = 0; i < part->count && good; i++) {
            part->labels[i] = idx.data[i];
            if (idx.data[i] >= classes)
                good = reason_set(reason, size, "%s: label %d at index %ld; there are %ld classes",
                                  path, idx.data[i], i, classes);
        }
    }
    idx_free(&idx);
    return good;
}

/* Turns each of `count` images of height x width x channels to width x height x channels. */
static bool transpose_images(uint8_t *pixels, long count, struct extent e) {
    size_t bytes = (size_t)extent_size(e);
    uint8_t *turned = malloc(bytes);
    if (!turned) return false;
    for (long i = 0; i < count; i++) {
        uint8_t *image = pixels + (size_t)i * bytes;
        for (long y = 0; y < e.height; y++)
            for (long x = 0; x < e.width; x++)
                memcpy(turned + (x * e.height + y) * e.channels,
                       image + (y * e.width + x) * e.channels, (size_t)e.channels);
        memcpy(image, turned, bytes);
    }
    free(turned);
    return true;
}

/* Reads the images that belong to the labels which are read already. */
static bool read_images(struct samples *part, struct extent *extent, const char *path,
                        const char *labels_path, bool transposed, char *reason, size_t size) {
    struct idx idx;
    if (!idx_read(&idx, path, reason, size)) return false;
    struct extent e = {idx.extent[1], idx.extent[2], idx.dimensions == 4 ? idx.extent[3] : 1};
    bool good = false;
    if (idx.dimensions != 3 && idx.dimensions != 4)
        reason_set(reason, size, "%s: images have 3 or 4 dimensions, this file has %d", path,
                   idx.dimensions);
    else if (idx.extent[0] != part->count)
        reason_set(reason, size, "%s has %ld images, but %s has %ld labels", path, idx.extent[0],
                   labels_path, part->count);
    else if (transposed && !transpose_images(idx.data, part->count, e))
        reason_set(reason, size, "%s: not enough memory", path);
    else
        good = true;
    if (good) {
        *extent = transposed ? (struct extent){e.width, e.height, e.channels} : e;
        part->pixels = idx.data;
        idx.data = NULL;
    }
    idx_free(&idx);
    return good;
}

/* The other data set whose test labels these are, or NULL. */
static const struct dataset_row *other_set(const struct dataset_row *row, const int32_t *labels,
                                           long count) {
    uint32_t crc = 0;
    for (long i = 0; i < count; i++) crc = (uint32_t)crc32(crc, &(Bytef){(Bytef)labels[i]}, 1);
    for (const struct dataset_row *other = dataset_table; other->name; other++)
        if (other != row && other->test_labels_crc && other->test_labels_crc == crc) return other;
    return NULL;
}

/* Reads the four files. `stranger`: these are another data set's. */
static bool read_files(struct dataset *dataset, const struct dataset_row *row,
                       const struct files *files, bool *stranger, char *reason, size_t size) {
    const char(*path)[PATH_MAX] = files->path;
    struct extent test;
    dataset->classes = dataset->outputs = class_count(row);
    dataset->class_names = row->class_names;

    /* The smallest that tells the sets apart comes first. */
    if (!read_labels(&dataset->test, path[TEST_LABELS], dataset->classes, reason, size))
        return false;
    const struct dataset_row *other = other_set(row, dataset->test.labels, dataset->test.count);
    if (other) {
        *stranger = true;
        return reason_set(reason, size, "%s belongs to data set '%s', not to '%s'",
                          path[TEST_LABELS], other->name, row->name);
    }
    if (!read_labels(&dataset->train, path[TRAIN_LABELS], dataset->classes, reason, size) ||
        !read_images(&dataset->test, &test, path[TEST_IMAGES], path[TEST_LABELS], row->transposed,
                     reason, size) ||
        !read_images(&dataset->train, &dataset->extent, path[TRAIN_IMAGES], path[TRAIN_LABELS],
                     row->transposed, reason, size))
        return false;
    struct extent train = dataset->extent;
    if (train.height != test.height || train.width != test.width || train.channels != test.channels)
        return reason_set(reason, size, "%s has images of %ldx%ldx%ld, but %s of %ldx%ldx%ld",
                          path[TRAIN_IMAGES], train.height, train.width, train.channels,
                          path[TEST_IMAGES], test.height, test.width, test.channels);
    return true;
}

/* Loads from one folder. MISSING leaves an empty reason where it holds none of the files. */
static enum dataset_status load_folder(struct dataset *dataset, const struct dataset_row *row,
                                       const char *folder, bool *stranger, char *reason,
                                       size_t size) {
    struct files files;
    reason_set(reason, size, "%s", "");
    find_files(&files, row, folder);
    if (files.count == 0) return DATASET_MISSING;
    for (int f = 0; f < FILES; f++)
        if (!files.path[f][0]) {
            reason_set(reason, size, "%.200s has files of data set '%s', but no %s%s%s[.gz]",
                       folder, row->name, row->file_prefix, beginnings[f][0], endings[f][0]);
            return DATASET_MISSING;
        }

    *dataset = (struct dataset){0};
    snprintf(dataset->name, sizeof dataset->name, "%s", row->name);
    if (snprintf(dataset->source, sizeof dataset->source, "%s", folder) >=
        (int)sizeof dataset->source)
        memcpy(dataset->source + sizeof dataset->source - 4, "...", 4);
    if (read_files(dataset, row, &files, stranger, reason, size)) return DATASET_OK;
    dataset_free(dataset);
    return DATASET_BAD;
}

/* Loads from root/NAME, root/FOLDER_NAME or root itself, the first that holds files. */
static enum dataset_status load_root(struct dataset *dataset, const struct dataset_row *row,
                                     const char *root, bool *stranger, char *reason, size_t size) {
    const char *below[] = {row->name, row->folder_name ? row->folder_name : row->name, ""};
    for (int i = 0; i < 3; i++) {
        char folder[PATH_MAX];
        if (snprintf(folder, sizeof folder, "%s%s%s", root, *below[i] ? "/" : "", below[i]) >=
            (int)sizeof folder)
            continue;
        enum dataset_status status = load_folder(dataset, row, folder, stranger, reason, size);
        if (status != DATASET_MISSING || reason[0]) return status;
    }
    return DATASET_MISSING;
}

/* "~/.local/share/x" as a path; false where there is no home. */
static bool expand(char path[PATH_MAX], const char *folder) {
    static const char share[] = "~/.local/share/";
    if (strncmp(folder, share, sizeof share - 1) != 0)
        return snprintf(path, PATH_MAX, "%s", folder) < PATH_MAX;
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (data && data[0] == '/') /* the XDG specification: a relative path is to be ignored */
        return snprintf(path, PATH_MAX, "%s/%s", data, folder + sizeof share - 1) < PATH_MAX;
    return home && home[0] && snprintf(path, PATH_MAX, "%s%s", home, folder + 1) < PATH_MAX;
}

/* The folder the user named: what it lacks is said, and no other place is tried. */
static enum dataset_status load_named(struct dataset *dataset, const struct dataset_row *row,
                                      const char *folder, char *reason, size_t size) {
    bool stranger = false;
    struct stat about;
    if (stat(folder, &about) != 0) {
        reason_set(reason, size, "data folder '%.200s': %s", folder, strerror(errno));
        return DATASET_MISSING;
    }
    if (!S_ISDIR(about.st_mode)) {
        reason_set(reason, size, "data folder '%.200s' is not a folder", folder);
        return DATASET_MISSING;
    }
    enum dataset_status status = load_root(dataset, row, folder, &stranger, reason, size);
    if (status == DATASET_MISSING && !reason[0])
        reason_set(reason, size,
                   "no files of data set '%s' in '%.200s' (%strain-images-idx3-ubyte[.gz] and so "
                   "on); to get them: %s",
                   row->name, folder, row->file_prefix, row->fetch);
    return status;
}

enum dataset_status dataset_load_files(struct dataset *dataset, const struct dataset_row *row,
                                       const char *folder, char *reason, size_t size) {
    if (folder) return load_named(dataset, row, folder, reason, size);

    /* FLOPSTEP_DATA may name a folder of other data sets, and a usual place may hold half a set:
     * the search goes on then, and what was found is said where it ends with nothing. */
    char path[PATH_MAX], found[DATASET_REASON] = "";
    const char *variable = getenv("FLOPSTEP_DATA");
    for (int i = variable && variable[0] ? -1 : 0; i < 0 || row->folders[i]; i++) {
        bool stranger = false;
        if (i >= 0 && !expand(path, row->folders[i])) continue;
        enum dataset_status status =
            i < 0 ? load_root(dataset, row, variable, &stranger, reason, size)
                  : load_folder(dataset, row, path, &stranger, reason, size);
        if (status == DATASET_OK || (status == DATASET_BAD && !stranger)) return status;
        if (!found[0]) snprintf(found, sizeof found, "%s", reason);
    }
    reason_set(reason, size,
               "data set '%s' is not here%s%.300s%s; to get it: %s; or name its folder", row->name,
               found[0] ? " (" : "", found, found[0] ? ")" : "", row->fetch);
    return DATASET_MISSING;
}
