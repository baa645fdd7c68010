# shellcheck shell=bash
# build_preset NAME JOBS [OPTIONS OF CMAKE...]: configures and builds one preset of CMakePresets.json, in the repository
# root. Quiet when all is well; shows what the tools said when not. Sourced by run_all.sh and
# run_tests.sh.

# The folder that a preset builds in.
preset_folder() {
    if [[ $1 == release ]]; then printf 'build\n'; else printf 'build-%s\n' "$1"; fi
}

build_preset() {
    local preset=$1 jobs=$2 folder log status=0
    shift 2
    folder=$(preset_folder "$preset")
    mkdir -p -- "$folder" || return 1
    log=$folder/build.log
    # A tree that was copied or moved: its old cache would point at the old place.
    if [[ -f $folder/CMakeCache.txt ]] &&
        ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" "$folder/CMakeCache.txt"; then
        rm -rf -- "$folder/CMakeCache.txt" "$folder/CMakeFiles"
    fi
    # Only ninja here, no make: say so to CMake, unless the folder has its generator already.
    if [[ ! -f $folder/CMakeCache.txt ]] && ! command -v make >/dev/null && command -v ninja >/dev/null; then
        export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}
    fi
    {
        cmake --preset "$preset" "$@" && cmake --build "$folder" --parallel "$jobs"
    } >"$log" 2>&1 || status=$?
    if ((status)); then
        tail -n 40 "$log" >&2
        printf 'the whole log: %s\n' "$PWD/$log" >&2
    else
        grep -E 'warning:' "$log" >&2
    fi
    return "$status"
}
