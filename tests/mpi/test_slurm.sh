#!/usr/bin/env bash
# Our own jobs through a real Slurm of two nodes: scaling by srun and by mpirun, a launch that is broken, the signal
# before the time limit, and going on after it.
# label: full
set -u
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/scripts/check.sh
. "$here/../scripts/check.sh"
# shellcheck source=tests/mpi/slurm_cluster.sh
. "$here/slurm_cluster.sh"

reason=$(cluster_missing)
[[ -z $reason ]] || skip "$reason"
ldd "$FLOPSTEP" | grep -q 'libmpi\.so\.40' || skip "this build is not with Open MPI, which Debian's Slurm speaks PMIx with"
command -v mpirun >/dev/null || skip "mpirun is missing"

folder=$(mktemp -d "${TMPDIR:-/tmp}/flopstep-slurm.XXXXXX") # short and without spaces: sockets, Slurm's own paths
# shellcheck disable=SC2317 # called by trap
clean() {
    cluster_stop
    rm -rf -- "$folder" "$scratch"
}
trap clean EXIT
trap 'exit 130' INT TERM HUP

# Both nodes are this machine: shared memory between "hosts" would be found and fail. Ranks share its cores, so
# those that wait give way. All of it is root's.
export OMPI_MCA_btl=tcp,self OMPI_MCA_mpi_yield_when_idle=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export FLOPSTEP FLOPSTEP_SHARE=$repository
unset FLOPSTEP_LAUNCHER "${!SLURM_@}"
cluster_start "$folder/slurm" 2>"$folder/why" || {
    output=$(cat "$folder/why") code=1
    check "the cluster comes up" false
    finish
}
mkdir "$folder/user" && cd "$folder/user" || exit 1

submit=$repository/scripts/submit.sh
# Submits; sets $job and $results.
submit_job() {
    capture "$submit" "$@"
    check "submitted: $*" code_is 0
    job=$(sed -n 's/^job \([0-9]*\):.*/\1/p' <<<"$output" | tail -n 1)
    results=$(sed -n 's/^results: //p' <<<"$output")
}
state() { scontrol show job "$1" 2>/dev/null | sed -n 's/.*JobState=\([A-Z_]*\).*/\1/p'; }
# shellcheck disable=SC2317 # called through check()
ended() { [[ ! $(state "$1") =~ ^(PENDING|RUNNING|COMPLETING|CONFIGURING|SUSPENDED|)$ ]]; }
wait_for() { # SECONDS COMMAND ...
    local i
    for ((i = 0; i < 5 * $1; i++)); do
        "${@:2}" && return
        sleep 0.2
    done
    return 1
}
end_of() { # JOB: waits; what the job printed is what a failed check shows
    wait_for 150 ended "$1"
    check "job $1 ends" ended "$1"
    output=$(cat -- *-"$1".out 2>/dev/null)
}
# shellcheck disable=SC2317 # called through check()
complete() { [[ $(tail -n 1 -- "$1") == '{"record":"end"'*'"failed":0,'* ]]; }
# shellcheck disable=SC2317
incomplete() { [[ $(tail -n 1 -- "$1") == '{"record":"incomplete"'* ]]; }
# shellcheck disable=SC2317
first_line_has() { [[ $(head -n 1 -- "$1") == *"$2"* ]]; }
last_step() { grep '"record":"case"' -- "$1" | tail -n 1 | grep -o '"step":[0-9]*' | cut -d: -f2; }
first_step() { grep -m 1 '"record":"case"' -- "$1" | grep -o '"step":[0-9]*' | cut -d: -f2; }

# --- A broken launch -----------------------------------------------------------------------------

capture srun --mpi=none -N 1 -n 2 "$FLOPSTEP" train --network softmax --time-budget 0.1 --out "$folder/broken"
check "srun --mpi=none is wrong usage" code_is 2
check "it says so" has "srun started 2 tasks that do not know of each other"
check "it says what to do" has "srun --mpi=pmix"
check "nothing is measured" test ! -e "$folder/broken"

# --- Scaling, by srun and by mpirun --------------------------------------------------------------

