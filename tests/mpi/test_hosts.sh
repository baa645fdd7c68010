#!/usr/bin/env bash
# Three hosts, made of network namespaces: ranks see them as such, train like one rank would, and end
# together when one of them is killed.
# label: full
# shellcheck disable=SC2317 # called through check()
set -uo pipefail
# shellcheck source=tests/scripts/check.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../scripts/check.sh"
# shellcheck source=tests/mpi/hosts.sh
. "$repository/tests/mpi/hosts.sh"

: "${FLOPSTEP:?the path of flopstep}"
export FLOPSTEP_SHARE=$repository LC_ALL=C.UTF-8
# Open MPI keeps memory until the process ends.
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0

reason=$(hosts_possible) || skip "$reason"
if "$FLOPSTEP" info 2>/dev/null | grep -q '^MPI.*built without'; then skip 'flopstep is built without MPI'; fi
hosts_end_at_exit
trap 'hosts_end; rm -rf -- "$scratch"' EXIT
hosts_make 3 || { printf 'FAILED: the hosts could not be made\n'; exit 1; }

training=(train --network 2-50tanh-1sigmoid --loss binary-crossentropy --dataset circles
    --types d --global-batch 40 --optimizer adam:lr=0.05 --threads 1)
four=(--host "host1:1,host2:1,host3:2" -n 4 "$FLOPSTEP")

# What the results say: hosts, nodes and local ranks of the table; steps and losses of the rows.
read_results() { # FOLDER
    python3 - "$1" <<'END'
import json, sys
for line in open(f"{sys.argv[1]}/train.jsonl"):
    record = json.loads(line)
    if record["record"] == "provenance":
        mpi = record.get("mpi") or {"table": []}
        print("places", *(f"{r['host']}:{r['node']}:{r['local_rank']}" for r in mpi["table"]))
        print("nodes", mpi.get("nodes"))
        print("pids", *(r["pid"] for r in mpi["table"]))
    elif record["record"] == "case":
        print("loss", record["step"], record["train_loss"], record["test_loss"], record["status"])
END
}

# Rounding only: sums in another order.
same_losses() { # FOLDER FOLDER
    python3 - "$@" <<'END'
import json, sys
def losses(folder):
    cases = [json.loads(line) for line in open(f"{folder}/train.jsonl")]
    return [(c["step"], c["train_loss"], c["test_loss"]) for c in cases if c["record"] == "case"]
ours, theirs = map(losses, sys.argv[1:])
assert len(ours) == len(theirs) > 10, (len(ours), len(theirs))
assert abs(ours[0][1] - ours[-1][1]) > 1e-3, "the weights hardly moved: the losses prove nothing"
for a, b in zip(ours, theirs):
    assert a[0] == b[0] and all(abs(x - y) <= 1e-9 * abs(y) for x, y in zip(a[1:], b[1:])), (a, b)
END
}

name_of() { # host N prints its name and what the others' names stand for
    hosts_on "$1" sh -c 'hostname; getent hosts host2'
}
capture name_of 3
check 'a host has its own name' has host3
check 'and knows the others' has '10.77.0.2'

# Each way of calling the library goes between hosts; --verify-replicas 1 ends the run where weights differ.
capture "$FLOPSTEP" "${training[@]}" --epochs 15 --history 10 --out "$scratch/one"
check 'one rank trains' code_is 0
for mode in overlap thread reproducible; do
    capture hosts_mpirun "${four[@]}" "${training[@]}" --epochs 15 --history 10 --verify-replicas 1 \
        --reduce "$mode" --bucket-size 1Ki --out "$scratch/$mode"
    check "four ranks on three hosts train, by $mode" code_is 0
    capture same_losses "$scratch/$mode" "$scratch/one"
    check "like one rank, to rounding, by $mode" code_is 0
done
capture read_results "$scratch/overlap"
check 'ranks, nodes and local ranks' has 'places host1:0:0 host2:1:0 host3:2:0 host3:2:1'
check 'three nodes' has 'nodes 3'

# Killed: a rank of host 3, by its id in the table, when rows are there.
kill_last_rank() {
    local i pid rows
    rm -f -- "$scratch/rows"
    hosts_mpirun_start "${four[@]}" "${training[@]}" --epochs 1000000 --history 50 --out "$scratch/killed"
    for ((i = 0; i < 300; i++)); do
        sleep 0.2
        rows=$(read_results "$scratch/killed" 2>/dev/null) || continue
        (($(grep -c '^loss' <<<"$rows") >= 3)) && break
    done
    printf '%s\n' "$rows" >"$scratch/rows"
    pid=$(sed -n 's/^pids .* //p' <<<"$rows")
    [[ -n $pid && $(cat "/proc/$pid/comm") == flopstep ]] || { printf 'no rank 3\n'; return 99; }
    kill -KILL "$pid"
    for ((i = 0; i < 300; i++)); do
        kill -0 "$hosts_child" 2>/dev/null || break
        sleep 0.1
    done
    ((i < 300)) || { printf 'still there after 30 s\n'; kill -KILL "$hosts_child"; hosts_wait; return 98; }
    hosts_wait
}
ends_badly() { ((code != 0 && code < 98 || code > 99)); }
kill_last_rank >"$scratch/printed" 2>&1 </dev/null
code=$? output=$(cat "$scratch/printed")
check 'the job ends within 30 s and says that it failed' ends_badly
says_who() { grep -qE 'rank 3' <<<"$output"; }
check 'a line names the rank' says_who
kept() { # every row that was there before the kill
    read_results "$scratch/killed" >"$scratch/after" && grep '^loss' "$scratch/rows" >"$scratch/before" &&
        [[ $(head -n "$(wc -l <"$scratch/before")" <(grep '^loss' "$scratch/after")) == "$(cat "$scratch/before")" ]]
}
check 'the rows before it are kept' kept
empty() { for i in 1 2 3; do [[ -z $(hosts_processes "$i" flopstep) ]] || return 1; done; }
check 'no rank is left on any host' empty

hosts_end
nothing_left() { ! ip netns list | grep -q "^$hosts_stem-"; }
check 'no host is left' nothing_left
finish
