#!/usr/bin/env bash
# Everything about a GPU in one call: builds, runs the tests on the device, measures, compares with PyTorch.
# Made for a short lease of a machine that has a GPU and a toolkit and where nothing can be installed.
# Exit codes: 0 nothing failed · 1 a part failed · 2 wrong usage · 3 something needed is missing.
set -uo pipefail

me=gpu_check
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build-gpu out='' data='' debs='' tar='' only='' limit=560 emulated=no no_build=no dry=no

usage() {
    cat <<'HELP'
Usage: scripts/gpu_check.sh [options]

Builds flopstep for the GPU that is here, runs the tests on it, measures ceilings, BLAS and training
steps, compares with PyTorch where it is installed, looks for wrong memory accesses with
compute-sanitizer, and makes the report. Ends with a table of what was done.

Options:
  --out DIR         folder for the results (default results/local/gpu-<host>-<UTC time>)
  --limit S         seconds for everything (default 560); what does not fit is skipped
  --only LIST       these parts only (the build always; --dry-run names them)
  --build DIR       folder to build in (default build-gpu)
  --no-build        take what is in that folder
  --debs DIR        Debian packages that are unpacked beside the build, for a machine that lacks them
  --fetch-debs DIR  download these packages there, and end
  --data DIR        MNIST lies there: train on it, too
  --tar FILE        pack the results into FILE (.tar.gz)
  --emulated        the emulated GPU of --build DIR, tiny sizes: tests this script, measures nothing
  --dry-run         print the plan
  --help            show this help and end

Exit codes: 0 nothing failed, 1 a part failed, 2 wrong usage, 3 something needed is missing.
HELP
}

die() { # EXIT-CODE, then the line
    local code=$1
    shift
    printf '%s: %s\n' "$me" "$*" >&2
    exit "$code"
}

# shellcheck source=scripts/debian_prefix.sh
. "$root/scripts/debian_prefix.sh"
while (($#)); do
    case $1 in
    --out | --limit | --only | --build | --debs | --fetch-debs | --data | --tar)
        [[ -n ${2:-} ]] || die 2 "$1 needs a value; --help shows how"
        case $1 in
        --out) out=$2 ;;
        --limit) limit=$2 ;;
        --only) only=$2 ;;
        --build) build=$2 ;;
        --debs) debs=$2 ;;
        --fetch-debs)
            fetch_debian_packages "$2" && exit 0
            exit 3
            ;;
        --data) data=$2 ;;
        --tar) tar=$2 ;;
        esac
        shift
        ;;
    --no-build) no_build=yes ;;
    --emulated) emulated=yes no_build=yes ;;
    --dry-run) dry=yes ;;
    --help | -h)
        usage
        exit 0
        ;;
    *) die 2 "unknown option '$1'; --help lists them" ;;
    esac
    shift
done
[[ $limit =~ ^[1-9][0-9]{1,4}$ ]] || die 2 "--limit '$limit' is not a number of seconds from 10 on"
[[ -z $debs || -d $debs ]] || die 3 "there is no folder '$debs'; --fetch-debs makes it"
[[ -z $data || -d $data ]] || die 3 "there is no folder '$data'"
: "${out:=$root/results/local/gpu-$([[ $emulated == yes ]] && printf emulated- ; uname -n)-$(date -u +%Y%m%dT%H%M%SZ)}"

if [[ $dry == no ]]; then
    [[ $emulated == yes ]] || command -v nvidia-smi >/dev/null ||
        die 3 "there is no NVIDIA driver here (nvidia-smi is missing)"
    [[ $no_build == no || -x $build/flopstep ]] || die 3 "there is no build in '$build'"
    mkdir -p -- "$out/logs" "$build" || die 3 "cannot write '$out' or '$build'"
    out=$(cd -- "$out" && pwd) build=$(cd -- "$build" && pwd)
    [[ -z $debs ]] || debs=$(cd -- "$debs" && pwd)
    [[ -z $data ]] || data=$(cd -- "$data" && pwd)
fi
flopstep=$build/flopstep
module=$build/flopstep_cuda.so
[[ $emulated == no ]] || module=$build/tests/flopstep_cuda_emulated.so
export FLOPSTEP_CUDA_MODULE=$module FLOPSTEP_SHARE=$root
unset NVIDIA_TF32_OVERRIDE # it would turn strict single precision into TF32

# --- Running parts -------------------------------------------------------------------------------

reserve=20 # seconds kept for the report
failures=0 stop='' child='' parts=() rows=()
# shellcheck disable=SC2317 # called by trap
interrupt() {
    stop=interrupted
    [[ -z $child ]] || kill -TERM "$child" 2>/dev/null
}
trap interrupt INT TERM

