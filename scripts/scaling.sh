#!/usr/bin/env bash
# Weak and strong scaling of training steps over numbers of ranks, with a table, figures and a prediction.
# Exit codes: 0 done · 1 a case failed · 2 wrong usage · 3 something asked for is missing · 4 results not
# written · 143 ended by a signal.
set -uo pipefail

me=scaling
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
    cat <<'HELP'
Usage: scripts/scaling.sh [options] [-- options of 'flopstep train']

Times training steps on 1, 2, 4, ... ranks, into one folder. Weak scaling keeps the batch of a rank, strong
scaling the batch of all ranks. Then prints speed-up, efficiency and the Karp-Flatt fraction, predicts larger
numbers of ranks, and draws the figures. The base is one rank, which reduces nothing.

Options:
  -n LIST             numbers of ranks (default: 1, 2, 4, ... up to the tasks of the Slurm job, or the cores)
  --weak, --strong    only this one (default: both)
  --network LIST      networks (default cnn,mlp5)
  --batch N           images in a step of a rank, for weak scaling (default 128)
  --global-batch N    images in a step of all ranks, for strong scaling (default 8 times --batch)
  --threads T         threads of a rank (default: the cpus of a Slurm task, else 1)
  --types LIST        element types (default s)
  --reduce LIST       how gradients are reduced, e.g. overlap,blocking or all (default overlap)
  --time-budget S     seconds for each case (default 5)
  --launcher WORDS    starts ranks; '-n N' is added (default: FLOPSTEP_LAUNCHER, else srun in a Slurm job, else
                      mpirun). Of a plain 'mpirun' or 'srun' each rank is bound to T cores; else bind yourself
  --predict LIST      numbers of ranks to predict (default 16,64,256,1024,4096); none: no prediction
  --allreduce WORDS   options of the 'flopstep allreduce' behind it, e.g. '--sizes 4:16Mi:x4'
  --out DIR           folder for the results (default results/local/scaling-<host>-<UTC time>)
  --resume            into a folder that is there: do not repeat what is complete in it
  --flopstep FILE     the program (default: FLOPSTEP, else build/flopstep)
  --dry-run           print the commands and run none
  --help              show this help and end

Examples:
  scripts/scaling.sh -n 1,2,4
  scripts/scaling.sh -n 1,2,4,8 --weak --network cnn --threads 4
  scripts/scaling.sh -n 1,2,4 --launcher 'mpirun --hostfile hosts --map-by socket:PE=8'
  scripts/scaling.sh -n 1,2,4 -- --device cuda

Exit codes: 0 done, 1 a case failed, 2 wrong usage, 3 something asked for is missing, 4 results not written,
143 ended by a signal.
HELP
}

die() { # EXIT-CODE, then the line
    local code=$1
    shift
    printf '%s: %s\n' "$me" "$*" >&2
    exit "$code"
}

# --- Arguments -----------------------------------------------------------------------------------

counts='' weak=yes strong=yes networks=cnn,mlp5 batch=128 global_batch='' threads=${SLURM_CPUS_PER_TASK:-1}
types=s reduce=overlap budget=5 launcher=${FLOPSTEP_LAUNCHER:-} predict=16,64,256,1024,4096 out='' resume=no
flopstep=${FLOPSTEP:-$root/build/flopstep} dry=no more=() allreduce=()
only=''
while (($#)); do
    case $1 in
    -n | --network | --batch | --global-batch | --threads | --types | --reduce | --time-budget | --launcher | --predict | \
        --allreduce | --out | --flopstep)
        [[ -n ${2:-} ]] || die 2 "$1 needs a value; --help shows how"
        case $1 in
        -n) counts=$2 ;;
        --network) networks=$2 ;;
        --batch) batch=$2 ;;
        --global-batch) global_batch=$2 ;;
        --threads) threads=$2 ;;
        --types) types=$2 ;;
        --reduce) reduce=$2 ;;
        --time-budget) budget=$2 ;;
        --launcher) launcher=$2 ;;
        --predict) predict=$2 ;;
        --allreduce) read -r -a allreduce <<<"$2" ;;
        --out) out=$2 ;;
        --flopstep) flopstep=$2 ;;
        esac
        shift
        ;;
    --weak | --strong | --both)
        [[ -z $only || $only == "$1" ]] || die 2 "$only and $1: only one of them; without, both are done"
        only=$1
        [[ $1 != --weak ]] || strong=no
        [[ $1 != --strong ]] || weak=no
        ;;
    --resume) resume=yes ;;
    --dry-run) dry=yes ;;
    --help | -h)
        usage
        exit 0
        ;;
    --)
        shift
        more=("$@")
        break
        ;;
    *) die 2 "unknown option '$1'; --help lists them" ;;
    esac
    shift
