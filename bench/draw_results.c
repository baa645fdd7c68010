#include "bench/draw_results.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/commands.h"

bool draw_results(const struct record *record, const char *figures, const char *reference,
                  char *folder, size_t size) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        char *arguments[10] = {"report", (char *)record->path, "--quiet"};
        int count = 3;
        if (figures) arguments[count++] = "--figures", arguments[count++] = (char *)figures;
        if (reference) arguments[count++] = "--reference", arguments[count++] = (char *)reference;
        _exit(command_report(count, arguments));
    }
    int status = -1;
    if (child > 0) waitpid(child, &status, 0);
    snprintf(folder, size, "%s", record->path);
    char *slash = strrchr(folder, '/');
    if (slash) *slash = '\0';
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
