/* IDX files: what is read, what is refused, and that the reason says why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "nn/idx.h"

static char corpus[4096]; /* tests/fuzz/corpus/idx, beside this file's folder */
static char reason[400];

static bool read_corpus(struct idx *idx, const char *name) {
    char path[5000];
    snprintf(path, sizeof path, "%s/%s", corpus, name);
    reason[0] = '\0';
    return idx_read(idx, path, reason, sizeof reason);
}

static void refused(const char *name, const char *why) {
    struct idx idx;
    if (read_corpus(&idx, name)) fail_msg("%s is accepted", name);
    if (!strstr(reason, why)) fail_msg("%s: '%s' lacks '%s'", name, reason, why);
    if (!strstr(reason, name)) fail_msg("'%s' does not name %s", reason, name);
    assert_null(strchr(reason, '\n'));
    assert_null(idx.data);
}

static void header_and_data_are_read(void **state) {
    (void)state;
    static const char *const names[] = {"good-images", "good-images.gz", "good-two-members.gz"};
    for (int n = 0; n < 3; n++) {
        struct idx idx;
        if (!read_corpus(&idx, names[n])) fail_msg("%s", reason);
        assert_int_equal(idx.dimensions, 3);
        assert_int_equal(idx.extent[0], 2);
        assert_int_equal(idx.extent[1], 3);
        assert_int_equal(idx.extent[2], 4);
        assert_int_equal(idx.bytes, 24);
        for (int i = 0; i < 24; i++) assert_int_equal(idx.data[i], i);
        idx_free(&idx);
        assert_null(idx.data);
    }
    struct idx labels;
    assert_true(read_corpus(&labels, "good-labels"));
    assert_int_equal(labels.dimensions, 1);
    assert_memory_equal(labels.data, ((uint8_t[]){0, 1, 9, 3, 255}), 5);
    idx_free(&labels);
}

static void reasons_say_why(void **state) {
    (void)state;
    refused("bad-empty", "empty");
    refused("bad-one-byte", "too short");
    refused("bad-magic", "not an IDX file");
    refused("bad-type", "type 0x0d");
    refused("bad-no-dimensions", "0 dimensions");
    refused("bad-nine-dimensions", "9 dimensions");
    refused("bad-zero-extent", "dimension 2 of 3 is 0");
    refused("bad-overflow", "overflow");
    refused("bad-wraps-to-8", "overflow");
    refused("bad-huge", "more than a file of 16 bytes can hold");
    refused("bad-truncated", "truncated");
    refused("bad-truncated-header", "truncated in its header");
    refused("bad-longer", "longer than its header says");
    refused("bad-gzip-truncated.gz", "gzip data is truncated");
    refused("bad-gzip-no-trailer.gz", "gzip data is truncated");
    refused("bad-gzip-crc.gz", "corrupt (incorrect data check)");
    refused("bad-gzip-tail.gz", "follow the end");
    refused("bad-gzip-second-magic.gz", "corrupt");
    refused("bad-gzip-flags.gz", "corrupt");
    refused("bad-gzip-method.gz", "corrupt");
    refused("bad-gzip-data.gz", "gzip data is");
    refused("bad-gzip-longer.gz", "longer than its header says");
    refused("bad-gzip-bomb.gz", "longer than its header says");
    refused("bad-gzip-promise.gz", "1000000000 bytes of data, more than a gzip file");
    refused("bad-gzip-shorter.gz", "truncated: its header promises 24 bytes of data, it has 23");
}

/* The same from memory, and nothing of the corpus is forgotten above. */
static void corpus_is_as_it_is_named(void **state) {
    (void)state;
    DIR *folder = opendir(corpus);
    if (!folder) fail_msg("%s is not there", corpus);
    int good = 0, bad = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        const char *name = entry->d_name;
        if (name[0] == '.') continue;
        char path[5000];
        static uint8_t bytes[4096];
        snprintf(path, sizeof path, "%s/%s", corpus, name);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        size_t count = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        assert_true(count < sizeof bytes);
        struct idx memory, read;
        bool parsed = idx_parse(&memory, bytes, count, name, reason, sizeof reason);
        if (parsed != (strncmp(name, "good-", 5) == 0)) fail_msg("%s is judged wrongly", name);
        assert_int_equal(parsed, read_corpus(&read, name));
        if (parsed) assert_memory_equal(memory.data, read.data, memory.bytes);
        idx_free(&memory);
        idx_free(&read);
        parsed ? good++ : bad++;
    }
    closedir(folder);
    assert_true(good >= 5 && bad >= 20);
}