done
whole() { [[ $1 =~ ^[1-9][0-9]{0,6}$ ]]; }
whole "$batch" || die 2 "--batch '$batch' is not a number of images"
: "${global_batch:=$((8 * batch))}"
whole "$global_batch" || die 2 "--global-batch '$global_batch' is not a number of images"
whole "$threads" || die 2 "--threads '$threads' is not a number of threads"
[[ $budget =~ ^[0-9]*\.?[0-9]+$ ]] || die 2 "--time-budget '$budget' is not a number of seconds"
[[ $resume == no || -d $out ]] || die 2 "--resume: there is no folder ${out:-named by --out}; leave --resume out to begin one"
if [[ -z $counts ]]; then
    most=${SLURM_NTASKS:-$(nproc)}
    for ((n = 1; n < most; n *= 2)); do counts+=$n,; done
    counts+=$most
fi
counts_asked=$counts
IFS=, read -r -a counts <<<"$counts_asked"
for n in "${counts[@]}"; do whole "$n" || die 2 "-n '$counts_asked' is not a list of numbers of ranks, such as 1,2,4"; done
mapfile -t counts < <(printf '%s\n' "${counts[@]}" | sort -nu)
[[ -x $flopstep ]] || die 3 "there is no program '$flopstep': build it (cmake --build build), or name it with --flopstep"
flopstep=$(cd -- "$(dirname -- "$flopstep")" && pwd)/${flopstep##*/}
: "${out:=$root/results/local/scaling-$(uname -n)-$(date -u +%Y%m%dT%H%M%SZ)}"
[[ $out == /* ]] || out=$PWD/$out
if [[ $dry == no ]]; then
    mkdir -p -- "$out" 2>/dev/null
    [[ -w $out ]] || die 4 "cannot write to $out; choose another folder with --out"
fi

# --- Launching -----------------------------------------------------------------------------------

# shellcheck source=scripts/launch.sh
. "$root/scripts/launch.sh"
[[ $dry == yes ]] || require_launcher

oversubscribing() {
    case $("${launch_words[0]}" --version 2>/dev/null) in
    *'Open MPI) 4.'* | *'Open MPI) 3.'* | *'Open MPI) 2.'*) echo "$launcher --oversubscribe" ;;
    *) echo "$launcher --map-by :OVERSUBSCRIBE" ;;
    esac
}

# Whether so many ranks start here; says what to do where not.
fits() { # N
    local said
    launch_ranks "$1" "$threads"
    said=$("${launch[@]}" true 2>&1 </dev/null) && return
    case $said in
    *'attempt to run as root'*)
        die 3 "mpirun does not run as root: be another user, or say that you mean it:
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"
        ;;
    *'not enough slots'* | *'binding more processes than cpus'* | *'not enough processing elements'* | \
        *'more cpus than'* | *'number of cpus'*)
        printf "%s: there is no room for %d ranks of %d core%s here. In a job, ask for more tasks (scripts/submit.sh);\n" \
            "$me" "$1" "$threads" "$([[ $threads == 1 ]] || echo s)" >&2
        printf "  ranks that share cores say nothing about scaling, but to run them all the same: --launcher '%s'\n" \
            "$(oversubscribing)" >&2
        ;;
    *)
        printf '%s: %d ranks do not start (%s): %s\n' "$me" "$1" "${launch[*]}" \
            "$(grep -m 1 '[[:alnum:]]' <<<"${said:-no reason told}")" >&2
        ;;
    esac
    return 1
}

# --- Measuring -----------------------------------------------------------------------------------

# shellcheck source=scripts/steps.sh
. "$root/scripts/steps.sh"

case_options() { # N, then --batch B or --global-batch B
    local n=$1
    shift
    options=(train --network "$networks" "$@" --threads "$threads" --types "$types" --time-budget "$budget")
    ((n == 1)) || options+=(--reduce "$reduce")
    options+=(${more[@]+"${more[@]}"} --quiet)
}

largest=0 left_out=()
for n in "${counts[@]}"; do
    [[ -z $interrupted ]] || break
    if [[ $dry == yes ]]; then
        launch_ranks "$n" "$threads"
    elif ! fits "$n"; then
        left_out+=("$n")
        continue
    fi
    largest=$n
    if [[ $weak == yes ]]; then
        case_options "$n" --batch "$batch"
        step "$n" "${launch[@]}" -- "${options[@]}"
    fi
    # Where both ask for the same, one run is enough.
    if [[ $strong == yes ]] && { [[ $weak == no ]] || ((n * batch != global_batch)); }; then
        case_options "$n" --global-batch "$global_batch"
        step "$n" "${launch[@]}" -- "${options[@]}"
    fi
done

if ((largest > 1)) && [[ $predict != none && -z $interrupted ]]; then
    launch_ranks "$largest" "$threads"
    if "$flopstep" allreduce --help >/dev/null 2>&1; then
        options=(allreduce --network "$networks" --batch "$batch" --threads "$threads" --predict "$predict")
        [[ ! $types =~ ^[sd](,[sd])*$ ]] || options+=(--types "$types") # others are GPUs' only
        [[ $budget != 0.* && $budget != .* ]] || options+=(--time-budget "$budget") # else its own: it has many cases
        step "$largest" "${launch[@]}" -- "${options[@]}" ${allreduce[@]+"${allreduce[@]}"} --quiet
    else
        printf '%s: this flopstep has no command allreduce: no prediction\n' "$me" >&2
    fi
fi
[[ $dry == no ]] || exit 0

# --- Table and figures ---------------------------------------------------------------------------

if ((largest)) && compgen -G "$out/train*.jsonl" >/dev/null; then
    "$flopstep" report --quiet "$out" >"$out/report.log" 2>&1
    code=$?
    ((code == 0)) || {
        printf '%s: flopstep report: exit code %d: %s\n' "$me" "$code" "$(tail -n 1 -- "$out/report.log")" >&2
        ((code > worst)) && worst=$code
    }
    [[ ! -r $out/train.csv ]] || awk -f "$root/scripts/csv.awk" -f "$root/scripts/scaling.awk" \
        -v weak="$([[ $weak == yes ]] && echo "$batch" || echo 0)" \
        -v strong="$([[ $strong == yes ]] && echo "$global_batch" || echo 0)" "$out/train.csv" | tee -- "$out/scaling.txt"
    printf '\n== results: %s\n' "$out"
    for figure in weak-scaling strong-scaling prediction; do
        [[ ! -f $out/figures/$figure.svg ]] || printf '== figure: %s\n' "$out/figures/$figure.svg"
    done
    [[ ! -f $out/index.html ]] || printf '== page: %s\n' "$out/index.html"
fi
if ((${#left_out[@]})); then
    printf '%s: left out, for lack of room: %s ranks\n' "$me" "$(IFS=,; echo "${left_out[*]}")" >&2
    ((worst >= 3)) || worst=3
fi
steps_end
