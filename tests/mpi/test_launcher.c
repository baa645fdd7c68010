/* What launchers leave in the environment, and which launches are broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "mpi/launcher.h"
#include "mpi/ranks.h"

static const char *const *variables; /* name, value, …, NULL */

static const char *lookup(const char *name) {
    for (const char *const *v = variables; *v; v += 2)
        if (strcmp(v[0], name) == 0) return v[1];
    return NULL;
}

struct row {
    const char *const *variables;
    const char *name; /* of the launcher; NULL: none */
    long size;        /* that it says; 0: it does not */
    long world;       /* that MPI says */
    bool holds;
};

#define ENV(...)                                                                                   \
    (const char *const[]) { __VA_ARGS__, NULL }

static void launches(void **state) {
    (void)state;
    static const char *const none[] = {NULL};
    const struct row rows[] = {
        {none, NULL, 0, 1, true},
        {ENV("OMPI_COMM_WORLD_RANK", "1", "OMPI_COMM_WORLD_SIZE", "4"), "mpirun", 4, 4, true},
        /* built with another MPI than that of mpirun */
        {ENV("OMPI_COMM_WORLD_RANK", "1", "OMPI_COMM_WORLD_SIZE", "4"), "mpirun", 4, 1, false},
        {ENV("OMPI_COMM_WORLD_RANK", "0", "OMPI_COMM_WORLD_SIZE", "1"), "mpirun", 1, 1, true},
        {ENV("PMI_RANK", "0", "PMI_SIZE", "3"), "mpiexec", 3, 3, true},
        {ENV("PMI_RANK", "0", "PMI_SIZE", "3"), "mpiexec", 3, 1, false},
        /* srun --mpi=pmix */
        {ENV("SLURM_STEP_ID", "0", "SLURM_PROCID", "1", "SLURM_STEP_NUM_TASKS", "2", "PMIX_RANK",
             "1"),
         "srun", 2, 2, true},
        /* srun --mpi=none: as many worlds of one as there are tasks */
        {ENV("SLURM_STEP_ID", "0", "SLURM_PROCID", "1", "SLURM_STEP_NUM_TASKS", "2"), "srun", 2, 1,
         false},
        /* mpirun in a job: Slurm's numbers are those of its daemons, one a node */
        {ENV("SLURM_STEP_ID", "0", "SLURM_PROCID", "0", "SLURM_STEP_NUM_TASKS", "2",
             "OMPI_COMM_WORLD_RANK", "3", "OMPI_COMM_WORLD_SIZE", "8"),
         "mpirun", 8, 8, true},
        {ENV("SLURM_STEP_ID", "0", "SLURM_PROCID", "0", "SLURM_STEP_NUM_TASKS", "2",
             "OMPI_COMM_WORLD_RANK", "0", "OMPI_COMM_WORLD_SIZE", "1"),
         "mpirun", 1, 1, true},
        /* a batch script without srun, and srun -n 1 */
        {ENV("SLURM_JOB_ID", "7", "SLURM_PROCID", "0", "SLURM_STEP_ID", "4294967291",
             "SLURM_STEP_NUM_TASKS", "2"),
         NULL, 0, 1, true},
        {ENV("SLURM_JOB_ID", "7", "SLURM_PROCID", "0", "SLURM_STEP_ID", "0", "SLURM_STEP_NUM_TASKS",
             "1"),
         NULL, 0, 1, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char reason[RANK_REASON] = "";
        variables = rows[i].variables;
        struct launcher l = launcher_of(lookup);
        if (!l.name != !rows[i].name || (l.name && strcmp(l.name, rows[i].name) != 0) ||
            l.size != rows[i].size)
            fail_msg("row %zu: %s says %ld", i, l.name ? l.name : "nobody", l.size);
        bool holds = launcher_holds(&l, rows[i].world, true, reason, sizeof reason);
        if (holds != rows[i].holds) fail_msg("row %zu: holds %d: %s", i, holds, reason);
        assert_true(holds == !reason[0]);
        if (!holds && strcmp(l.name, "srun") == 0) assert_non_null(strstr(reason, "--mpi=pmix"));
        /* Without MPI more than one process is always wrong. */
        holds = launcher_holds(&l, 1, false, reason, sizeof reason);
        assert_true(holds == (l.size <= 1));
        if (!holds) assert_non_null(strstr(reason, "without MPI"));
    }
}

static void hashes(void **state) {
    (void)state;
    unsigned char bytes[200];
    for (int i = 0; i < 200; i++) bytes[i] = (unsigned char)(i * 31);
    for (size_t n = 0; n < 200; n++) {
        uint64_t hash = ranks_hash(bytes, n);
        assert_true(hash == ranks_hash(bytes, n));
        if (n) assert_true(hash != ranks_hash(bytes, n - 1));
        for (size_t i = 0; i < n; i++)
            for (int bit = 0; bit < 8; bit += 7) {
                bytes[i] ^= (unsigned char)(1 << bit);
                assert_true(hash != ranks_hash(bytes, n));
                bytes[i] ^= (unsigned char)(1 << bit);
            }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(launches), cmocka_unit_test(hashes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
