#include "bench/harness/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void print_line(const char *format, va_list arguments) {
    fflush(stdout);
    fputs("flopstep: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void die(enum exit_code code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
    exit(code);
}

void warn(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
}
