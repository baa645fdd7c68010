# shellcheck shell=bash
# Several hosts on one machine: each a network namespace with a host name and /etc/hosts of its own,
# all on one bridge, which lies in a namespace too. Nothing of it is seen outside, so that runs don't
# disturb each other. Sourced; who sources it calls hosts_end, or lets hosts_end_at_exit see to it.
#
#   reason=$(hosts_possible) || skip "$reason"
#   hosts_end_at_exit && hosts_make 3        # host1 … host3 with addresses 10.77.0.1 …
#   hosts_mpirun --host host1:1,host2:2 -n 3 flopstep train …
#   hosts_on 2 ip address                    # a command there
#   hosts_limit 2 100mbit                    # what host 2 sends

hosts_stem=flopstep-$$ hosts_count=0 hosts_folder='' hosts_child=''

# The reason why not, if so.
hosts_possible() {
    local tool
    for tool in ip tc unshare mpirun; do
        command -v "$tool" >/dev/null && continue
        printf '%s is missing (Debian: iproute2, util-linux, openmpi-bin)\n' "$tool"
        return 1
    done
    if ! mpirun --version 2>&1 | grep -q 'Open MPI'; then
        printf 'mpirun is not of Open MPI: another one starts its ranks elsewhere by other means\n'
        return 1
    fi
    if ! ip netns add "$hosts_stem-try" 2>/dev/null; then
        printf 'network namespaces are not permitted here (ip netns add, as user %s)\n' "$(id -un)"
        return 1
    fi
    local fine=yes
    ip netns exec "$hosts_stem-try" unshare --uts sh -c 'hostname try &&
        ip link add left type veth peer name right && ip link add hub type bridge' 2>/dev/null ||
        fine=no
    ip netns delete "$hosts_stem-try"
    [[ $fine == yes ]] && return
    printf 'host names, veth pairs or bridges are not permitted in network namespaces here\n'
    return 1
}

