/* replay FOLDER: gives every file of a corpus to LLVMFuzzerTestOneInput, then damaged copies of it:
 * cut short, and with single bits flipped (all of them in a small file, evenly spread ones in a
 * large file). What libFuzzer does for hours, in a second, in every run of the test suite. Each
 * input is given in memory of exactly its size, so that a sanitizer or valgrind sees a read beyond
 * it. */
#include <dirent.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

enum { DAMAGES = 500 }; /* of each kind for a file, at most */

static void give(const uint8_t *bytes, size_t count) {
    uint8_t *copy = malloc(count ? count : 1);
    require(copy);
    if (count) memcpy(copy, bytes, count);
    LLVMFuzzerTestOneInput(copy, count);
    free(copy);
}

static uint8_t *read_file(const char *folder, const char *name, size_t *count) {
    char path[4096];
    require(snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path);
    FILE *file = fopen(path, "rb");
    require(file && fseek(file, 0, SEEK_END) == 0);
    long size = ftell(file);
    require(size >= 0);
    *count = (size_t)size;
    uint8_t *bytes = malloc(*count + 1);
    rewind(file);
    require(bytes && fread(bytes, 1, *count, file) == *count);
    fclose(file);
    return bytes;
}

static size_t replay(uint8_t *bytes, size_t count) {
    size_t inputs = 1, bits = 8 * count;
    give(bytes, count);
    for (size_t length = 0; length < count; length += count / DAMAGES + 1, inputs++)
        give(bytes, length);
    for (size_t bit = 0; bit < bits; bit += bits / DAMAGES + 1, inputs++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        give(bytes, count);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    return inputs;
}

int main(int argc, char **argv) {
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (!folder) {
        fprintf(stderr, "replay: needs a folder of inputs\n");
        return 2;
    }
    size_t files = 0, inputs = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        size_t count;
        uint8_t *bytes = read_file(argv[1], entry->d_name, &count);
        fprintf(stderr, "%s\n", entry->d_name); /* the last one printed is the one that failed */
        inputs += replay(bytes, count);
        free(bytes);
        files++;
    }
    closedir(folder);
    printf("%zu files, %zu inputs\n", files, inputs);
    return files == 0; /* an empty corpus tests nothing */
}
