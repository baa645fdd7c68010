/* Waits until the other threads of this process sleep. Libraries let idle threads spin for a while
 * (OpenBLAS some 30 ms), which would take time from whatever runs next. */
#ifndef FLOPSTEP_KERNELS_CPU_QUIESCE_H
#define FLOPSTEP_KERNELS_CPU_QUIESCE_H

#include <stdbool.h>

/* Returns true when they sleep, false where they still run after 100 ms. */
bool quiesce_others(void);

#endif
