#include "bench/harness/share.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *shared; /* below FLOPSTEP_SHARE and <prefix>/share/flopstep */
    const char *source; /* below the source tree */
} folders[] = {
    [SHARE_PLOTS] = {"plots", "plots"},
    [SHARE_PUBLISHED] = {"published", "results/published"},
};

static bool is_folder(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool share_find(enum share_folder folder, char *path, size_t size) {
    const char *chosen = getenv("FLOPSTEP_SHARE");
    if (chosen && *chosen) {
        snprintf(path, size, "%s/%s", chosen, folders[folder].shared);
        return is_folder(path); /* who sets it means it: no silent way round */
    }
    char binary[4096];
    ssize_t length = readlink("/proc/self/exe", binary, sizeof binary - 1);
    if (length <= 0) {
        snprintf(path, size, "/proc/self/exe");
        return false;
    }
    binary[length] = '\0';
    *strrchr(binary, '/') = '\0';
    snprintf(path, size, "%s/../%s", binary, folders[folder].source);
    if (is_folder(path)) return true;
    snprintf(path, size, "%s/../share/flopstep/%s", binary, folders[folder].shared);
    return is_folder(path);
}