for launcher in srun mpirun; do
    unset FLOPSTEP_LAUNCHER
    [[ $launcher == srun ]] || export FLOPSTEP_LAUNCHER=mpirun
    submit_job cpu-scaling --nodes 2 --tasks-per-node 2 --cpus-per-task 1 --time 00:05:00 -- -n 1,4 --network softmax \
        --batch 16 --global-batch 128 --time-budget 0.1 --predict none
    end_of "$job"
    check "$launcher: the job is done" test "$(state "$job")" = COMPLETED
    check "$launcher: results lie where submit.sh said" test "$results" = "$PWD/results/slurm-$job"
    for number in '' -2 -3 -4; do check "$launcher: train$number.jsonl is complete" complete "$results/train$number.jsonl"; done
    check "$launcher: one rank first" first_line_has "$results/train.jsonl" '"ranks":1,"nodes":1'
    check "$launcher: then four on two nodes" first_line_has "$results/train-3.jsonl" '"ranks":4,"nodes":2'
    check "$launcher: started by it" first_line_has "$results/train-3.jsonl" "\"launcher\":\"$launcher\""
    check "$launcher: Slurm's job is in the results" first_line_has "$results/train-3.jsonl" "\"SLURM_JOB_ID\":\"$job\""
    check "$launcher: weak scaling is shown" has "Weak scaling: 16 images a rank and step"
    check "$launcher: so is strong" has "Strong scaling: 128 images a step in all"
    check "$launcher: four ranks on two nodes stand in it" grep -Eq '^softmax +4 +2 +16 overlap ' "$results/scaling.txt"
    check "$launcher: the CSV has it" test -s "$results/train.csv"
done
unset FLOPSTEP_LAUNCHER

# The plot with a prediction, from one rank a node; then submitted again into that folder: nothing is left to do.
scaling=(--tasks-per-node 1 --cpus-per-task 1 --nodes 2 -- -n "1,2" --weak --network softmax --batch 16 --time-budget 0.1
    --predict "16,1024" --allreduce "--sizes 4:64Ki:x16 --algorithm library")
submit_job cpu-scaling "${scaling[@]}"
end_of "$job"
check "prediction: done" test "$(state "$job")" = COMPLETED
check "prediction: complete" complete "$results/allreduce.jsonl"
check "prediction: for the ranks asked for" grep -q '"record":"prediction".*"ranks":1024' "$results/allreduce.jsonl"
if command -v gnuplot >/dev/null; then
    for figure in weak-scaling prediction; do check "figure $figure" test -s "$results/figures/$figure.svg"; done
fi
submit_job cpu-scaling --resume "$results" "${scaling[@]}"
end_of "$job"
check "again: done" test "$(state "$job")" = COMPLETED
check "again: it says so" has "complete already (2 ranks): flopstep allreduce"
check "again: nothing is repeated" test ! -e "$results/train-3.jsonl"
check "again: nor predicted" test ! -e "$results/allreduce-2.jsonl"

# --- Trainings that are ended early --------------------------------------------------------------

endless=(--network 2-8tanh-1sigmoid --dataset circles --batch 8 --steps 100000000 --history 200)
# One gets the signal before its time limit (75 s before, of 120, so that a busy machine has time), under srun; one by scancel, under mpirun.
submit_job training --nodes 1 --tasks-per-node 2 --cpus-per-task 1 --time 2 --sbatch --signal=B:TERM@75 -- "${endless[@]}"
limited=$job limited_results=$results
export FLOPSTEP_LAUNCHER=mpirun
submit_job training --nodes 1 --tasks-per-node 2 --cpus-per-task 1 --time 5 -- "${endless[@]}"
unset FLOPSTEP_LAUNCHER
wait_for 60 test -s "$results/training.ckpt"
check "a checkpoint is written meanwhile" test -s "$results/training.ckpt"
capture scancel --batch --signal=TERM "$job"
check "scancel" code_is 0
end_of "$job"
cancelled_results=$results
for how in cancelled limited; do
    if [[ $how == limited ]]; then
        end_of "$limited"
        results=$limited_results
        check "$how: the signal, not the limit, ended it" test "$(state "$limited")" != TIMEOUT
    fi
    check "$how: it says that a signal came" has "SIGTERM came"
    check "$how: how to go on" has "--resume goes on"
    check "$how: the results are marked as incomplete" incomplete "$results/train.jsonl"
    check "$how: the checkpoint is there" test -s "$results/training.ckpt"
    step=$(last_step "$results/train.jsonl")
    check "$how: steps were made" test "${step:-0}" -gt 0
    # The rest, with fewer ranks' time: some steps more.
    submit_job training --resume "$results" --nodes 1 --tasks-per-node 2 --cpus-per-task 1 -- "${endless[@]}" --steps $((step + 100))
    end_of "$job"
    check "$how, resumed: done" test "$(state "$job")" = COMPLETED
    check "$how, resumed: complete" complete "$results/train-2.jsonl"
    check "$how, resumed: from the step where it ended" test "$(first_step "$results/train-2.jsonl")" = "$step"
    check "$how, resumed: to its end" test "$(last_step "$results/train-2.jsonl")" = $((step + 100))
    check "$how, resumed: what was there stays" incomplete "$results/train.jsonl"
done
check "two folders" test "$cancelled_results" != "$limited_results"

# --- The end -------------------------------------------------------------------------------------

daemons=("${cluster_pids[@]}")
cluster_stop
for daemon in "${daemons[@]}"; do check "daemon $daemon has ended" test ! -e "/proc/$daemon"; done
finish
