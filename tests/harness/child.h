/* Runs what may end the process in a child, and keeps how it ended and what it said. */
#ifndef FLOPSTEP_TESTS_HARNESS_CHILD_H
#define FLOPSTEP_TESTS_HARNESS_CHILD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_RETURNED = 99 }; /* the code of a body that did not end the process */

struct ending {
    int code; /* 128 + signal where one ended it */
    char out[16384], err[4096];
};

static inline void child_read(FILE *file, char *text, size_t size) {
    rewind(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

static inline struct ending child_run(void (*body)(void *argument), void *argument) {
    struct ending ending = {0};
    FILE *out = tmpfile(), *err = tmpfile();
    if (!out || !err) abort();
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) abort();
    if (child == 0) {
        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(err), STDERR_FILENO);
        body(argument);
        fflush(NULL);
        _exit(CHILD_RETURNED);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child) abort();
    ending.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    child_read(out, ending.out, sizeof ending.out);
    child_read(err, ending.err, sizeof ending.err);
    return ending;
}

/* Whether it said exactly one line on standard error. */
static inline int said_one_line(const struct ending *ending) {
    const char *end = strchr(ending->err, '\n');
    return strncmp(ending->err, "flopstep: ", 10) == 0 && end && end[1] == '\0';
}

#endif
