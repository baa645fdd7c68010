#!/usr/bin/env bash
# The same tests with MPICH: built beside this tree in a folder of its own.
# label: full
# timeout: 1500
set -uo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
for tool in mpicc.mpich mpiexec.mpich cmake python3; do
    command -v "$tool" >/dev/null && continue
    echo "skipped: $tool is missing (Debian: mpich libmpich-dev)"
    exit 77
done
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
build() {
    cmake -S "$here/../.." -B "$work" -DCMAKE_BUILD_TYPE=Release -DFLOPSTEP_MPI=ON \
        -DFLOPSTEP_CUDA=OFF -DMPI_C_COMPILER=mpicc.mpich &&
        cmake --build "$work" -j 2 --target flopstep ranks_gradients
}
if ! build >"$work/log" 2>&1; then
    tail -n 30 "$work/log"
    exit 1
fi
"$work/flopstep" info | grep -q '^MPI .*MPICH' || {
    echo "not built with MPICH: $("$work/flopstep" info | grep '^MPI ')"
    exit 1
}
# It spins while it waits, so more ranks than cores take minutes.
export FLOPSTEP_MPIEXEC=mpiexec.mpich FLOPSTEP_TEST_RANKS=1,2 FLOPSTEP=$work/flopstep
failed=0
for test in gradients training faults; do
    echo "== $test"
    timeout 600 python3 -B "$here/test_$test.py" "$FLOPSTEP" || failed=1
done
exit "$failed"
