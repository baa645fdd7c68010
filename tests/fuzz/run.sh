#!/usr/bin/env bash
# Fuzzes the readers of files with libFuzzer: builds every tests/fuzz/fuzz_<name>.c with clang and
# -fsanitize=fuzzer,address,undefined, and gives each a number of inputs grown from its corpus.
# Exit codes: 0 nothing found · 1 something found · 2 wrong usage · 77 no clang with libFuzzer here.
set -uo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$(cd -- "$here/../.." && pwd)
inputs=1000000 seconds=0 out=${TMPDIR:-/tmp}/flopstep-fuzz names=()

usage() {
    cat <<'END'
Usage: tests/fuzz/run.sh [options] [NAME ...]

Fuzzes the readers named (idx, ...), or all of tests/fuzz/fuzz_*.c.

Options:
  --inputs N    inputs for each (default 1000000)
  --seconds S   at most S seconds for each (default 0: no limit)
  --out DIR     where the programs, grown corpora and findings go (default $TMPDIR/flopstep-fuzz)
  --help        show this help and end
Environment: CLANG (default clang)
END
}

wrong() {
    printf 'fuzz: %s\n' "$1" >&2
    exit 2
}

while (($#)); do
    case $1 in
    --inputs | --seconds)
        [[ ${2:-} =~ ^[0-9]+$ ]] || wrong "$1 needs a number"
        if [[ $1 == --inputs ]]; then inputs=$2; else seconds=$2; fi
        shift
        ;;
    --out)
        [[ -n ${2:-} ]] || wrong "--out needs a folder"
        out=$2
        shift
        ;;
    --help | -h)
        usage
        exit 0
        ;;
    -*) wrong "unknown option '$1'; --help lists them" ;;
    *)
        [[ -f $here/fuzz_$1.c ]] || wrong "there is no tests/fuzz/fuzz_$1.c"
        names+=("$1")
        ;;
    esac
    shift
done
if ((${#names[@]} == 0)); then
    for source in "$here"/fuzz_*.c; do
        name=${source##*/fuzz_}
        names+=("${name%.c}")
    done
fi

clang=${CLANG:-clang}
command -v "$clang" >/dev/null || {
    echo "skipped: $clang is not installed (Debian: clang)"
    exit 77
}
mkdir -p -- "$out" || exit 1
out=$(cd -- "$out" && pwd)
flags=(-std=gnu11 -D_GNU_SOURCE -O1 -g -fno-omit-frame-pointer -Wno-unknown-pragmas
    "-fsanitize=fuzzer,address,undefined" -fno-sanitize-recover=undefined "-I$root")
printf '#include <stddef.h>\nint LLVMFuzzerTestOneInput(const unsigned char *b, size_t n) { return b && n ? 0 : 0; }\n' |
    "$clang" "${flags[@]}" -x c - -o "$out/probe" >/dev/null 2>&1 || {
    echo "skipped: $clang cannot link -fsanitize=fuzzer (Debian: libclang-rt-dev)"
    exit 77
}

status=0
for name in "${names[@]}"; do
    source=$here/fuzz_$name.c program=$out/fuzz_$name
    read -r -a sources < <(sed -n 's|.*sources: \([^*]*\).*|\1|p' "$source")
    ((${#sources[@]})) || wrong "$source has no line 'sources: nn/...'"
    "$clang" "${flags[@]}" "$source" "${sources[@]/#/$root/}" -lpng -lz -lm -o "$program" || {
        printf 'fuzz: %s does not build\n' "$name" >&2
        status=1
        continue
    }
    mkdir -p -- "$out/corpus/$name" "$out/findings/$name"
    printf 'fuzz: %s, %s inputs\n' "$name" "$inputs"
    if "$program" -runs="$inputs" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
        -rss_limit_mb=4096 -print_final_stats=1 -artifact_prefix="$out/findings/$name/" \
        "$out/corpus/$name" "$here/corpus/$name" >"$out/$name.log" 2>&1; then
        grep -E '^(Done|stat::number_of_executed_units|stat::peak_rss_mb)' "$out/$name.log"
    else
        status=1
        grep -E '^(==|SUMMARY|Test unit|artifact_prefix|.*not true|.*runtime error)' "$out/$name.log"
        printf 'fuzz: %s: found something; log %s, input in %s\n' "$name" "$out/$name.log" \
            "$out/findings/$name" >&2
    fi
done
exit "$status"
