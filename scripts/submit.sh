#!/usr/bin/env bash
# Submits the jobs of mpi/slurm to Slurm, one, or one after the other for a series of numbers of nodes.
# Exit codes: 0 submitted · 1 sbatch refused · 2 wrong usage · 3 there is no Slurm here.
set -uo pipefail

me=submit
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
    cat <<'HELP'
Usage: scripts/submit.sh JOB [options] [-- options of the job]

Submits a job of mpi/slurm and prints its number and where its results will be.

Jobs:
  blas-node     BLAS and ceilings, one rank a node, all nodes at once   (options of 'flopstep blas')
  cpu-scaling   weak and strong scaling, with a prediction              (options of scripts/scaling.sh)
  gpu-node      GPUs: ceilings, BLAS, scaling, one rank a GPU           (options of scripts/scaling.sh)
  training      a training with a checkpoint                            (options of 'flopstep train')
  or the path of another batch script

Options:
  --nodes N            nodes
  --tasks-per-node N   ranks on each
  --cpus-per-task N    cores of a rank
  --gres WORDS         e.g. gpu:4
  --time HH:MM:SS      limit
  --partition NAME     --account NAME    --constraint WORDS
  --series LIST        of cpu-scaling and gpu-node: a job for each number of nodes, e.g. 1,2,4,8, one after the other, all
                       into one folder; the first one measures the base
  --out DIR            folder for the results (default results/slurm-<job number>)
  --resume DIR         goes on in the folder of a job before: what is complete there is not repeated
  --sbatch WORDS       further words for sbatch, e.g. --sbatch '--reservation=course --exclusive'
  --dry-run            print the lines and submit nothing
  --help               show this help and end

What is not given is as the file of the job says.

Examples:
  scripts/submit.sh cpu-scaling --nodes 4 --tasks-per-node 2 --cpus-per-task 16
  scripts/submit.sh cpu-scaling --series 1,2,4,8 --tasks-per-node 2 --cpus-per-task 16 --time 00:20:00
  scripts/submit.sh gpu-node --nodes 1 --tasks-per-node 4 --gres gpu:4 -- --network cnn --batch 512
  scripts/submit.sh training --nodes 2 --time 04:00:00 -- --network cnn --dataset mnist --epochs 20
  scripts/submit.sh training --resume results/slurm-4711

Exit codes: 0 submitted, 1 sbatch refused, 2 wrong usage, 3 there is no Slurm here.
HELP
}

die() { # EXIT-CODE, then the line
    local code=$1
    shift
    printf '%s: %s\n' "$me" "$*" >&2
    exit "$code"
}

job='' nodes='' tasks='' words=() series='' out='' resume=no dry=no options=()
while (($#)); do
    case $1 in
    --nodes | --tasks-per-node | --cpus-per-task | --gres | --time | --partition | --account | --constraint | --series | \
        --out | --resume | --sbatch)
        [[ -n ${2:-} ]] || die 2 "$1 needs a value; --help shows how"
        case $1 in
        --nodes | --tasks-per-node | --cpus-per-task)
            [[ $2 =~ ^[1-9][0-9]{0,5}$ ]] || die 2 "$1 '$2' is not a number"
            case $1 in
            --nodes) nodes=$2 ;;
            --tasks-per-node) tasks=$2 words+=(--ntasks-per-node="$2") ;;
            --cpus-per-task) words+=(--cpus-per-task="$2") ;;
            esac
            ;;
        --time)
            [[ $2 =~ ^([0-9]+-)?[0-9]+(:[0-9]{1,2}){0,2}$ ]] || die 2 "--time '$2' is not a time such as 00:30:00"
            words+=(--time="$2")
            ;;
        --series) series=$2 ;;
        --out) out=$2 ;;
        --resume) out=$2 resume=yes ;;
        --sbatch)
            read -r -a more <<<"$2"
            words+=("${more[@]}")
            ;;
        *) words+=("$1=$2") ;;
        esac
        shift
        ;;
    --dry-run) dry=yes ;;
    --help | -h)
        usage
        exit 0
        ;;
    --)
        shift
        options=("$@")
        break
        ;;
    -*) die 2 "unknown option '$1'; --help lists them" ;;
    *)
        [[ -z $job ]] || die 2 "one job at a time: '$job' or '$1'"
        job=$1
        ;;
    esac
    shift
