#!/usr/bin/env bash
# scripts/install_dependencies.sh in a machine made of stubs: PATH and the system's folders are in a
# scratch folder, and apt-get only writes down how it was called.
# shellcheck disable=SC2016 # the stubs expand their own variables
set -u
# shellcheck source=tests/scripts/check.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/check.sh"

script=$repository/scripts/install_dependencies.sh
bin=$scratch/bin system=$scratch/system calls=$scratch/calls
all_packages="gcc libc6-dev make cmake pkg-config libhwloc-dev libjansson-dev librandom123-dev \
zlib1g-dev libpng-dev libopenblas0-openmp libopenblas0-pthread libblis4-openmp libblas3 libdnnl-dev \
libopenmpi-dev openmpi-bin gnuplot-nox fonts-dejavu-core dataset-fashion-mnist git"

stub() { # NAME, body from standard input
    { printf '#!%s\n' "$BASH"; cat; } >"$bin/$1"
    chmod +x "$bin/$1"
}

# A machine with a shell and the usual small tools, and nothing that flopstep needs.
bare_machine() {
    local tool
    rm -rf -- "$bin" "$system" "$calls"
    mkdir -p "$bin" "$system/usr/lib/x86_64-linux-gnu" "$system/usr/share/fonts"
    : >"$calls"
    for tool in bash env sed grep sort head mktemp rm cat dirname touch mkdir sleep; do
        ln -s "$(command -v "$tool")" "$bin/$tool"
    done
    user 1000
}

user() { stub id <<<"echo $1"; }

# apt-get: writes down its arguments; "install" runs the given words (what the packages bring).
with_apt() { # WORDS
    stub apt-get <<END
printf '%s\n' "\$*" >>"$calls"
case " \$* " in *" install "*)
$1
esac
END
}

library() { mkdir -p "$system/usr/lib/x86_64-linux-gnu/$(dirname "$1")" && touch "$system/usr/lib/x86_64-linux-gnu/$1"; }

# Everything in the group "build", as its packages would bring it.
everything() {
    stub cc </dev/null
    stub make </dev/null
    stub cmake <<<'echo "cmake version 3.25.1"'
    stub pkg-config </dev/null
    stub gnuplot </dev/null
    stub git </dev/null
    touch "$system/usr/share/fonts/DejaVuSans.ttf"
    mkdir -p "$system/usr/share/datasets/fashion-mnist"
    touch "$system/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz"
    library libopenblas.so.0
    library openblas-openmp/libopenblas.so.0
    library openblas-pthread/libopenblas.so.0
    library blis-openmp/libblis.so.4
    library blas/libblas.so.3
}

install() {
    capture env -i PATH="$bin" HOME="$scratch" TMPDIR="$scratch" FLOPSTEP_SYSROOT="$system" \
        "$BASH" "$script" "$@"
}

bare_machine
install
check "no apt, no rights: exit 3" code_is 3
check "says what is missing" has "hwloc        required"
check "prints the apt line" has "sudo apt-get update && sudo apt-get install --no-install-recommends $all_packages"
check "prints the dnf line" has "sudo dnf install gcc glibc-devel make cmake pkgconf-pkg-config hwloc-devel"
check "prints the Spack line" has "spack install gcc gmake cmake@3.25: pkgconf hwloc jansson random123 zlib libpng openblas threads=openmp"
check "prints the module line" has "module load gcc cmake hwloc jansson openblas"

bare_machine
with_apt :
stub sudo <<<'exit 1'
install
check "apt, but sudo wants a password: exit 3" code_is 3
check "apt is not called" test ! -s "$calls"

bare_machine
user 0
with_apt :
install --dry-run
check "--dry-run: exit 0" code_is 0
check "--dry-run shows the call" has "apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends $all_packages"
check "--dry-run calls nothing" test ! -s "$calls"

