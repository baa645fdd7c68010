#!/usr/bin/env bash
# Gets a data set of scripts/data_sets.txt: resumes what was broken off, and gives a file its name only
# when its checksum is right.
# Exit codes: 0 all files are there and right · 2 wrong usage · 3 could not be had, or is not the right
# file · 4 cannot be written here.
set -uo pipefail

me=fetch_data
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
table=$here/data_sets.txt

usage() {
    cat <<'END'
Usage: scripts/fetch_data.sh mnist|fashion|kuzushiji [options]

Gets the four IDX files of a data set from a public mirror and checks them. A download that was broken
off is resumed.

Options:
  --mirror URL  get URL/train-images-idx3-ubyte.gz and so on (default: the mirrors in
                scripts/data_sets.txt)
  --to DIR      put the files into DIR/<data set> (default: ~/.local/share/flopstep, or flopstep in
                XDG_DATA_HOME, where flopstep looks for them)
  --help        show this help and end

Needs one of curl, wget and python3. Exit codes: 0 all files are there and right, 2 wrong usage,
3 a file could not be had or is not the right one, 4 cannot be written here.
END
}

say() { printf '%s: %s\n' "$me" "$*"; }
die() { # EXIT-CODE, then the line
    local code=$1
    shift
    printf '%s: %s\n' "$me" "$*" >&2
    exit "$code"
}

# --- Command line --------------------------------------------------------------------------------

known=$(sed -n 's/^\([a-z][^ |]*\) *|.*/\1/p' "$table" 2>/dev/null | uniq | paste -s -d ' ' -)
[[ -n $known ]] || die 3 "cannot read $table"
set_name='' mirrors=() to=''
while (($#)); do
    case $1 in
    --mirror | --to)
        [[ -n ${2:-} ]] || die 2 "$1 needs a value; --help shows how"
        if [[ $1 == --to ]]; then to=$2; else mirrors+=("${2%/}"); fi
        shift
        ;;
    --help | -h)
        usage
        exit 0
        ;;
    -*) die 2 "unknown option '$1'; --help lists them" ;;
    *)
        [[ -z $set_name ]] || die 2 "one data set at a time, not '$set_name' and '$1'"
        [[ " $known " == *" $1 "* && $1 != *' '* && -n $1 ]] ||
            die 2 "unknown data set '$1'; there are: $known"
        set_name=$1
        ;;
    esac
    shift
