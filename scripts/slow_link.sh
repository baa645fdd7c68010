#!/usr/bin/env bash
# How much of the communication each way of reducing hides behind the backward pass, over a link of a
# known rate between two hosts made of network namespaces.
set -uo pipefail

me=slow_link
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
rate=1gbit network=cnn batch=128 modes=blocking,overlap,thread bucket='' budget=5 out='' fit=yes
flopstep=${FLOPSTEP:-$root/build/flopstep}

usage() {
    cat <<'HELP'
Usage: scripts/slow_link.sh [options]

Makes two hosts from network namespaces (as root), limits the link between them in both directions
with 'tc tbf', trains a network on one core of each, all modes in turn, and prints how much of the
communication each leaves exposed beside the blocking one; then fits the link's latency and rate.

Options:
  --rate RATE        of the link, in the words of tc (default 1gbit)
  --network NAME     default cnn
  --batch N          images in a step of each host; a list measures each (default 128)
  --modes LIST       of --reduce; blocking must be among them (default blocking,overlap,thread)
  --bucket-size B    as of flopstep train (default: its default)
  --time-budget S    seconds for each mode (default 5)
  --no-fit           leave out the fit of the link
  --out DIR          folder for the results (default results/local/slow-link-<UTC time>)
  --help             show this help and end

FLOPSTEP names the binary (default build/flopstep).
Exit codes: 0 measured, 1 a run failed, 2 wrong usage, 3 something needed is missing.
HELP
}

die() { # EXIT-CODE, then the line
    local code=$1
    shift
    printf '%s: %s\n' "$me" "$*" >&2
    exit "$code"
}

while (($#)); do
    case $1 in
    --rate | --network | --batch | --modes | --bucket-size | --time-budget | --out)
        [[ -n ${2:-} ]] || die 2 "$1 needs a value; --help shows how"
        case $1 in
        --rate) rate=$2 ;;
        --network) network=$2 ;;
        --batch) batch=$2 ;;
        --modes) modes=$2 ;;
        --bucket-size) bucket=$2 ;;
        --time-budget) budget=$2 ;;
        --out) out=$2 ;;
        esac
        shift
        ;;
    --no-fit) fit=no ;;
    --help | -h)
        usage
        exit 0
        ;;
    *) die 2 "unknown option $1; --help lists them" ;;
    esac
    shift
done
[[ $rate =~ ^([0-9]+)([kmg]?)bit$ ]] || die 2 "--rate $rate: write it as 100mbit or 1gbit"
case ${BASH_REMATCH[2]} in
k) scale=1e3 ;;
m) scale=1e6 ;;
g) scale=1e9 ;;
*) scale=1 ;;
esac
bits=$(awk "BEGIN { print ${BASH_REMATCH[1]} * $scale }")
[[ ,$modes, == *,blocking,* ]] || die 2 "--modes $modes: blocking is what the others are held against"
[[ -x $flopstep ]] || die 3 "$flopstep is missing: build it with scripts/build.sh, or name one in FLOPSTEP"
((${EUID:-$(id -u)} == 0)) || die 3 'network namespaces and tc need root: sudo scripts/slow_link.sh'
command -v python3 >/dev/null || die 3 'python3 is missing; it reads the results'
# shellcheck source=tests/mpi/hosts.sh
. "$root/tests/mpi/hosts.sh"
reason=$(hosts_possible) || die 3 "$reason"
cores=$(nproc)
((cores >= 2)) || die 3 'two hosts with a core each need two cores'
: "${out:=$root/results/local/slow-link-$(date -u +%Y%m%dT%H%M%SZ)}"
[[ ! -e $out/train && ! -e $out/allreduce ]] || die 2 "$out holds results already: name another folder"
mkdir -p -- "$out" || die 3 "$out cannot be made"

# Two processors of this process, one a host.
mapfile -t processors < <(taskset --cpu-list --pid $$ | sed 's/.*: //' | tr , '\n' |
    awk -F- '{ for (i = $1; i <= ($2 == "" ? $1 : $2); i++) print i }')
