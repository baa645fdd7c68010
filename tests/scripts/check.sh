# shellcheck shell=bash
# Assertions for the tests of the scripts; sourced by them. A test ends with 'finish'.
# shellcheck disable=SC2317 # called through check()

# shellcheck disable=SC2034 # for the tests
repository=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/flopstep test.XXXXXX") # a space in the path, on purpose
trap 'rm -rf -- "$scratch"' EXIT
failures=0 checks=0

# Runs a command; leaves what it printed in $output and its exit code in $code.
capture() {
    output=$("$@" 2>&1 </dev/null)
    code=$?
}

check() { # WHAT, then a command that must succeed
    local what=$1
    shift
    checks=$((checks + 1))
    "$@" && return
    failures=$((failures + 1))
    printf 'FAILED: %s\n  exit code %s, printed:\n%s\n' "$what" "${code:-}" "${output:-}"
}

has() { [[ $output == *"$1"* ]]; }
lacks() { [[ $output != *"$1"* ]]; }
code_is() { ((code == $1)); }
lines_are() { (($(printf '%s\n' "$output" | wc -l) == $1)); }

skip() {
    printf 'skipped: %s\n' "$1"
    exit 77
}

finish() {
    printf '%d checks, %d failed\n' "$checks" "$failures"
    ((failures == 0))
    exit
}
