# Short tables from flopstep's CSV files: the best rate of each kernel or probe, library and type,
# the fastest step of each network, the accuracy of each training.
# Columns are found by their name in each file's first line.
#   awk -f scripts/csv.awk -f scripts/summary.awk results/local/.../*.csv

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
    if (value("kind") == "steps") {
        key = value("network") SUBSEP value("type") SUBSEP value("threads")
        if (!(key in fastest)) steps[++step_count] = key
        if (value("images_per_s") + 0 > fastest[key]) {
            fastest[key] = value("images_per_s") + 0
            batch[key] = value("batch")
            median[key] = value("median_s")
            mfu[key] = value("mfu")
            of_gemm[key] = value("gemm_fraction")
        }
        next
    }
    if (value("kind") == "training" && value("step") + 0 > 0) { # the last row of each history stays
        key = value("recipe") SUBSEP value("network") SUBSEP value("dataset") SUBSEP value("seed")
        if (!(key in accuracy)) trainings[++training_count] = key
        accuracy[key] = value("test_accuracy")
        epochs[key] = value("epoch")
        next
    }
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
    if (step_count) printf "\n%-24s %-4s %8s %8s %12s %12s %7s %7s\n", "training step of", "type", "threads", "batch", "median", "images/s", "% FMA", "% gemm"
    for (i = 1; i <= step_count; i++) {
        key = steps[i]
        split(key, part, SUBSEP)
        printf "%-24s %-4s %8s %8s %9.3f ms %12.0f %7s %7s\n", substr(part[1], 1, 24), part[2], part[3], batch[key], 1000 * median[key], fastest[key], mfu[key] == "" ? "-" : sprintf("%.1f", 100 * mfu[key]), of_gemm[key] == "" ? "-" : sprintf("%.1f", 100 * of_gemm[key])
    }
    if (training_count) printf "\n%-24s %-12s %8s %14s\n", "training", "data", "epochs", "test accuracy"
    for (i = 1; i <= training_count; i++) {
        key = trainings[i]
        split(key, part, SUBSEP)
        printf "%-24s %-12s %8.2f %14s\n", substr(part[1] != "" ? part[1] : part[2], 1, 24), part[3], epochs[key], accuracy[key] == "" ? "-" : sprintf("%.2f %%", 100 * accuracy[key])
    }
    for (status in bad) printf "%d cases %s\n", bad[status], status
}
