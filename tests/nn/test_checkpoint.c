/* Checkpoints: what is written comes back bit for bit, a training goes on as if it had never
 * stopped, and every bad file is refused with one line and nothing changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "kernels/cpu/blas_library.h"
#include "nn/checkpoint.h"
#include "nn/notation.h"

enum { BATCH = 16 };
static const char notation[] = "conv3x3x4 relu maxpool2 dropout0.3 dense12 tanh dense10 softmax";

static char folder[64];
static struct blas_library *library;
static struct dataset data;

static const char *path_of(const char *name) {
    static char path[4][400];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", folder, name);
    return path[next];
}

static int set_up(void **state) {
    (void)state;
    char reason[512];
    snprintf(folder, sizeof folder, "/tmp/flopstep-checkpoint-XXXXXX");
    library = blas_library_open("naive", reason, sizeof reason);
    return !mkdtemp(folder) || !library ||
           !dataset_random(&data, 50, (struct extent){8, 8, 1}, 10, 3);
}

static int entries(bool remove_them) {
    int count = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        count++;
        if (remove_them) assert_int_equal(remove(path_of(e->d_name)), 0);
    }
    closedir(d);
    return count;
}

static int tear_down(void **state) {
    (void)state;
    entries(true);
    dataset_free(&data);
    blas_library_close(library);
    return rmdir(folder);
}

/* A training in memory. */
struct whole {
    struct queue queue;
    struct network network;
    struct optimizer optimizer;
    struct training training;
};

static void begin(struct whole *w, const char *text, const char *optimizer, enum scalar type,
                  uint64_t seed, enum sampling sampling) {
    char reason[NETWORK_REASON];
    struct architecture architecture;
    struct optimizer_settings settings;
    w->queue = (struct queue){
        .device = device_find("cpu"), .type = type, .threads = 1, .library = library};
    w->queue.gemm = blas_library_routine(library, kernel_find("gemm"), type);
    if (!architecture_parse(&architecture, text, data.extent, reason, sizeof reason))
        fail_msg("%s", reason);
    assert_true(network_plan(&w->network, &architecture, &w->queue, BATCH, LOSS_CATEGORICAL, true,
                             reason, sizeof reason));
    network_initialise(&w->network, INITIAL_GLOROT, seed);
    assert_true(optimizer_parse(&settings, optimizer, reason, sizeof reason));
    assert_true(optimizer_plan(&w->optimizer, &settings, &w->queue, w->network.parameters));
    w->optimizer.schedule = SCHEDULE_COSINE;
    w->optimizer.steps = 20;
    assert_true(training_begin(&w->training, &w->network, &w->optimizer, &data, sampling, BATCH,
                               seed, reason, sizeof reason));
}

static void end(struct whole *w) {
    training_end(&w->training);
    optimizer_free(&w->optimizer);
    network_free(&w->network);
}

static void steps(struct whole *w, int count) {
    for (int i = 0; i < count; i++) training_step(&w->training, NULL);
}

static size_t array_bytes(const struct whole *w) {
    return (size_t)w->network.parameters * scalar_bytes(w->queue.type);
}

static void assert_same_state(const struct whole *a, const struct whole *b) {
    assert_int_equal(a->network.parameters, b->network.parameters);
    assert_memory_equal(a->network.parameter.memory, b->network.parameter.memory, array_bytes(a));
    for (int i = 0; i < a->optimizer.settings.kind->slots; i++)
        assert_memory_equal(a->optimizer.slot[i], b->optimizer.slot[i], array_bytes(a));
    assert_int_equal(a->training.step, b->training.step);
    assert_int_equal(a->optimizer.step, b->optimizer.step);
    assert_memory_equal(&a->optimizer.mu_product, &b->optimizer.mu_product, sizeof(double));
}

static void save(struct whole *w, const char *path) {
    struct checkpoint c;
    char reason[600] = "";
    checkpoint_describe(&c, &w->training);
    if (!checkpoint_write(path, &c, &w->network, &w->optimizer, NULL, reason, sizeof reason))
        fail_msg("%s", reason);
}

