#include "mpi/launcher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the order of who speaks first: mpirun inside a Slurm job sees Slurm's variables too. */
static const struct {
    const char *variable, *size, *name;
} known[] = {
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "mpirun"},
    {"HYDI_CONTROL_FD", "PMI_SIZE", "mpiexec"},
    {"PMI_RANK", "PMI_SIZE", "mpiexec"},
    {"MPI_LOCALRANKID", "PMI_SIZE", "mpiexec"},
    {"PMIX_RANK", NULL, "mpirun"},
};

static long number(const char *text) { return text ? strtol(text, NULL, 10) : 0; }

struct launcher launcher_of(const char *(*lookup)(const char *name)) {
    /* srun says in every task of a step how many there are; in a batch script it says 1. A step of
     * mpirun's daemons has one task a node. */
    long tasks = number(lookup("SLURM_STEP_NUM_TASKS"));
    bool by_slurm = tasks > 0 && lookup("SLURM_PROCID") && !lookup("OMPI_COMM_WORLD_RANK");
    const char *batch = lookup("SLURM_STEP_ID");
    if (by_slurm && batch && number(batch) >= 0 && number(batch) < 0xfffffff0L &&
        (tasks > 1 || lookup("PMIX_RANK") || lookup("PMI_RANK")))
        return (struct launcher){"srun", tasks,
                                 !lookup("PMIX_RANK") && !lookup("PMI_RANK") && !lookup("PMI_FD")};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (lookup(known[i].variable))
            return (struct launcher){known[i].name,
                                     known[i].size ? number(lookup(known[i].size)) : 0, false};
    return (struct launcher){NULL, 0, false};
}

bool launcher_holds(const struct launcher *launcher, long size, bool built, char *reason,
                    size_t reason_size) {
    if (launcher->size <= 1 || launcher->size == size) return true;
    if (!built)
        snprintf(reason, reason_size,
                 "%s started %ld processes, but this flopstep is built without MPI: install an MPI "
                 "(libopenmpi-dev) and build again, or start one process",
                 launcher->name, launcher->size);
    else if (strcmp(launcher->name, "srun") == 0)
        snprintf(
            reason, reason_size,
            "srun started %ld tasks that do not know of each other (each sees %ld rank%s): use "
            "'srun --mpi=pmix' ('srun --mpi=list' shows what there is), or mpirun inside the "
            "job",
            launcher->size, size, size == 1 ? "" : "s");
    else
        snprintf(
            reason, reason_size,
            "%s started %ld processes, but each sees %ld rank%s: it belongs to another MPI than "
            "this flopstep was built with; 'flopstep info' names the latter",
            launcher->name, launcher->size, size, size == 1 ? "" : "s");
    return false;
}
