#!/usr/bin/env bash
# scripts/submit.sh, scripts/scaling.sh and the jobs of mpi/slurm with stubs for sbatch, the launcher and
# flopstep: what they would run, wrong usage, signals, going on. The real Slurm is in test_slurm.sh.
# shellcheck disable=SC2016 # the stubs expand their own variables
set -u
# shellcheck source=tests/scripts/check.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../scripts/check.sh"

bin=$scratch/bin calls=$scratch/calls
mkdir -p "$bin" "$scratch/user"
: >"$calls"
export calls
unset FLOPSTEP FLOPSTEP_LAUNCHER FLOPSTEP_ROOT "${!SLURM_@}"
stub() { # PATH, body from standard input
    { printf '#!/usr/bin/env bash\n'; cat; } >"$1"
    chmod +x "$1"
}
# shellcheck disable=SC2317 # called through check()
called() { grep -qF -- "$1" "$calls"; }
# shellcheck disable=SC2317
not_called() { ! called "$1"; }
cd "$scratch/user" || exit 1

# --- submit.sh -----------------------------------------------------------------------------------

submit=$repository/scripts/submit.sh
capture "$submit" --help
check "submit --help" code_is 0
check "submit --help: the usage" has "Usage: scripts/submit.sh JOB"
for bad in "" "frobnicate" "cpu-scaling --frobnicate" "cpu-scaling --nodes" "cpu-scaling --nodes 0" "cpu-scaling --nodes two" \
    "cpu-scaling --time soon" "cpu-scaling training" "training --series 1,2 --tasks-per-node 2" "cpu-scaling --series 1,2" \
    "cpu-scaling --series 1,,2 --tasks-per-node 2" "cpu-scaling --series 1,2 --nodes 2 --tasks-per-node 2" \
    "cpu-scaling --series 1 --tasks-per-node 2 -- -n 1" "training --resume $bin/none"; do
    # shellcheck disable=SC2086 # words on purpose
    capture "$submit" --dry-run $bad
    check "submit $bad: exit 2" code_is 2
    check "submit $bad: one line" lines_are 1
done

for job in blas-node cpu-scaling gpu-node training; do
    capture "$submit" $job --dry-run
    check "submit $job" code_is 0
    check "submit $job: as the file says" test "$output" = "sbatch --parsable $repository/mpi/slurm/$job.sbatch"
done
capture "$submit" gpu-node --nodes 2 --tasks-per-node 4 --cpus-per-task 8 --gres gpu:4 --time 00:30:00 --partition gpu --account me \
    --constraint a100 --sbatch "--exclusive --qos=x" --out out --dry-run -- --network "a b"
check "submit: every option" test "$output" = "sbatch --parsable --ntasks-per-node=4 --cpus-per-task=8 --gres=gpu:4 \
--time=00:30:00 --partition=gpu --account=me --constraint=a100 --exclusive --qos=x --nodes=2 \
$repository/mpi/slurm/gpu-node.sbatch --out $(printf %q "$PWD/out") --network a\\ b"
capture "$submit" cpu-scaling --series 4,1,2 --tasks-per-node 2 --out out --dry-run
check "a series is a line for each number of nodes" lines_are 3
check "the first measures the base" has "--nodes=1 $repository/mpi/slurm/cpu-scaling.sbatch --out $(printf %q "$PWD/out") --resume -n 1\\,2"
check "the next waits for it" has "--nodes=2 --dependency=afterany:PREVIOUS"
check "the last measures its own" has "--nodes=4 --dependency=afterany:PREVIOUS $repository/mpi/slurm/cpu-scaling.sbatch --out $(printf %q "$PWD/out") --resume -n 8"
check "a dry run makes no folder" test ! -e out

