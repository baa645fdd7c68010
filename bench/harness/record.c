#include "bench/harness/record.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench/harness/clock.h"
#include "bench/harness/columns.h"
#include "bench/harness/error.h"
#include "bench/harness/together.h"

static void name_run(struct record *record) {
    char host[48] = "unknown", stamp[32];
    gethostname(host, sizeof host - 1);
    host[strcspn(host, ".")] = '\0';
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc);
    snprintf(record->run, sizeof record->run, "%s-%s", host, stamp);
}

/* mkdir -p */
static void make_folder(const char *path) {
    char part[4096];
    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part)
        die(EXIT_NOT_WRITTEN, "--out: the path is too long");
    for (char *c = part + 1;; c++) {
        if (*c && *c != '/') continue;
        char kept = *c;
        *c = '\0';
        if (mkdir(part, 0777) && errno != EEXIST)
            die(EXIT_NOT_WRITTEN, "cannot create '%s': %s; choose another folder with --out", part,
                strerror(errno));
        *c = kept;
        if (!kept) return;
    }
}

static void open_new(struct record *record, const char *out) {
    make_folder(out);
    for (int number = 1; number < 10000; number++) {
        char suffix[16] = "";
        if (number > 1) snprintf(suffix, sizeof suffix, "-%d", number);
        int used = snprintf(record->path, sizeof record->path, "%s/%s%s.jsonl", out,
                            record->command, suffix);
        if (used >= (int)sizeof record->path) die(EXIT_NOT_WRITTEN, "--out: the path is too long");
        int file = open(record->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
        if (file >= 0) {
            record->file = fdopen(file, "a");
            if (record->file) return;
        }
        if (errno != EEXIST) break;
    }
    die(EXIT_NOT_WRITTEN, "cannot write '%s': %s; choose another folder with --out", record->path,
        strerror(errno));
}

/* 12 digits: more than any clock gives, and whole numbers of FLOP stay whole. */
static const size_t record_style = JSON_COMPACT | JSON_REAL_PRECISION(12);

static void write_line(struct record *record, const json_t *line) {
    bool echoed = record->format == FORMAT_JSONL;
    if (!record->file) return; /* another process writes */
    errno = 0;
    if (json_dumpf(line, record->file, record_style) || fputc('\n', record->file) == EOF ||
        fflush(record->file)) {
        int error = errno;
        __fpurge(record->file); /* nothing more at exit, and half a line is none */
        if (ftruncate(fileno(record->file), record->kept)) error = errno;
        die(EXIT_NOT_WRITTEN, "cannot write '%s': %s; the %zu cases before are kept there",
            record->path, strerror(error), record->cases);
    }
    record->kept = ftello(record->file);
    if (!echoed) return;
    if (json_dumpf(line, stdout, record_style) || putchar('\n') == EOF || fflush(stdout))
        die(EXIT_NOT_WRITTEN, "cannot write to standard output: %s; results are kept in '%s'",
            strerror(errno), record->path);
}

void record_open(struct record *record, const char *command, const char *out,
                 enum record_format format, json_t *provenance) {
    *record = (struct record){.command = command, .format = format, .begin = clock_seconds()};
    record->columns = columns_of(command);
    name_run(record);
    char folder[4096];
    snprintf(folder, sizeof folder, "results/local/%s", record->run);
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is an error of write() like a full disk */
    if (together_leads()) open_new(record, out ? out : folder);
    json_object_set_new(provenance, "record", json_string("provenance"));
    json_object_set_new(provenance, "command", json_string(command));
    json_object_set_new(provenance, "run", json_string(record->run));
    write_line(record, provenance);
    json_decref(provenance);
    if (format == FORMAT_CSV && record->file) columns_write_header(stdout, record->columns);
}

void record_case(struct record *record, json_t *row) {
    json_t *line = json_pack("{s:s}", "record", "case");
    json_object_set_new(row, "run", json_string(record->run));
    json_object_set_new(row, "command", json_string(record->command));
    for (const char *const *column = record->columns; *column; column++) {
        if (json_object_get(line, *column)) continue;
        json_t *value = json_object_get(row, *column);
        json_object_set(line, *column, value ? value : json_null());
    }
    json_object_update_missing(line, row);
    const char *status = json_string_value(json_object_get(row, "status"));
    if (status && strcmp(status, "ok") == 0) record->ok++;
    if (status && strcmp(status, "failed") == 0) record->failed++;
    if (status && strcmp(status, "skipped") == 0) record->skipped++;
    write_line(record, line);
    record->cases++;
    if (record->format == FORMAT_CSV && record->file) {
        columns_write_row(stdout, record->columns, line);
        if (fflush(stdout))
            die(EXIT_NOT_WRITTEN, "cannot write to standard output: %s; results are kept in '%s'",
                strerror(errno), record->path);
    }
    json_decref(line);
    json_decref(row);
}

void record_line(struct record *record, json_t *line) {
    json_object_set_new(line, "run", json_string(record->run));
    write_line(record, line);
    json_decref(line);
}

static void finish(struct record *record, json_t *line) {
    json_object_set_new(line, "cases", json_integer((json_int_t)record->cases));
    json_object_set_new(line, "ok", json_integer((json_int_t)record->ok));
    json_object_set_new(line, "failed", json_integer((json_int_t)record->failed));
    json_object_set_new(line, "skipped", json_integer((json_int_t)record->skipped));
    record_set_real(line, "wall_s", clock_seconds() - record->begin);
    write_line(record, line);
    json_decref(line);
    if (record->file && fclose(record->file))
        die(EXIT_NOT_WRITTEN, "cannot write '%s': %s", record->path, strerror(errno));
}

void record_end(struct record *record, json_t *extra) {
    json_t *line = json_pack("{s:s, s:s}", "record", "end", "status", "complete");
    if (extra) json_object_update(line, extra);
    json_decref(extra);
    finish(record, line);
}

void record_incomplete(struct record *record, const char *reason) {
    finish(record, json_pack("{s:s, s:s, s:s}", "record", "incomplete", "status", "incomplete",
                             "reason", reason));
}

json_t *record_string(const char *text) {
    json_t *string = json_string(text);
    if (string) return string;
    char *ascii = strdup(text);
    if (!ascii) return json_null();
    for (char *c = ascii; *c; c++)
        if ((unsigned char)*c > 0x7e) *c = '?';
    string = json_string(ascii);
    free(ascii);
    return string;
}

void record_add_flag(char *flags, size_t size, bool set, const char *flag) {
    size_t used = strlen(flags);
    if (set) snprintf(flags + used, size - used, "%s%s", used ? ";" : "", flag);
}

void record_set_real(json_t *row, const char *key, double value) {
    json_object_set_new(row, key, isfinite(value) ? json_real(value) : json_null());
}

json_t *record_text_or_null(const char *text) {
    return text && text[0] ? record_string(text) : json_null();
}

void record_set_count(json_t *row, const char *key, long value) {
    json_object_set_new(row, key, value < 0 ? json_null() : json_integer(value));
}