hosts_end_at_exit
hosts_make 2 || die 3 'the hosts could not be made'
for host in 1 2; do
    hosts_processors "$host" "${processors[host - 1]}"
    hosts_limit "$host" "$rate" || die 3 "tc does not limit a link to $rate here"
done
export FLOPSTEP_SHARE=${FLOPSTEP_SHARE:-$root} OMPI_MCA_mpi_yield_when_idle=0
ranks=(--host "host1:1,host2:1" -n 2 "$flopstep")

hosts_mpirun "${ranks[@]}" train --network "$network" --batch "$batch" --threads 1 --reduce "$modes" \
    ${bucket:+--bucket-size "$bucket"} --time-budget "$budget" --quiet --out "$out/train" ||
    die 1 'the training steps failed'

measured=''
if [[ $fit == yes ]]; then
    if "$flopstep" allreduce --help >/dev/null 2>&1; then
        # above what tbf lets through at once, else the fit is of the unlimited link
        hosts_mpirun "${ranks[@]}" allreduce --threads 1 --quiet --time-budget "$budget" \
            --sizes 512Ki:32Mi:x2 --network none --algorithm library,ring --out "$out/allreduce" || die 1 'flopstep allreduce failed'
        measured=$out/allreduce
    else
        printf '%s: this flopstep has no allreduce: the link is not fitted\n' "$me" >&2
    fi
fi

python3 - "$bits" "$out/train" "$measured" <<'END'
import json, sys
bits, train, allreduce = float(sys.argv[1]), sys.argv[2], sys.argv[3]
# Of each Ethernet frame of 1514 bytes, which is what tbf counts, 1448 are data: 14 bytes are
# Ethernet's, 20 IP's, 32 TCP's with time stamps.
payload = bits / 8 * 1448 / 1514
print(f"\nlink: {bits / 8e6:.2f} MB/s of frames, {payload / 1e6:.2f} MB/s of data\n")

def records(folder, name):
    return [json.loads(line) for line in open(f"{folder}/{name}.jsonl")]

rows = [r for r in records(train, "train") if r["record"] == "case" and r["status"] == "ok"]
print("Exposed: the step minus the same step without reduction, in the same rounds. The wire takes at "
      "least\n2(p-1)/p of the gradient each way; what is then left of it behind the backward pass "
      "cannot be hidden:\nbound = wire - backward, or 0.\n")
print(f"{'network':8} {'batch':>6} {'reduce':14} {'step':>9} {'exposed':>9} {'to blocking':>11} "
      f"{'wire':>8} {'bound':>8}  under half")
for r in rows:
    base = next(b for b in rows if b["reduce"] == "blocking" and b["network"] == r["network"]
                and b["batch"] == r["batch"])
    size = r["parameters"] * (8 if r["type"] == "d" else 4)
    wire = size / payload
    bound = max(0.0, wire - (r["backward_s"] or 0.0))
    ratio = r["exposed_s"] / base["exposed_s"]
    verdict = "" if r is base else "yes" if ratio < 0.5 else "no"
    print(f"{r['network']:8} {r['batch']:6} {r['reduce']:14} {r['median_s'] * 1e3:6.1f} ms "
          f"{r['exposed_s'] * 1e3:6.1f} ms {ratio:11.2f} {wire * 1e3:5.1f} ms {bound * 1e3:5.1f} ms  {verdict}")
    if r.get("flags"):
        print(f"{'':15} flags: {r['flags']}")

if allreduce:
    rows = [r for r in records(allreduce, "allreduce") if r.get("beta_s_per_byte")]
    print()
    for r in rows:
        rate = 1 / r["beta_s_per_byte"]
        print(f"fit of {r['algorithm']} by {r['model']}: {rate / 1e6:.2f} MB/s, "
              f"{100 * (rate / payload - 1):+.1f} % of the data rate set "
              f"({'within' if abs(rate / payload - 1) <= 0.15 else 'not within'} 15 %)")
    if not rows:
        print(f"no fit of the link in {allreduce}")
END
