#!/usr/bin/env bash
# Installs what is missing of scripts/dependencies.txt where it may (root or sudo, Debian or Ubuntu);
# elsewhere prints the exact lines for apt, dnf, Spack and environment modules.
# Exit codes: 0 all that is required is there · 2 wrong usage · 3 something required is missing.
set -uo pipefail

me=install_dependencies
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
table=$here/dependencies.txt
root=${FLOPSTEP_SYSROOT:-} # prefix of the system's folders, for the tests of this script
oldest_cmake=3.25

usage() {
    cat <<'END'
Usage: scripts/install_dependencies.sh [options]

Installs what flopstep needs and this machine lacks (Debian and Ubuntu, as root or through sudo).
Elsewhere, or without rights, prints the lines for apt, dnf, Spack and environment modules.

Options:
  --with-tests       also what the tests need
  --with-full-tests  also what './run_tests.sh --full' needs (valgrind, clang-tidy, ...)
  --with-peers       also tools to compare with (likwid, PyTorch)
  --check            say what is missing and install nothing
  --dry-run          show the commands that would run and run none
  --print            print the lines for everything, missing or not, and install nothing
  --help             show this help and end

Exit codes: 0 everything required is there, 2 wrong usage, 3 something required is missing.
END
}

say() { printf '%s: %s\n' "$me" "$*"; }
warn() { printf '%s: %s\n' "$me" "$*" >&2; }

groups=" build "
action=install
for argument in "$@"; do
    case $argument in
    --with-tests) groups+="tests " ;;
    --with-full-tests) groups+="tests full " ;;
    --with-peers) groups+="peers " ;;
    --check) action=check ;;
    --dry-run) action=dry-run ;;
    --print) action=print ;;
    --help | -h)
        usage
        exit 0
        ;;
    *)
        warn "unknown option '$argument'; --help lists them"
        exit 2
        ;;
    esac
done

# --- The table -----------------------------------------------------------------------------------

names=() needs=() detects=() apts=() dnfs=() spacks=() modules=() purposes=()

trim() {
    local text=$1
    text=${text#"${text%%[![:space:]]*}"}
    text=${text%"${text##*[![:space:]]}"}
    [[ $text == - ]] && text=
    trimmed=$text
}

read_table() {
    local line fields group
    [[ -r $table ]] || {
        warn "cannot read $table"
        exit 3
    }
    while IFS= read -r line; do
        [[ -z $line || $line == '#'* ]] && continue
        IFS='|' read -r -a fields <<<"$line"
        for i in "${!fields[@]}"; do
            trim "${fields[i]}"
            fields[i]=$trimmed
        done
        group=${fields[1]}
        [[ $groups == *" $group "* ]] || continue
        names+=("${fields[0]}") needs+=("${fields[2]}") detects+=("${fields[3]}")
        apts+=("${fields[4]}") dnfs+=("${fields[5]}") spacks+=("${fields[6]}")
        modules+=("${fields[7]}") purposes+=("${fields[8]}")
    done <"$table"
}

# --- Detection -----------------------------------------------------------------------------------

compiler() { command -v cc || command -v gcc || command -v clang; }

# True if dotted version $1 is at least $2.
at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }

