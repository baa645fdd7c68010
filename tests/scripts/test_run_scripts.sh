#!/usr/bin/env bash
# run_all.sh and run_tests.sh in a copy of the tree whose cmake, ctest and flopstep are stubs.
set -u
# shellcheck source=tests/scripts/check.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/check.sh"

tree="$scratch/a tree" bin=$scratch/bin calls=$scratch/calls out="$scratch/the results"
mkdir -p "$tree/build" "$tree/scripts" "$bin" "$scratch/elsewhere"
cp "$repository/run_all.sh" "$repository/run_tests.sh" "$tree/"
cp "$repository"/scripts/* "$tree/scripts/"
: >"$calls"

stub() { # PATH, body from standard input
    { printf '#!/usr/bin/env bash\n'; cat; } >"$1"
    chmod +x "$1"
}
export calls
stub "$bin/cmake" <<'END'
echo "cmake $*" >>"$calls"
[[ -z ${CMAKE_FAILS:-} ]] || { echo "the compiler said no"; exit 1; }
END
stub "$bin/ctest" <<'END'
echo "ctest $*" >>"$calls"
[[ -n ${CTEST_FAILS:-} && $* == *"$CTEST_FAILS"* ]] && { echo "0% tests passed, 1 tests failed out of 1"; exit 8; }
echo "100% tests passed, 0 tests failed out of 1"
END
# flopstep: one line a call; "peak" leaves a CSV file; fails where it is told to.
stub "$tree/build/flopstep" <<'END'
echo "flopstep $*" >>"$calls"
[[ $* == *--dry-run* && $* == *blis* ]] && exit 3
[[ $1 == report ]] && mkdir -p "$3/figures" && touch "$3/figures/blas-levels.svg" "$3/index.html" && cat >"$3/blas.csv" <<'CSV'
run,command,device,library,threads,ranks,type,status,reason,samples,median_s,low_s,high_s,min_s,gflops,gbytes_per_s,peak_fraction,sheet_fraction,flags,kernel,level,trans,m,n,k,mode
r,blas,cpu,openblas,2,1,d,ok,,9,1,1,1,1,80.5,1.5,0.81,,,gemm,3,nn,256,256,256,latency
r,blas,cpu,openblas,2,1,d,ok,,9,1,1,1,1,90.25,1.5,0.9,,,gemm,3,nn,512,512,512,latency
r,blas,cpu,openblas,1,1,d,ok,,9,1,1,1,1,99.5,1.5,0.95,,,gemm,3,nn,512,512,512,throughput
r,blas,cpu,openblas,2,1,d,skipped,"needs 9 GB, here are 4",0,,,,,,,,,,gemm,3,nn,90000,90000,90000,latency
CSV
[[ -n ${FAILING:-} && $* == "$FAILING"* ]] && exit "$FAILING_CODE"
[[ -n ${INTERRUPTED:-} && $* == "$INTERRUPTED"* ]] && { kill -INT $PPID; sleep 0.2; exit 130; }
exit 0
END

run() {
    : >"$calls"
    capture env PATH="$bin:$PATH" "$@"
}
# shellcheck disable=SC2317 # called through check()
called() { grep -qF -- "$1" "$calls"; }
# shellcheck disable=SC2317
called_like() { grep -q -- "$1" "$calls"; }
# shellcheck disable=SC2317
not_called() { ! called "$1"; }

cd "$scratch/elsewhere" || exit 1 # both scripts work from any folder

# --- run_all.sh ----------------------------------------------------------------------------------

run "$tree/run_all.sh" --help
check "run_all --help: exit 0" code_is 0
check "run_all --help: the usage" has "Usage: ./run_all.sh"
check "run_all --help builds nothing" test ! -s "$calls"
for bad in "--frobnicate" "--jobs 0" "--jobs x" "--out" "study"; do
    # shellcheck disable=SC2086 # words on purpose
    run "$tree/run_all.sh" $bad
    check "run_all $bad: exit 2" code_is 2
    check "run_all $bad: one line" lines_are 1
    check "run_all $bad does nothing" test ! -s "$calls"
done

run "$tree/run_all.sh" --no-install --smoke --jobs 1 --out "$out"
check "smoke: exit 0" code_is 0
check "smoke builds the release preset" called "cmake --preset release"
check "smoke: one job" called "--parallel 1"
check "smoke measures peak into the folder" called_like "flopstep peak .*--out $out"
check "smoke measures the levels" called "flopstep blas --kernels axpy,gemv,gemm"
check "smoke leaves out what is quick's" not_called "--mode throughput"
check "smoke reports" called "flopstep report --quiet $out"
check "smoke says where the results are" has "results: $out"
check "smoke says where the figures are" has "figures: 1 in $out/figures"
check "smoke says where the page is" has "page: $out/index.html"
check "one case a core has its own row" has "99.5 GFLOP/s     95.0"
check "the table has the best case only" has "90.25 GFLOP/s     90.0"
check "not the smaller one" lacks " 80.5 "
check "the table names the size" has "         512"
check "cases that are not ok are counted" has "1 cases skipped"
check "an info call has no --out" grep -qx "flopstep info" "$calls"

run "$tree/run_all.sh" --no-install --out "$out"
check "quick: exit 0" code_is 0
check "quick: only libraries that load" called "--blas openblas,netlib"
check "quick: throughput" called "--mode throughput"
check "quick: steps by layer" called "train --network all"
check "quick: a training on the images that are here" called "train --recipe cnn-fashion --dataset fashion"
check "quick leaves out what is full's" not_called "--recipe all"

run env FAILING="blas --kernels gemm --types d --blas naive" FAILING_CODE=1 \
    "$tree/run_all.sh" --no-install --smoke --out "$out"
check "a failed study: exit 1" code_is 1
check "a failed study: the report is made all the same" called "flopstep report"
check "a failed study is named" has "FAILED: ladder (exit code 1)"

run env FAILING="peak" FAILING_CODE=3 "$tree/run_all.sh" --no-install --smoke --out "$out"
check "the worst exit code wins" code_is 3
check "the studies after a failed one run" called "flopstep blas --kernels axpy,gemv,gemm"

run env INTERRUPTED="peak" "$tree/run_all.sh" --no-install --smoke --out "$out"
check "interrupted: exit 130" code_is 130
check "interrupted: no further study" not_called "--kernels all"
check "interrupted: says so" has "what was finished is kept"

run env CMAKE_FAILS=yes "$tree/run_all.sh" --no-install --smoke --out "$scratch/unused"
check "a failed build: exit 3" code_is 3
check "a failed build: shows what the compiler said" has "the compiler said no"

: >"$scratch/file"
run "$tree/run_all.sh" --no-install --smoke --out "$scratch/file/results"
check "a folder that cannot be made: exit 4" code_is 4
check "a folder that cannot be made: one line" lines_are 1

run "$tree/run_all.sh" --no-install --smoke
check "default folder: exit 0" code_is 0
check "default folder is in results/local" has "results: $tree/results/local/$(uname -n)-"

# --- run_tests.sh --------------------------------------------------------------------------------

run "$tree/run_tests.sh" --help
check "run_tests --help: exit 0" code_is 0
run "$tree/run_tests.sh" --preset fast
check "run_tests with an unknown preset: exit 2" code_is 2
check "run_tests with an unknown preset: one line" lines_are 1

run "$tree/run_tests.sh" --no-install --jobs 1 -R harness
check "run_tests: exit 0" code_is 0
check "run_tests builds both presets" called "cmake --preset asan-ubsan"
check "run_tests hands arguments to ctest" called "-R harness"
check "run_tests leaves out the long tests" called "--label-exclude ^full$"
check "the release tests come last" test "$(grep ctest "$calls" | tail -n 1 | cut -d' ' -f3)" = release
check "the last line is CTest's" test "${output##*$'\n'}" = "100% tests passed, 0 tests failed out of 1"

run env CTEST_FAILS=asan-ubsan "$tree/run_tests.sh" --no-install
check "sanitizers fail: exit 1" code_is 1
check "sanitizers fail: the end says so" test "${output##*$'\n'}" = "== FAILED: ctest asan-ubsan"
check "sanitizers fail: the release tests run" called "ctest --preset release"

run env CMAKE_FAILS=yes "$tree/run_tests.sh" --no-install
check "run_tests, failed build: exit 3" code_is 3

finish
