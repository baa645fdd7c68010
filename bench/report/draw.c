#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pipe2 */
#endif
#include "bench/report/draw.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/harness/error.h"

/* Runs a program and keeps the last part of what it prints. Returns its exit status, 127 where it
 * cannot be started. */
static int run_program(char *const *argv, char *output, size_t size) {
    int ends[2];
    *output = '\0';
    if (pipe2(ends, O_CLOEXEC) != 0) return 127;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        int nothing = open("/dev/null", O_RDONLY);
        dup2(nothing, STDIN_FILENO);
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        execvp(argv[0], argv);
        _exit(127);
    }
    close(ends[1]);
    size_t used = 0;
    char buffer[1024];
    ssize_t got;
    while (child > 0 &&
           ((got = read(ends[0], buffer, sizeof buffer)) > 0 || (got < 0 && errno == EINTR))) {
        size_t more = got > 0 ? (size_t)got : 0;
        if (more >= size) more = size - 1;
        if (used + more >= size) {
            size_t drop = used + more - (size - 1);
            memmove(output, output + drop, used - drop);
            used -= drop;
        }
        memcpy(output + used, buffer, more);
        output[used += more] = '\0';
    }
    close(ends[0]);
    int status;
    if (child < 0) return 127;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

bool draw_available(void) {
    char output[256];
    return run_program((char *[]){"gnuplot", "--version", NULL}, output, sizeof output) == 0;
}

/* The last line that says something. */
static const char *last_line(char *text) {
    char *end = text + strlen(text);
    while (end > text && strchr(" \t\r\n^", end[-1])) *--end = '\0';
    char *line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    return line + strspn(line, " \t");
}

bool draw_picture(const char *script, const char *data, const char *picture) {
    char output[2048];
    unlink(picture); /* so that an old one never passes for the new one */
    int status = run_program(
        (char *[]){"gnuplot", "-d", "-c", (char *)script, (char *)data, (char *)picture, NULL},
        output, sizeof output);
    struct stat file;
    bool drawn = stat(picture, &file) == 0 && file.st_size > 0;
    if (status == 0 && drawn) return true;
    warn("gnuplot could not draw %s (exit %d): %s", picture, status,
         *output ? last_line(output) : "it said nothing");
    if (drawn && status) unlink(picture); /* half a picture */
    return false;
}
