/* One-line reasons: what a function of nn/ leaves behind when it returns false. */
#ifndef FLOPSTEP_NN_REASON_H
#define FLOPSTEP_NN_REASON_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Writes the reason, cut to `size`, and returns false. Names come from outside: control characters
 * become '?', so that a reason is one line whatever a file is called. */
__attribute__((format(printf, 3, 4))) static inline bool reason_set(char *reason, size_t size,
                                                                    const char *format, ...) {
    if (!reason || size == 0) return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, size, format, arguments);
    va_end(arguments);
    for (char *c = reason; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
    return false;
}

/* False, for compilers that do not look into reason_set. */
static inline bool refused(bool set) {
    (void)set;
    return false;
}

#endif