done
[[ -n $set_name ]] || die 2 "which data set? There are: $known (--help shows more)"
for mirror in "${mirrors[@]}"; do
    [[ $mirror =~ ^https?://[^/] ]] || die 2 "--mirror '$mirror' is not a http:// or https:// URL"
done
if [[ -z $to ]]; then
    [[ ${XDG_DATA_HOME:-} == /* || -n ${HOME:-} ]] || die 2 "HOME is not set; say where with --to DIR"
    if [[ ${XDG_DATA_HOME:-} == /* ]]; then to=$XDG_DATA_HOME/flopstep; else to=$HOME/.local/share/flopstep; fi
fi

files=() kinds=() sums=() defaults=()
while IFS='|' read -r row_set file kind value; do
    [[ ${row_set%% *} == "$set_name" ]] || continue
    file=${file%% *} kind=${kind%% *}
    if [[ $file == mirror ]]; then
        defaults+=("$value")
    else
        files+=("$file") kinds+=("$kind") sums+=("$value")
    fi
done < <(grep -v '^#' "$table")
((${#mirrors[@]})) || mirrors=("${defaults[@]}")

# --- Tools ---------------------------------------------------------------------------------------

tool=
for tool in curl wget python3 ''; do
    [[ -n $tool ]] && command -v "$tool" >/dev/null && break
done
[[ -n $tool ]] || die 3 "needs curl, wget or python3, and none of them is here"
command -v gzip >/dev/null || die 3 "needs gzip, which is not here"

sha256() { # of standard input
    local line
    if command -v sha256sum >/dev/null; then
        line=$(sha256sum)
    elif command -v shasum >/dev/null; then
        line=$(shasum -a 256)
    else
        line=$(python3 -c 'import hashlib, sys
print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())')
    fi
    printf '%s' "${line%% *}"
}

# True if file $1 has the checksum of row $2.
is_right() {
    local sum
    if [[ ${kinds[$2]} == data ]]; then
        sum=$(gzip -dc <"$1" 2>/dev/null | sha256)
    else
        sum=$(sha256 <"$1")
    fi
    [[ $sum == "${sums[$2]}" ]]
}

# Each get_with_TOOL URL FILE goes on with the file where it ends. Returns 0 done, 3 not to be had,
# 4 FILE cannot be written, 5 perhaps only not resumable; the tool's last line says why.
get_with_curl() {
    local options=(--silent --show-error)
    [[ -t 2 ]] && options=(--progress-bar)
    run_tool curl "${options[@]}" --fail --location --proto-redir '=http,https' --connect-timeout 20 \
        --speed-limit 1000 --speed-time 30 --continue-at - --output "$2" "$1"
    case $? in
    0) return 0 ;;
    23) return 4 ;;
    22 | 33 | 36) return 5 ;; # an error of the server (416, 404), no ranges, cannot resume
    *) return 3 ;;
    esac
}

get_with_wget() {
    run_tool wget --no-verbose --tries=2 --timeout=30 --continue --output-document="$2" "$1"
    case $? in
    0) return 0 ;;
    3) return 4 ;;
    1 | 8) return 5 ;; # no ranges; an error of the server
    *) return 3 ;;
    esac
}

get_with_python3() {
    run_tool python3 -c '
import os, sys, urllib.error, urllib.request
url, path = sys.argv[1:]
there = os.path.getsize(path) if os.path.exists(path) else 0
request = urllib.request.Request(url, headers={"Range": f"bytes={there}-"} if there else {})
def end(code, why):
    print(why, file=sys.stderr)
    sys.exit(code)
try:
    answer = urllib.request.urlopen(request, timeout=30)
except urllib.error.HTTPError as error:
    end(5, f"the server answers {error.code} {error.reason}")
except (OSError, ValueError) as error:
    end(3, getattr(error, "reason", error))
if there and answer.status != 206:
    end(5, "the server cannot resume")
promised = answer.headers.get("Content-Length")
got = 0
try:
    out = open(path, "ab" if there else "wb")
except OSError as error:
    end(4, error)
while True:
    try:
        part = answer.read(1 << 16)
    except Exception as error:
        end(3, f"broken off: {error}")
    if not part:
        break
    try:
        out.write(part)
    except OSError as error:
        end(4, error)
    got += len(part)
try:
    out.close()
except OSError as error:
    end(4, error)
if promised is not None and got != int(promised):
    end(3, f"broken off after {got} of {promised} bytes")
' "$1" "$2"
}

# Runs a tool; its last line goes to $why, and at a terminal its progress is seen.
why=
run_tool() {
    local code words
    if [[ -t 2 ]]; then
        "$@"
        code=$?
        why="$1 ends with code $code"
    else
        words=$("$@" 2>&1 >/dev/null)
        code=$?
        why=${words##*$'\n'}
        why=${why:-$1 ends with code $code}
    fi
    return "$code"
}

# --- One file ------------------------------------------------------------------------------------

# True, and its name given to it, if the part is the right file.
finish() { # row
    is_right "$part" "$1" || return 1
    mv -f -- "$part" "$path" || die 4 "cannot write $path"
}

# Downloads row $1 from mirror $2 into $part. Returns as get_with_TOOL.
get() {
    local url=$2/${files[$1]} code
    "get_with_$tool" "$url" "$part"
    code=$?
    if ((code == 5)) && [[ -s $part ]]; then
        # Perhaps it is only that it cannot be resumed here. What is here is kept until the whole is.
        rm -f -- "$part.whole"
        "get_with_$tool" "$url" "$part.whole"
        code=$?
        if ((code == 0)); then mv -f -- "$part.whole" "$part"; else rm -f -- "$part.whole"; fi
        resumed=no
    fi
    return "$code"
}

fetch() { # row
    local file=${files[$1]} mirror code resumed problem=''
    local path=$folder/$file part=$folder/$file.part
    if [[ -f $path ]]; then
        if is_right "$path" "$1"; then
            say "$file is there already"
            return
        fi
        say "$file is there, but is not the right one; it will be replaced"
    fi
    [[ ! -s $part ]] || ! finish "$1" || return 0
    for mirror in "${mirrors[@]}"; do
        while :; do
            resumed=no
            [[ -s $part ]] && resumed=yes
            say "$file from $mirror$([[ $resumed == yes ]] && echo ' (resumed)')"
            get "$1" "$mirror"
            code=$?
            ((code == 4)) && die 4 "cannot write $part: $why"
            [[ -s $part ]] || rm -f -- "$part"
            if ((code != 0)); then
                problem="cannot get $mirror/$file: $why"
                break
            fi
            finish "$1" && return
            rm -f -- "$part"
            problem="$mirror/$file is not the right file: its SHA-256 is not the one in scripts/data_sets.txt"
            [[ $resumed == yes ]] || break # what was resumed may have been wrong: once more, whole
        done
    done
    die 3 "$problem"
}

folder=$to/$set_name
why=$(LC_ALL=C mkdir -p -- "$folder" 2>&1) || die 4 "cannot make the folder $folder: ${why##*: }"
[[ -w $folder ]] || die 4 "cannot write into $folder"
for row in "${!files[@]}"; do fetch "$row"; done
say "$set_name is complete in $folder"
