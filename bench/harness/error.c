#include "bench/harness/error.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void print_line(const char *format, va_list arguments) {
    char line[4096];
    vsnprintf(line, sizeof line, format, arguments);
    for (char *c = line; *c; c++) /* a name may hold a line break; the message stays one line */
        if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
    fflush(stdout);
    fprintf(stderr, "flopstep: %s\n", line);
}

void die(enum exit_code code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
    fflush(NULL);
    _exit(code); /* what is still allocated here is no leak */
}

void warn(const char *format, ...) {
    va_list arguments;
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
