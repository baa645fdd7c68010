#!/usr/bin/env bash
# scripts/gpu_check.sh: its arguments, its plan, and all its parts on the emulated GPU with tiny sizes.
# label: full
set -u
# shellcheck source=tests/scripts/check.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/check.sh"

script=$repository/scripts/gpu_check.sh
build=$(dirname -- "$FLOPSTEP")
# shellcheck source=scripts/debian_prefix.sh
. "$repository/scripts/debian_prefix.sh"
# shellcheck disable=SC2317 # called through check()
row() { grep -Eq -- "^$2 +$3" "$scratch/$1/summary.txt"; } # FOLDER PART PATTERN

capture "$script" --nonsense
check "an unknown option is refused" code_is 2
capture "$script" --limit soon
check "--limit takes seconds" code_is 2
capture "$script" --out
check "--out without a folder is refused" code_is 2
capture "$script" --dry-run --only peak,nonsense
check "an unknown part is refused" code_is 2
check "it is named" has "'nonsense'"
check "nothing is planned then" lacks "s at most"
capture "$script" --dry-run --debs "$scratch/none"
check "a folder of packages that is not there is refused" code_is 3
capture env PATH=/usr/bin:/bin "$script" --emulated --build "$scratch/none" --out "$scratch/out"
check "a build that is not there is refused" code_is 3

capture "$script" --dry-run --out "$scratch/out"
check "the plan is printed" code_is 0
check "it builds first" has "gpu_check_build.sh"
check "it ends with the report" has "flopstep report"
check "a dry run writes nothing" test ! -e "$scratch/out"
capture "$script" --dry-run --only gemm
check "--only leaves parts out" lacks "train"

# The folder of packages: what would be built with it finds its libraries there.
mkdir -p "$scratch/debs"
capture unpack_debian_packages "$scratch/debs" "$scratch/prefix"
check "a folder without packages is refused" code_is 1
check "it says how to get them" has "--fetch-debs"
if command -v dpkg-deb >/dev/null; then
    package="$scratch/package" plain=$(mktemp -d)
    mkdir -p "$package/DEBIAN" "$package/lib" "$package/usr/lib/pkgconfig"
    printf 'Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x>\nDescription: x\n' >"$package/DEBIAN/control"
    printf 'prefix=/usr\nRequires.private: absent\nLibs: -L/usr/lib -lx\n' >"$package/usr/lib/pkgconfig/x.pc"
    : >"$package/lib/libx.so.1"
    ln -s /lib/libx.so.1 "$package/usr/lib/libx.so"
    dpkg-deb --build "$package" "$scratch/debs/x.deb" >/dev/null
    mkdir -p "$plain/usr/share"
    capture unpack_debian_packages "$scratch/debs" "$plain"
    check "a package is unpacked" code_is 0
    check "its links stay in the folder" test "$(readlink "$plain/usr/lib/libx.so")" = "$plain/lib/libx.so.1"
    output=$(cat "$plain/usr/lib/pkgconfig/x.pc")
    check "its paths are those of the folder" has "prefix=$plain/usr"
    check "so are the linker's" has "-L$plain/usr/lib"
    check "private requirements are gone" lacks Requires.private
    rm -rf -- "$plain"
fi

[[ -e $build/tests/flopstep_cuda_emulated.so ]] || {
    echo "skipped: this build has no emulated GPU"
    finish
}
emulated() { capture "$script" --emulated --build "$build" --out "$scratch/$1" "${@:2}"; }

emulated results --limit 400 --tar "$scratch/results.tar.gz"
check "all parts run" code_is 0
check "it says that this measures nothing" has "The GPU was emulated"
for part in peak gemm steps-fp32 steps-bf16 crossover ladder training report; do
    check "$part is ok" row results "$part" "[0-9]+  ok"
done
check "records are written" test -s "$scratch/results/train.jsonl"
check "what is missing is skipped with its reason" has "skipped the GPU is emulated"
capture tar -tzf "$scratch/results.tar.gz"
check "everything is packed" has "results/summary.txt"

emulated broken --only gemm,axpy --limit 10
check "without time parts are skipped" has "no time left"
check "that is no failure" code_is 0

# A module that is no module: one failure that says why, and nothing measured.
mkdir -p "$scratch/bad/tests"
ln -s "$FLOPSTEP" "$scratch/bad/flopstep"
: >"$scratch/bad/tests/flopstep_cuda_emulated.so"
capture "$script" --emulated --build "$scratch/bad" --out "$scratch/none" --only machine,peak,gemm
check "a device that does not load is a failure" code_is 1
check "the reason is told" row none device "-  failed .*does not load"
check "its parts are skipped" row none gemm "-  skipped no usable device"

# A part that fails: its exit code is told, the rest goes on.
mkdir -p "$scratch/fake/tests"
: >"$scratch/fake/tests/flopstep_cuda_emulated.so"
printf '#!/bin/sh\ncase $* in peak*) exit 1 ;; esac\n' >"$scratch/fake/flopstep"
chmod +x "$scratch/fake/flopstep"
capture "$script" --emulated --build "$scratch/fake" --out "$scratch/failed" --only peak,gemm,report
check "a part that fails is the exit code" code_is 1
check "it is named with its log" has "failed  exit code 1; logs/peak.txt"
check "what follows still runs" row failed gemm "[0-9]+  ok"
# A part that hangs is cut off; the limit is that of the whole, with 20 seconds kept for the report.
printf '#!/bin/sh\ncase $* in *--dry-run*) ;; peak*) exec sleep 100 ;; esac\n' >"$scratch/fake/flopstep"
capture "$script" --emulated --build "$scratch/fake" --out "$scratch/hanging" --only peak,gemm,report --limit 26
check "a part that hangs is a failure" code_is 1
check "it is cut off" row hanging peak "[5-7]  failed  cut off after [56] s"
check "the next has no time" row hanging gemm "-  skipped no time left"
check "the report has" row hanging report "[0-9]+  ok"

# Interrupted: the part ends, the rest is skipped, the table is there.
"$script" --emulated --build "$scratch/fake" --out "$scratch/interrupted" --only peak,gemm >"$scratch/log" 2>&1 &
process=$!
for ((i = 0; i < 100; i++)); do [[ -e $scratch/interrupted/logs/peak.txt ]] && break; sleep 0.1; done
kill -TERM "$process"
wait "$process"
code=$? output=$(cat "$scratch/log")
check "an interrupted check is no success" code_is 1
check "it says so" row interrupted peak "[0-9]+  failed  interrupted"
check "and skips the rest" row interrupted gemm "-  skipped interrupted"
finish