mkdir "$scratch/tools"
for tool in bash env dirname; do ln -s "$(command -v "$tool")" "$scratch/tools/$tool"; done
capture env PATH="$scratch/tools" "$submit" training
check "no sbatch: exit 3" code_is 3
check "no sbatch: one line" lines_are 1
stub "$bin/sbatch" <<<'echo "$FLOPSTEP_ROOT: $*" >>"$calls"; [[ -z ${REFUSED:-} ]] || { echo "sbatch: error: no" >&2; exit 1; }
wc -l <"$calls" | sed "s/.*/70&;cluster/"'
capture env PATH="$bin:$PATH" "$submit" cpu-scaling --series 1,2 --tasks-per-node 2 --out out
check "submitted" code_is 0
check "the jobs are named" has "job 701: cpu-scaling on 1 node"
check "all of them" has "job 702: cpu-scaling on 2 nodes"
check "where the results will be" has "results: $PWD/out"
check "how to end it" has "scancel --batch --signal=TERM 702"
check "the second follows the first" called "--dependency=afterany:701"
check "the job knows where flopstep is" called "$repository: --parsable"
capture env PATH="$bin:$PATH" "$submit" training
check "without --out: by the job's number" has "results: $PWD/results/slurm-703"
capture env PATH="$bin:$PATH" REFUSED=yes "$submit" training
check "sbatch refuses: exit 1" code_is 1
check "sbatch's own words are shown" has "sbatch: error: no"

# --- scaling.sh ----------------------------------------------------------------------------------

scaling=$repository/scripts/scaling.sh
capture "$scaling" --help
check "scaling --help" code_is 0
# mpirun: as many ranks as SLOTS; flopstep: leaves results as the real one's lines.
stub "$bin/mpirun" <<'END'
[[ $1 == --version ]] && echo "mpirun (Open MPI) 4.1.4" && exit
[[ -n ${AS_ROOT:-} ]] && { echo "-----"; echo "mpirun has detected an attempt to run as root."; exit 1; }
while [[ $1 == -* ]]; do
    if [[ $1 == -n ]]; then ranks=$2; fi
    if [[ $1 == --oversubscribe ]]; then SLOTS=99; shift; else shift 2; fi