done
[[ -n $job ]] || die 2 "which job? blas-node, cpu-scaling, gpu-node or training; --help says more"
script=$job
[[ $job == */* ]] || script=$root/mpi/slurm/$job.sbatch
[[ -r $script ]] || die 2 "there is no job '$job'; --help lists them"
[[ $resume == no || -d $out ]] || die 2 "--resume: there is no folder '$out'"
[[ -z $out || $out == /* ]] || out=$PWD/$out
if [[ -n $series ]]; then
    [[ $job == cpu-scaling || $job == gpu-node ]] || die 2 "--series is for cpu-scaling and gpu-node; '$job' takes --nodes"
    [[ -z $nodes ]] || die 2 "--series and --nodes exclude each other"
    [[ $series =~ ^[1-9][0-9]*(,[1-9][0-9]*)*$ ]] || die 2 "--series '$series' is not a list of numbers of nodes, such as 1,2,4"
    [[ -n $tasks ]] || die 2 "--series needs --tasks-per-node, to know the numbers of ranks"
    [[ " ${options[*]-} " != *' -n '* ]] || die 2 "--series sets -n by itself; leave it out"
fi
[[ $dry == yes ]] || command -v sbatch >/dev/null || die 3 "there is no sbatch here: log in where Slurm is, or run scripts/scaling.sh without it"

# 1, 2, 4, ... ranks up to those of one node: what the first job of a series measures beside its own number.
up_to() {
    local n list=''
    for ((n = 1; n < $1; n *= 2)); do list+=$n,; done
    printf '%s%s\n' "$list" "$1"
}

after='' # the job before this one
submit() { # NODES ('': as the file says), then the arguments of the job
    local line=(sbatch --parsable) count=$1 id
    shift
    line+=(${words[@]+"${words[@]}"})
    [[ -z $count ]] || line+=(--nodes="$count")
    [[ -z $after ]] || line+=(--dependency="afterany:$after")
    line+=("$script" "$@")
    if [[ $dry == yes ]]; then
        printf '%q ' "${line[@]}" | sed 's/ $//'
        printf '\n'
        after=PREVIOUS
        return
    fi
    id=$(FLOPSTEP_ROOT=$root "${line[@]}") || die 1 "sbatch refused (see above): ${line[*]}"
    after=${id%%;*}
    printf 'job %s: %s%s\n' "$after" "$job" "${count:+ on $count node$([[ $count == 1 ]] || echo s)}"
}

arguments=()
[[ -z $out ]] || arguments+=(--out "$out")
[[ $resume == no ]] || arguments+=(--resume)
if [[ -z $series ]]; then
    submit "$nodes" ${arguments[@]+"${arguments[@]}"} ${options[@]+"${options[@]}"}
else
    # All jobs share the folder, and the later ones must not repeat what the first has measured.
    : "${out:=$PWD/results/slurm-series-$(date -u +%Y%m%dT%H%M%SZ)}"
    first=yes
    for count in $(printf '%s\n' "${series//,/$'\n'}" | sort -nu); do
        ranks=$((count * tasks))
        [[ $first == no ]] || ranks=$(up_to "$ranks")
        first=no
        submit "$count" --out "$out" --resume -n "$ranks" ${options[@]+"${options[@]}"}
    done
fi
[[ $dry == no ]] || exit 0
printf 'results: %s\n' "${out:-$PWD/results/slurm-$after}"
printf 'squeue --me shows how it goes; to end it and keep what it has: scancel --batch --signal=TERM %s\n' "$after"
