#!/usr/bin/env bash
# scripts/fetch_data.sh against a server on loopback, with each of the tools it knows. The script runs
# from a copy beside a table of the test's own small data set; the real table is used where MNIST is
# at hand.
# shellcheck disable=SC2016,SC2317 # strings for other shells; functions called through check()
set -u
# shellcheck source=tests/scripts/check.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../scripts/check.sh"

for tool in curl wget python3 gzip sha256sum; do
    command -v "$tool" >/dev/null || skip "$tool is not installed"
done

# --- A server ------------------------------------------------------------------------------------

# Below /ranges/ it knows ranges, below /plain/ it does not, below /cut/ it breaks off in the middle of
# what it promised, below /wrong/ it changes a byte. It logs path and range.
cat >"$scratch/server.py" <<'END'
import http.server, os, re, sys
root, log, port = sys.argv[1:]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        kind, name = self.path.strip("/").split("/", 1)
        asked = self.headers.get("Range", "-")
        with open(log, "a") as file:
            print(self.path, asked, file=file)
        path = os.path.join(root, name)
        if not os.path.isfile(path):
            return self.send_error(404)
        data = open(path, "rb").read()
        if kind == "wrong":
            data = data[:50] + bytes([data[50] ^ 1]) + data[51:]
        status, first, total = 200, 0, len(data)
        match = re.fullmatch(r"bytes=(\d+)-", asked)
        if match and kind != "plain":
            status, first = 206, int(match[1])
            if first >= total:
                return self.send_error(416)
        data = data[first:]
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{total - 1}/{total}")
        self.end_headers()
        self.wfile.write(data[:len(data) // 2] if kind == "cut" else data)
    def log_message(self, *words):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(port + ".new", "w") as file:
    print(server.server_port, file=file)
os.rename(port + ".new", port)
server.serve_forever()
END

server=
# shellcheck disable=SC2317 # by the trap
clean_up() {
    [[ -n $server ]] && kill "$server" 2>/dev/null
    rm -rf -- "$scratch"
}
trap clean_up EXIT

serve() { # FOLDER: sets $url and $server
    rm -f -- "$scratch/port"
    python3 "$scratch/server.py" "$1" "$scratch/log" "$scratch/port" &
    server=$!
    for _ in {1..200}; do
        [[ -s $scratch/port ]] && break
        sleep 0.05
    done
    url=http://127.0.0.1:$(<"$scratch/port")
}

unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
export no_proxy=127.0.0.1 XDG_DATA_HOME='' HOME="$scratch/home"

# --- A small data set ----------------------------------------------------------------------------

content=$scratch/content
mkdir -p "$content" "$scratch/scripts" "$HOME"
cp -- "$repository/scripts/fetch_data.sh" "$scratch/scripts/"
seq 1 40000 >"$scratch/images"
seq 1 3000 >"$scratch/labels"
gzip -c "$scratch/images" >"$content/images.gz"
cp "$scratch/labels" "$content/labels"
{
    echo "# comment"
    echo "small   |mirror   |-   |http://127.0.0.1:9/default"
    echo "small   |images.gz|data|$(sha256sum <"$scratch/images" | cut -d ' ' -f 1)"
    echo "small   |labels   |file|$(sha256sum <"$scratch/labels" | cut -d ' ' -f 1)"
    echo "other   |x.gz     |data|0"
} >"$scratch/scripts/data_sets.txt"
size=$(wc -c <"$content/images.gz")
serve "$content"

fetch() { capture env PATH="${path:-$PATH}" "$BASH" "$scratch/scripts/fetch_data.sh" "$@"; }
there() { cmp -s "$content/images.gz" "$1/small/images.gz" && cmp -s "$content/labels" "$1/small/labels"; }
nothing_but() { # FOLDER NAMES
    [[ $(cd -- "$1" && find . -type f | sort | tr '\n' ' ') == "$2" ]]
}
logged() { grep -qx -- "$1" "$scratch/log"; }
fresh() {
    rm -rf -- "$scratch/to"
    : >"$scratch/log"
    mkdir -p "$scratch/to/small"
}

# A PATH with one of the tools.
only() {
    local each
    path=$scratch/bin.$1
    mkdir -p "$path"
    for each in bash dirname env sed grep uniq paste gzip sha256sum mkdir mv rm "$1"; do
        ln -sf "$(command -v "$each")" "$path/$each"
    done
    # Debian's own: one earlier in PATH may be a script that needs more than this PATH.
    [[ $1 != python3 || ! -x /usr/bin/python3 ]] || ln -sf /usr/bin/python3 "$path/python3"
}

for tool in curl wget python3; do
    only "$tool"
    fresh
    fetch small --mirror "$url/ranges/" --to "$scratch/to"
    check "$tool: exit 0" code_is 0
    check "$tool: the files are there" there "$scratch/to"
    check "$tool: says where" has "small is complete in $scratch/to/small"
    : >"$scratch/log"
    fetch small --mirror "$url/ranges" --to "$scratch/to"
    check "$tool: again: exit 0" code_is 0
    check "$tool: again: nothing is asked of the server" test ! -s "$scratch/log"

    fresh
    head -c 30000 "$content/images.gz" >"$scratch/to/small/images.gz.part"
    fetch small --mirror "$url/ranges" --to "$scratch/to"
    check "$tool: half a file: exit 0" code_is 0
    check "$tool: half a file: the files are there" there "$scratch/to"
    check "$tool: half a file: only the rest is asked for" logged "/ranges/images.gz bytes=30000-"
    check "$tool: half a file: nothing is asked for whole" test "$(grep -c 'images.gz -' "$scratch/log")" = 0
    check "$tool: half a file: no part stays" nothing_but "$scratch/to" "./small/images.gz ./small/labels "

    fresh
    head -c 30000 "$content/images.gz" >"$scratch/to/small/images.gz.part"
    fetch small --mirror "$url/plain" --to "$scratch/to"
    check "$tool: a server without ranges: exit 0" code_is 0
    check "$tool: a server without ranges: the files are there" there "$scratch/to"
    check "$tool: a server without ranges: no part stays" nothing_but "$scratch/to" "./small/images.gz ./small/labels "

    fresh
    head -c 30000 /dev/zero >"$scratch/to/small/images.gz.part"
    fetch small --mirror "$url/ranges" --to "$scratch/to"
    check "$tool: half of another file: exit 0" code_is 0
    check "$tool: half of another file: the files are there" there "$scratch/to"

    fresh
    cp "$content/images.gz" "$scratch/to/small/images.gz.part"
    fetch small --mirror "$url/ranges" --to "$scratch/to"
    check "$tool: a part that is whole: exit 0" code_is 0
    check "$tool: a part that is whole is not asked for" test "$(grep -c images "$scratch/log")" = 0

    fresh
    head -c $((size + 10)) /dev/zero >"$scratch/to/small/images.gz.part"
    fetch small --mirror "$url/ranges" --to "$scratch/to"
    check "$tool: a part that is too long: exit 0" code_is 0
    check "$tool: a part that is too long: the files are there" there "$scratch/to"

    fresh
    fetch small --mirror "$url/wrong" --to "$scratch/to"
    check "$tool: a wrong file: exit 3" code_is 3
    check "$tool: a wrong file: says so" has "/wrong/images.gz is not the right file"
    check "$tool: a wrong file is not kept" nothing_but "$scratch/to" ""

    fresh
    echo mine >"$scratch/to/small/images.gz"
    fetch small --mirror "$url/wrong" --to "$scratch/to"
    check "$tool: a wrong file does not replace what is there" test "$(<"$scratch/to/small/images.gz")" = mine
    fetch small --mirror "$url/ranges" --to "$scratch/to"
    check "$tool: the right file does" there "$scratch/to"

    fresh
    fetch small --mirror "$url/ranges/nothing" --to "$scratch/to"
    check "$tool: 404: exit 3" code_is 3
    check "$tool: 404: says so" has 404
    check "$tool: 404: names the file" has "cannot get $url/ranges/nothing/images.gz"
    check "$tool: 404: nothing stays" nothing_but "$scratch/to" ""
    head -c 30000 "$content/images.gz" >"$scratch/to/small/images.gz.part"
    fetch small --mirror "$url/ranges/nothing" --to "$scratch/to"
    check "$tool: 404: what was there stays" test "$(wc -c <"$scratch/to/small/images.gz.part")" = 30000
    capture env PATH="$path" "$BASH" -c '"$BASH" "$@" >/dev/null' x "$scratch/scripts/fetch_data.sh" \
        small --mirror "$url/ranges/nothing" --to "$scratch/to"
    check "$tool: 404: one line on standard error" lines_are 1

    fresh
    fetch small --mirror "$url/cut" --to "$scratch/to"
    check "$tool: broken off: exit 3" code_is 3
    check "$tool: broken off: the part stays" test -s "$scratch/to/small/images.gz.part"
    check "$tool: broken off: no file" test ! -e "$scratch/to/small/images.gz"
    fetch small --mirror "$url/ranges" --to "$scratch/to"
    check "$tool: broken off: the next call ends it" there "$scratch/to"

    fresh
    head -c 30000 "$content/images.gz" >"$scratch/to/small/images.gz.part"
    fetch small --mirror http://127.0.0.1:1/x --to "$scratch/to"
    check "$tool: no server: exit 3" code_is 3
    check "$tool: no server: names the file" has "cannot get http://127.0.0.1:1/x/images.gz: "
    check "$tool: no server: what was there stays" test "$(wc -c <"$scratch/to/small/images.gz.part")" = 30000

    fresh
    capture env PATH="$path" "$BASH" -c 'trap "" XFSZ; ulimit -f 8; exec "$BASH" "$@"' x \
        "$scratch/scripts/fetch_data.sh" small --mirror "$url/ranges" --to "$scratch/to"
    check "$tool: no room: exit 4" code_is 4
    check "$tool: no room: says so" has "cannot write $scratch/to/small/images.gz.part"
done
path=

# --- Where to, and from where --------------------------------------------------------------------

fetch small --mirror "$url/ranges"
check "the default place" there "$HOME/.local/share/flopstep"
XDG_DATA_HOME=$scratch/xdg fetch small --mirror "$url/ranges"
check "XDG_DATA_HOME" there "$scratch/xdg/flopstep"
fresh
fetch small --mirror "$url/ranges/nothing" --mirror "$url/ranges" --to "$scratch/to"
check "the second mirror is tried" there "$scratch/to"
fresh
fetch small --to "$scratch/to"
check "the mirror of the table: exit 3" code_is 3
check "the mirror of the table" has "http://127.0.0.1:9/default/images.gz"

echo file >"$scratch/file"
fetch small --mirror "$url/ranges" --to "$scratch/file"
check "a folder that cannot be made: exit 4" code_is 4
check "a folder that cannot be made: one line" lines_are 1
check "a folder that cannot be made: why" has "Not a directory"

# --- Usage ---------------------------------------------------------------------------------------

usage() { # WHAT, what is said, then the arguments
    local what=$1 said=$2
    shift 2
    fetch "$@"
    check "$what: exit 2" code_is 2
    check "$what: one line" lines_are 1
    check "$what: says so" has "$said"
}
usage "no data set" "which data set? There are: small other"
usage "an unknown one" "unknown data set 'mnits'; there are: small other" mnits
usage "two" "one data set at a time" small other
usage "an unknown option" "unknown option '--frobnicate'" --frobnicate
usage "--to without a value" "--to needs a value" small --to
usage "not a URL" "is not a http" small --mirror /some/folder
HOME='' usage "no home" "say where with --to" small
fetch --help
check "--help: exit 0" code_is 0
check "--help: the usage" has "Usage: scripts/fetch_data.sh"

# --- The real table ------------------------------------------------------------------------------

capture awk -F'|' '/^#/ || /^$/ { next }
    { set = $1; gsub(/ /, "", set); file = $2; gsub(/ /, "", file) }
    NF != 4 { print "line " NR " has " NF " columns"; exit 1 }
    file == "mirror" { if ($4 !~ /^https?:\/\/.*[^\/]$/) { print "line " NR ": " $4; exit 1 }; next }
    $3 !~ /^(data|file) *$/ || $4 !~ /^[0-9a-f]+$/ || length($4) != 64 { print "line " NR; exit 1 }
    { files[set]++ }
    END { for (s in files) if (files[s] != 4) { print s " has " files[s] " files"; exit 1 }
          for (s in files) n++; if (n != 3) { print n " data sets"; exit 1 } }' \
    "$repository/scripts/data_sets.txt"
check "the table is well formed" code_is 0

real() { # DATA-SET FOLDER: the checksums of the table are those of these files
    [[ -r $2/train-images-idx3-ubyte.gz ]] || return 0
    kill "$server"
    wait "$server" 2>/dev/null
    serve "$2"
    capture "$repository/scripts/fetch_data.sh" "$1" --mirror "$url/ranges" --to "$scratch/real"
    check "$1: exit 0" code_is 0
    check "$1: all four files" test "$(find "$scratch/real/$1" -name '*-ubyte.gz' | wc -l)" = 4
}
real mnist "${FLOPSTEP_DATA:-$repository/../shared/data/mnist}"
real fashion /usr/share/datasets/fashion-mnist

finish