library_folders() {
    local folders=() word
    IFS=: read -r -a folders <<<"${LD_LIBRARY_PATH:-}"
    for word in "${folders[@]}" "$root"/usr/local/lib "$root"/usr/lib/*-linux-gnu* "$root"/usr/lib64 \
        "$root"/usr/lib "$root"/lib64 "$root"/lib; do
        [[ -n $word && -d $word ]] && printf '%s\n' "$word"
    done
}

# Debian's python3 where there is one: a python3 earlier in PATH may be another with other modules.
python_path() {
    if [[ -x $root/usr/bin/python3 ]]; then printf '%s\n' "$root/usr/bin/python3"; else command -v python3; fi
}

# True if the thing described by one word of the column "detect" is there.
found() {
    local kind=${1%%:*} what=${1#*:} cc version folder path
    case $kind in
    cmd) command -v "$what" >/dev/null ;;
    cmake)
        version=$(cmake --version 2>/dev/null | sed -n '1s/[^0-9]*\([0-9.]*\).*/\1/p')
        [[ -n $version ]] && at_least "$version" "$what"
        ;;
    pc) pkg-config --exists "$what" 2>/dev/null || pkgconf --exists "$what" 2>/dev/null ;;
    header)
        cc=$(compiler) && "$cc" -E -x c - <<<"#include <$what>" >/dev/null 2>&1
        ;;
    cclib)
        cc=$(compiler) && path=$("$cc" -print-file-name="$what" 2>/dev/null) && [[ $path == /* ]]
        ;;
    lib)
        for folder in "${lib_folders[@]}"; do [[ -e $folder/$what ]] && return 0; done
        return 1
        ;;
    font)
        for path in "$root"/usr/share/fonts/{,*/,*/*/}"$what"; do [[ -e $path ]] && return 0; done
        return 1
        ;;
    file) compgen -G "$root$what" >/dev/null ;;
    python)
        path=$(python_path) &&
            "$path" -c 'import importlib.util as u, sys; sys.exit(u.find_spec(sys.argv[1]) is None)' \
                "$what" 2>/dev/null
        ;;
    *)
        warn "the table has an unknown way to detect: $1"
        exit 3
        ;;
    esac
}

# Fills missing (row numbers) and required_missing (how many of them are required).
detect() {
    local i word there
    missing=() required_missing=0
    hash -r
    mapfile -t lib_folders < <(library_folders)
    for i in "${!names[@]}"; do
        there=no
        for word in ${detects[i]}; do
            if found "$word"; then
                there=yes
                break
            fi
        done
        [[ $there == yes ]] && continue
        missing+=("$i")
        [[ ${needs[i]} == required ]] && required_missing=$((required_missing + 1))
    done
}

# --- Words for people ----------------------------------------------------------------------------

# The distinct entries of the named column for the given rows, joined by $2.
column() {
    local -n values=$1
    local separator=$2 i entry joined='' seen='|'
    shift 2
    for i in "$@"; do
        entry=${values[i]}
        [[ -z $entry || $seen == *"|$entry|"* ]] && continue
        seen+="$entry|"
        joined+="${joined:+$separator}$entry"
    done
    printf '%s' "$joined"
}

# Prints the rows that are missing, one a line.
list_missing() {
    local i version
    for i in "${missing[@]}"; do
        if [[ ${detects[i]} == cmake:* ]] && version=$(cmake --version 2>/dev/null | head -n 1); then
            printf '  %-12s %-8s needs %s or newer, found %s\n' "${names[i]}" "${needs[i]}" \
                "$oldest_cmake" "$version"
        else
            printf '  %-12s %-8s for %s\n' "${names[i]}" "${needs[i]}" "${purposes[i]}"
        fi
    done
}

# Prints the lines that install the given rows, for each way to install.
print_lines() {
    local words spec specs=()
    words=$(column apts ' ' "$@")
    [[ -n $words ]] && printf '  %-8s %s\n' apt: \
        "sudo apt-get update && sudo apt-get install --no-install-recommends $words"
    words=$(column dnfs ' ' "$@")
    [[ -n $words ]] && printf '  %-8s %s\n' dnf: "sudo dnf install $words"
    IFS='|' read -r -a specs <<<"$(column spacks '|' "$@")"
    words=
    for spec in "${specs[@]}"; do words+=" $spec"; done
    [[ -n $words ]] && printf '  %-8s %s\n' Spack: "spack install$words && spack load$words"
    words=$(column modules ' ' "$@")
    [[ -n $words ]] && printf '  %-8s %s\n' modules: \
        "module load $words   (names differ from site to site: 'module avail')"
    return 0
}

# --- Installing ----------------------------------------------------------------------------------

apt=() # the words before "update" and "install"

# Finds out how packages may be installed here; fills apt, or leaves it empty.
find_rights() {
    local options=(-o DPkg::Lock::Timeout=120)
    command -v apt-get >/dev/null || return 1
    if [[ $(id -u) == 0 ]]; then
        apt=(env DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}")
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        apt=(sudo -n env DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}")
    elif ((required_missing)) && command -v sudo >/dev/null && [[ -t 0 && -t 2 && $action == install ]]; then
        # Nobody is asked for a password because of optional things.
        apt=(sudo env DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}")
    else
        return 1
    fi
}

apt_output=
run_apt() {
    local status waited=0
    while :; do
        "${apt[@]}" "$@" </dev/null >"$apt_output" 2>&1
        status=$?
        # DPkg::Lock::Timeout does not cover the lock of the package lists.
        if ((status != 0 && waited < 120)) && grep -q 'Could not get lock' "$apt_output"; then
            ((waited == 0)) && say "another apt is running; waiting for it (120 s at most)"
            sleep 5
            waited=$((waited + 5))
            continue
        fi
        return "$status"
    done
}

show_apt_errors() { grep -E '^(E|W|Err)' "$apt_output" | head -n 5 | sed 's/^/  /' >&2; }

install_missing() {
    local all required=() optional=() i package
    read -r -a all <<<"$(column apts ' ' "${missing[@]}")"
    for i in "${missing[@]}"; do
        if [[ ${needs[i]} == required ]]; then required+=("$i"); else optional+=("$i"); fi
    done
    apt_output=$(mktemp) || return 1
    trap 'rm -f "$apt_output"' EXIT

    say "apt-get update"
    run_apt update || {
        warn "apt-get update failed; trying with the package lists that are here"
        show_apt_errors
    }
    say "apt-get install ${all[*]}"
    run_apt install -y --no-install-recommends "${all[@]}" && return 0
    show_apt_errors

    # One package that cannot be had must not keep the others away.
    read -r -a all <<<"$(column apts ' ' "${required[@]}")"
    if ((${#all[@]})); then
        say "that failed; only what is required: apt-get install ${all[*]}"
        run_apt install -y --no-install-recommends "${all[@]}" || show_apt_errors
    fi
    for package in $(column apts ' ' "${optional[@]}"); do
        run_apt install -y --no-install-recommends "$package" ||
            warn "optional package $package could not be installed"
    done
}

# --- What is to be done --------------------------------------------------------------------------

report_and_exit() {
    if ((${#missing[@]} == 0)); then
        [[ $action == check ]] && say "nothing is missing"
        exit 0
    fi
    if ((required_missing)); then
        warn "missing:"
        list_missing >&2
        [[ $1 == lines ]] && {
            warn "install it in one of these ways:"
            print_lines "${missing[@]}"
        }
        exit 3
    fi
    [[ $action == check || $1 == lines ]] && {
        say "everything required is there; optional and missing:"
        list_missing
        print_lines "${missing[@]}"
    }
    exit 0
}

read_table

if [[ $action == print ]]; then
    print_lines "${!names[@]}"
    exit 0
fi

detect
[[ $action == check ]] && report_and_exit lines
((${#missing[@]} == 0)) && exit 0
[[ -z $(column apts ' ' "${missing[@]}") ]] && report_and_exit lines

if ! find_rights; then
    report_and_exit lines
fi
if [[ $action == dry-run ]]; then
    printf '%s\n' "${apt[*]} update" \
        "${apt[*]} install -y --no-install-recommends $(column apts ' ' "${missing[@]}")"
    exit 0
fi
install_missing
detect
if ((${#missing[@]})); then
    # Packages were installed, or could not be: what is still missing is missing for another reason.
    warn "still missing: $(column names ', ' "${missing[@]}") (packages: $(column apts ' ' "${missing[@]}"))"
fi
report_and_exit lines
