#!/usr/bin/env bash
# The build of gpu_check.sh: flopstep, its CUDA module for the GPU that is here, and the tests of the device.
#   gpu_check_build.sh BUILD-FOLDER [FOLDER-OF-DEBS]
set -uo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/debian_prefix.sh
. "$here/debian_prefix.sh"
build=${1:?folder of the build}
debs=${2:-}
mkdir -p -- "$build" || exit 1

options=(-DCMAKE_BUILD_TYPE=Release -DFLOPSTEP_CUDA=ON)
if [[ -n $debs ]]; then
    unpack_debian_packages "$debs" "$build/prefix" && use_debian_prefix "$build/prefix" || exit 1
    options+=(-DCMAKE_EXE_LINKER_FLAGS="$prefix_linker_flags")
fi

# Code for this GPU only, in a fraction of the time; "9.0" becomes 90. Old drivers do not tell.
capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | sort -uV | tr -d '. ' | paste -sd ';')
[[ $capability =~ ^[0-9]+(\;[0-9]+)*$ ]] && options+=(-DCMAKE_CUDA_ARCHITECTURES="$capability")

nvcc=${CUDACXX:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
toolkit=$(dirname -- "$(dirname -- "$(readlink -f -- "$nvcc")")")
if ! compgen -G "$toolkit/include/cublasLt.h" >/dev/null &&
    ! compgen -G "$toolkit/targets/*/include/cublasLt.h" >/dev/null; then
    # A toolkit without cuBLAS, beside a PyTorch that brought its own.
    wheel=$(python3 -c 'import importlib.util as u, pathlib
for root in u.find_spec("nvidia").submodule_search_locations:
    for file in pathlib.Path(root).glob("*/include/cublasLt.h"):
        print(file.parents[1])' 2>/dev/null | head -n 1)
    if [[ -n $wheel ]]; then
        printf 'cuBLAS is that of %s\n' "$wheel"
        mkdir -p -- "$build/cublas" || exit 1
        for library in cublas cublasLt; do
            for file in "$wheel/lib/lib$library".so.[0-9]*; do ln -sfn -- "$file" "$build/cublas/lib$library.so"; done
        done
        export CMAKE_LIBRARY_PATH=$build/cublas CPLUS_INCLUDE_PATH=$wheel/include
        options+=(-DCMAKE_MODULE_LINKER_FLAGS="-Wl,-rpath,$wheel/lib")
    fi
fi

command -v make >/dev/null || options+=(-G Ninja)
targets=(flopstep flopstep_cuda)
for test in probes blas layers training; do [[ -e $here/../tests/cuda/test_$test.c ]] && targets+=("test_$test"); done
cmake -S "$here/.." -B "$build" "${options[@]}" &&
    cmake --build "$build" --parallel "$(nproc)" --target "${targets[@]}"