/* 5 + 5 steps through a file are 10 steps, in every bit. */
static void goes_on(const char *optimizer, enum scalar type, enum sampling sampling) {
    struct whole straight, first, second;
    struct checkpoint c;
    char reason[600] = "";
    const char *path = path_of("training");
    begin(&straight, notation, optimizer, type, 7, sampling);
    begin(&first, notation, optimizer, type, 7, sampling);
    begin(&second, notation, optimizer, type, 7, sampling);
    network_initialise(&second.network, INITIAL_HE, 99); /* nothing of it may stay */
    second.optimizer.schedule = SCHEDULE_CONSTANT;
    steps(&straight, 10);
    steps(&first, 5);
    save(&first, path);
    if (!checkpoint_load(path, &c, &second.network, &second.optimizer, NULL, reason,
                         sizeof reason) ||
        !checkpoint_resume(&c, &second.training, reason, sizeof reason))
        fail_msg("%s", reason);
    assert_same_state(&first, &second);
    steps(&second, 5);
    assert_same_state(&straight, &second);
    steps(&first, 4);
    assert_memory_not_equal(first.network.parameter.memory, second.network.parameter.memory,
                            array_bytes(&first));
    end(&straight);
    end(&first);
    end(&second);
}

static void test_training_goes_on(void **state) {
    (void)state;
    for (const struct optimizer_kind *kind = optimizer_kinds; kind->name; kind++)
        goes_on(kind->name, SCALAR_S, SAMPLING_EPOCHS);
    goes_on("nadam:lr=0.002", SCALAR_D, SAMPLING_EPOCHS);
    goes_on("adam:correction=0,l2=1e-4", SCALAR_D, SAMPLING_REPLACEMENT);
    goes_on("rmsprop:rho=0.91", SCALAR_S, SAMPLING_ORDER);
}

static void test_round_trip(void **state) {
    (void)state;
    struct whole a, b;
    struct checkpoint c, back;
    char reason[600] = "";
    const char *path = path_of("trip");
    begin(&a, notation, "adam", SCALAR_S, 0xfedcba9876543210u, SAMPLING_EPOCHS);
    begin(&b, notation, "adam", SCALAR_S, 5, SAMPLING_EPOCHS);
    steps(&a, 3);
    checkpoint_describe(&c, &a.training);
    snprintf(c.recipe, sizeof c.recipe, "some-recipe");
    snprintf(c.class_names, sizeof c.class_names, "one\ntwo\nthr\xc3\xa9\xc3\xa9");
    c.has_best = true;
    c.best_accuracy = 0.1 + 0.2;
    c.best_step = 2;
    uint8_t *best = malloc(array_bytes(&a)), *read = malloc(array_bytes(&a));
    assert_true(best && read);
    for (size_t i = 0; i < array_bytes(&a); i++) best[i] = (uint8_t)(i * 31); /* also NaNs */
    assert_true(checkpoint_write(path, &c, &a.network, &a.optimizer, best, reason, sizeof reason));
    assert_true(
        checkpoint_load(path, &back, &b.network, &b.optimizer, read, reason, sizeof reason));
    assert_memory_equal(best, read, array_bytes(&a));
    assert_string_equal(c.network, back.network);
    assert_string_equal(c.recipe, back.recipe);
    assert_string_equal(c.class_names, back.class_names);
    assert_string_equal(c.dataset, data.name);
    assert_string_equal(c.dataset, back.dataset);
    assert_string_equal(c.optimizer, back.optimizer);
    assert_memory_equal(&c.best_accuracy, &back.best_accuracy, sizeof(double));
    assert_int_equal(back.best_step, 2);
    assert_true(back.seed == 0xfedcba9876543210u && back.has_best);
    assert_int_equal(back.parameters, a.network.parameters);
    assert_int_equal(back.train_samples, 50);
    b.training.step = back.step;
    assert_same_state(&a, &b);
    assert_int_equal(b.optimizer.schedule, SCHEDULE_COSINE);
    assert_int_equal(b.optimizer.steps, 20);

    /* Only to predict: half the size, nothing to go on with. */
    c.has_best = false;
    assert_true(checkpoint_write(path, &c, &a.network, NULL, NULL, reason, sizeof reason));
    assert_true(checkpoint_read(path, &back, reason, sizeof reason));
    assert_int_equal(back.slots, 0);
    assert_string_equal(back.optimizer, "");
    assert_true(checkpoint_load(path, &back, &b.network, NULL, NULL, reason, sizeof reason));
    assert_false(
        checkpoint_load(path, &back, &b.network, &b.optimizer, NULL, reason, sizeof reason));
    assert_non_null(strstr(reason, "no optimizer"));
    free(best);
    free(read);
    end(&a);
    end(&b);
}

/* Reading fails, with one line that names the file and holds the word. */
static void refused(const char *path, const char *word) {
    struct checkpoint c;
    char reason[600] = "";
    if (checkpoint_read(path, &c, reason, sizeof reason)) fail_msg("read: %s", word);
    if (strncmp(reason, path, strlen(path)) != 0 || strchr(reason, '\n') || !strstr(reason, word))
        fail_msg("'%s' does not name '%s'", reason, word);
}

