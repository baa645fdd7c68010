#!/usr/bin/env bash
# Holds the ceilings of `flopstep peak` against likwid-bench (Debian package likwid) on this machine.
#
# usage: bench/peers/likwid.sh [FLOPSTEP] [--threads LIST] [--rounds N]
#
# Both run in turn, N rounds (default 3, some five minutes each); the best rate of either counts. One line for each probe
# and working set that both have: GFLOP/s or GB/s, and flopstep's rate over likwid's. Exit 1 where a
# ratio is below 0.97, 3 where likwid-bench or flopstep is missing. Nothing else should run meanwhile.
set -eu

flopstep=build/flopstep
threads=1,$(nproc)
rounds=3
while [ $# -gt 0 ]; do
    case $1 in
        --threads) threads=$2; shift 2 ;;
        --rounds) rounds=$2; shift 2 ;;
        -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
        *) flopstep=$1; shift ;;
    esac
done
for program in "$flopstep" likwid-bench; do
    command -v "$program" > /dev/null || { echo "likwid.sh: $program not found" >&2; exit 3; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# columns of a peer row: probe isa type likwid's-name
cat > "$work/peers" << 'END'
fma sse2 s peakflops_sp_sse
fma sse2 d peakflops_sse
fma avx2 s peakflops_sp_avx_fma
fma avx2 d peakflops_avx_fma
fma avx512 s peakflops_sp_avx512_fma
fma avx512 d peakflops_avx512_fma
load sse2 d load_sse
load avx2 d load_avx
load avx512 d load_avx512
copy sse2 d copy_sse
copy avx2 d copy_avx
copy avx512 d copy_avx512
copy-nt sse2 d copy_mem_sse
copy-nt avx2 d copy_mem_avx
copy-nt avx512 d copy_mem_avx512
triad sse2 d stream_sse
triad avx2 d stream_avx_fma
triad avx512 d stream_avx512_fma
triad-nt sse2 d stream_mem_sse
triad-nt avx2 d stream_mem_avx_fma
triad-nt avx512 d stream_mem_avx512
update sse2 d update_sse
update avx2 d update_avx
update avx512 d update_avx512
axpy sse2 d daxpy_sse
axpy avx2 d daxpy_avx_fma
axpy avx512 d daxpy_avx512_fma
END

# flopstep's rates of one round, one line each: probe isa type threads working-set rate. The rate is
# that of the fastest sample: the reported one is of the median.
flopstep_rates() {
    python3 -c '
import csv, sys
for row in csv.DictReader(open(sys.argv[1])):
    rate = row["gflops"] if row["probe"] == "fma" else row["gbytes_per_s"]
    if row["status"] == "ok" and rate:
        best = float(rate) * float(row["median_s"]) / float(row["min_s"])
        print(row["probe"], row["isa"], row["type"], row["threads"],
              row["working_set_bytes"] or 0, best)
' "$1"
}

# likwid-bench averages over its whole run, so it gets three runs of 0.1 s: the best of short ones is
# the one least disturbed.
likwid_rate() { # test bytes threads seconds-of-one-pass unit
    passes=$(awk -v s="$4" 'BEGIN { n = int(0.1 / s); print n < 4 ? 4 : n }')
    for _ in 1 2 3; do
        likwid-bench -t "$1" -W "N:${2}B:$3" -i "$passes" 2> /dev/null
    done | awk -v unit="$5/s:" '$1 == unit && $2 > best { best = $2 } END { if (best) print best / 1000 }'
}

for round in $(seq "$rounds"); do
    echo "round $round of $rounds: flopstep" >&2
    "$flopstep" peak --format csv --threads "$threads" --out "$work/round$round" --quiet \
        > "$work/peak.csv"
    flopstep_rates "$work/peak.csv" > "$work/rates"
    sed 's/^/flopstep /' "$work/rates" >> "$work/all"
    echo "round $round of $rounds: likwid-bench" >&2
    while read -r probe isa type team bytes rate; do
        peer=$(awk -v p="$probe" -v i="$isa" -v t="$type" \
            '$1 == p && $2 == i && $3 == t { print $4 }' "$work/peers")
        [ -n "$peer" ] || continue
        if [ "$probe" = fma ]; then
            # 20 kB a thread: likwid's loops load now and then, which should come from L1. A pass is
            # some 30 operations on each of 2500 doubles.
            seconds=$(awk -v r="$rate" -v t="$team" 'BEGIN { print 2500 * 30 * t / (r * 1e9) }')
            theirs=$(likwid_rate "$peer" $((20000 * team)) "$team" "$seconds" MFlops)
        else
            seconds=$(awk -v r="$rate" -v b="$bytes" 'BEGIN { print b / (r * 1e9) }')
            theirs=$(likwid_rate "$peer" "$bytes" "$team" "$seconds" MByte)
        fi
        [ -z "$theirs" ] || echo "likwid $probe $isa $type $team $bytes $theirs" >> "$work/all"
    done < "$work/rates"
done

awk '
    { key = $2 " " $3 " " $4 " " $5 " " $6; if ($7 > best[$1, key]) best[$1, key] = $7 }
    !(key in seen) { seen[key] = 1; order[++keys] = key }
    END {
        format = "%-9s %-7s %-4s %7s %13s %10s %10s %6s\n"
        printf format, "probe", "isa", "type", "threads", "working set", "likwid", "flopstep", "ratio"
        for (i = 1; i <= keys; i++) {
            key = order[i]
            theirs = best["likwid", key]
            if (!theirs) continue
            ours = best["flopstep", key]
            split(key, part, " ")
            ratio = ours / theirs
            if (ratio < 0.97) low++
            printf format, part[1], part[2], part[3], part[4], part[5] ? part[5] : "-", \
                sprintf("%.2f", theirs), sprintf("%.2f", ours), sprintf("%.3f", ratio)
            compared++
        }
        printf "%d compared, %d below 0.97\n", compared, low
        exit low > 0 || compared == 0
    }' "$work/all"
