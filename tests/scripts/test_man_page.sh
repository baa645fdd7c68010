#!/usr/bin/env bash
# The man page has no mistakes that mandoc or groff find, and names every command and exit code.
set -u
# shellcheck source=tests/scripts/check.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/check.sh"

page=$repository/docs/man/flopstep.1
capture cat "$page"
for command in info list peak blas train predict allreduce report; do check "command $command" has ".It Cm $command"; done
for exit_code in 0 1 2 3 4; do check "exit code $exit_code" grep -qx ".It $exit_code" "$page"; done
# With the binary at hand ($FLOPSTEP): every option that --help shows is in the page.
if [[ -n ${FLOPSTEP:-} ]]; then
    for command in info list peak blas train predict allreduce report; do
        capture "$FLOPSTEP" "$command" --help
        check "$command --help" code_is 0
        while read -r option; do
            check "$command --$option is in the page" grep -q -- "Fl -$option" "$page"
        done < <(sed -n 's/^  --\([a-z-]*\) .*/\1/p' <<<"$output")
    done
fi
capture true
if command -v mandoc >/dev/null; then
    capture mandoc -T lint -W warning "$page"
    check "mandoc finds nothing" test -z "$output"
elif command -v groff >/dev/null; then
    capture groff -mdoc -Tascii -ww -z "$page"
    check "groff finds nothing" test -z "$output"
fi
finish
