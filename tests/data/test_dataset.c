/* Data sets: where they are looked for, what is refused, the generators. The files are small ones
 * of this test's own; real ones only where they are at hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "nn/dataset.h"

static char scratch[64], reason[DATASET_REASON];

/* --- Small files -------------------------------------------------------------------------------
 */

static void make_folder(const char *path) {
    char command[600];
    snprintf(command, sizeof command, "mkdir -p '%s'", path);
    assert_int_equal(system(command), 0);
}

static void remove_all(const char *path) {
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

/* Writes an IDX file of up to 4 extents; gzip where the name ends in .gz. */
static void write_idx(const char *folder, const char *name, int dimensions, const long *extent,
                      const uint8_t *data) {
    char path[600];
    uint8_t header[20] = {0, 0, 8, (uint8_t)dimensions};
    size_t bytes = 1;
    for (int d = 0; d < dimensions; d++) {
        for (int b = 0; b < 4; b++)
            header[4 + 4 * d + b] = (uint8_t)((unsigned long)extent[d] >> (24 - 8 * b));
        bytes *= (size_t)extent[d];
    }
    snprintf(path, sizeof path, "%s/%s", folder, name);
    gzFile file = gzopen(path, strstr(name, ".gz") ? "wb" : "wbT");
    assert_non_null(file);
    assert_true(gzwrite(file, header, 4 + 4 * (unsigned)dimensions) > 0);
    assert_true(gzwrite(file, data, (unsigned)bytes) > 0);
    assert_int_equal(gzclose(file), Z_OK);
}

static void write_images(const char *folder, const char *name, long count, long height, long width,
                         int first) {
    uint8_t data[1000];
    for (long i = 0; i < count * height * width; i++) data[i] = (uint8_t)(first + i);
    write_idx(folder, name, 3, (long[]){count, height, width}, data);
}

static void write_labels(const char *folder, const char *name, long count, int first) {
    uint8_t data[100];
    for (long i = 0; i < count; i++) data[i] = (uint8_t)((first + i) % 10);
    write_idx(folder, name, 1, &count, data);
}

/* A data set of 6 + 4 images of 2 x 3; `first` is the first pixel and label. */
static void write_set(const char *folder, const char *images, const char *labels, int first) {
    char name[100];
    make_folder(folder);
    snprintf(name, sizeof name, "train-images%s", images);
    write_images(folder, name, 6, 2, 3, first);
    snprintf(name, sizeof name, "train-labels%s", labels);
    write_labels(folder, name, 6, first);
    snprintf(name, sizeof name, "t10k-images%s", images);
    write_images(folder, name, 4, 2, 3, first + 100);
    snprintf(name, sizeof name, "t10k-labels%s", labels);
    write_labels(folder, name, 4, first + 1);
}

static char *below(const char *name) { /* a path in the scratch folder; good for 4 calls */
    static char path[4][300];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", scratch, name);
    return path[next];
}

/* Each test has an empty scratch folder, which is also the home and the current folder. */
static int set_up(void **state) {
    (void)state;
    strcpy(scratch, "/tmp/flopstep-data-XXXXXX");
    assert_non_null(mkdtemp(scratch));
    unsetenv("FLOPSTEP_DATA");
    unsetenv("XDG_DATA_HOME");
    setenv("HOME", scratch, 1);
    return chdir(scratch);
}

static int tear_down(void **state) {
    (void)state;
    if (chdir("/") != 0) return -1;
    remove_all(scratch);
    return 0;
}

/* Loads a small set, whose first training pixel must be `first`. */
static void loads(const char *name, const char *folder, int first) {
    struct dataset dataset;
    reason[0] = '\0';
    enum dataset_status status = dataset_load(&dataset, name, folder, 0, reason, sizeof reason);
    if (status != DATASET_OK) fail_msg("%s from '%s': %s", name, folder ? folder : "", reason);
    assert_int_equal(dataset.train.pixels[0], first);
    dataset_free(&dataset);
    assert_null(dataset.train.pixels);
}

static void refused(enum dataset_status want, const char *name, const char *folder,
                    const char *why) {
    struct dataset dataset;
    enum dataset_status status = dataset_load(&dataset, name, folder, 0, reason, sizeof reason);
    if (status != want || !strstr(reason, why))
        fail_msg("%s from '%s': status %d (not %d), '%s' lacks '%s'", name, folder ? folder : "",
                 status, want, reason, why);
    assert_null(strchr(reason, '\n'));
}

/* --- Files -------------------------------------------------------------------------------------
 */

static void samples_are_what_the_files_hold(void **state) {
    (void)state;
    write_set(below("set"), "-idx3-ubyte.gz", "-idx1-ubyte.gz", 7);
    struct dataset d;
    if (dataset_load(&d, "mnist", below("set"), 0, reason, sizeof reason) != DATASET_OK)
        fail_msg("%s", reason);
    assert_string_equal(d.name, "mnist");
    assert_string_equal(d.source, below("set"));
    assert_int_equal(d.extent.height, 2);
    assert_int_equal(d.extent.width, 3);
    assert_int_equal(d.extent.channels, 1);
    assert_int_equal(d.classes, 10);
    assert_int_equal(d.outputs, 10);
    assert_null(d.class_names);
    assert_int_equal(d.train.count, 6);
    assert_int_equal(d.test.count, 4);
    assert_int_equal(d.validation.count, 0);
    assert_null(d.train.numbers);
    assert_null(d.train.targets);
    for (int i = 0; i < 36; i++) assert_int_equal(d.train.pixels[i], 7 + i);
    for (int i = 0; i < 24; i++) assert_int_equal(d.test.pixels[i], 107 + i);
    for (int i = 0; i < 6; i++) assert_int_equal(d.train.labels[i], (7 + i) % 10);
    for (int i = 0; i < 4; i++) assert_int_equal(d.test.labels[i], (8 + i) % 10);
    dataset_free(&d);
}

static void every_way_to_name_files_is_known(void **state) {
    (void)state;
    write_set(below("a"), "-idx3-ubyte", "-idx1-ubyte", 1);
    write_set(below("b"), ".idx3-ubyte", ".idx1-ubyte", 2);
    write_set(below("c"), ".idx3-ubyte.gz", "-idx1-ubyte.gz", 3);
    loads("mnist", below("a"), 1);
    loads("mnist", below("b"), 2);
    loads("kuzushiji", below("c"), 3);
}

static void folders_are_searched_in_their_order(void **state) {
    (void)state;
    static const char images[] = "-idx3-ubyte", labels[] = "-idx1-ubyte";
    refused(DATASET_MISSING, "mnist", NULL, "scripts/fetch_data.sh mnist");

    write_set(below("data/mnist"), images, labels, 1);
    loads("mnist", NULL, 1); /* in the current folder */
    write_set(below(".local/share/flopstep/mnist"), images, labels, 2);
    loads("mnist", NULL, 2);
    setenv("XDG_DATA_HOME", "relative", 1); /* to be ignored, says its specification */
    loads("mnist", NULL, 2);
    setenv("XDG_DATA_HOME", below("xdg"), 1);
    loads("mnist", NULL, 1); /* the home's share is not the one in use */
    write_set(below("xdg/flopstep/mnist"), images, labels, 3);
    loads("mnist", NULL, 3);
    setenv("FLOPSTEP_DATA", below("variable"), 1);
    loads("mnist", NULL, 3); /* it holds nothing, the search goes on */
    write_set(below("variable"), images, labels, 4);
    loads("mnist", NULL, 4);
    write_set(below("variable/mnist"), images, labels, 5);
    loads("mnist", NULL, 5); /* the subfolder says more than the folder */
    write_set(below("named"), images, labels, 6);
    loads("mnist", below("named"), 6);
    write_set(below("named/mnist"), images, labels, 7);
    loads("mnist", below("named"), 7);
    write_set(below("named/fashion-mnist"), images, labels, 8);
    loads("fashion", below("named"), 8); /* what others call its folder */
}

static void a_named_folder_is_the_only_one(void **state) {
    (void)state;
    write_set(below("data/mnist"), "-idx3-ubyte", "-idx1-ubyte", 1);
    make_folder(below("empty"));
    refused(DATASET_MISSING, "mnist", below("empty"), "no files of data set 'mnist'");
    refused(DATASET_MISSING, "mnist", below("empty"), "scripts/fetch_data.sh mnist");
    refused(DATASET_MISSING, "fashion", below("empty"), "dataset-fashion-mnist");
    refused(DATASET_MISSING, "mnist", below("nowhere"), "No such file or directory");
    refused(DATASET_MISSING, "mnist", "", "No such file or directory");
    refused(DATASET_MISSING, "mnist", below("data/mnist/t10k-labels-idx1-ubyte"), "not a folder");
    refused(DATASET_MISSING, "emnist-digits", below("data/mnist"), "emnist-digits-train-images");
    refused(DATASET_MISSING, "nothing", below("data/mnist"), "unknown data set 'nothing'");
}

static void half_a_set_is_missing(void **state) {
    (void)state;
    write_set(below("half"), "-idx3-ubyte", "-idx1-ubyte", 1);
    unlink(below("half/t10k-images-idx3-ubyte"));
    refused(DATASET_MISSING, "mnist", below("half"), "no t10k-images-idx3-ubyte[.gz]");

    /* In a usual place it does not hide a whole one. */
    setenv("FLOPSTEP_DATA", below("half"), 1);
    refused(DATASET_MISSING, "mnist", NULL, "no t10k-images-idx3-ubyte[.gz]");
    write_set(below("data/mnist"), "-idx3-ubyte", "-idx1-ubyte", 9);
    loads("mnist", NULL, 9);
}

static void files_that_disagree_are_bad(void **state) {
    (void)state;
    const char *folder = below("set");
    static const char images[] = "-idx3-ubyte", labels[] = "-idx1-ubyte";
    write_set(folder, images, labels, 1);
    write_labels(folder, "train-labels-idx1-ubyte", 5, 0);
    refused(DATASET_BAD, "mnist", folder, "6 images, but ");
    refused(DATASET_BAD, "mnist", folder, "train-labels-idx1-ubyte has 5 labels");

    write_set(folder, images, labels, 1);
    write_images(folder, "t10k-images-idx3-ubyte", 4, 3, 2, 0);
    refused(DATASET_BAD, "mnist", folder, "images of 2x3x1, but ");
    write_images(folder, "t10k-images-idx3-ubyte", 4, 2, 4, 0);
    refused(DATASET_BAD, "mnist", folder, "-ubyte of 2x4x1");

    write_set(folder, images, labels, 1);
    write_idx(folder, "t10k-labels-idx1-ubyte", 1, (long[]){4}, (uint8_t[]){1, 9, 10, 3});
    refused(DATASET_BAD, "mnist", folder, "label 10 at index 2; there are 10 classes");

    write_set(folder, images, labels, 1);
    write_idx(folder, "t10k-labels-idx1-ubyte", 2, (long[]){2, 2}, (uint8_t[]){1, 9, 2, 3});
    refused(DATASET_BAD, "mnist", folder, "labels have 1 dimension, this file has 2");

    write_set(folder, images, labels, 1);
    write_idx(folder, "train-images-idx3-ubyte", 2, (long[]){6, 2}, (uint8_t[12]){0});
    refused(DATASET_BAD, "mnist", folder, "images have 3 or 4 dimensions, this file has 2");

    write_set(folder, images, labels, 1);
    assert_int_equal(truncate(below("set/train-images-idx3-ubyte"), 30), 0);
    refused(DATASET_BAD, "mnist", folder, "train-images-idx3-ubyte: truncated");

    unlink(below("set/train-images-idx3-ubyte"));
    make_folder(below("set/train-images-idx3-ubyte"));
    refused(DATASET_BAD, "mnist", folder, "train-images-idx3-ubyte: is a directory");

    setenv("FLOPSTEP_DATA", folder, 1); /* what is bad is said, not passed over */
    write_set(below("data/mnist"), images, labels, 1);
    refused(DATASET_BAD, "mnist", NULL, "train-images-idx3-ubyte: is a directory");
}

/* 4 dimensions: images with channels. */
static void colour_images_are_read(void **state) {
    (void)state;
    const char *folder = below("set");
    uint8_t data[144];
    for (int i = 0; i < 144; i++) data[i] = (uint8_t)i;
    write_set(folder, "-idx3-ubyte", "-idx1-ubyte", 1);
    write_idx(folder, "train-images-idx3-ubyte", 4, (long[]){6, 2, 4, 3}, data);
    write_idx(folder, "t10k-images-idx3-ubyte", 4, (long[]){4, 2, 4, 3}, data);
    struct dataset d;
    assert_int_equal(dataset_load(&d, "mnist", folder, 0, reason, sizeof reason), DATASET_OK);
    assert_int_equal(d.extent.channels, 3);
    assert_int_equal(extent_size(d.extent), 24);
    assert_memory_equal(d.train.pixels, data, sizeof data);
    dataset_free(&d);
}

static void emnist_is_turned(void **state) {
    (void)state;
    const char *folder = below("emnist");
    make_folder(folder);
    write_images(folder, "emnist-digits-train-images-idx3-ubyte.gz", 6, 2, 3, 0);
    write_labels(folder, "emnist-digits-train-labels-idx1-ubyte.gz", 6, 0);
    write_images(folder, "emnist-digits-test-images-idx3-ubyte.gz", 4, 2, 3, 50);
    write_labels(folder, "emnist-digits-test-labels-idx1-ubyte.gz", 4, 0);
    struct dataset d;
    if (dataset_load(&d, "emnist-digits", scratch, 0, reason, sizeof reason) != DATASET_OK)
        fail_msg("%s", reason);
    assert_int_equal(d.extent.height, 3);
    assert_int_equal(d.extent.width, 2);
    assert_memory_equal(d.train.pixels, ((uint8_t[]){0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11}), 12);
    assert_memory_equal(d.test.pixels, ((uint8_t[]){50, 53, 51, 54, 52, 55}), 6);
    dataset_free(&d);
}

/* --- Real files --------------------------------------------------------------------------------
 */

static char mnist_folder[PATH_MAX]; /* absolute, or empty: not at hand */

static void find_mnist(void) {
    const char *variable = getenv("FLOPSTEP_DATA"), *slash = strrchr(__FILE__, '/');
    char path[2][PATH_MAX];
    snprintf(path[0], PATH_MAX, "%s", variable ? variable : "");
    snprintf(path[1], PATH_MAX, "%.*s/../../../shared/data/mnist",
             slash ? (int)(slash - __FILE__) : 1, slash ? __FILE__ : ".");
    for (int i = 0; i < 2; i++) {
        char file[2 * PATH_MAX + 40];
        snprintf(file, sizeof file, "%s/train-images-idx3-ubyte.gz", path[i]);
        if (access(file, R_OK) == 0 && realpath(path[i], mnist_folder)) return;
        mnist_folder[0] = '\0';
    }
}

static void mnist_is_mnist(void **state) {
    (void)state;
    const char *folder = mnist_folder;
    if (!folder[0]) skip();
    struct dataset d;
    if (dataset_load(&d, "mnist", folder, 0, reason, sizeof reason) != DATASET_OK)
        fail_msg("%s", reason);
    assert_int_equal(d.train.count, 60000);
    assert_int_equal(d.test.count, 10000);
    assert_int_equal(d.extent.height, 28);
    static const int32_t first[] = {5, 0, 4, 1, 9}, test_first[] = {7, 2, 1, 0, 4};
    assert_memory_equal(d.train.labels, first, sizeof first);
    assert_memory_equal(d.test.labels, test_first, sizeof test_first);
    double sum = 0; /* the known mean of the training pixels */
    for (long i = 0; i < 60000L * 784; i++) sum += d.train.pixels[i];
    assert_true(fabs(sum / (60000.0 * 784 * 255) - 0.1307) < 1e-4);
    dataset_free(&d);

    /* Its relatives have files of the same names: they are not taken for one another. */
    refused(DATASET_BAD, "fashion", folder, "belongs to data set 'mnist', not to 'fashion'");
    setenv("FLOPSTEP_DATA", folder, 1);
    refused(DATASET_MISSING, "kuzushiji", NULL, "scripts/fetch_data.sh kuzushiji");
    write_set(below("data/kuzushiji"), "-idx3-ubyte", "-idx1-ubyte", 3);
    loads("kuzushiji", NULL, 3);
}

static void fashion_is_found_where_debian_puts_it(void **state) {
    (void)state;
    if (access("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz", R_OK) != 0) skip();
    struct dataset d;
    if (dataset_load(&d, "fashion", NULL, 0, reason, sizeof reason) != DATASET_OK)
        fail_msg("%s", reason);
    assert_int_equal(d.train.count, 60000);
    assert_string_equal(d.class_names[d.train.labels[0]], "Ankle boot");
    assert_string_equal(d.source, "/usr/share/datasets/fashion-mnist");
    dataset_free(&d);
}

/* --- Parts -------------------------------------------------------------------------------------
 */

static void the_last_samples_are_held_out(void **state) {
    (void)state;
    write_set(below("set"), "-idx3-ubyte", "-idx1-ubyte", 1);
    struct dataset d;
    assert_int_equal(dataset_load(&d, "mnist", below("set"), 0, reason, sizeof reason), DATASET_OK);
    assert_false(dataset_hold_out(&d, 6));
    assert_false(dataset_hold_out(&d, -1));
    assert_true(dataset_hold_out(&d, 0));
    assert_int_equal(d.validation.count, 0);
    assert_true(dataset_hold_out(&d, 2));
    assert_int_equal(d.train.count, 4);
    assert_int_equal(d.validation.count, 2);
    for (int i = 0; i < 12; i++) assert_int_equal(d.validation.pixels[i], 1 + 4 * 6 + i);
    assert_int_equal(d.validation.labels[0], 5);
    assert_int_equal(d.validation.labels[1], 6);
    assert_null(d.validation.numbers);
    assert_false(dataset_hold_out(&d, 1)); /* there is a validation part */
    dataset_free(&d);

    assert_true(dataset_linear(&d, 10, 2, 1, 0, 1, 10, 3));
    double last = d.train.numbers[9], target = d.train.targets[9];
    assert_true(dataset_hold_out(&d, 3));
    assert_true(d.validation.numbers[2] == last && d.validation.targets[2] == target);
    dataset_free(&d);
}

static void the_first_samples_are_kept(void **state) {
    (void)state;
    write_set(below("set"), "-idx3-ubyte", "-idx1-ubyte", 1);
    struct dataset d;
    assert_int_equal(dataset_load(&d, "mnist", below("set"), 0, reason, sizeof reason), DATASET_OK);
    assert_false(dataset_take_first(&d, 7, 0));
    assert_false(dataset_take_first(&d, 3, 5));
    assert_int_equal(d.train.count, 6); /* nothing was changed */
    assert_true(dataset_take_first(&d, 0, 0));
    assert_int_equal(d.train.count, 6);
    assert_int_equal(d.test.count, 4);
    assert_true(dataset_take_first(&d, 5, 3));
    assert_int_equal(d.train.count, 5);
    assert_int_equal(d.test.count, 3);
    dataset_free(&d);
}

/* --- Generators --------------------------------------------------------------------------------
 */

static void circles_are_circles(void **state) {
    (void)state;
    struct dataset d;
    assert_true(
        dataset_circles(&d, 500, 0, 0.8, 1)); /* without noise each point is on its circle */
    assert_int_equal(d.train.count, 400);
    assert_int_equal(d.test.count, 100);
    assert_int_equal(d.classes, 2);
    assert_int_equal(extent_size(d.extent), 2);
    int inner[2] = {0}, angle_seen[2][250] = {{0}}, changes = 0;
    for (int p = 0; p < 2; p++) {
        const struct samples *part = p ? &d.test : &d.train;
        for (long i = 0; i < part->count; i++) {
            double x = part->numbers[2 * i], y = part->numbers[2 * i + 1];
            int label = part->labels[i];
            assert_true(fabs(hypot(x, y) - (label ? 0.8 : 1)) < 1e-12);
            double turn = atan2(y, x) / (2 * M_PI) * 250;
            long step = lround(turn);
            assert_true(fabs(turn - (double)step) < 1e-9); /* evenly spaced */
            angle_seen[label][(step + 250) % 250]++;
            inner[p] += label;
            if (i) changes += label != part->labels[i - 1];
        }
    }
    for (int i = 0; i < 250; i++) { /* each point once, in one of the parts */
        assert_int_equal(angle_seen[0][i], 1);
        assert_int_equal(angle_seen[1][i], 1);
    }
    /* Shuffled: labels alternate about half the time; 4 standard deviations. */
    assert_int_equal(inner[0] + inner[1], 250);
    assert_in_range(changes, 200, 300);
    assert_in_range(inner[1], 30, 70);
    dataset_free(&d);
}

static void noise_has_its_standard_deviation(void **state) {
    (void)state;
    struct dataset quiet, noisy;
    enum { POINTS = 20000 };
    assert_true(dataset_circles(&quiet, POINTS, 0, 0.8, 5));
    assert_true(dataset_circles(&noisy, POINTS, 0.1, 0.8, 5));
    double sum = 0, squares = 0, product = 0;
    long n = 2 * quiet.train.count;
    for (long i = 0; i < n; i += 2) {
        double a = noisy.train.numbers[i] - quiet.train.numbers[i];
        double b = noisy.train.numbers[i + 1] - quiet.train.numbers[i + 1];
        sum += a + b;
        squares += a * a + b * b;
        product += a * b;
    }
    assert_true(fabs(sum / (double)n) < 0.003);                 /* 5 sigma: 0.0028 */
    assert_true(fabs(sqrt(squares / (double)n) - 0.1) < 0.003); /* 5 sigma: 0.002 */
    assert_true(fabs(product / ((double)n / 2)) < 0.0005);      /* 5 sigma: 0.0004 */
    dataset_free(&quiet);
    dataset_free(&noisy);
}

static void points_lie_about_the_line(void **state) {
    (void)state;
    struct dataset d;
    assert_int_equal(dataset_load(&d, "linear", NULL, 11, reason, sizeof reason), DATASET_OK);
    assert_int_equal(d.train.count, 1000);
    assert_int_equal(d.test.count, 0);
    assert_int_equal(d.classes, 0);
    assert_int_equal(d.outputs, 1);
    double low = 100, high = -100, sum = 0, squares = 0;
    for (long i = 0; i < 1000; i++) {
        double x = d.train.numbers[i], off = d.train.targets[i] - (2 * x + 1);
        low = fmin(low, x);
        high = fmax(high, x);
        sum += off;
        squares += off * off;
    }
    assert_true(low >= 1 && low < 1.2 && high < 10 && high > 9.8);
    assert_true(fabs(sum / 1000) < 0.3);               /* 5 sigma: 0.32 */
    assert_true(fabs(sqrt(squares / 1000) - 2) < 0.2); /* 5 sigma: 0.22 */
    dataset_free(&d);
}

static void pixels_and_labels_are_uniform(void **state) {
    (void)state;
    struct dataset d;
    assert_true(dataset_random(&d, 1001, (struct extent){7, 5, 3}, 10, 4)); /* no multiple of 16 */
    assert_int_equal(d.train.count, 1001);
    assert_int_equal(d.outputs, 10);
    long pixels[256] = {0}, labels[10] = {0}, bytes = 1001 * 105;
    for (long i = 0; i < bytes; i++) pixels[d.train.pixels[i]]++;
    for (long i = 0; i < 1001; i++) labels[d.train.labels[i]]++;
    double chi = 0, mean = (double)bytes / 256;
    for (int i = 0; i < 256; i++) {
        double off = (double)pixels[i] - mean;
        chi += off * off / mean;
    }
    assert_true(chi > 150 && chi < 370); /* 255 degrees of freedom: mean 255, sigma 22.6 */
    for (int i = 0; i < 10; i++) assert_in_range(labels[i], 60, 150);
    dataset_free(&d);
}

static void a_seed_is_a_data_set(void **state) {
    (void)state;
    struct dataset a, b, c;
    assert_true(dataset_circles(&a, 500, 0.1, 0.8, 1));
    assert_true(dataset_circles(&b, 500, 0.1, 0.8, 1));
    assert_true(dataset_circles(&c, 500, 0.1, 0.8, 2));
    assert_memory_equal(a.train.numbers, b.train.numbers, 800 * sizeof(double));
    assert_memory_equal(a.train.labels, b.train.labels, 400 * sizeof(int32_t));
    assert_memory_not_equal(a.train.numbers, c.train.numbers, 800 * sizeof(double));
    assert_memory_not_equal(a.train.labels, c.train.labels, 400 * sizeof(int32_t));
    dataset_free(&a);
    dataset_free(&b);
    dataset_free(&c);

    struct extent extent = {4, 4, 1};
    assert_true(dataset_random(&a, 100, extent, 10, 1));
    assert_true(dataset_random(&b, 200, extent, 10, 1));
    assert_true(dataset_random(&c, 100, extent, 10, 2));
    assert_memory_equal(a.train.pixels, b.train.pixels, 1600); /* a longer one begins the same */
    assert_memory_not_equal(a.train.pixels, c.train.pixels, 1600);
    dataset_free(&a);
    dataset_free(&b);
    dataset_free(&c);
}

static void senseless_numbers_are_refused(void **state) {
    (void)state;
    struct dataset d;
    assert_false(dataset_circles(&d, 0, 0.1, 0.8, 1));
    assert_false(dataset_circles(&d, 500, -1, 0.8, 1));
    assert_false(dataset_circles(&d, 500, NAN, 0.8, 1));
    assert_false(dataset_linear(&d, -3, 2, 1, 2, 1, 10, 1));
    assert_false(dataset_linear(&d, 10, 2, 1, 2, 10, 10, 1));
    assert_false(dataset_random(&d, 10, (struct extent){0, 4, 1}, 10, 1));
    assert_false(dataset_random(&d, 10, (struct extent){4, 4, 1}, 0, 1));
    assert_false(dataset_random(&d, LONG_MAX, (struct extent){1, 1, 1}, 2, 1));
    assert_false(dataset_random(&d, 1L << 31, (struct extent){1L << 31, 1L << 31, 4}, 2, 1));
}

static void the_table_is_complete(void **state) {
    (void)state;
    static const char *const names[] = {"mnist",         "fashion", "kuzushiji",
                                        "emnist-digits", "circles", "linear"};
    for (int i = 0; i < 6; i++) {
        const struct dataset_row *row = dataset_find(names[i]);
        if (!row) fail_msg("%s is missing", names[i]);
        assert_non_null(row->what);
        assert_true(row->generate ? !row->folders : row->folders && row->fetch && row->file_prefix);
    }
    assert_null(dataset_find("mnis"));
    struct dataset d;
    assert_int_equal(dataset_load(&d, "circles", NULL, 1, reason, sizeof reason), DATASET_OK);
    assert_int_equal(d.train.count + d.test.count, 500);
    assert_non_null(strstr(d.source, "noise 0.1"));
    dataset_free(&d);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    find_mnist();
    const struct CMUnitTest tests[] = {
        TEST(samples_are_what_the_files_hold),
        TEST(every_way_to_name_files_is_known),
        TEST(folders_are_searched_in_their_order),
        TEST(a_named_folder_is_the_only_one),
        TEST(half_a_set_is_missing),
        TEST(files_that_disagree_are_bad),
        TEST(colour_images_are_read),
        TEST(emnist_is_turned),
        TEST(mnist_is_mnist),
        TEST(fashion_is_found_where_debian_puts_it),
        TEST(the_last_samples_are_held_out),
        TEST(the_first_samples_are_kept),
        TEST(circles_are_circles),
        TEST(noise_has_its_standard_deviation),
        TEST(points_lie_about_the_line),
        TEST(pixels_and_labels_are_uniform),
        TEST(a_seed_is_a_data_set),
        TEST(senseless_numbers_are_refused),
        TEST(the_table_is_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