hosts_end_at_exit() {
    trap hosts_end EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# What a run that was killed left: namespaces of nobody, with nothing in them.
hosts_sweep() {
    local name owner
    while read -r name _; do
        [[ $name =~ ^flopstep-([0-9]+)- ]] || continue
        owner=${BASH_REMATCH[1]}
        [[ -d /proc/$owner || -n $(ip netns pids "$name") ]] || ip netns delete "$name"
    done < <(ip netns list)
}

# Enters a host: sh ENTER NUMBER COMMAND …; mpirun's agent gets a host's name and a line for a shell.
hosts_write_scripts() {
    cat >"$hosts_folder/enter" <<END
#!/bin/sh
number=\$1
shift
exec ip netns exec $hosts_stem-\$number unshare --uts sh -c '
    mount --bind $hosts_folder/hosts /etc/hosts && hostname "host\$0" && exec "\$@"' "\$number" "\$@"
END
    cat >"$hosts_folder/agent" <<END
#!/bin/sh
host=\${1#host}
shift
exec $hosts_folder/enter "\$host" $hosts_folder/processors "\$host" sh -c "\$*"
END
    # Hosts share the processors of the machine; hosts_processors gives each its own.
    cat >"$hosts_folder/processors" <<END
#!/bin/sh
list=\$(cat $hosts_folder/processors.\$1 2>/dev/null)
shift
exec \${list:+taskset --cpu-list "\$list"} "\$@"
END
    chmod +x "$hosts_folder"/{enter,agent,processors}
}

hosts_one() { # NUMBER
    local name=$hosts_stem-$1
    ip netns add "$name" &&
        ip -n "$name" link set lo up &&
        ip -n "$name" link add wire type veth peer name "to$1" netns "$hosts_stem-hub" &&
        ip -n "$hosts_stem-hub" link set "to$1" master hub up &&
        ip -n "$name" address add "10.77.0.$1/24" dev wire &&
        ip -n "$name" link set wire up &&
        printf '10.77.0.%d host%d\n' "$1" "$1" >>"$hosts_folder/hosts"
}

hosts_make() { # COUNT
    local i
    hosts_sweep
    hosts_folder=$(mktemp -d /tmp/flopstep-hosts.XXXXXX) || return
    hosts_write_scripts
    printf '127.0.0.1 localhost\n' >"$hosts_folder/hosts"
    ip netns add "$hosts_stem-hub" && ip -n "$hosts_stem-hub" link add hub type bridge &&
        ip -n "$hosts_stem-hub" link set hub up || return
    for ((i = 1; i <= $1; i++)); do
        hosts_count=$i
        hosts_one "$i" || return
    done
}

# Until they are there for good: a rank that was started last may still be on its way.
hosts_kill_what_is_left() {
    local try i pids=()
    for ((try = 0; try < 20; try++)); do
        pids=()
        for ((i = 1; i <= hosts_count; i++)); do
            mapfile -t -O "${#pids[@]}" pids < <(ip netns pids "$hosts_stem-$i" 2>/dev/null)
        done
        ((${#pids[@]})) || return
        kill -KILL "${pids[@]}" 2>/dev/null
        sleep 0.1
    done
}

hosts_end() {
    local i
    [[ -n $hosts_folder ]] || return 0
    trap '' HUP INT TERM # a second signal must not leave half of it
    if [[ -n $hosts_child ]]; then
        kill -TERM "$hosts_child" 2>/dev/null # mpirun ends its daemons
        for ((i = 0; i < 30; i++)); do
            kill -0 "$hosts_child" 2>/dev/null || break
            sleep 0.1
        done
        hosts_child=''
    fi
    hosts_kill_what_is_left
    for ((i = 1; i <= hosts_count; i++)); do ip netns delete "$hosts_stem-$i" 2>/dev/null; done
    ip netns delete "$hosts_stem-hub" 2>/dev/null
    rm -rf -- "$hosts_folder"
    hosts_folder='' hosts_count=0
    trap - HUP INT TERM
}

hosts_on() { # NUMBER COMMAND …
    "$hosts_folder/enter" "$@"
}

hosts_processors() { # NUMBER LIST: the processors that a host has
    printf '%s\n' "$2" >"$hosts_folder/processors.$1"
}

# What a host sends goes out at this rate, of Ethernet frames without preamble and check sum.
hosts_limit() { # NUMBER RATE
    ip netns exec "$hosts_stem-$1" tc qdisc replace dev wire root tbf rate "$2" burst 96kb latency 100ms
}

hosts_processes() { # NUMBER COMMAND: ids of the processes of that name there
    local pid
    for pid in $(ip netns pids "$hosts_stem-$1"); do
        [[ $(cat "/proc/$pid/comm" 2>/dev/null) == "$2" ]] && printf '%s\n' "$pid"
    done
}

# On host 1, in the background, so that a signal to the script is heard; hosts_wait gives its exit code.
hosts_mpirun_start() { # options of mpirun, program …
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
        OMPI_MCA_plm=rsh OMPI_MCA_ras=^slurm \
        OMPI_MCA_plm_rsh_agent=$hosts_folder/agent OMPI_MCA_plm_rsh_no_tree_spawn=1 \
        OMPI_MCA_orte_tmpdir_base=$hosts_folder OMPI_MCA_orte_keep_fqdn_hostnames=1 \
        OMPI_MCA_oob_tcp_if_include=wire OMPI_MCA_btl_tcp_if_include=wire \
        OMPI_MCA_mpi_yield_when_idle=${OMPI_MCA_mpi_yield_when_idle:-1} \
        OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,vader,tcp OMPI_MCA_hwloc_base_binding_policy=none \
        "$hosts_folder/enter" 1 "$hosts_folder/processors" 1 mpirun "$@" &
    hosts_child=$!
}

hosts_wait() {
    local code
    wait "$hosts_child"
    code=$?
    hosts_child=''
    return "$code"
}

hosts_mpirun() {
    hosts_mpirun_start "$@"
    hosts_wait
}