row() { # NAME SECONDS RESULT REASON
    rows+=("$(printf '%-15s %7s  %-7s %s' "$@")")
    printf -- '-- %s: %s%s\n' "$1" "$3" "${4:+ ($4)}"
    [[ $3 != failed ]] || failures=$((failures + 1))
}

usable=unknown # whether flopstep takes the device: yes, or why not
ask_for_device() {
    [[ $usable == unknown ]] || return
    usable=$("$flopstep" blas --device cuda --dry-run 2>&1 >/dev/null </dev/null) && usable=yes && return
    usable=$(tail -n 1 <<<"${usable#flopstep: }")
    stop="no usable device"
    row device - failed "${usable:-no reason told}"
}

missing() { # NEEDS: prints what is not there
    local need needs
    IFS=, read -r -a needs <<<"$1"
    for need in "${needs[@]}"; do
        case $need in
        - | device) ;;
        torch)
            [[ $emulated == no ]] || { echo "the GPU is emulated" && return; }
            python3 -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null ||
                { echo "python3 has no PyTorch that sees a GPU" && return; }
            ;;
        sanitizer)
            [[ $emulated == no ]] || { echo "the GPU is emulated" && return; }
            command -v compute-sanitizer >/dev/null || { echo "compute-sanitizer is not installed" && return; }
            ;;
        */*) [[ -e $need ]] || { echo "there is no ${need##*/}" && return; } ;;
        *) command -v "$need" >/dev/null || { echo "there is no $need" && return; } ;;
        esac
    done
}

part() { parts+=("$1"); } # first only their names
# shellcheck source=scripts/gpu_check_parts.sh
. "$root/scripts/gpu_check_parts.sh"
for name in ${only//,/ }; do
    [[ " ${parts[*]} report " == *" $name "* ]] || die 2 "there is no part '$name'; --dry-run names them"
done

part() { # NAME SECONDS NEEDS COMMAND [ARGUMENTS ...]: see gpu_check_parts.sh
    local name=$1 seconds=$2 left code start reason log=$out/logs/$1.txt
    [[ -z $only || ,$only,build, == *,"$name",* ]] || return 0
    if [[ $dry == yes ]]; then
        printf '%-15s %3d s at most  %s\n' "$name" "$seconds" "${*:4}"
        return
    fi
    left=$((limit - SECONDS - reserve))
    ((seconds <= left)) || seconds=$left
    if [[ -n $stop ]]; then
        row "$name" - skipped "$stop"
        return
    elif ((seconds < 5)); then
        row "$name" - skipped "no time left"
        return
    fi
    [[ $3 != device* ]] || ask_for_device
    reason=${stop:-$(missing "$3")}
    if [[ -n $reason ]]; then
        row "$name" - skipped "$reason"
        return
    fi
    shift 3
    printf '\n== %s: %s\n' "$name" "$*"
    start=$SECONDS
    # Without a pipe behind it: the log holds what was printed also where the part is cut off.
    timeout -k 5 "$seconds" "$@" >"$log" 2>&1 </dev/null &
    child=$!
    wait "$child"
    code=$?
    [[ -z $stop ]] || wait "$child"
    child=''
    tail -n 30 -- "$log"
    if ((code == 0)); then
        row "$name" $((SECONDS - start)) ok ''
    elif [[ -n $stop ]]; then
        row "$name" $((SECONDS - start)) failed "$stop"
    elif ((code == 124 || code == 137)); then
        row "$name" $((SECONDS - start)) failed "cut off after $seconds s"
    elif grep -q -e 'Device not supported' -e 'not supported on this' "$log" && [[ $1 == compute-sanitizer ]]; then
        row "$name" $((SECONDS - start)) skipped "compute-sanitizer does not support this machine"
    else
        row "$name" $((SECONDS - start)) failed "exit code $code; logs/$name.txt"
        [[ $name != build ]] || stop="the build failed"
    fi
}

# shellcheck source=scripts/gpu_check_parts.sh
. "$root/scripts/gpu_check_parts.sh"
reserve=0
part report 60 - "$flopstep" report --quiet "$out"
[[ $dry == no ]] || exit 0

{
    printf '%-15s %7s  %-7s %s\n' part seconds result reason
    printf '%s\n' "${rows[@]}"
    [[ $emulated == no ]] || printf 'The GPU was emulated: no number here is a measurement.\n'
} >"$out/summary.txt"
printf '\n== %d s, results in %s\n' "$SECONDS" "$out"
cat -- "$out/summary.txt"
if [[ -n $tar ]]; then
    tar -czf "$tar" -C "$(dirname -- "$out")" "$(basename -- "$out")" || die 1 "cannot write '$tar'"
    printf '%s: %d KiB\n' "$tar" $(($(stat -c %s -- "$tar") / 1024))
fi
((failures == 0))
