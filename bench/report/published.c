#include "bench/report/published.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"
#include "bench/harness/options.h"
#include "bench/harness/share.h"

enum { MAX_FIELDS = 16 };

/* Splits one CSV line in place (RFC 4180 quotes, no line breaks inside). */
static int split(char *line, char **fields) {
    int count = 0;
    char *read = line;
    while (count < MAX_FIELDS) {
        char *write = read;
        fields[count++] = write;
        if (*read == '"') {
            read++;
            while (*read && !(*read == '"' && read[1] != '"')) {
                if (*read == '"') read++;
                *write++ = *read++;
            }
            if (*read == '"') read++;
        }
        while (*read && *read != ',' && *read != '\n' && *read != '\r') *write++ = *read++;
        char end = *read;
        *write = '\0';
        if (end != ',') break;
        read++;
    }
    return count;
}

static const struct column {
    const char *name;
    size_t offset, size; /* size 0: a number */
} columns[] = {
#define TEXT(member)                                                                               \
    { #member, offsetof(struct published, member), sizeof(((struct published *)0)->member) }
#define NUMBER(member)                                                                             \
    { #member, offsetof(struct published, member), 0 }
    TEXT(name), TEXT(device),   TEXT(kind),           TEXT(kernel),          TEXT(type),
    NUMBER(n),  NUMBER(gflops), NUMBER(gbytes_per_s), NUMBER(peak_fraction), TEXT(source),
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

/* Stores one line; false where a number is none. */
static bool store(struct published *figure, char **fields, int count, const int *place) {
    for (int c = 0; c < COLUMNS; c++) {
        const char *text = place[c] >= 0 && place[c] < count ? fields[place[c]] : "";
        char *target = (char *)figure + columns[c].offset;
        if (columns[c].size) {
            snprintf(target, columns[c].size, "%s", text);
            continue;
        }
        char *end = NULL;
        double value = *text ? strtod(text, &end) : NAN;
        if (end && *end) return false;
        memcpy(target, &value, sizeof value);
    }
    return *figure->name != '\0';
}

static void read_file(const char *path, struct published **figures, size_t *count) {
    FILE *file = fopen(path, "re");
    if (!file) {
        warn("cannot read %s: %s", path, strerror(errno));
        return;
    }
    char *line = NULL, *fields[MAX_FIELDS];
    size_t capacity = 0, number = 0;
    int place[COLUMNS];
    while (getline(&line, &capacity, file) > 0) {
        int found = split(line, fields);
        if (++number == 1) {
            for (int c = 0; c < COLUMNS; c++) {
                place[c] = -1;
                for (int f = 0; f < found; f++)
                    if (strcmp(fields[f], columns[c].name) == 0) place[c] = f;
            }
            continue;
        }
        struct published figure;
        if (!store(&figure, fields, found, place)) {
            warn("%s:%zu: not a published figure; the line is left out", path, number);
            continue;
        }
        *figures = realloc(*figures, (*count + 1) * sizeof **figures);
        if (!*figures) die(EXIT_MISSING, "out of memory");
        (*figures)[(*count)++] = figure;
    }
    free(line);
    fclose(file);
}

static int is_csv(const struct dirent *entry) {
    size_t length = strlen(entry->d_name);
    return length > 4 && strcmp(entry->d_name + length - 4, ".csv") == 0;
}

size_t published_read(const char *folder, struct published **figures) {
    size_t count = 0;
    *figures = NULL;
    struct dirent **entries;
    int files = scandir(folder, &entries, is_csv, alphasort);
    for (int i = 0; i < files; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        read_file(path, figures, &count);
        free(entries[i]);
    }
    if (files >= 0) free(entries);
    return count;
}

void published_require(const struct published *figures, size_t count, char *const *names) {
    const char **known = calloc(count + 1, sizeof *known);
    if (!known) die(EXIT_MISSING, "out of memory");
    size_t distinct = 0;
    for (size_t i = 0; i < count; i++) {
        bool seen = false;
        for (size_t j = 0; j < distinct; j++) seen |= strcmp(known[j], figures[i].name) == 0;
        if (!seen) known[distinct++] = figures[i].name;
    }
    for (; *names; names++) {
        bool found = false;
        for (size_t i = 0; i < distinct; i++) found |= strcmp(known[i], *names) == 0;
        if (found) continue;
        char list[2000] = "none: results/published is empty or was not found";
        size_t used = 0;
        for (size_t i = 0; i < distinct && used < sizeof list - 64; i++)
            used +=
                (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", known[i]);
        const char *near = option_nearest(*names, known);
        if (near)
            die(EXIT_USAGE, "--reference '%s' is unknown; did you mean %s? Known: %s", *names, near,
                list);
        die(EXIT_USAGE, "--reference '%s' is unknown. Known: %s", *names, list);
    }
    free(known);
}

size_t published_load(char *const *names, struct published **figures) {
    char folder[4096];
    if (!share_find(SHARE_PUBLISHED, folder, sizeof folder))
        die(EXIT_MISSING,
            "no published figures at %s; set FLOPSTEP_SHARE to the folder that holds published/",
            folder);
    size_t count = published_read(folder, figures);
    published_require(*figures, count, names);
    return count;
}
