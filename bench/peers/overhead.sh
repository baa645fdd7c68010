#!/usr/bin/env bash
# Is what `flopstep blas` reports what the library delivers? Runs it and a bare loop around the same
# call in turn and compares best with best.
#   bench/peers/overhead.sh [--rounds N] [--seconds S] [--build DIR]
# Prints a line a case: flopstep's best time over the bare loop's; 1.00 is what it should be, below
# 1.02 (gemm, N >= 256) and 1.05 (axpy from N = 100) what is promised. Run it on a quiet machine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
rounds=5 seconds=0.5 build=build
while (($#)); do
    case $1 in
    --rounds) rounds=$2 && shift 2 ;;
    --seconds) seconds=$2 && shift 2 ;;
    --build) build=$2 && shift 2 ;;
    *) echo "overhead.sh: unknown option $1; see the top of this file" >&2 && exit 2 ;;
    esac
done
flopstep=$build/flopstep bare=$build/bare_loop
library=$("$flopstep" info | awk '$1 == "openblas" && $2 ~ /^\// { sub(/;.*/, "", $2); print $2 }')
[[ $library ]] || { echo "overhead.sh: OpenBLAS is not installed" >&2 && exit 3; }
out=$(mktemp -d)
trap 'rm -rf -- "$out"' EXIT

printf '%-8s %10s %8s %14s %14s %8s\n' kernel N threads 'flopstep best' 'bare best' ratio
compare() { # TYPE KERNEL N THREADS
    local i bests=() bares=()
    for ((i = 0; i < rounds; i++)); do
        bests+=("$("$flopstep" blas --kernels "$2" --types "$1" --sizes "$3" --threads "$4" --format csv \
            --quiet --precision 0 --time-budget "$seconds" --out "$out" |
            awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "min_s") column = i } NR == 2 { print $column }')")
        bares+=("$("$bare" "$library" "$1$2" "$3" "$4" "$seconds")")
    done
    printf '%s\n' "${bests[*]}" "${bares[*]}" |
        awk -v name="$1$2" -v n="$3" -v threads="$4" '
            { best[NR] = $1; for (i = 2; i <= NF; i++) if ($i < best[NR]) best[NR] = $i }
            END { printf "%-8s %10d %8d %14.4g %14.4g %8.3f\n", name, n, threads, best[1], best[2], best[1] / best[2] }'
}

for n in 100 1000 10000 100000 1000000 10000000; do compare d axpy "$n" 1; done
for type in d s; do
    for n in 256 512 1024 2048; do
        compare "$type" gemm "$n" 1
        compare "$type" gemm "$n" "$(nproc)"
    done
done
