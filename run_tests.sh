#!/usr/bin/env bash
# The whole test suite: install what is missing, build, test. First the tests under the address and
# undefined-behaviour sanitizers, then those of the release build, whose summary ends the output.
set -uo pipefail

me=run_tests
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

usage() {
    cat <<'END'
Usage: ./run_tests.sh [options] [arguments of ctest ...]

Installs what the tests need, builds, and runs them: under sanitizers, then the release build.

Options:
  --full         also the long tests, valgrind, clang-tidy and the layout of the source
  --preset NAME  one preset only: release, debug or asan-ubsan
  --jobs N       jobs of the build and of ctest (default: one for each core)
  --no-install   install nothing
  --help         show this help and end

Everything else goes to ctest, for example: ./run_tests.sh -R harness

Exit codes: 0 all passed, 1 something failed, 2 wrong usage, 3 something is missing or does not build.
END
}

say() { printf '== %s\n' "$*"; }
fail() { # CODE MESSAGE
    printf '%s: %s\n' "$me" "$2" >&2
    exit "$1"
}

full=no install=yes presets=(asan-ubsan release) jobs=$(nproc 2>/dev/null || echo 1) arguments=()
while (($#)); do
    case $1 in
    --full) full=yes ;;
    --no-install) install=no ;;
    --preset | --jobs)
        if (($# < 2)) || [[ -z $2 ]]; then fail 2 "$1 needs a value"; fi
        if [[ $1 == --preset ]]; then presets=("$2"); else jobs=$2; fi
        shift
        ;;
    --preset=?*) presets=("${1#*=}") ;;
    --jobs=?*) jobs=${1#*=} ;;
    --help | -h)
        usage
        exit 0
        ;;
    *) arguments+=("$1") ;;
    esac
    shift
done
[[ $jobs =~ ^[1-9][0-9]{0,3}$ ]] || fail 2 "--jobs '$jobs' is not a number of jobs"
case ${presets[0]} in
release | debug | asan-ubsan) ;;
*) fail 2 "there is no preset '${presets[0]}'; choose release, debug or asan-ubsan" ;;
esac

cd -- "$here" || fail 3 "cannot enter $here"
if [[ $install == yes ]]; then
    groups=(--with-tests)
    [[ $full == yes ]] && groups+=(--with-full-tests)
    ./scripts/install_dependencies.sh "${groups[@]}" || fail 3 "dependencies are missing; see above"
fi
# shellcheck source=scripts/build.sh
. scripts/build.sh

worst=0 failures=()
note() { # WHAT
    failures+=("$1")
    worst=1
}

# --- Only in the full tier -----------------------------------------------------------------------

check_layout() {
    command -v clang-format >/dev/null || { say "clang-format: skipped, not installed"; return; }
    say "clang-format"
    local file
    while IFS= read -r -d '' file; do
        clang-format --dry-run --Werror "$file" 2>/dev/null || note "layout: clang-format -i $file"
    done < <(sources '*.c' '*.h' '*.cpp' '*.cu' '*.cuh')
}

# The files with these endings that a build compiles, without those it generates.
compiled() { # FOLDER PATTERN
    sed -n 's/^ *"file": "\(.*\)",*$/\1/p' "$1/compile_commands.json" |
        awk -v generated="$here/build" -v ending="$2" \
            'index($0, generated) != 1 && $0 ~ ending' | sort -u | tr '\n' '\0'
}

# gcc's own headers come last, for omp.h where clang has none.
check_tidy() {
    command -v clang-tidy >/dev/null || { say "clang-tidy: skipped, not installed"; return; }
    say "clang-tidy"
    local headers
    headers=$(cc -print-file-name=include)
    compiled build '[.](c|cpp)$' | xargs -0 -r -n 4 -P "$jobs" \
        clang-tidy -p build --quiet --warnings-as-errors='*' --extra-arg=-idirafter"$headers" \
        2>build/clang-tidy.log || { note clang-tidy; tail -n 20 build/clang-tidy.log >&2; }
    # CUDA sources as the C++ that the emulation makes of them; nvcc's options are not clang's.
    [[ -f build-asan-ubsan/compile_commands.json ]] || return
    compiled build-asan-ubsan '[.]cu$' | xargs -0 -r -n 4 -P "$jobs" \
        clang-tidy -p build-asan-ubsan --quiet --warnings-as-errors='*' \
        2>build/clang-tidy-cuda.log || { note "clang-tidy of CUDA"; tail -n 20 build/clang-tidy-cuda.log >&2; }
}

# The unit tests of the release build under valgrind's memcheck.
check_memory() {
    command -v valgrind >/dev/null || { say "valgrind: skipped, not installed"; return; }
    local test code
    # memcheck sees what closing the emulated memory is for, and would take minutes to close it
    export FLOPSTEP_FAKES=$here/build/tests/fakes FLOPSTEP_EMULATE=not-strict
    while IFS= read -r -d '' test; do
        say "valgrind ${test#build/}"
        code=0
        FLOPSTEP_CUDA_MODULE=$here/build/tests/flopstep_cuda_emulated.so timeout 1200 valgrind --quiet --error-exitcode=99 --leak-check=full \
            --errors-for-leak-kinds=definite --suppressions=tests/valgrind.supp "$test" \
            >build/valgrind.log 2>&1 || code=$?
        ((code == 0 || code == 77)) && continue # 77: skipped
        note "valgrind ${test#build/}"
        tail -n 40 build/valgrind.log
    done < <(find build -path '*/CMakeFiles' -prune -o -type f -name 'test_*' -executable -print0 | sort -z)
}

sources() {
    local patterns=() pattern
    for pattern in "$@"; do patterns+=(-o -name "$pattern"); done
    find bench kernels nn tests -type f \( "${patterns[@]:1}" \) -print0 2>/dev/null | sort -z
}

# --- Build and test ------------------------------------------------------------------------------

for preset in "${presets[@]}"; do
    say "build $preset"
    cuda=() # the release build has the module of GPUs where nvcc is found
    [[ $preset == release ]] && cuda=(-DFLOPSTEP_CUDA=AUTO)
    build_preset "$preset" "$jobs" ${cuda[@]+"${cuda[@]}"} || fail 3 "the build of preset $preset failed; see above"
done

last=${presets[-1]}
if [[ $full == yes ]]; then
    check_layout
    [[ $last == release ]] && check_tidy && check_memory
fi

labels=(--label-exclude '^full$')
[[ $full == yes ]] && labels=()
for preset in "${presets[@]}"; do
    say "ctest $preset"
    ctest --preset "$preset" --parallel "$jobs" --output-on-failure --no-label-summary \
        ${labels[@]+"${labels[@]}"} ${arguments[@]+"${arguments[@]}"} || note "ctest $preset"
done

# After a success CTest's summary is the last thing said.
for failure in ${failures[@]+"${failures[@]}"}; do say "FAILED: $failure"; done
exit "$worst"
