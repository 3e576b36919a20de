# Tables of the curves of one data set, a line a strategy and a column a
# compression, of curves.tsv.  Needs interval.awk; the file `notes` is printed
# below.

BEGIN { FS = "\t" }
FNR == 1 { next }
{
    if (!($1 in seen)) {
        seen[$1]
        strategy[++strategies] = $1
    }
    if (!($2 in asked)) {
        asked[$2]
        column[++columns] = $2
    }
    run = ++runs[$1, $2]
    if (run > seeds)
        seeds = run
    value["speed-up", $1, $2, run] = $7
    value["before", $1, $2, run] = 100 * $9
    value["after", $1, $2, run] = 100 * $11
    params = $4
    off[$2] = $6 > $2 ? $6 - $2 : $2 - $6
    if (off[$2] / $2 > worst)
        worst = off[$2] / $2
    if ($12 != "-" && !(($1, $2, $12) in told)) {
        told[$1, $2, $12]
        emptied = emptied sprintf("%s at %s: no weight is left in %s\n", $1,
            $2, $12)
    }
}

# The control stands in the first column of each strategy.
function cell(what, s, c,    i, n, control)
{
    control = strategy[1]
    if (!((s, c) in runs))
        s = control
    if (!((s, c) in runs))
        return ""
    n = runs[s, c]
    for (i = 1; i <= n; i++) {
        x[i] = value[what, s, c, i]
        if (x[i] == "inf")
            return "inf"
    }
    return sprintf("%.2f (%.2f)", mean(x, n), deviation(x, n))
}

function print_table(what, title,    i, k)
{
    printf "\n%-18s", title
    for (k = 1; k <= columns; k++)
        printf " %14s", column[k]
    print ""
    for (i = 2; i <= strategies; i++) {
        printf "%-18s", strategy[i]
        for (k = 1; k <= columns; k++)
            printf " %14s", cell(what, strategy[i], column[k])
        print ""
    }
}

END {
    printf "ShrinkBench: %s, %s, %d parameters, %s epochs, %d seed%s\n", data,
        arch, params, epochs, seeds, seeds == 1 ? "" : "s"
    print_table("after", "accuracy %")
    print_table("before", "before tuning")
    print_table("speed-up", "speed-up")
    printf "\ncompression reached: within %.4f %% of what was asked\n",
        100 * worst
    printf "%s", emptied
    while ((getline line <notes) > 0)
        print line
}
