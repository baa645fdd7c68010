# shellcheck shell=bash
# What the jobs of this folder share; they source it. Reads their arguments:
#   --out DIR    folder for the results (default results/slurm-<job id> where sbatch was called)
#   --resume     go on in that folder; a job that Slurm queued again does so by itself
#   others       are left in $options, for the job
# and gives them: $out, $resume, $flopstep, launch_ranks and launch_nodes (scripts/launch.sh), step, supervise and
# steps_end (scripts/steps.sh).

me=${SLURM_JOB_NAME:-job} root=${FLOPSTEP_ROOT:?}
flopstep=${FLOPSTEP:-$root/build/flopstep} launcher='' dry=no resume=no options=()
out=${SLURM_SUBMIT_DIR:?}/results/slurm-${SLURM_JOB_ID:?}
while (($#)); do
    case $1 in
    --out)
        out=${2:?--out needs a folder}
        shift
        ;;
    --resume) resume=yes ;;
    *) options+=("$1") ;;
    esac
    shift
done
[[ $out == /* ]] || out=$SLURM_SUBMIT_DIR/$out
((${SLURM_RESTART_COUNT:-0} == 0)) || resume=yes # queued again: after a failed node, or by 'scontrol requeue'

[[ -x $flopstep ]] || {
    echo "$me: there is no '$flopstep' on $(uname -n): build it where all nodes see it, or name it with FLOPSTEP" >&2
    exit 3
}
mkdir -p -- "$out" || exit 4
# shellcheck source=scripts/launch.sh
. "$root/scripts/launch.sh"
# shellcheck source=scripts/steps.sh
. "$root/scripts/steps.sh"
require_launcher
printf '%s: job %s on %s; results in %s\n' "$me" "$SLURM_JOB_ID" "${SLURM_JOB_NODELIST:-?}" "$out"

# The options of a training without those that its checkpoint brings; sets $beside.
beside_checkpoint() {
    local skip=no word
    beside=()
    for word in "$@"; do
        if [[ $skip == yes ]]; then
            skip=no
            continue
        fi
        case $word in
        --network | --dataset | --recipe | --batch | --global-batch | --optimizer | --lr | --schedule | --loss | \
            --initial | --sampling | --types | --seed) skip=yes ;;
        --network=* | --dataset=* | --recipe=* | --batch=* | --global-batch=* | --optimizer=* | --lr=* | --schedule=* | \
            --loss=* | --initial=* | --sampling=* | --types=* | --seed=*) ;;
        *) beside+=("$word") ;;
        esac
    done
}