# Root; only hwloc's module and two libraries are missing.
bare_machine
user 0
everything
stub pkg-config <<END
[ "\$2" = hwloc ] && [ ! -e "$system/hwloc" ] && exit 1
exit 0
END
rm -r "$system/usr/lib/x86_64-linux-gnu/blas" "$system/usr/lib/x86_64-linux-gnu/blis-openmp"
with_apt "touch '$system/hwloc'"
install
check "root: exit 0" code_is 0
expected="-o DPkg::Lock::Timeout=120 update
-o DPkg::Lock::Timeout=120 install -y --no-install-recommends libhwloc-dev libblis4-openmp libblas3"
check "root: apt-get gets exactly what is missing" test "$(cat "$calls")" = "$expected"
check "what stays missing is named" has "still missing: BLIS, Netlib BLAS"

# Not root, sudo without a password.
: >"$calls"
rm "$system/hwloc"
user 1000
stub sudo <<<'[ "$1" = -n ] && shift; exec "$@"'
printf '#!%s\nexit 0\n' "$BASH" >"$bin/true" && chmod +x "$bin/true"
install
check "sudo: exit 0" code_is 0
check "sudo: the same call" test "$(cat "$calls")" = "$expected"

# Everything there.
bare_machine
user 0
everything
with_apt :
install
check "everything there: exit 0" code_is 0
check "everything there: nothing printed" test -z "$output"
check "everything there: apt is not called" test ! -s "$calls"
install --check
check "--check says so" has "nothing is missing"
install --check --with-tests
check "--with-tests asks for more: exit 3" code_is 3
check "--with-tests asks for jsonschema" has "jsonschema   required"
rm "$system/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz"
install --check
check "a file that is missing is named" has "Fashion-MNIST optional"
touch "$system/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz"
rm "$bin/gnuplot"
install --check
check "only optional things missing: exit 0" code_is 0
check "the optional one is named" has "gnuplot      optional"
check "what is there is not" lacks Fashion-MNIST
mkdir -p "$system/usr/lib/llvm-99/lib/clang/99/lib/linux"
install --check --with-full-tests
check "a pattern without a file is missing" has "libFuzzer    optional"
touch "$system/usr/lib/llvm-99/lib/clang/99/lib/linux/libclang_rt.fuzzer-x.a"
install --check --with-full-tests
check "a pattern with a file is there" lacks libFuzzer
check "--check calls nothing" test ! -s "$calls"

# An old CMake that apt cannot help.
stub cmake <<<'echo "cmake version 3.18.4"'
install
check "old CMake: exit 3" code_is 3
check "old CMake: says which" has "needs 3.25 or newer, found cmake version 3.18.4"

# A package that cannot be had must not keep the others away.
bare_machine
user 0
everything
rm -r "$system/usr/lib/x86_64-linux-gnu/blas" "$bin/make"
with_apt "case \" \$* \" in *libblas3*) echo 'E: Unable to locate package libblas3'; exit 100; esac
printf '#!/bin/sh\n' >'$bin/make'; '$(command -v chmod)' +x '$bin/make'"
install
check "a bad optional package: exit 0" code_is 0
check "it is named" has "optional package libblas3 could not be installed"
check "apt's own words are shown" has "Unable to locate package libblas3"
check "the required one is there" test -x "$bin/make"

# apt fails altogether.
rm "$bin/make"
stub apt-get <<<'echo "E: Failed to fetch"; exit 100'
install
check "apt fails: exit 3" code_is 3
check "apt fails: the packages are named" has "(packages: make libblas3)"

install --frobnicate
check "unknown option: exit 2" code_is 2
check "unknown option: one line" lines_are 1
check "unknown option: it is named" has "'--frobnicate'"
install --help
check "--help: exit 0" code_is 0
check "--help: the usage" has "Usage: scripts/install_dependencies.sh"
install --print --with-tests
check "--print: exit 0" code_is 0
check "--print: what is there, too" has "libhwloc-dev"
check "--print: the tests' needs" has "python3-jsonschema"

# The table: nine columns, known words.
capture awk -F'|' '/^#/ || /^$/ { next }
    NF != 9 { print "line " NR " has " NF " columns"; exit 1 }
    $2 !~ /^ *(build|tests|full|peers) *$/ { print "line " NR ": group " $2; exit 1 }
    $3 !~ /^ *(required|optional) *$/ { print "line " NR ": need " $3; exit 1 }' \
    "$repository/scripts/dependencies.txt"
check "the table is well formed" code_is 0

finish
