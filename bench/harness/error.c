#include "bench/harness/error.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/harness/together.h"

static void print_line(const char *format, va_list arguments) {
    char line[4096];
    vsnprintf(line, sizeof line, format, arguments);
    for (char *c = line; *c; c++) /* a name may hold a line break; the message stays one line */
        if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
    fflush(stdout);
    const struct together *t = together_get();
    bool named = t->count > 1 && t->rank > 0;
    fprintf(stderr, "flopstep: %s%s%s\n", named ? t->name : "", named ? ": " : "", line);
}

/* What is wrong on all processes the first one says; it ends the others while they wait here. */
static void wait_for_the_first(void) {
    const struct together *t = together_get();
    if (t->count > 1 && t->rank > 0) sleep(2);
}

void die(enum exit_code code, const char *format, ...) {
    va_list arguments;
    wait_for_the_first();
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
    fflush(NULL);
    if (together_get()->count > 1) together_get()->abort(code);
    _exit(code); /* what is still allocated here is no leak */
}

void warn(const char *format, ...) {
    va_list arguments;
    if (!together_leads()) return;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
}

static void check_output(void) {
    if (fflush(stdout) == 0 && !ferror(stdout)) return;
    warn("cannot write to standard output; is it closed, or its disk full?");
    _exit(EXIT_NOT_WRITTEN);
}

void error_guard_streams(void) {
    for (int descriptor; (descriptor = open("/dev/null", O_RDONLY)) >= 0;)
        if (descriptor > STDERR_FILENO) {
            close(descriptor);
            break;
        }
    atexit(check_output);
}
