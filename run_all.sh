#!/usr/bin/env bash
# The whole study: install what is missing, build, measure, train, plot, report.
# The lists of what is measured are in scripts/studies.sh.
set -uo pipefail

me=run_all
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

usage() {
    cat <<'END'
Usage: ./run_all.sh [options]

Installs what is missing, builds flopstep, measures, trains, draws the figures and writes a report.

Options:
  --smoke        a taste of every part, under 90 seconds on two cores
  --full         every kernel, library and thread count, as long as it takes (default: under 8 minutes)
  --out DIR      where results go (default: results/local/<host>-<UTC time>)
  --jobs N       jobs of the build (default: one for each core)
  --no-install   install nothing; what is missing is an error of the build
  --help         show this help and end

Examples:
  ./run_all.sh                         # quick study
  ./run_all.sh --full --out ~/results  # on a node that is yours alone

Exit codes: 0 done, 1 a case failed its check, 2 wrong usage, 3 something is missing or does not
build, 4 results could not be written, 130 interrupted.
END
}

say() { printf '== %s\n' "$*"; }
fail() { # CODE MESSAGE
    printf '%s: %s\n' "$me" "$2" >&2
    exit "$1"
}

tier=quick out='' install=yes jobs=$(nproc 2>/dev/null || echo 1)
while (($#)); do
    case $1 in
    --smoke) tier=smoke ;;
    --full) tier=full ;;
    --no-install) install=no ;;
    --out | --jobs)
        if (($# < 2)) || [[ -z $2 ]]; then fail 2 "$1 needs a value"; fi
        if [[ $1 == --out ]]; then out=$2; else jobs=$2; fi
        shift
        ;;
    --out=?*) out=${1#*=} ;;
    --jobs=?*) jobs=${1#*=} ;;
    --help | -h)
        usage
        exit 0
        ;;
    *) fail 2 "unknown option '$1'; --help lists them" ;;
    esac
    shift
done
[[ $jobs =~ ^[1-9][0-9]{0,3}$ ]] || fail 2 "--jobs '$jobs' is not a number of jobs"

# --- Install and build ---------------------------------------------------------------------------

begin=$SECONDS
[[ -n $out && $out != /* ]] && out=$PWD/$out
if [[ -z $out ]]; then
    out=$here/results/local/$(uname -n)-$(date -u +%Y%m%dT%H%M%SZ)
    trap 'rmdir -- "$out" 2>/dev/null' EXIT # leaves nothing behind when nothing was measured
fi
if ! mkdir -p -- "$out" 2>/dev/null || [[ ! -w $out ]]; then
    fail 4 "cannot write to $out; choose another folder with --out"
fi

if [[ $install == yes ]]; then
    "$here/scripts/install_dependencies.sh" || fail 3 "dependencies are missing; see above"
fi

cd -- "$here" || fail 3 "cannot enter $here"
flopstep=$here/build/flopstep

say "build"
# shellcheck source=scripts/build.sh
. "$here/scripts/build.sh"
# The module of GPUs takes minutes to build: only where there is one.
cuda=OFF
[[ -e /dev/nvidiactl || -e /dev/dxg || -n ${FLOPSTEP_CUDA_MODULE:-} ]] && cuda=AUTO
build_preset release "$jobs" -DFLOPSTEP_CUDA="$cuda" || fail 3 "the build failed; see above"
[[ -x $flopstep ]] || fail 3 "the build left no $flopstep"
built=$((SECONDS - begin))

# --- Measure -------------------------------------------------------------------------------------

worst=0 interrupted=no failed=()
trap 'interrupted=yes' INT

# The worst exit code wins: 4 (results lost) over 3, 2, 1; an interruption over all.
note() { # CODE NAME
    (($1 == 0)) && return
    failed+=("$2 (exit code $1)")
    (($1 == 130)) && interrupted=yes
    (($1 > worst)) && worst=$1
}

launch=() # what starts flopstep: nothing, or mpirun
study() { # TIERS NAME COMMAND [OPTIONS...]
    local name=$2 code output=()
    [[ ,$1, == *,$tier,* && $interrupted == no ]] || return 0
    shift 2
    [[ $1 == peak || $1 == blas || $1 == train || $1 == allreduce ]] && output=(--out "$out")
    say "$name: ${launch[*]+${launch[*]} }flopstep $*"
    # tee ignores Ctrl-C so that what flopstep still prints arrives.
    ${launch[@]+"${launch[@]}"} "$flopstep" "$@" ${output[@]+"${output[@]}"} | tee -i -a -- "$out/tables.txt"
    code=${PIPESTATUS[0]}
    note "$code" "$name"
}

# The same by several ranks.
study_ranks() { # TIERS NAME RANKS COMMAND [OPTIONS...]
    launch=(mpirun -n "$3")
    study "$1" "$2" "${@:4}"
    launch=()
}

# Those of the libraries that load here: each is asked for by itself without measuring.
find_libraries() {
    local name list=''
    for name in openblas blis netlib; do
        "$flopstep" blas --blas "$name" --kernels gemm --sizes 64 --dry-run >/dev/null 2>&1 &&
            list+=${list:+,}$name
    done
    printf '%s\n' "${list:-naive,blocked}"
}
libraries=$(find_libraries)

# The first data set of real images that is here; "" where there is none.
find_images() {
    local name
    for name in fashion mnist kuzushiji; do
        "$flopstep" train --network softmax --dataset "$name" --dry-run >/dev/null 2>&1 || continue
        printf '%s\n' "$name"
        return
    done
}
images=$(find_images)
[[ -n $images ]] || say "no images to train on; scripts/fetch_data.sh fashion gets some"

# "yes" where a GPU is usable: told by info, measured with --device cuda.
gpu=
"$flopstep" peak --device cuda --dry-run >/dev/null 2>&1 && gpu=yes

# Ranks that can be started here: one a core, 1 where there is no mpirun.
ranks=1
if command -v mpirun >/dev/null && "$flopstep" info | grep -q '^MPI .*MPI'; then
    cores=$(lscpu -p=core,socket 2>/dev/null | grep -v '^#' | sort -u | wc -l)
    ((cores > 1)) && mpirun -n "$cores" "$flopstep" list >/dev/null 2>&1 && ranks=$cores
    if ((ranks == 1 && cores > 1 && $(id -u) == 0)) && [[ -z ${OMPI_ALLOW_RUN_AS_ROOT:-} ]]; then
        say "no ranks: mpirun refuses root; for that: OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 ./run_all.sh"
    fi
fi

# shellcheck source=scripts/studies.sh
. "$here/scripts/studies.sh"

# --- Report --------------------------------------------------------------------------------------

shopt -s nullglob
if [[ $interrupted == no ]]; then
    say "report: flopstep report '$out'"
    "$flopstep" report --quiet "$out"
    note $? report
fi

csv=("$out"/*.csv)
figures=("$out"/figures/*.svg)
printf '\n'
((${#csv[@]})) && awk -f "$here/scripts/csv.awk" -f "$here/scripts/summary.awk" "${csv[@]}"
printf '\n'
say "$tier study on $(uname -n): $((SECONDS - begin)) s, $built of them install and build"
say "results: $out"
((${#figures[@]})) && say "figures: ${#figures[@]} in $out/figures"
[[ -f $out/index.html ]] && say "page: $out/index.html"
if [[ $interrupted == yes ]]; then
    say "interrupted; what was finished is kept. Figures of it: build/flopstep report '$out'"
    exit 130
fi
for entry in ${failed[@]+"${failed[@]}"}; do say "FAILED: $entry"; done
exit "$worst"
