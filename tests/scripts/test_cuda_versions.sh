#!/usr/bin/env bash
# kernels/cuda compiles with the headers of CUDA 11, 12 and 13, and for Pascal and Volta.
# label: full
set -u
# shellcheck source=tests/scripts/check.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/check.sh"

script=$repository/scripts/check_cuda_versions.sh
capture "$script" --nonsense
check "an unknown option is refused" code_is 2
capture "$script" --cache
check "--cache without a folder is refused" code_is 2
: >"$scratch/a file"
capture "$script" --cache "$scratch/a file"
check "a cache that cannot be written is refused" code_is 3

capture "$script" --cache "$scratch/cache"
((code == 3)) && skip "$output"
check "all sources compile with every version" code_is 0
check "CUDA 11 was tried" has "CUDA 11.7 headers: "
check "CUDA 12 was tried" has "CUDA 12.9 headers: "
finish
