/* To be preloaded: a system that does not permit threads to be pinned. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <sched.h>

int sched_setaffinity(pid_t thread, size_t size, const cpu_set_t *mask) {
    (void)thread, (void)size, (void)mask;
    errno = EPERM;
    return -1;
}
