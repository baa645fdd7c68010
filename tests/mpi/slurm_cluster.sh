# shellcheck shell=bash
# A Slurm cluster of two nodes, n1 and n2, on this machine: munged, slurmctld and two slurmd with everything
# of theirs in one folder. Sourced by tests. cluster_stop ends the daemons by their ids.

# Why there can be no cluster here; nothing where there can.
cluster_missing() {
    local program
    [[ $(id -u) == 0 ]] || { echo "Slurm's daemons need root, and we are not" && return; }
    for program in munged slurmctld slurmd sbatch srun scancel squeue; do
        command -v "$program" >/dev/null && continue
        [[ -x /usr/sbin/$program ]] && continue
        echo "$program is missing (Debian: munge slurmctld slurmd slurm-client)"
        return
    done
}

# Four ports that nothing listens on, one a line.
free_ports() {
    local port count=0
    for ((port = 20000 + RANDOM % 20000; count < 4; port++)); do
        (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue
        echo "$port"
        count=$((count + 1))
    done
}

cluster_pids=() # of the daemons, in the order of their start

daemon() { # NAME COMMAND ...: in the foreground of a child, so that its id is known
    local name=$1
    shift
    "$@" >"$cluster_folder/$name.out" 2>&1 </dev/null &
    cluster_pids+=($!)
}

# cluster_start FOLDER: false, with a line on standard error, where it does not come up within 30 s. Tasks of
# users of this shell find it by SLURM_CONF.
cluster_start() {
    cluster_folder=$1
    local ports host i state
    PATH=$PATH:/usr/sbin:/sbin
    mapfile -t ports < <(free_ports)
    host=$(uname -n)
    host=${host%%.*}
    mkdir -p "$cluster_folder"/{munge,state,spool.n1,spool.n2,tmp/n1,tmp/n2} && chmod 755 "$cluster_folder" || return 1
    cat >"$cluster_folder/slurm.conf" <<CONF || return 1
ClusterName=flopstep-test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${ports[0]}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny,DisableIPv6
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$cluster_folder/munge/socket
CredType=cred/munge
StateSaveLocation=$cluster_folder/state
SlurmdSpoolDir=$cluster_folder/spool.%n
TmpFS=$cluster_folder/tmp/%n
SlurmctldPidFile=$cluster_folder/slurmctld.pid
SlurmdPidFile=$cluster_folder/slurmd.%n.pid
SlurmctldLogFile=$cluster_folder/slurmctld.log
SlurmdLogFile=$cluster_folder/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SlurmdParameters=config_overrides
ReturnToService=2
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1
KillWait=20
MinJobAge=3600
JobRequeue=1
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[1]} CPUs=4 Sockets=1 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=2000
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[2]} CPUs=4 Sockets=1 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=2000
PartitionName=test Nodes=n1,n2 Default=YES MaxTime=60 State=UP
CONF
    export SLURM_CONF=$cluster_folder/slurm.conf
    (umask 077 && head -c 1024 /dev/urandom >"$cluster_folder/munge/key")
    chmod 711 "$cluster_folder/munge"
    daemon munged munged --foreground --force --num-threads 2 --key-file "$cluster_folder/munge/key" \
        --socket "$cluster_folder/munge/socket" --pid-file "$cluster_folder/munge/pid" \
        --log-file "$cluster_folder/munge/log" --seed-file "$cluster_folder/munge/seed"
    for ((i = 0; i < 50; i++)); do [[ -S $cluster_folder/munge/socket ]] && break; sleep 0.1; done
    daemon slurmctld slurmctld -D -c
    daemon n1 slurmd -D -N n1
    daemon n2 slurmd -D -N n2
    for ((i = 0; i < 150; i++)); do
        state=$(sinfo --noheader --Node --format '%N %T' 2>/dev/null | sort -u)
        [[ $state == $'n1 idle\nn2 idle' ]] && return
        sleep 0.2
    done
    echo "the nodes did not come up: ${state:-no answer}" >&2
    tail -n 5 "$cluster_folder"/*.log "$cluster_folder"/*.out >&2
    return 1
}

# Ends all jobs, then the daemons; those that do not end within 10 s are killed. Waits for the job steps.
cluster_stop() {
    local pid i
    ((${#cluster_pids[@]})) || return 0
    scancel --user root --full 2>/dev/null
    for ((i = 0; i < 50; i++)); do [[ -z $(squeue --noheader 2>/dev/null) ]] && break; sleep 0.2; done
    for ((i = ${#cluster_pids[@]} - 1; i >= 0; i--)); do kill "${cluster_pids[i]}" 2>/dev/null; done
    for pid in "${cluster_pids[@]}"; do
        for ((i = 0; i < 50; i++)); do kill -0 "$pid" 2>/dev/null || break; sleep 0.2; done
        kill -KILL "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    cluster_pids=()
}
