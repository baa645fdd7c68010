# shellcheck shell=bash
# What flopstep needs besides compilers, CMake and CUDA, for a machine where nothing can be installed: Debian
# packages fetched elsewhere and unpacked into a folder. Sourced by gpu_check.sh and gpu_check_build.sh.

debian_packages=(libhwloc-dev libhwloc15 libudev1 libjansson-dev libjansson4 libpng-dev libpng16-16 zlib1g-dev zlib1g
    librandom123-dev libcmocka-dev libcmocka0 libopenblas0-openmp libgfortran5 libquadmath0 pkgconf pkgconf-bin
    libpkgconf3 make)

fetch_debian_packages() { # FOLDER: downloads the packages there, of this machine's Debian or Ubuntu
    [[ $(dpkg --print-architecture 2>/dev/null) == amd64 ]] || {
        printf 'packages are fetched on Debian or Ubuntu for x86-64, and this is another system\n' >&2
        return 3
    }
    mkdir -p -- "$1" || return 3
    if ! (cd -- "$1" && apt-get -o APT::Sandbox::User=root download "${debian_packages[@]}"); then
        printf "not all packages came; 'apt-get update' may help\n" >&2
        return 3
    fi
}

unpack_debian_packages() { # FOLDER PREFIX: unpacks, and makes paths in there those of the prefix
    local package file target prefix packages=()
    [[ -d $1 ]] && packages=("$1"/*.deb)
    [[ -e ${packages[0]:-} ]] || {
        printf "there is no .deb in '%s'; gpu_check.sh --fetch-debs gets them\n" "$1" >&2
        return 1
    }
    mkdir -p -- "$2" && prefix=$(cd -- "$2" && pwd) || return 1
    [[ $prefix != *[[:space:]:,]* ]] || {
        printf "the build folder's path must not hold spaces, colons or commas here: '%s'\n" "$prefix" >&2
        return 1
    }
    for package in "${packages[@]}"; do
        dpkg-deb -x "$package" "$prefix" || return 1
    done
    # Links such as libz.so -> /lib/x86_64-linux-gnu/libz.so.1 point out of the prefix.
    find "$prefix" -type l -lname '/*' -print0 | while IFS= read -r -d '' file; do
        target=$prefix$(readlink -- "$file")
        [[ ! -e $target ]] || ln -sfn -- "$target" "$file"
    done
    # Private requirements would ask for development files that linking a shared library does without.
    find "$prefix/usr/lib" "$prefix/usr/share" -name '*.pc' -type f -exec \
        sed -i -e "s,\\(=\\|-L\\|-I\\)/usr,\\1$prefix/usr,g" -e '/^Requires.private:/d' {} +
}

use_debian_prefix() { # PREFIX: what a build needs; leaves the linker's flags in prefix_linker_flags
    local prefix libraries=x86_64-linux-gnu
    prefix=$(cd -- "$1" && pwd) || return 1
    export PKG_CONFIG_PATH=$prefix/usr/lib/$libraries/pkgconfig:$prefix/usr/share/pkgconfig
    export CMAKE_PREFIX_PATH=$prefix/usr${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}
    export CPATH=$prefix/usr/include:$prefix/usr/include/$libraries${CPATH:+:$CPATH}
    if ! command -v pkg-config >/dev/null && ! command -v pkgconf >/dev/null; then
        export PKG_CONFIG=$prefix/pkg-config # the program there, with its library
        printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' "$prefix/usr/lib/$libraries" \
            "$prefix/usr/bin/pkgconf" >"$PKG_CONFIG" && chmod +x "$PKG_CONFIG" || return 1
    fi
    export PATH=$PATH:$prefix/usr/bin # make, where there is none
    # An rpath of the old kind, which holds for the libraries of libraries and for dlopen, too: with
    # LD_LIBRARY_PATH every program, Python included, would get these libraries.
    # shellcheck disable=SC2034 # for gpu_check_build.sh
    prefix_linker_flags="-Wl,--disable-new-dtags,-rpath,$prefix/usr/lib/$libraries:$prefix/lib/$libraries"
    prefix_linker_flags+=":$prefix/usr/lib/$libraries/openblas-openmp"
}