static void write_bytes(const char *path, const uint8_t *bytes, size_t count) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static uint8_t *read_bytes(const char *path, size_t *count) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *count = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*count + 64);
    assert_true(bytes && fread(bytes, 1, *count, file) == *count);
    fclose(file);
    return bytes;
}

/* Behind a CRC that is right. */
static void seal(uint8_t *bytes, size_t count) {
    unsigned long sum = crc32_z(0, bytes, count - 4);
    for (int i = 0; i < 4; i++) bytes[count - 4 + (size_t)i] = (uint8_t)(sum >> 8 * i);
}

static void test_bad_files(void **state) {
    (void)state;
    struct whole a;
    char reason[600];
    size_t count;
    const char *good = path_of("good"), *bad = path_of("bad");
    begin(&a, notation, "rmsprop", SCALAR_S, 1, SAMPLING_EPOCHS);
    steps(&a, 1);
    save(&a, good);
    uint8_t *bytes = read_bytes(good, &count), *copy = malloc(count + 64);
    assert_non_null(copy);

    refused(path_of("nowhere"), "No such file");
    refused(folder, "a folder");
    refused("/dev/null", "not a checkpoint");
    write_bytes(bad, bytes, 0);
    refused(bad, "empty");
    write_bytes(bad, (const uint8_t *)"\x89PNG\r\n\x1a\n and more of that", 25);
    refused(bad, "not a checkpoint");
    for (size_t length = 1; length < count; length += length < 700 ? 1 : 97) {
        write_bytes(bad, bytes, length);
        refused(bad, "truncated");
    }
    memcpy(copy, bytes, count);
    memset(copy + count, 0, 64);
    write_bytes(bad, copy, count + 1);
    refused(bad, "1 bytes follow its end");

    /* Every bit of the header, some of the arrays, all of the CRC. */
    for (size_t i = 0; i < count; i += i < 700 || i >= count - 4 ? 1 : 61)
        for (int bit = 0; bit < 8; bit++) {
            struct checkpoint_view view;
            bytes[i] ^= (uint8_t)(1u << bit);
            assert_false(checkpoint_parse(&view, bytes, count, "x", reason, sizeof reason));
            bytes[i] ^= (uint8_t)(1u << bit);
        }

    memcpy(copy, bytes, count); /* another version, well sealed */
    copy[8] = 2;
    seal(copy, count);
    write_bytes(bad, copy, count);
    refused(bad, "version 2");
    static const struct {
        size_t offset;
        uint8_t value;
        const char *word;
    } forged[] = {
        {12, 0xff, "header"}, {15, 0xff, "header"},  {12, 4, "header"},    {27, 0x7f, "long"},
        {24, 0, "long"},      {28, '\n', "control"}, {28, 'k', "network"},
    };
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        memcpy(copy, bytes, count);
        copy[forged[i].offset] = forged[i].value;
        seal(copy, count);
        write_bytes(bad, copy, count);
        refused(bad, forged[i].word);
    }
    /* Each of the 19 numbers, set to what would overflow every product with it. */
    size_t header = bytes[12] | (size_t)bytes[13] << 8;
    for (size_t row = 0; row < 19; row++) {
        struct checkpoint_view view;
        if (row == 8) continue; /* any seed is one */
        memcpy(copy, bytes, count);
        memset(copy + header - 8 * (19 - row), 0xff, 8);
        seal(copy, count);
        assert_false(checkpoint_parse(&view, copy, count, "x", reason, sizeof reason));
        if (row == 13 || row == 15) continue; /* fractions: that was NaN */
        copy[header - 8 * (19 - row) + 7] = 0x7f;
        seal(copy, count);
        bool counts = row == 5 || row == 7 || row == 11 || row == 16; /* large, yet counts */
        assert_int_equal(checkpoint_parse(&view, copy, count, "x", reason, sizeof reason), counts);
    }
    free(bytes);
    free(copy);
    end(&a);
}

