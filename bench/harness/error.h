/* How flopstep ends: exit codes, and one line on standard error that says what is wrong and what to
 * do about it. */
#ifndef FLOPSTEP_BENCH_HARNESS_ERROR_H
#define FLOPSTEP_BENCH_HARNESS_ERROR_H

enum exit_code {
    EXIT_DONE = 0,
    EXIT_CASE_FAILED = 1, /* a case failed its check */
    EXIT_USAGE = 2,       /* wrong usage */
    EXIT_MISSING = 3,     /* something asked for by name is not there, or nothing could run */
    EXIT_NOT_WRITTEN = 4, /* results could not be written */
};

/* At the start of the process: descriptors 0 to 2 that are closed become ones that cannot be
 * written, so that no results file gets their number and what is printed; and the process ends with
 * EXIT_NOT_WRITTEN, not with success, where standard output could not be written. */
void error_guard_streams(void);

/* Prints "flopstep: <message>" as one line on standard error and ends the process with `code`. */
_Noreturn void die(enum exit_code code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints "flopstep: <message>" as one line on standard error and goes on. */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