done
((ranks <= ${SLOTS:-2})) || { echo "There are not enough slots available"; exit 1; }
export ranks
exec "$@"
END
stub "$bin/flopstep" <<'END'
echo "${ranks:-}: $*" >>"$calls"
[[ $* == *--help* ]] && exit "${NO_ALLREDUCE:-0}"
if [[ $1 == report ]]; then cp "$CSV" "${!#}/train.csv"; exit; fi
text="\"$1\"" command=$1 out=${!#}
for word in "${@:2}"; do text+=",\"$word\""; done
for number in '' -2 -3 -4 -5 -6 -7 -8; do [[ -e $out/$command$number.jsonl ]] || break; done
printf '{"schema":1,"command_line":["flopstep",%s],"mpi":{"ranks":%s,"nodes":1}}\n' "$text" "$ranks" >"$out/$command$number.jsonl"
[[ -n ${FAILING:-} && $ranks == "$FAILING" ]] && exit 1
if [[ -n ${HANGING:-} && $command == train ]]; then
    trap 'echo "flopstep got SIGUSR1" >>"$calls"; echo "{\"record\":\"incomplete\"}" >>"$out/$command$number.jsonl"; exit 138' USR1
    echo "flopstep hangs" >>"$calls"
    for ((i = 0; i < 200; i++)); do sleep 0.1; done
fi
echo '{"record":"end","status":"complete","cases":1,"ok":1,"failed":0,"skipped":0}' >>"$out/$command$number.jsonl"
END
export FLOPSTEP=$bin/flopstep CSV=$scratch/train.csv
# Weak: 1 rank 0.1 s, 2 ranks 0.125 s; strong: 0.4 s and 0.25 s.
cat >"$CSV" <<'END'
kind,optimizer,network,type,threads,device,ranks,nodes,status,batch,global_batch,reduce,median_s,low_s,high_s,images_per_s,compute_s,wait_s,exposed_s
steps,"sgd:lr=0.1,momentum=0.9",net,s,1,cpu,1,,ok,32,32,,0.1,0.099,0.101,320,,,
steps,"sgd:lr=0.1,momentum=0.9",net,s,1,cpu,2,1,ok,32,64,overlap,0.125,0.124,0.126,512,0.11,0.005,0.01
steps,"sgd:lr=0.1,momentum=0.9",net,s,1,cpu,1,,ok,128,128,,0.4,0.39,0.41,320,,,
steps,"sgd:lr=0.1,momentum=0.9",net,s,1,cpu,2,1,ok,64,128,overlap,0.25,0.249,0.251,512,0.22,0.01,0.02
steps,x,net,s,1,cpu,4,1,failed,32,128,overlap,,,,,,,
END
run() { capture env PATH="$bin:$PATH" "$@"; }
for bad in "--frobnicate" "-n" "-n 0" "-n 1,x" "--batch 0" "--threads none" "--time-budget x" "--weak --strong" "--resume" \
    "--resume --out $bin/none" "--global-batch -3"; do
    # shellcheck disable=SC2086 # words on purpose
    run "$scaling" $bad
    check "scaling $bad: exit 2" code_is 2
    check "scaling $bad: one line" lines_are 1
done
run env FLOPSTEP="$bin/none" "$scaling" -n 1
check "scaling without a program: exit 3" code_is 3
check "scaling without a program: one line" lines_are 1
run "$scaling" -n 1 --launcher no-such-launcher --out "$scratch/none"
check "scaling without the launcher: exit 3" code_is 3
: >"$scratch/file"
run "$scaling" -n 1 --out "$scratch/file/x"
check "scaling: a folder that cannot be made: exit 4" code_is 4

: >"$calls"
run "$scaling" -n 4,1,2 --network net --batch 32 --out "$scratch/dry" --dry-run -- --device cuda
check "scaling --dry-run" code_is 0
check "scaling --dry-run runs nothing" not_called train
check "scaling --dry-run makes no folder" test ! -e "$scratch/dry"
check "the base is one rank, bound as the others, and reduces nothing" has "mpirun --map-by slot:PE=1 --bind-to core -n 1 \
$FLOPSTEP train --network net --batch 32 --threads 1 --types s --time-budget 5 --device cuda --quiet --out"
check "ranks reduce" has "-n 4 $FLOPSTEP train --network net --global-batch 256 --threads 1 --types s --time-budget 5 --reduce overlap"
check "the largest number predicts" has "-n 4 $FLOPSTEP allreduce "
run env SLURM_JOB_ID=7 SLURM_NTASKS=8 SLURM_TASKS_PER_NODE="4(x2)" SLURM_CPUS_PER_TASK=3 "$scaling" --dry-run --weak
check "in a job: by srun, nodes are filled" has "srun --mpi=pmix --cpus-per-task=3 --cpu-bind=cores --kill-on-bad-exit=1 \
--distribution=block --nodes=1 -n 4 "
check "in a job: up to its tasks" has "--nodes=2 -n 8 "

: >"$calls"
results="$scratch/the results"
run "$scaling" -n 1,2,4 --network net --batch 32 --global-batch 128 --time-budget 1 --predict 8,16 --out "$results"
check "one number of ranks has no room: exit 3" code_is 3
check "it says what to do" has "--launcher 'mpirun --oversubscribe'"
check "it is named at the end" has "left out, for lack of room: 4 ranks"
check "what fits is measured" called "2: train --network net --global-batch 128"
check "the prediction starts from the largest that fits" called "2: allreduce "
# Speed-up 2 * 0.1/0.125, efficiency 0.1/0.125; what is lost, in parts of a step; (1/1.6 - 1/2) / (1 - 1/2)
check "weak scaling" has "net            2     1     32 overlap          125 ms        512     1.60   80.0 78.6-81.5        8.0    4.0     8.0  0.2500"
# Speed-up 0.4/0.25, efficiency half of it
check "strong scaling" has "net            2     1     64 overlap          250 ms        512     1.60   80.0 77.7-82.3        8.0    4.0     8.0  0.2500"
check "the table is kept" test -s "$results/scaling.txt"
check "a run that failed is not in it" lacks "net            4"

: >"$calls"
rm "$results/train-2.jsonl"          # strong, one rank
sed -i '$d' "$results/train-3.jsonl" # weak, two ranks: without its end
run "$scaling" -n 1,2 --network net --batch 32 --global-batch 128 --time-budget 1 --predict 8,16 --out "$results" --resume
check "resumed: exit 0" code_is 0
check "resumed: what is complete is not repeated" not_called "1: train --network net --batch"
check "resumed: it says so" has "complete already (1 rank)"
check "resumed: what is missing runs" called "1: train --network net --global-batch 128"
check "resumed: what was not complete runs" called "2: train --network net --batch 32"
check "resumed: and is set aside" test -e "$results/train-3.jsonl.incomplete"
check "resumed: not the prediction again" not_called "2: allreduce --network"

run env FAILING=2 "$scaling" -n 1,2 --network net --predict none --out "$scratch/failed"
check "a case failed: exit 1" code_is 1
check "a case failed: the rest is shown" has "results: $scratch/failed"
run env NO_ALLREDUCE=2 "$scaling" -n 1,2 --weak --network net --out "$scratch/without"
check "no command allreduce: done all the same" code_is 0
run env AS_ROOT=yes "$scaling" -n 1 --out "$scratch/root"
check "root: exit 3" code_is 3
check "root: the exact line" has "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"

# --- Jobs ----------------------------------------------------------------------------------------

launch_job() { # JOB ARGUMENTS ..., as Slurm starts a copy of the file
    local job=$1
    shift
    cp "$repository/mpi/slurm/$job.sbatch" "$scratch/slurm_script"
    exec env PATH="$bin:$PATH" FLOPSTEP_ROOT="$repository" FLOPSTEP_LAUNCHER=mpirun SLURM_SUBMIT_DIR="$PWD" SLURM_JOB_ID=7 \
        SLURM_JOB_NUM_NODES=1 SLURM_NTASKS=2 SLURM_CPUS_PER_TASK=3 SLURM_JOB_NAME="$job" bash "$scratch/slurm_script" "$@"
}
job() { capture launch_job "$@"; }
capture bash "$repository/mpi/slurm/training.sbatch"
check "a job is not for the shell" has "this is a job: sbatch runs it"
: >"$calls"
job blas-node
check "blas-node" code_is 0
check "blas-node: the ceilings" called "1: peak --quiet --out $PWD/results/slurm-7"
check "blas-node: BLAS" called "1: blas --kernels"
check "blas-node: the report" called "report"
job blas-node --out "$scratch/given" --kernels gemm
check "a job's options" called "1: blas --kernels gemm --quiet --out $scratch/given"
: >"$calls"
job gpu-node --out "$scratch/gpu" --network net --batch 32
check "gpu-node" code_is 0
check "gpu-node: a rank for each GPU" called "2: peak --device cuda"
check "gpu-node: scaling" called "2: train --network net --batch 32 --threads 3 --types s --time-budget 5 --reduce overlap --device cuda"
: >"$calls"
job training --out "$scratch/training" --network net --epochs 2
check "training" code_is 0
check "training: with a checkpoint" called "2: train --network net --epochs 2 --checkpoint $scratch/training/training.ckpt --threads 3"
echo x >"$scratch/training/training.ckpt"
job training --out "$scratch/training" --resume --network net --lr=3 --epochs 2
check "training, resumed" called "2: train --resume $scratch/training/training.ckpt --epochs 2 --threads 3"
: >"$calls"
rm "$scratch/training/"*.jsonl
SLURM_RESTART_COUNT=1 job training --out "$scratch/training" --network net
check "training, queued again: goes on by itself" called "2: train --resume $scratch/training/training.ckpt"

# SIGTERM to the batch script reaches flopstep as SIGUSR1; nothing more is begun.
for name in training cpu-scaling; do
    : >"$calls"
    HANGING=yes launch_job "$name" --out "$scratch/ended-$name" --network net >"$scratch/log" 2>&1 </dev/null &
    process=$!
    for ((i = 0; i < 100; i++)); do called "flopstep hangs" && break; sleep 0.1; done
    kill -TERM "$process"
    wait "$process"
    code=$? output=$(cat "$scratch/log")
    check "$name, ended: exit 143" code_is 143
    check "$name, ended: says so" has "SIGTERM came"
    check "$name, ended: how to go on" has "--resume goes on"
    check "$name, ended: flopstep was asked" called "got SIGUSR1"
    check "$name, ended: nothing more is begun" test "$(grep -c 'train --network' "$calls")" = 1
done
finish
