/* What the environment says of how this process was launched. */
#ifndef FLOPSTEP_MPI_LAUNCHER_H
#define FLOPSTEP_MPI_LAUNCHER_H

#include <stdbool.h>
#include <stddef.h>

struct launcher {
    const char *name; /* "mpirun", "mpiexec", "srun"; NULL: none */
    long size;        /* ranks that it says it started; 0: it does not say */
    bool unmanaged;   /* by srun, without the PMI or PMIx that ranks find each other by */
};

/* `lookup` is getenv, or a test's. Variables that Slurm sets for the daemons of mpirun do not count
 * where mpirun speaks for itself. */
struct launcher launcher_of(const char *(*lookup)(const char *name));

/* Whether a world of `size` ranks is what that launcher started; false with a line that says what
 * is wrong and what to do. `built` : this program is built with MPI. */
bool launcher_holds(const struct launcher *launcher, long size, bool built, char *reason,
                    size_t reason_size);

#endif
