#!/usr/bin/env bash
# Every shell script of the tree is clean under shellcheck.
set -u
# shellcheck source=tests/scripts/check.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/check.sh"

command -v shellcheck >/dev/null || skip "shellcheck is not installed"
cd -- "$repository" || exit 1
scripts=(run_all.sh run_tests.sh .ci/run scripts/*.sh mpi/slurm/* tests/scripts/*.sh tests/mpi/*.sh)
for script in "${scripts[@]}"; do
    capture shellcheck --external-sources "$script"
    check "shellcheck $script" code_is 0
done
finish