/* The file is good, but not for this network, type, optimizer, training. */
static void test_others(void **state) {
    (void)state;
    struct whole a, b;
    struct checkpoint c;
    char reason[1200];
    const char *path = path_of("other");
    begin(&a, notation, "adam", SCALAR_S, 1, SAMPLING_EPOCHS);
    save(&a, path);
    static const struct {
        const char *network, *optimizer;
        enum scalar type;
        const char *word;
    } others[] = {
        {"64-12tanh-10softmax", "adam", SCALAR_S, "64-12tanh-10softmax"},
        {"conv3x3x4 relu maxpool2 dropout0.4 dense12 tanh dense10 softmax", "adam", SCALAR_S,
         "dropout0.4"},
        {notation, "adam", SCALAR_D, "type s, not d"},
        {notation, "adam:lr=0.002", SCALAR_S, "lr=0.002"},
        {notation, "nadam", SCALAR_S, "nadam"},
        {notation, "sgd", SCALAR_S, "sgd"},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        begin(&b, others[i].network, others[i].optimizer, others[i].type, 3, SAMPLING_EPOCHS);
        size_t bytes = array_bytes(&b);
        void *before = malloc(bytes);
        assert_non_null(before);
        memcpy(before, b.network.parameter.memory, bytes);
        assert_false(
            checkpoint_load(path, &c, &b.network, &b.optimizer, NULL, reason, sizeof reason));
        assert_true(strstr(reason, others[i].word) && strstr(reason, path));
        assert_memory_equal(before, b.network.parameter.memory, bytes);
        assert_int_equal(b.optimizer.step, 0);
        free(before);
        end(&b);
    }
    /* The same network in other words. */
    begin(&b, "8x8x1 conv3x3x4 relu maxpool2stride2 dropout0.30 12tanh 10softmax", "adam:lr=1e-3",
          SCALAR_S, 2, SAMPLING_EPOCHS);
    assert_true(checkpoint_load(path, &c, &b.network, &b.optimizer, NULL, reason, sizeof reason));
    assert_false(checkpoint_resume(&c, &b.training, reason, sizeof reason));
    assert_non_null(strstr(reason, "seed"));
    b.training.seed = 1;
    b.training.batch--;
    assert_false(checkpoint_resume(&c, &b.training, reason, sizeof reason));
    assert_non_null(strstr(reason, "batch"));
    b.training.batch++;
    b.training.sampling = SAMPLING_ORDER;
    assert_false(checkpoint_resume(&c, &b.training, reason, sizeof reason));
    assert_non_null(strstr(reason, "sampling"));
    b.training.sampling = SAMPLING_EPOCHS;
    snprintf(c.dataset, sizeof c.dataset, "another");
    assert_false(checkpoint_resume(&c, &b.training, reason, sizeof reason));
    assert_non_null(strstr(reason, "another"));
    end(&a);
    end(&b);
}

/* Where writing fails the old file stays and nothing else does. */
static void test_writing_fails(void **state) {
    (void)state;
    struct whole a;
    struct checkpoint c;
    char reason[600] = "", long_name[300];
    entries(true);
    const char *path = path_of("kept");
    begin(&a, notation, "adam", SCALAR_S, 1, SAMPLING_EPOCHS);
    checkpoint_describe(&c, &a.training);
    assert_true(checkpoint_writable(path, reason, sizeof reason));
    assert_int_equal(entries(false), 0);
    save(&a, path);
    assert_int_equal(entries(false), 1);
    size_t count, after;
    uint8_t *before = read_bytes(path, &count);
    steps(&a, 1);

    struct rlimit old, small; /* as a full disk: the header still fits */
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 700;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    bool written =
        checkpoint_write(path, &c, &a.network, &a.optimizer, NULL, reason, sizeof reason);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_false(written);
    assert_non_null(strstr(reason, path));
    assert_int_equal(entries(false), 1);
    uint8_t *now = read_bytes(path, &after);
    assert_int_equal(count, after);
    assert_memory_equal(before, now, count);

    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    const char *const nowhere[] = {folder, path_of("none/file"), "/dev/null", "", long_name};
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
        assert_false(checkpoint_write(nowhere[i], &c, &a.network, &a.optimizer, NULL, reason,
                                      sizeof reason));
        assert_null(strchr(reason, '\n'));
        assert_non_null(strstr(reason, "cannot write"));
        assert_false(checkpoint_writable(nowhere[i], reason, sizeof reason));
    }
    assert_int_equal(entries(false), 1);

    /* A link stays a link, the mode stays the mode. */
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(symlink("kept", path_of("link")), 0);
    struct stat status;
    save(&a, path_of("link"));
    assert_int_equal(lstat(path_of("link"), &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    free(now);
    now = read_bytes(path, &after);
    assert_int_equal(count, after);
    assert_memory_not_equal(before, now, count);
    assert_int_equal(entries(false), 2);

    /* What could not be read back is not written. */
    snprintf(c.network, sizeof c.network, "64-12tanh-10softmax");
    assert_false(checkpoint_write(path, &c, &a.network, &a.optimizer, NULL, reason, sizeof reason));
    free(before);
    free(now);
    end(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_training_goes_on),
        cmocka_unit_test(test_bad_files),     cmocka_unit_test(test_others),
        cmocka_unit_test(test_writing_fails),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
