# Accuracies of ways to be sparse, a row each, by sparsity in columns, of the
# output of pare stats and pare eval.  Models are DIR/WAY_SPARSITY/seedN.h5,
# of the dense network dense_0.  Needs interval.awk.

BEGIN { FS = "\t" }
FNR == 1 { is_eval = $3 == "n"; next }
{
    n = split($1, part, "/")
    run = part[n - 1]
    seed = part[n]
}
# Weights are the tensors of more than one dimension.
!is_eval {
    if ($2 != "total" && (n = split($3, size, "x")) > 1) {
        for (product = 1; n > 0; n--)
            product *= size[n]
        weights[run] += product
        gone[run] += $4 - $5
    }
    next
}
{
    way = asked = run
    sub(/_.*/, "", way)
    sub(/.*_/, "", asked)
    if (!(way in seen_way)) {
        seen_way[way]
        name[++ways] = way
    }
    if (!(asked in seen)) {
        seen[asked]
        if (asked > 0)
            column[++columns] = asked
    }
    accuracy[run, ++runs[run]] = 100 * $5
    by_seed[run, seed] = 100 * $5
    seed_of[run, runs[run]] = seed
    if (runs[run] > seeds)
        seeds = runs[run]
}

function cell(run,    i, n)
{
    n = runs[run]
    if (!n)
        return "-"
    for (i = 1; i <= n; i++)
        x[i] = accuracy[run, i]
    return sprintf("%.2f (%.2f)", mean(x, n), deviation(x, n))
}

# Over the static network, by pairs.
function over(way, asked,    i, n, run, control)
{
    run = way "_" asked
    for (i = 1; i <= runs[run]; i++) {
        control = "static_" asked SUBSEP seed_of[run, i]
        if (control in by_seed)
            x[++n] = accuracy[run, i] - by_seed[control]
    }
    if (!n)
        return "-"
    return sprintf("%+.2f +-%s", mean(x, n),
        n > 1 ? sprintf("%.2f", half_interval(x, n)) : "?")
}

END {
    printf "%s, %d seed%s\n", title, seeds, seeds == 1 ? "" : "s"
    if ("dense_0" in runs)
        printf "dense: accuracy %% %s\n", cell("dense_0")
    printf "\n%-16s", "accuracy %"
    for (k = 1; k <= columns; k++)
        printf " %15s", column[k] " % removed"
    print ""
    for (i = 1; i <= ways; i++) {
        if (name[i] == "dense")
            continue
        printf "%-16s", name[i]
        for (k = 1; k <= columns; k++)
            printf " %15s", cell(name[i] "_" column[k])
        print ""
    }
    printf "\n%-16s\n", "over static"
    for (i = 1; i <= ways; i++) {
        if (name[i] == "dense" || name[i] == "static")
            continue
        printf "%-16s", name[i]
        for (k = 1; k <= columns; k++)
            printf " %15s", over(name[i], column[k])
        print ""
    }
    printf "\n%-16s\n", "removed %"
    for (i = 1; i <= ways; i++) {
        if (name[i] == "dense")
            continue
        printf "%-16s", name[i]
        for (k = 1; k <= columns; k++) {
            run = name[i] "_" column[k]
            printf " %15s", weights[run] ? \
                sprintf("%.3f", 100 * gone[run] / weights[run]) : "-"
        }
        print ""
    }
}
