# Weak and strong scaling from the train.csv of 'flopstep report':
#   awk -f scripts/csv.awk -f scripts/scaling.awk -v weak=128 -v strong=1024 train.csv
# weak: batch of a rank; strong: batch of all ranks; 0: leave that table out. The base of both is one rank, which
# reduces nothing. With T1 and Tp the time of a step on one and on p ranks:
#   weak:   efficiency T1/Tp, speed-up p T1/Tp in images per second
#   strong: speed-up S = T1/Tp, efficiency S/p
#   Karp-Flatt, the serial fraction that this speed-up would have: e = (1/S - 1/p) / (1 - 1/p)
# What is missing to an efficiency of 100 % is shown in three parts of a step: ranks that compute slower beside
# others than alone, waiting for the slowest of them, and exposed communication.

function percent(x) { return x == "" ? "-" : sprintf("%.1f", 100 * x) }

# 12.34 ms: four digits, the unit that fits.
function seconds(t) {
    t += 0
    if (t < 1e-3) return sprintf("%.4g us", t * 1e6)
    return t < 1 ? sprintf("%.4g ms", t * 1e3) : sprintf("%.4g s", t)
}

{ sub(/\r$/, "") }

FNR == 1 {
    n = split_csv($0)
    for (i = 1; i <= n; i++) at[cell[i]] = i
    next
}

{
    split("", cell)
    split_csv($0)
    if (value("kind") != "steps" || value("status") != "ok" || value("median_s") + 0 <= 0) next
    p = value("ranks") + 0
    group = value("network") SUBSEP value("type") SUBSEP value("threads") SUBSEP value("device")
    for (kind = 1; kind <= 2; kind++) {
        if (kind == 1 && (!weak || value("batch") + 0 != weak)) continue
        if (kind == 2 && (!strong || value("global_batch") + 0 != strong)) continue
        reduce = p == 1 ? "" : value("reduce")
        key = kind SUBSEP group SUBSEP reduce SUBSEP p
        if (!(key in median)) {
            rows++
            row_kind[rows] = kind; row_group[rows] = group; row_ranks[rows] = p; row_reduce[rows] = reduce
        }
        median[key] = value("median_s") # of several, the last
        low[key] = value("low_s"); high[key] = value("high_s")
        images[key] = value("images_per_s"); nodes[key] = value("nodes") == "" ? 1 : value("nodes")
        batch[key] = value("batch")
        compute[key] = value("compute_s"); waits[key] = value("wait_s"); exposed[key] = value("exposed_s")
    }
}

function print_row(kind, group, reduce, p,    key, base, part, S, efficiency, range, e, slower) {
    key = kind SUBSEP group SUBSEP reduce SUBSEP p
    base = kind SUBSEP group SUBSEP "" SUBSEP 1
    split(group, part, SUBSEP)
    S = efficiency = e = slower = ""
    range = "-"
    if (base in median) {
        efficiency = median[base] / median[key] / (kind == 1 ? 1 : p)
        S = efficiency * p
        if (low[base] != "" && low[key] != "" && p > 1)
            range = sprintf("%.1f-%.1f", 100 * low[base] / high[key] / (kind == 1 ? 1 : p), \
                            100 * high[base] / low[key] / (kind == 1 ? 1 : p))
        if (p > 1) e = (1 / S - 1 / p) / (1 - 1 / p)
        if (p > 1 && compute[key] != "")
            slower = (compute[key] - median[base] / (kind == 1 ? 1 : p)) / median[key]
    }
    printf "%-10s %5d %5d %6d %-12s %10s %10.0f %8s %6s %-12s %7s %6s %7s  %s\n", part[1], p, nodes[key], batch[key],
        p == 1 ? "-" : reduce, seconds(median[key]), images[key], S == "" ? "-" : sprintf("%.2f", S),
        percent(efficiency), p == 1 ? "base" : range, percent(slower),
        waits[key] == "" ? "-" : percent(waits[key] / median[key]),
        exposed[key] == "" ? "-" : percent(exposed[key] / median[key]), e == "" ? "-" : sprintf("%.4f", e)
}

# The rows of one kind: groups as they came, ranks in rising order, modes as they came.
function print_kind(kind, title,    i, j, best, printed, count, group) {
    for (i = 1; i <= rows; i++) if (row_kind[i] == kind) count++
    if (!count) return 0
    printf "\n%s\n", title
    printf "%-10s %5s %5s %6s %-12s %10s %10s %8s %6s %-12s %7s %6s %7s  %s\n", "network", "ranks", "nodes", "batch",
        "reduce", "step", "images/s", "speed-up", "eff. %", "(interval)", "slower%", "wait%", "exposed%", "Karp-Flatt"
    split("", printed)
    for (i = 1; i <= rows; i++) {
        if (row_kind[i] != kind || printed[i]) continue
        group = row_group[i]
        for (;;) {
            best = 0
            for (j = 1; j <= rows; j++)
                if (row_kind[j] == kind && row_group[j] == group && !printed[j] &&
                    (!best || row_ranks[j] < row_ranks[best])) best = j
            if (!best) break
            printed[best] = 1
            print_row(kind, group, row_reduce[best], row_ranks[best])
        }
        if (!((kind SUBSEP group SUBSEP "" SUBSEP 1) in median)) {
            split(group, part, SUBSEP)
            printf "  %s has no run on one rank here: no speed-up (-n 1,... measures it)\n", part[1]
        }
    }
    return 1
}

END {
    found = 0
    if (weak) found += print_kind(1, sprintf("Weak scaling: %d images a rank and step", weak))
    if (strong) found += print_kind(2, sprintf("Strong scaling: %d images a step in all", strong))
    if (!found) print "\nno step was measured"
}
