#!/usr/bin/env bash
# The CUDA module that nvcc built, on a machine that may have no GPU: it is a module of flopstep's, and what
# is missing is said in one line.
set -u
# shellcheck source=tests/scripts/check.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/check.sh"

module=$(dirname -- "$FLOPSTEP")/flopstep_cuda.so
[[ -e $module ]] || skip "this build has no CUDA module (no nvcc)"

capture nm -D --defined-only "$module"
check "the module exports flopstep_device_module" has " flopstep_device_module"

if command -v cuobjdump >/dev/null; then
    capture cuobjdump --list-elf "$module"
    check "the module has code for a GPU" has ".cubin"
fi

if [[ -e /proc/driver/nvidia/version || -e /dev/nvidiactl ]]; then
    finish # with a driver the GPU's own tests say more
fi
capture env FLOPSTEP_CUDA_MODULE="$module" "$FLOPSTEP" info
check "info ends well without a driver" code_is 0
check "info says why there is no cuda" has "not usable: there is no NVIDIA driver here"
capture env FLOPSTEP_CUDA_MODULE="$module" "$FLOPSTEP" blas --device cuda
check "blas --device cuda ends with 3" code_is 3
check "it says so in one line" lines_are 1
check "it says why" has "no NVIDIA driver"
finish