static void what_is_no_file_is_refused(void **state) {
    (void)state;
    struct idx idx;
    char folder[] = "/tmp/flopstep-idx-XXXXXX", path[200];
    assert_non_null(mkdtemp(folder));
    assert_false(idx_read(&idx, folder, reason, sizeof reason));
    assert_non_null(strstr(reason, "is a directory"));

    snprintf(path, sizeof path, "%s/nothing", folder);
    assert_false(idx_read(&idx, path, reason, sizeof reason));
    assert_non_null(strstr(reason, "nothing: cannot open: No such file"));

    snprintf(path, sizeof path, "%s/two\nlines", folder);
    assert_false(idx_read(&idx, path, reason, sizeof reason));
    assert_null(strchr(reason, '\n'));

    snprintf(path, sizeof path, "%s/pipe", folder); /* and it does not wait for a writer */
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(idx_read(&idx, path, reason, sizeof reason));
    assert_non_null(strstr(reason, "not a regular file"));
    unlink(path);

    snprintf(path, sizeof path, "%s/locked", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(chmod(path, 0), 0);
    assert_false(idx_read(&idx, path, reason, sizeof reason));
    /* root may read it all the same */
    assert_non_null(strstr(reason, geteuid() ? "cannot open: Permission denied" : "is empty"));
    unlink(path);
    rmdir(folder);
}

/* More than one chunk of the reader, and more than one run of inflate. */
static void large_files_are_read_whole(void **state) {
    (void)state;
    enum { BYTES = 1000003 };
    char folder[] = "/tmp/flopstep-idx-XXXXXX", path[200];
    assert_non_null(mkdtemp(folder));
    uint8_t header[8] = {0, 0, 8, 1, BYTES >> 24, BYTES >> 16 & 255, BYTES >> 8 & 255, BYTES & 255};
    uint8_t *data = malloc(BYTES);
    assert_non_null(data);
    uint32_t bits = 1;
    for (int i = 0; i < BYTES; i++) {
        bits = bits * 1664525u + 1013904223u;
        data[i] = (uint8_t)(bits >> 24);
    }
    for (int compressed = 0; compressed < 2; compressed++) {
        snprintf(path, sizeof path, "%s/large%s", folder, compressed ? ".gz" : "");
        gzFile file = gzopen(path, compressed ? "wb" : "wbT"); /* T: plain */
        assert_non_null(file);
        assert_int_equal(gzwrite(file, header, sizeof header), sizeof header);
        assert_int_equal(gzwrite(file, data, BYTES), BYTES);
        assert_int_equal(gzclose(file), Z_OK);
        struct idx idx;
        if (!idx_read(&idx, path, reason, sizeof reason)) fail_msg("%s", reason);
        assert_int_equal(idx.bytes, BYTES);
        assert_memory_equal(idx.data, data, BYTES);
        idx_free(&idx);
        unlink(path);
    }
    free(data);
    rmdir(folder);
}

/* A gzip file of 100 kB that promises 4 bytes and would be 100 MB. */
static void a_bomb_costs_only_what_its_header_promises(void **state) {
    (void)state;
    char folder[] = "/tmp/flopstep-idx-XXXXXX", path[200];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/bomb.gz", folder);
    gzFile file = gzopen(path, "wb1");
    uint8_t header[8] = {0, 0, 8, 1, 0, 0, 0, 4};
    static uint8_t zeros[1 << 20];
    assert_int_equal(gzwrite(file, header, sizeof header), sizeof header);
    for (int i = 0; i < 100; i++)
        assert_int_equal(gzwrite(file, zeros, sizeof zeros), sizeof zeros);
    assert_int_equal(gzclose(file), Z_OK);

    struct rusage before, after;
    struct idx idx;
    getrusage(RUSAGE_SELF, &before);
    assert_false(idx_read(&idx, path, reason, sizeof reason));
    getrusage(RUSAGE_SELF, &after);
    assert_non_null(strstr(reason, "longer than its header says"));
    assert_true(after.ru_maxrss - before.ru_maxrss < 50000); /* kB */
    unlink(path);
    rmdir(folder);
}

int main(void) {
    const char *slash = strrchr(__FILE__, '/');
    snprintf(corpus, sizeof corpus, "%.*s/../fuzz/corpus/idx", slash ? (int)(slash - __FILE__) : 1,
             slash ? __FILE__ : ".");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_and_data_are_read),
        cmocka_unit_test(reasons_say_why),
        cmocka_unit_test(corpus_is_as_it_is_named),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(large_files_are_read_whole),
        cmocka_unit_test(a_bomb_costs_only_what_its_header_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
