# Short table from flopstep's CSV files: the best rate of each kernel or probe, library and type.
# Columns are found by their name in each file's first line.
#   awk -f scripts/summary.awk results/local/.../*.csv

# Splits one CSV line (quotes doubled inside quotes) into cell[1..].
function split_csv(line,    n, i, c, quoted, text) {
    n = 0; text = ""; quoted = 0
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        if (quoted) {
            if (c != "\"") text = text c
            else if (substr(line, i + 1, 1) == "\"") { text = text c; i++ }
            else quoted = 0
        } else if (c == "\"") quoted = 1
        else if (c == ",") { cell[++n] = text; text = "" }
        else text = text c
    }
    cell[++n] = text
    return n
}

function value(name) { return name in at ? cell[at[name]] : "" }

{ sub(/\r$/, "") }

FNR == 1 {
    split("", at)
    n = split_csv($0)
    for (i = 1; i <= n; i++) at[cell[i]] = i
    next
}

{
    split("", cell)
    split_csv($0)
    status = value("status")
    if (status != "" && status != "ok") { bad[status]++; next }
    what = value("kernel") != "" ? value("kernel") : value("probe")
    if (what == "") next
    if (value("mode") == "throughput") what = what ", one a core"
    compute = value("gflops") + 0
    bytes = value("gbytes_per_s") + 0
    # Bandwidth probes move bytes; everything else is told by its FLOPs.
    unit = compute > 0 && (value("kernel") != "" || what ~ /^fma/) ? "GFLOP/s" : "GB/s"
    rate = unit == "GFLOP/s" ? compute : bytes
    if (rate <= 0) next
    library = value("library") != "" ? value("library") : value("isa")
    key = what SUBSEP library SUBSEP value("type") SUBSEP unit
    if (!(key in best)) order[++count] = key
    if (rate > best[key]) {
        best[key] = rate
        threads[key] = value("threads")
        size[key] = value("kernel") != "" ? (value("n") != "" && value("n") != "0" ? value("n") : value("m")) : value("working_set_bytes")
        share[key] = value("peak_fraction")
    }
}

END {
    if (count) printf "%-18s %-16s %-4s %8s %12s %10s %-8s %7s\n", "kernel", "library or ISA", "type", "threads", "best at", "rate", "unit", "% peak"
    for (i = 1; i <= count; i++) {
        split(order[i], part, SUBSEP)
        printf "%-18s %-16s %-4s %8s %12s %10.4g %-8s %7s\n", part[1], part[2], part[3], threads[order[i]], size[order[i]], best[order[i]], part[4], share[order[i]] == "" ? "-" : sprintf("%.1f", 100 * share[order[i]])
    }
    for (status in bad) printf "%d cases %s\n", bad[status], status
}
