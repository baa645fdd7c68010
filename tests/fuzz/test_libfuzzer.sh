#!/usr/bin/env bash
# label: full
# Half a minute of libFuzzer for each reader of files; a million inputs each: tests/fuzz/run.sh.
exec "$(dirname -- "${BASH_SOURCE[0]}")/run.sh" --inputs 200000 --seconds 30 \
    --out "${TMPDIR:-/tmp}/flopstep-fuzz-test.$UID"
