# shellcheck shell=bash
# Steps of a job: commands of flopstep that run one after the other, each under a launcher, with results in one
# folder. A signal is passed on to the step that runs, and no other one is begun; what a folder holds already is not
# measured again. Sourced by scaling.sh and by the Slurm scripts.
#
# Sets and uses: $flopstep (the program), $out (the folder), $resume (yes or no), $dry (yes or no).

: "${flopstep:?}" "${out:?}" "${resume:=no}" "${dry:=no}"

worst=0        # the worst exit code of a step: 4 (results lost) over 3, 2, 1
interrupted='' # the name of the signal that came
step_child=''

# mpirun and srun kill their ranks on a SIGTERM of their own, but pass SIGUSR1 on: flopstep then ends after the
# step at hand, with its checkpoint written and its results marked as incomplete.
# shellcheck disable=SC2317 # called by trap
step_signal() {
    [[ -n $interrupted ]] || printf '%s: %s came; the step at hand ends, and what it has is kept\n' "${me:-job}" "$1" >&2
    interrupted=$1
    [[ -z $step_child ]] || kill -USR1 "$step_child" 2>/dev/null
}
trap 'step_signal SIGTERM' TERM
trap 'step_signal SIGINT' INT
trap 'step_signal SIGUSR1' USR1

# The command line as the results hold it, up to --out.
step_text() {
    printf '"command_line":["flopstep"'
    printf ',"%s"' "$@"
    printf ',"--out",'
}

# Whether the folder holds complete results of this command by so many ranks; files of it that are not
# complete are set aside (FILE.incomplete), where reports do not look.
step_complete() { # RANKS COMMAND [OPTIONS ...]
    local ranks=$1 file first last text
    shift
    text=$(step_text "$@")
    for file in "$out/$1".jsonl "$out/$1"-*.jsonl; do
        [[ -r $file ]] || continue
        first=$(head -n 1 -- "$file")
        [[ $first == *"$text"* && $first == *"\"ranks\":$ranks,\"nodes\":"* ]] || continue
        last=$(tail -n 1 -- "$file")
        [[ $last == '{"record":"end"'*'"failed":0,'* ]] && return 0
        printf '%s: %s is not complete: set aside as %s.incomplete\n' "${me:-job}" "${file##*/}" "${file##*/}"
        mv -- "$file" "$file.incomplete"
    done
    return 1
}

# Runs a command and waits for it; a signal is passed on.
supervise() {
    local code
    "$@" </dev/null &
    step_child=$!
    while :; do # a signal ends "wait", not the command
        wait "$step_child"
        code=$?
        kill -0 "$step_child" 2>/dev/null || break
    done
    step_child=''
    return "$code"
}

# Runs one step and waits for it; its exit code, 0 also where it was complete. Nothing is begun after a signal.
step() { # RANKS LAUNCHER-WORDS -- COMMAND [OPTIONS ...]; --out is added
    local ranks=$1 launch=() code=0
    shift
    while [[ $1 != -- ]]; do
        launch+=("$1")
        shift
    done
    shift
    [[ -z $interrupted ]] || return 0
    if [[ $dry == yes ]]; then
        printf '%s\n' "${launch[*]} $flopstep $* --out $out"
        return
    fi
    if [[ $resume == yes ]] && step_complete "$ranks" "$@"; then
        printf '== complete already (%s rank%s): flopstep %s\n' "$ranks" "$([[ $ranks == 1 ]] || echo s)" "$*"
        return
    fi
    printf '== %s flopstep %s\n' "${launch[*]}" "$*"
    supervise "${launch[@]}" "$flopstep" "$@" --out "$out"
    code=$?
    [[ -n $interrupted ]] && return
    ((code > 128)) && code=1
    ((code > worst)) && worst=$code
    ((code == 0)) || printf '%s: exit code %d: flopstep %s\n' "${me:-job}" "$code" "$*" >&2
    return "$code"
}

# The last line of a job: its exit code is 143 where a signal ended it, as of a process that SIGTERM ended.
steps_end() {
    if [[ -n $interrupted ]]; then
        printf '%s: interrupted; what is measured is in %s, and --resume goes on\n' "${me:-job}" "$out"
        exit 143
    fi
    exit "$worst"
}
