#!/usr/bin/env bash
# Shows that kernels/cuda builds with CUDA 11, 12 and 13, and for chips that the newest toolkit no
# longer knows. No GPU and no toolkit is needed: headers come as wheels from PyPI.
# Exit codes: 0 all compile · 1 one does not · 2 wrong usage · 3 the headers could not be had.
set -uo pipefail

me=check_cuda_versions
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cache=$root/build/cuda-headers

usage() {
    cat <<'HELP'
Usage: scripts/check_cuda_versions.sh [--cache DIR]

Compiles kernels/cuda as C++ against the headers of CUDA 11, 12 and, where /usr/local/cuda is there,
of that toolkit; then, where clang is there, for Pascal (sm_60) and Volta (sm_70) with CUDA 11's
headers and assembler, as an 11 or 12 toolkit would be asked to.

Options:
  --cache DIR  keep downloaded wheels and headers there (default: build/cuda-headers; 1 GB)
  --help       show this help and end

Needs g++, unzip and python3 with pip. Exit codes: 0 all compile, 1 one does not, 2 wrong usage,
3 the headers could not be had.
HELP
}

die() { # EXIT-CODE, then the line
    local code=$1
    shift
    printf '%s: %s\n' "$me" "$*" >&2
    exit "$code"
}

while (($#)); do
    case $1 in
    --cache)
        [[ -n ${2:-} ]] || die 2 "--cache needs a value; --help shows how"
        cache=$2
        shift
        ;;
    --help | -h)
        usage
        exit 0
        ;;
    *) die 2 "unknown option '$1'; --help lists them" ;;
    esac
    shift
done
for tool in g++ python3 unzip; do
    command -v "$tool" >/dev/null || die 3 "$tool is missing"
done
mkdir -p "$cache" || die 3 "cannot write '$cache'"
cache=$(cd -- "$cache" && pwd) || exit 3
cd -- "$root" || exit 3
sources=(kernels/cuda/*.cu kernels/cuda/layers/*.cu)

# --- Headers -------------------------------------------------------------------------------------

# crt/ of the runtime's headers lies in the compiler's wheel.
wheels_11=(nvidia-cuda-runtime-cu11==11.7.99 nvidia-cublas-cu11==11.10.3.66
    nvidia-cuda-nvcc-cu11==11.8.89)
wheels_12=(nvidia-cuda-runtime-cu12==12.9.79 nvidia-cublas-cu12==12.9.1.4
    nvidia-cuda-nvcc-cu12==12.9.86)

get() { # FOLDER, then the wheels: their headers in FOLDER/include, the rest in FOLDER/nvidia
    local folder=$1 wheel
    shift
    [[ -e $folder/complete ]] && return
    rm -rf -- "$folder"
    mkdir -p "$folder/wheels" "$folder/include" || die 3 "cannot write '$folder'"
    python3 -m pip download --quiet --no-deps --only-binary=:all: --dest "$folder/wheels" "$@" \
        >"$folder/pip.log" 2>&1 || die 3 "pip did not get $*: $(tail -n 1 "$folder/pip.log")"
    for wheel in "$folder"/wheels/*.whl; do
        unzip -q -o "$wheel" 'nvidia/*' -x '*/lib/*' -d "$folder" 2>/dev/null ||
            die 3 "cannot unpack '$wheel'"
    done
    cp -r "$folder"/nvidia/*/include/. "$folder/include/" || die 3 "cannot write '$folder'"
    rm -rf -- "$folder/wheels"
    : >"$folder/complete"
}

version_of() { # INCLUDE: "11.7"
    awk '$2 == "CUDART_VERSION" { printf "%d.%d\n", $3 / 1000, $3 % 1000 / 10; exit }' \
        "$1/cuda_runtime_api.h"
}

# --- Compiling -----------------------------------------------------------------------------------

failed=0

row() { # WHAT, then the compiler's words: one line, and the first error of each file that fails
    local what=$1 source good=0 errors
    shift
    for source in "${sources[@]}"; do
        if errors=$("$@" "$source" 2>&1); then
            good=$((good + 1))
        else
            failed=1
            printf '  %s: %s\n' "$source" "$(grep -m 1 -E 'error' <<<"$errors" || echo "$errors")"
        fi
    done
    printf '%s: %d of %d files compile\n' "$what" "$good" "${#sources[@]}"
}

headers_row() { # INCLUDE
    row "CUDA $(version_of "$1") headers" g++ -x c++ -std=c++17 -DFLOPSTEP_CUDA_ON_HOST -I. \
        -Itests/cuda_on_host -isystem "$1" -fsyntax-only
}

get "$cache/11" "${wheels_11[@]}"
get "$cache/12" "${wheels_12[@]}"
headers_row "$cache/11/include"
headers_row "$cache/12/include"
toolkit=${CUDA_HOME:-/usr/local/cuda}
if [[ -e $toolkit/include/cuda_runtime_api.h ]]; then
    headers_row "$toolkit/include"
else
    printf 'CUDA 13: skipped, no toolkit in %s\n' "$toolkit"
fi

# --- Device code of old chips --------------------------------------------------------------------

if ! command -v clang >/dev/null; then
    printf 'sm_60, sm_70: skipped, clang is missing\n'
    exit "$failed"
fi
# What clang takes for a toolkit: it wants bin, lib64 and libdevice, and headers of textures and
# of curand that are in none of these wheels, or that it does not understand. None are used here.
fake=$cache/clang
rm -rf -- "$fake"
mkdir -p "$fake/bin" "$fake/lib64" || die 3 "cannot write '$fake'"
cp -r "$cache/11/include" "$cache/11/nvidia/cuda_nvcc/nvvm" "$fake/" || die 3 "cannot write '$fake'"
install -m 755 "$cache/11/nvidia/cuda_nvcc/bin/ptxas" "$fake/bin/" || die 3 "cannot write '$fake'"
for header in curand_mtgp32_kernel cuda_texture_types cuda_surface_types texture_fetch_functions \
    surface_functions texture_indirect_functions surface_indirect_functions; do
    : >"$fake/include/$header.h" || die 3 "cannot write '$fake'"
done

# clang keeps a copy of the host's constant tables in the device's code, where an old ptxas refuses the
# addresses of functions in them; nvcc keeps none. Such a file is compiled as far as PTX.
# shellcheck disable=SC2317 # called through row()
device_code() { # ARCHITECTURE, SOURCE
    local command words
    command=(clang -x cuda -std=c++17 -O1 -Wno-unknown-cuda-version --cuda-path="$fake"
        --cuda-gpu-arch="$1" --cuda-device-only -D__CLANG_CUDA_TEXTURE_INTRINSICS_H__ -I.
        -o "$fake/object" "$2")
    words=$("${command[@]}" -c 2>&1) && return
    [[ $words == *'Cannot take address of function'* ]] && "${command[@]}" -S && return
    printf '%s\n' "$words"
    return 1
}
for arch in sm_60 sm_70; do
    row "$arch, CUDA $(version_of "$fake/include") by clang" device_code "$arch"
done
exit "$failed"
