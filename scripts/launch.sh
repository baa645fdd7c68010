# shellcheck shell=bash
# How ranks are started: by mpirun, or by srun in a Slurm job. Sourced by scaling.sh and mpi/slurm/job.sh, which
# set $launcher ('' : what is usual here) and $me.

: "${launcher:=${FLOPSTEP_LAUNCHER:-}}"
if [[ -z $launcher ]]; then
    launcher=mpirun
    [[ -z ${SLURM_JOB_ID:-} ]] || launcher='srun --mpi=pmix'
fi
read -r -a launch_words <<<"$launcher"

require_launcher() {
    command -v "${launch_words[0]}" >/dev/null && return
    printf "%s: there is no '%s' here: load or install an MPI, or name another launcher (FLOPSTEP_LAUNCHER)\n" \
        "${me:-launch}" "${launch_words[0]}" >&2
    exit 3
}

# Tasks on the first node of a Slurm job ("8(x2),4": 8).
tasks_a_node() {
    local text=${SLURM_NTASKS_PER_NODE:-${SLURM_TASKS_PER_NODE:-1}}
    printf '%s\n' "${text%%[!0-9]*}"
}

# Sets $launch to the words that start N ranks of T cores. Nodes are filled one after the other, by mpirun as by
# srun, so that two ranks lie on one node where it has room for two. Only a plain 'mpirun' or 'srun' is told how to
# bind; what else the launcher says goes before.
launch_ranks() { # N T
    local n=$1 threads=$2 a_node
    launch=("${launch_words[@]}")
    case $launcher in
    mpirun) launch+=(--map-by "slot:PE=$threads" --bind-to core) ;;
    srun | 'srun --mpi=pmix' | 'srun --mpi=pmi2')
        # From Slurm 22.05 on srun does not take --cpus-per-task from the job. Its CPUs may be hardware threads:
        # what the job asked for goes before the number of threads.
        a_node=$(tasks_a_node)
        launch+=(--cpus-per-task="${SLURM_CPUS_PER_TASK:-$threads}" --cpu-bind=cores --kill-on-bad-exit=1 --distribution=block)
        launch+=(--nodes="$(((n + a_node - 1) / a_node))")
        ;;
    esac
    launch+=(-n "$n")
}

# Sets $launch to the words that start one rank on each node, with all of its cores.
launch_nodes() {
    local nodes=${SLURM_JOB_NUM_NODES:-1}
    launch=("${launch_words[@]}")
    case $launcher in
    mpirun*) launch+=(--map-by ppr:1:node --bind-to none) ;;
    srun*)
        launch+=(--cpus-per-task="${SLURM_CPUS_ON_NODE:-1}" --cpu-bind=none --kill-on-bad-exit=1)
        launch+=(--nodes="$nodes" --ntasks-per-node=1)
        ;;
    esac
    launch+=(-n "$nodes")
}
